import { homedir } from 'node:os';
import { hostFacts } from '../emitter/default-socket.ts';
import { defaultPaths, type DefaultPaths } from '../shared/paths.ts';
import { createMessages, type Messages } from './messages.ts';
import { Output } from './output.ts';

/**
 * Good, the answer is no, or the question could not be understood or answered. 3 means "true, and
 * nobody knows whose" for `verify-event`, and a key that opens nothing for `disclose`.
 */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a command may use of the process that it runs in. */
export interface Cli {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  /** Standard error, for progress; messages go through `say`. */
  readonly err: Output;
  readonly say: Messages;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly paths: DefaultPaths;
}

export function createCli(): Cli {
  const { env } = process;
  const { HOME: home = '' } = env;
  const err = new Output(2);
  return {
    env,
    out: new Output(1),
    err,
    say: createMessages(err),
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    paths: defaultPaths({ ...hostFacts(), home: home === '' ? homeOf() : home }),
  };
}

function homeOf(): string {
  try {
    return homedir();
  } catch {
    return ''; // a user that the user database does not know
  }
}
