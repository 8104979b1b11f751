import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import type { Cli } from '../cli.ts';
import { findSibling } from '../sibling.ts';

const NAME = 'obsigna-daemon';

/** How to start the daemon: a program and its first arguments, all paths absolute. */
export type Command = readonly [program: string, ...args: string[]];

/**
 * Finds the daemon: beside this program, or on the PATH.
 *
 * @throws CodedError `PROGRAM_MISSING`
 */
export function daemonCommand(cli: Cli): Command {
  const found = findSibling(NAME, cli.env['PATH'] ?? '');
  if (found === undefined) {
    throw new CodedError('PROGRAM_MISSING', `no ${NAME} beside this program or on the PATH`);
  }
  const program = realpathSync(found);
  // By the Node that runs us: `env node` may be another one, or none, in the environment of a service.
  return program.endsWith('.cjs') ? [process.execPath, program] : [program];
}

/** What `obsigna-daemon -status` prints. */
export interface DaemonStatus {
  readonly running: boolean;
  readonly pid: number | null;
  readonly socket: string;
  readonly socket_answers: boolean;
  readonly db: string;
}

/** Asks the daemon's own program, which reads the same settings and asks the kernel. */
export function daemonStatus(command: Command, flags: readonly string[]): DaemonStatus {
  const [program, ...args] = command;
  const { stdout, stderr, error } = spawnSync(program, [...args, '-status', ...flags], {
    encoding: 'utf8',
  });
  if (error === undefined && stdout.startsWith('{')) return JSON.parse(stdout) as DaemonStatus;
  const [first = ''] = (error?.message ?? stderr).split('\n');
  throw new CodedError('SERVICE_FAILED', `obsigna-daemon -status: ${first}`);
}
