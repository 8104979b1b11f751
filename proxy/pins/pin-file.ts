import { hash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import { emptyRecord, readRecord, writeRecord, type PinRecord } from './pin-record.ts';

const ENDING = '.json';
/** Nobody holds a lock for longer than it takes to write one file. */
const STALE_LOCK_MS = 10_000;

/**
 * The file of what is pinned of a server that is started by one command. Two clients may have two
 * servers of one name, and both are to be as they were accepted.
 *
 * @param launch - `sha256:` of the command.
 */
export function pinFilePath(folder: string, server: string, launch: string): string {
  return `${beginningOf(folder, server)}${launch.slice('sha256:'.length).slice(0, 12)}${ENDING}`;
}

/** What the files of a server begin with. What no file can be called is hashed. */
function beginningOf(folder: string, server: string): string {
  // Upper case too: some file systems take two spellings for one.
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(server)) return join(folder, `${server}@`);
  const readable = server.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 40);
  return join(folder, `${readable}~${hash('sha256', server, 'hex').slice(0, 16)}@`);
}

/**
 * The pins of a server under this command. Under one that nobody has seen they begin with what was
 * accepted under another one, the newest: so everything that has changed shows, and the command is
 * what has changed first of all.
 */
export function pinFileOf(folder: string, server: string, launch: string): PinFile {
  const path = pinFilePath(folder, server, launch);
  return new PinFile(path, () => {
    const [newest] = pinFiles(folder)
      .filter((other) => other.startsWith(beginningOf(folder, server)))
      .map((other) => ({ other, at: statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((one, two) => two.at - one.at);
    return newest === undefined ? emptyRecord(server) : new PinFile(newest.other).read();
  });
}

/** All pin files of a folder, sorted. A folder that is not there has none. */
export function pinFiles(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(ENDING));
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
}

/**
 * The pins of one server on the disk. Several proxies of one server share the file: each reads,
 * changes and replaces it under a lock, and a reader sees a whole file at any moment.
 */
export class PinFile {
  readonly path: string;
  readonly #beginning: () => PinRecord;

  /** @param beginning - What a file that is not there yet would hold. */
  constructor(path: string, beginning: () => PinRecord = () => emptyRecord('')) {
    this.path = path;
    this.#beginning = beginning;
  }

  /** @throws CodedError `PINS_UNREADABLE` */
  read(): PinRecord {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.#beginning();
      throw unreadable(this.path, error);
    }
    return readRecord(text, this.path);
  }

  /** Changes with every write of anybody. */
  get stamp(): string {
    const stats = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    return stats === undefined ? '' : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
  }

  /**
   * Replaces the record by what `change` makes of the newest one; writes nothing where it is the
   * same.
   *
   * @returns The record as it stands now; undefined when somebody else is writing: try again
   * @throws CodedError `PINS_UNREADABLE`, `PINS_UNWRITABLE`
   */
  update(change: (record: PinRecord) => PinRecord): PinRecord | undefined {
    const lock = `${this.path}.lock`;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      if (!takeLock(lock)) return undefined;
    } catch (error) {
      throw unwritable(this.path, error);
    }
    try {
      const before = this.read();
      const after = change(before);
      if (after !== before) this.#replace(writeRecord(after));
      return after;
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #replace(text: string): void {
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, text, { mode: 0o600, flush: true });
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw unwritable(this.path, error);
    }
  }
}

function takeLock(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const taken = statSync(path, { throwIfNoEntry: false });
  // Left behind by a proxy that was killed in the middle. The next try takes it.
  if (taken !== undefined && Date.now() - taken.mtimeMs > STALE_LOCK_MS)
    rmSync(path, { force: true });
  return false;
}

function unreadable(path: string, cause: unknown): CodedError {
  const { code } = cause as NodeJS.ErrnoException;
  return new CodedError('PINS_UNREADABLE', `cannot read ${path} (${code})`, { cause });
}

function unwritable(path: string, cause: unknown): CodedError {
  if (cause instanceof CodedError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  return new CodedError('PINS_UNWRITABLE', `cannot write ${path} (${code})`, { cause });
}
