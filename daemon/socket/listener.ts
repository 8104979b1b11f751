import { chmodSync, lstatSync, mkdirSync, unlinkSync, type Stats } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { CodedError } from '../../shared/errors.ts';

const DIRECTORY_MODE = 0o750;
/** The group decides who may report. */
const SOCKET_MODE = 0o660;
const PROBE_MS = 100;

/**
 * Makes sure that nothing living stands at `path`; what a dead daemon left is removed.
 *
 * @throws CodedError `DAEMON_RUNNING`, `SOCKET_IN_USE`, `SOCKET_PATH_INVALID`
 */
export async function clearSocketPath(path: string): Promise<void> {
  const stat = statOf(path);
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new CodedError('SOCKET_IN_USE', `${path} exists and is not a socket`);
  const answer = await probe(path);
  if (answer === 'connected') {
    throw new CodedError('DAEMON_RUNNING', `another daemon is already listening on ${path}`);
  }
  if (answer !== 'ECONNREFUSED') {
    throw new CodedError(
      'SOCKET_IN_USE',
      `${path} does not answer as a dead socket would (${answer})`,
    );
  }
  unlinkSync(path);
}

/** Whether somebody accepts connections at `path`. Changes nothing. */
export async function isAnswered(path: string): Promise<boolean> {
  return (await probe(path)) === 'connected';
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw unusable(path, cause as Error);
  }
}

function unusable(path: string, cause: Error): CodedError {
  const message = `cannot listen on ${path}: ${cause.message}`;
  return new CodedError('SOCKET_PATH_INVALID', message, { cause });
}

/** What a dial answers: `connected`, or the error code. */
export function probe(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => settle('no answer'));
    socket.once('connect', () => settle('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
  });
}

/**
 * Listens with the socket's final mode from its first moment on. Connections arrive paused: who
 * they are is read before anything they say.
 *
 * @throws CodedError `SOCKET_PATH_INVALID` when the system does not let us listen there
 */
export async function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  try {
    return await bind(path, accept);
  } catch (cause) {
    throw unusable(path, cause as Error);
  }
}

async function bind(path: string, accept: (socket: Socket) => void): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o777 & ~SOCKET_MODE);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(before); // bind(2) has run: listen calls it at once for a path
    }
  });
  chmodSync(path, SOCKET_MODE);
  return server;
}
