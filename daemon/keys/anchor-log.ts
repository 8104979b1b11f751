import { closeSync, constants, fstatSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import { parseJson } from '../../shared/json/text.ts';
import { syncDirectory } from './sync.ts';

const MODE = 0o600;

/**
 * Appends one event to the anchor log and waits for the disk. The log is meant to lie where whoever
 * can write the store cannot: on another file system, or on one that only appends.
 *
 * @param receipt - The signed receipt, as JSON text.
 * @throws CodedError `ANCHOR_FAILED`
 */
export function appendAnchor(path: string, event: 'rotation', receipt: string, now: Date): void {
  const payload = canonicalize(parseJson(receipt));
  const line = `{"anchored_at":"${nanoTime(now)}","event_type":"${event}","payload":${payload}}\n`;
  try {
    append(path, line);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('ANCHOR_FAILED', `cannot append to ${path} (${code})`, { cause });
  }
}

function append(path: string, line: string): void {
  // Write-only is enough for a log that its writer may not read. O_NONBLOCK: a FIFO must not hang us.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
  const fd = openSync(path, flags | constants.O_NOFOLLOW, MODE);
  try {
    if (!fstatSync(fd).isFile()) {
      throw new CodedError('ANCHOR_FAILED', `${path} is not a regular file`);
    }
    writeFileSync(fd, line);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(path));
}

/** RFC 3339 as peers write it: UTC, a fraction without trailing zeros, none when it is zero. */
export function nanoTime(at: Date): string {
  const [seconds = '', fraction = ''] = at.toISOString().slice(0, -1).split('.');
  const digits = fraction.replace(/0+$/, '');
  return digits === '' ? `${seconds}Z` : `${seconds}.${digits}Z`;
}
