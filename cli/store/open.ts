import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type Sqlite from 'better-sqlite3';
import { CodedError } from '../../shared/errors.ts';
import { translateFault } from './faults.ts';

const MAGIC = 'SQLite format 3\u0000';
/** Write and read version: 1 is a rollback journal, 2 is WAL. SQLite file format, section 1.3 */
const VERSION_OFFSET = 18;
const WAL_VERSION = 2;
const COPY_ATTEMPTS = 5;
/** SQLite's own default; the driver's is eight times as much. What is read here is read once, in order. */
const CACHE_KIB = 2000;

/**
 * Opens a store for reading. Nothing is created, changed or left behind, whether a daemon has the
 * store open, has stopped, or was killed, and whether or not this user may write beside it.
 *
 * SQLite needs a shared-memory file to read a WAL database, and only a connection that may write
 * removes it again. So the way in depends on what is there:
 *
 * - `-wal` and `-shm`: somebody has the store open, or was killed. A read-only connection uses both.
 * - neither, and we may write: a connection that may write, told at once not to. It tidies up.
 * - otherwise: a private copy, unlinked as soon as it is open.
 *
 * @throws CodedError `STORE_MISSING`, `STORE_INVALID`, `STORE_UNAVAILABLE`
 */
export function openDatabase(path: string): Sqlite.Database {
  try {
    return open(path);
  } catch (error) {
    throw translateFault(error, path);
  }
}

/** Loaded only once there is a file to read: help, and a newcomer without a store, do not wait. */
function driver(): typeof Sqlite {
  return createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite;
}

function open(path: string): Sqlite.Database {
  const header = readHeader(path);
  const isWal =
    header[VERSION_OFFSET] === WAL_VERSION || header[VERSION_OFFSET + 1] === WAL_VERSION;
  const hasWal = existsSync(`${path}-wal`);
  const hasShm = existsSync(`${path}-shm`);
  if (!isWal || (hasWal && hasShm)) {
    try {
      return probed(new (driver())(path, { readonly: true, fileMustExist: true }));
    } catch (error) {
      if (!isWal || !/^SQLITE_(CANTOPEN|READONLY|IOERR)/.test(codeOf(error))) throw error;
      return openCopy(path);
    }
  }
  if (hasWal || !mayWrite(path)) return openCopy(path);
  const db = new (driver())(path, { fileMustExist: true });
  db.pragma('query_only = ON');
  return probed(db);
}

/** The first read finds out what opening did not: SQLite opens lazily. */
function probed(db: Sqlite.Database): Sqlite.Database {
  try {
    db.pragma(`cache_size = -${CACHE_KIB}`);
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function readHeader(path: string): Uint8Array {
  const header = new Uint8Array(100);
  let length: number;
  try {
    if (!statSync(path).isFile()) throw new CodedError('STORE_INVALID', `${path} is not a file`);
    const fd = openSync(path, 'r');
    try {
      length = readSync(fd, header);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CodedError('STORE_MISSING', `no receipt store at ${path}`, { cause });
    }
    if (cause instanceof CodedError) throw cause;
    throw new CodedError('STORE_UNAVAILABLE', `cannot read ${path}: ${code}`, { cause });
  }
  if (length === 0) throw new CodedError('STORE_INVALID', `${path} is empty`);
  if (Buffer.from(header.subarray(0, MAGIC.length)).toString('latin1') !== MAGIC) {
    throw new CodedError('STORE_INVALID', `${path} is not an SQLite database`);
  }
  return header;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function openCopy(path: string): Sqlite.Database {
  const folder = mkdtempSync(join(tmpdir(), 'obsigna-read-')); // 0700
  try {
    const copy = join(folder, 'receipts.db');
    copyStore(path, copy);
    if (existsSync(`${copy}-wal`)) {
      // Our own copy, so the log may be merged into it.
      const merging = new (driver())(copy, { fileMustExist: true });
      merging.pragma('journal_mode = DELETE');
      merging.close();
    } else {
      leaveWal(copy);
    }
    return probed(new (driver())(copy, { readonly: true, fileMustExist: true }));
  } finally {
    // The open connection keeps the file; nothing is left even if we are killed.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies database and log as one state: again, when somebody wrote in between. */
function copyStore(path: string, copy: string): void {
  for (let attempt = 1; attempt <= COPY_ATTEMPTS; attempt += 1) {
    const before = stateOf(path);
    rmSync(`${copy}-wal`, { force: true });
    try {
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      chmodSync(copy, 0o600);
      if (existsSync(`${path}-wal`)) {
        copyFileSync(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
        chmodSync(`${copy}-wal`, 0o600);
      }
    } catch (cause) {
      const message = `cannot copy ${path} to read it: ${codeOf(cause)}`;
      throw new CodedError('STORE_UNAVAILABLE', message, { cause });
    }
    if (stateOf(path) === before) return;
  }
  throw new CodedError('STORE_UNAVAILABLE', `${path} kept changing while it was copied`);
}

/** Changes when somebody writes to the store; to be compared and not read. */
export function stateOf(path: string): string {
  return [path, `${path}-wal`]
    .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? '-' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`))
    .join(', ');
}

/** Without a log there is nothing to merge: the header alone asks for one. */
function leaveWal(copy: string): void {
  const fd = openSync(copy, 'r+');
  try {
    writeSync(fd, Uint8Array.of(1, 1), 0, 2, VERSION_OFFSET);
  } finally {
    closeSync(fd);
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
