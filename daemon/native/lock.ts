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

const LOCK_EX = 2;
const LOCK_NB = 4;
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
  const flock = libc.library.func('int flock(int fd, int operation)') as unknown as (
    fd: number,
    operation: number,
  ) => number;
  for (;;) {
    const fd = openSync(path, FLAGS, 0o600);
    if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const holder = readFileSync(fd, 'utf8').trim() || 'unknown';
      closeSync(fd);
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
