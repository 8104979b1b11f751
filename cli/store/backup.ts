import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { CodedError } from '../../shared/errors.ts';
import { translateFault } from './faults.ts';
import { openDatabase } from './open.ts';

const UMASK = 0o027;

/**
 * Writes one consistent state of the store to a new file. A writer is never held up: SQLite reads
 * the state as of the start of the copy, however long it takes.
 *
 * @throws CodedError `USAGE` for a destination that is there or missing, and as `openDatabase`
 * @see SQLite, VACUUM INTO
 */
export function backupStore(
  path: string,
  destination: string | undefined,
): { readonly receipts: number; readonly bytes: number } {
  if (destination === undefined) throw new CodedError('USAGE', 'DEST is required');
  const to = resolve(destination);
  if (existsSync(to)) throw new CodedError('USAGE', `${destination} is there already`);
  const partial = `${to}.${process.pid}.partial`;
  const before = process.umask(UMASK);
  const db = openDatabase(path);
  try {
    // A store opened by a connection that may write was told not to; this writes elsewhere.
    if (!db.readonly) db.pragma('query_only = OFF');
    db.prepare('VACUUM INTO ?').run(partial);
    const receipts = countSound(partial);
    sync(partial);
    linkSync(partial, to); // unlike a rename, never over a file that came meanwhile
    sync(dirname(to));
    return { receipts, bytes: statSync(to).size };
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const fault = translateFault(error, path);
    if (fault instanceof CodedError) throw fault;
    const message = `cannot write ${destination}: ${(error as Error).message}`;
    throw new CodedError('OUTPUT_FAILED', message, { cause: error });
  } finally {
    db.close();
    rmSync(partial, { force: true });
    process.umask(before);
  }
}

/** A copy that cannot be read is none. */
function countSound(path: string): number {
  const copy = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const verdict = copy.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new CodedError('STORE_INVALID', `the copy: ${String(verdict)}`);
    return copy.prepare('SELECT count(*) FROM receipts').pluck().get() as number;
  } finally {
    copy.close();
  }
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
