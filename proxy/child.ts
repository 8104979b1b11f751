import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { CodedError } from '../shared/errors.ts';

export type ServerProcess = ChildProcessByStdio<Writable, Readable, null>;

/** Signals that end or steer a server, passed on as they come. */
export const FORWARDED_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Starts the server as the client would have: same environment, same directory, same standard
 * error. It leads a process group of its own, because `npx` and shells put the real server below
 * the process that we see, and a signal has to reach it there.
 *
 * @throws CodedError `SERVER_NOT_STARTED`
 */
export async function startServer(
  command: string,
  args: readonly string[],
): Promise<ServerProcess> {
  // Opened first: that makes it non-blocking for everybody who has it, and `spawn` takes that back. The
  // other way round a server would meet EAGAIN, and our own log would wait in memory for its reader.
  void process.stderr;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `cannot start ${command} (${cause.code ?? cause.message})`;
      reject(new CodedError('SERVER_NOT_STARTED', message, { cause }));
    });
  });
  return child;
}

/** Sends a signal to the server and everything it started, also when only that is left. */
export function signalServer(child: Pick<ServerProcess, 'pid'>, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It ended just now; macOS says EPERM for a group of which only a zombie is left.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

export function hasExited(child: Pick<ServerProcess, 'exitCode' | 'signalCode'>): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
