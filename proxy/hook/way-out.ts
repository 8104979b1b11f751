import { writeSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import { printable } from '../proxy-log.ts';
import { denyByExitCode, type HookAnswer } from './agents.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
const MAX_WRITES = 100;

/**
 * The one door out of the process. To an agent every end but ours is a yes: a crash, another exit code, a
 * time that is over. So whatever happens becomes an answer here, and the exit code is 0 or 2.
 */
export class WayOut {
  #failure: (error: CodedError) => HookAnswer = (error) => denyByExitCode(wordsOf(error));
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    process.on('uncaughtException', (error) => this.fail(error));
    for (const signal of SIGNALS) {
      process.on(signal, () => this.fail(new CodedError('HOOK_INTERRUPTED', `got ${signal}`)));
    }
  }

  /** What a fault means from here on. */
  failAs(failure: (error: CodedError) => HookAnswer): void {
    this.#failure = failure;
  }

  /** From now on there is so much time; an earlier deadline is forgotten. */
  deadline(ms: number): void {
    clearTimeout(this.#timer);
    const error = () => new CodedError('HOOK_TIMED_OUT', `no decision within ${ms} ms`);
    this.#timer = setTimeout(() => this.fail(error()), ms);
  }

  fail(error: unknown): never {
    const coded = error instanceof CodedError ? error : internal(error);
    return this.leave(this.#failure(coded));
  }

  leave({ exitCode, stdout = '', stderr = '' }: HookAnswer): never {
    write(2, stderr);
    write(1, stdout);
    process.exit(exitCode);
  }
}

/** For the agent and the log: what was wrong, and what to do about it. */
export function wordsOf({ message, remedy, code }: CodedError): string {
  const lines = message.split('\n').map(printable);
  return `obsigna-hook: ${lines.join('; ')}; ${remedy} [${code}]`;
}

function internal(error: unknown): CodedError {
  return new CodedError('INTERNAL', String((error as Error).stack ?? error), { cause: error });
}

/** All of it before the process ends; a reader that is gone needs no answer. */
function write(fd: number, text: string): void {
  if (text === '') return;
  let rest: Uint8Array = new TextEncoder().encode(text);
  for (let tries = 0; rest.length > 0 && tries < MAX_WRITES; tries += 1) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}
