import { hash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import type { FoundFile } from './read-file.ts';

const OWNER_MAY_WRITE = 0o200;
const ALL_MODE_BITS = 0o7777;
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * Replaces what was read by `bytes`, as a whole or not at all. Links to the file stay, and so do its
 * owner, group and mode. Nobody can lock a file against its client, so what another program wrote in
 * between is looked for twice: before the new file takes its place, and once more behind it.
 *
 * @throws CodedError `CLIENT_FILE_UNSAFE`, `CLIENT_FILE_CHANGED`, `CLIENT_FILE_UNWRITABLE`
 */
export function replaceClientFile(found: FoundFile, bytes: Uint8Array): void {
  const { path, target } = found;
  const stat = guarded(path, () => lstatSync(target));
  refuseUnsafe(path, stat);
  const staged = join(
    dirname(target),
    `.${basename(target)}.obsigna-${randomBytes(6).toString('hex')}`,
  );
  try {
    guarded(path, () => stage(staged, bytes, stat));
    if (!isStill(target, found.bytes)) throw changed(path, 'it was left as the other one wrote it');
    guarded(path, () => renameSync(staged, target));
    guarded(path, () => syncFolder(dirname(target)));
  } finally {
    rmSync(staged, { force: true });
  }
  if (!isStill(target, bytes)) throw changed(path, 'the change may be lost');
}

/** @throws CodedError `CLIENT_FILE_UNSAFE` for a file that is not this user's to replace */
export function refuseUnsafe(path: string, stat: Stats): void {
  const uid = process.getuid?.();
  const why = !stat.isFile()
    ? 'is no regular file'
    : stat.uid !== uid
      ? `belongs to uid ${stat.uid}, this is uid ${uid}`
      : (stat.mode & OWNER_MAY_WRITE) === 0
        ? 'is read-only'
        : stat.nlink > 1
          ? `has ${stat.nlink} names (hard links), which a new file would part`
          : undefined;
  if (why !== undefined) throw new CodedError('CLIENT_FILE_UNSAFE', `${path} ${why}`);
}

function stage(staged: string, bytes: Uint8Array, { uid, gid, mode }: Stats): void {
  const file = openSync(staged, 'wx', PRIVATE_FILE);
  try {
    writeFileSync(file, bytes);
    fchownSync(file, uid, gid);
    fchmodSync(file, mode & ALL_MODE_BITS); // behind chown, which takes bits away
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function isStill(target: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(target).equals(bytes);
  } catch {
    return false;
  }
}

function changed(path: string, what: string): CodedError {
  return new CodedError('CLIENT_FILE_CHANGED', `${path} was written by another program; ${what}`);
}

function syncFolder(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('CLIENT_FILE_UNWRITABLE', `cannot write ${path} (${code})`, { cause });
  }
}

/** What the backups of one file are kept under: its path may be long, and its name alone is not enough. */
function backupFolder(dataDir: string, target: string): string {
  const where = hash('sha256', target, 'hex').slice(0, 12);
  return join(dataDir, 'backups', `${where}-${basename(target)}`);
}

/**
 * Keeps what a file holds, under its own digest, where only this user reads it: it may hold secrets.
 * `unwrap` does not need it.
 *
 * @returns Its path.
 * @throws CodedError `CLIENT_FILE_UNWRITABLE`
 */
export function keepBackup(dataDir: string, { target, bytes }: FoundFile): string {
  const folder = backupFolder(dataDir, target);
  const path = join(folder, `sha256-${hash('sha256', bytes, 'hex')}`);
  guarded(path, () => {
    if (existsSync(path)) return;
    mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
    writeFileSync(path, bytes, { flag: 'wx', mode: PRIVATE_FILE });
  });
  return path;
}

/** Whether these are the bytes of a time before one of our changes. */
export function isKnownBackup(dataDir: string, target: string, bytes: Uint8Array): boolean {
  const name = `sha256-${hash('sha256', bytes, 'hex')}`;
  return existsSync(join(backupFolder(dataDir, target), name));
}

/** Whether anything was kept of a file before one of our changes. */
export function hasBackup(dataDir: string, target: string): boolean {
  return existsSync(backupFolder(dataDir, target));
}
