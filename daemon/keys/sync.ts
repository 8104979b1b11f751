import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes names that were created, renamed or removed in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
