import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import type { LibC } from './libc.ts';

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** Whoever only asks who holds the lock has it for a moment; a daemon has it for longer. */
const ATTEMPTS = 5;
const RETRY_MS = 10;
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/** A lock that the kernel drops with the process, however it ends. */
export interface InstanceLock {
  release(): void;
}

/**
 * Makes this process the only daemon of a store.
 *
 * @throws CodedError `DAEMON_RUNNING` naming the pid that holds the lock
 * @see flock(2)
 */
export function acquireLock(libc: LibC, path: string): InstanceLock {
  const flock = flockOf(libc);
  for (let attempt = 1; ; attempt += 1) {
    const fd = openSync(path, FLAGS, 0o600);
    if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const holder = readFileSync(fd, 'utf8').trim() || 'unknown';
      closeSync(fd);
      if (attempt < ATTEMPTS) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
        continue;
      }
      throw new CodedError(
        'DAEMON_RUNNING',
        `another daemon (pid ${holder}) owns this store: ${path}`,
      );
    }
    if (!isSameFile(fd, path)) {
      closeSync(fd); // its owner removed the file between our open and our lock
      continue;
    }
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
    return { release: () => release(fd, path) };
  }
}

/**
 * The pid that holds the lock, in the kernel's judgement: a file that a dead daemon left says
 * nothing. Undefined when nobody holds it; 0 when somebody does whose pid cannot be read.
 *
 * @throws CodedError `STORE_UNAVAILABLE` when this user may not look
 */
export function lockHolder(libc: LibC, path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new CodedError('STORE_UNAVAILABLE', message, { cause });
  }
  try {
    if (flockOf(libc)(fd, LOCK_SH | LOCK_NB) === 0) return undefined;
    return Number.parseInt(readFileSync(fd, 'utf8'), 10) || 0;
  } finally {
    closeSync(fd);
  }
}

function flockOf(libc: LibC): (fd: number, operation: number) => number {
  return libc.library.func('int flock(int fd, int operation)');
}

function release(fd: number, path: string): void {
  // While still locked: whoever waits for it re-checks the inode. A file that somebody else has put
  // there since is not ours to remove.
  if (isSameFile(fd, path)) unlinkSync(path);
  closeSync(fd);
}

function isSameFile(fd: number, path: string): boolean {
  const onDisk = statSync(path, { throwIfNoEntry: false });
  return onDisk !== undefined && onDisk.ino === fstatSync(fd).ino;
}
