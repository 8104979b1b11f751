import { chmodSync, lstatSync, mkdirSync, rmdirSync, rmSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { ACTION_KEY_ROTATED } from '../../shared/chain/handovers.ts';
import { ACTION_PRUNED } from '../../shared/chain/pruned.ts';
import { RECEIPT_COLUMNS, type ReceiptColumns } from '../../shared/chain/stored.ts';
import { CodedError } from '../../shared/errors.ts';
import type { InstanceLock } from '../native/lock.ts';
import type { JournalRow, OpenCall } from '../journal/open-call.ts';
import { recordedKey, type RecordedCall } from '../journal/recorded-calls.ts';
import { migrate, refuseForeign } from './schema.ts';

/** One row, columns and text, as it is written. */
export interface ReceiptRow {
  readonly columns: ReceiptColumns;
  readonly text: string;
}

const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;
/** 8 KiB pages hold five receipts each: a fifth less disk per receipt than SQLite's default. */
const PAGE_BYTES = 8192;
/** Of the database, kept in memory: receipts are written at the ends of trees, and rarely read. */
const CACHE_KIB = 2048;
/** Pages of WAL (16 MiB) before a commit has to pay for a checkpoint; an idle moment pays earlier. */
const CHECKPOINT_PAGES = 2000;

const NAMES = [...RECEIPT_COLUMNS, 'receipt_json'];
const IN_ROOT = "chain_id NOT LIKE '%/agent/%' AND action_type <> ?";

/**
 * The receipts of this machine. The only module that holds a writable database.
 *
 * Durable when `commit` returns: WAL with `synchronous=FULL`, one fsync for the whole batch.
 */
export class ReceiptStore {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement;
  readonly #tail: Database.Statement;
  readonly #at: Database.Statement;
  readonly #tailLink: Database.Statement;
  readonly #nextChain: Database.Statement;
  readonly #insertOpenCall: Database.Statement;
  readonly #removeOpenCall: Database.Statement;
  readonly #latestOf: Database.Statement;
  readonly #commit: Database.Transaction<(write: () => void) => void>;

  constructor(db: Database.Database) {
    this.#db = db;
    const names = NAMES;
    this.#insert = db.prepare(
      `INSERT INTO receipts (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    );
    this.#tail = db.prepare(
      `SELECT ${names.join(', ')} FROM receipts WHERE chain_id = ? ORDER BY sequence DESC LIMIT 1`,
    );
    this.#at = db.prepare(
      `SELECT ${names.join(', ')} FROM receipts WHERE chain_id = ? AND sequence = ?`,
    );
    this.#tailLink = db.prepare(
      'SELECT sequence, receipt_hash AS hash FROM receipts WHERE chain_id = ? ORDER BY sequence DESC LIMIT 1',
    );
    // One seek per chain: DISTINCT would walk every receipt of the range.
    this.#nextChain = db
      .prepare(
        'SELECT chain_id FROM receipts WHERE chain_id > ? AND chain_id < ? ORDER BY chain_id LIMIT 1',
      )
      .pluck();
    this.#insertOpenCall = db.prepare('INSERT INTO obsigna_open_calls VALUES (?, ?, ?, ?, ?)');
    this.#removeOpenCall = db.prepare(
      'DELETE FROM obsigna_open_calls WHERE owner = ? AND session_id = ? AND call_id = ?',
    );
    this.#latestOf = db.prepare(
      `SELECT ${names.join(', ')} FROM receipts
       WHERE chain_id = ? AND sequence > ? AND principal_id = ? ORDER BY sequence DESC LIMIT 1`,
    );
    this.#commit = db.transaction((write: () => void) => write());
  }

  /** Runs `write` in one IMMEDIATE transaction; all of it is on disk when this returns. */
  commit(write: () => void): void {
    this.#commit.immediate(write);
  }

  /** Only inside `commit`. */
  insert({ columns, text }: ReceiptRow): void {
    const values: (string | number | null)[] = RECEIPT_COLUMNS.map((name) => columns[name]);
    values.push(text);
    this.#insert.run(values); // an array is bound in one piece
  }

  /** Only inside `commit`. */
  insertOpenCall({ owner, session_id, call_id, began_ms, detail }: JournalRow): void {
    this.#insertOpenCall.run(owner, session_id, call_id, began_ms, detail);
  }

  /** Only inside `commit`. */
  removeOpenCall({ owner, sessionId, callId }: OpenCall): void {
    this.#removeOpenCall.run(owner, sessionId, callId);
  }

  /** The journal as it was left, in the order in which the calls began. */
  openCalls(): readonly JournalRow[] {
    const sql = 'SELECT * FROM obsigna_open_calls ORDER BY began_ms';
    return this.#db.prepare(sql).all() as JournalRow[];
  }

  /** The calls that were recorded last, newest first, with what tells them apart. */
  newestCalls(limit: number): readonly (RecordedCall & { readonly key: string })[] {
    const rows = this.#db.prepare(NEWEST_CALLS).all(limit) as readonly NewestCall[];
    return rows.flatMap(({ chain_id: chainId, sequence, status, pid, session, call }) =>
      call === null || session === null || pid === null
        ? []
        : [
            {
              key: recordedKey(pid, session, call),
              chainId,
              sequence,
              isPending: status === 'pending',
            },
          ],
    );
  }

  /** The receipt with the highest sequence of a chain. */
  tail(chainId: string): ReceiptRow | undefined {
    return toRow(this.#tail.get(chainId));
  }

  at(chainId: string, sequence: number): ReceiptRow | undefined {
    return toRow(this.#at.get(chainId, sequence));
  }

  withId(id: string): ReceiptRow | undefined {
    return toRow(this.#db.prepare(`SELECT ${NAMES.join(', ')} FROM receipts WHERE id = ?`).get(id));
  }

  /** The columns that the next receipt hangs on; cheap enough to ask in every batch. */
  tailLink(chainId: string): { readonly sequence: number; readonly hash: string } | undefined {
    return this.#tailLink.get(chainId) as { sequence: number; hash: string } | undefined;
  }

  /** Chain ids that start with `prefix`, in order. */
  *chainsWithPrefix(prefix: string): Generator<string> {
    const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
    let after = prefix;
    for (;;) {
      const chainId = this.#nextChain.get(after, end) as string | undefined;
      if (chainId === undefined) return;
      yield chainId;
      after = chainId;
    }
  }

  /** The texts of the receipts by which keys give way to others, oldest first. */
  *rotations(): Generator<string> {
    const sql = 'SELECT receipt_json FROM receipts WHERE action_type = ? ORDER BY rowid';
    yield* this.#db.prepare(sql).pluck().iterate(ACTION_KEY_ROTATED) as Iterable<string>;
  }

  /** The root chain that was written last; chains of prune receipts are none. */
  latestRoot(): string | undefined {
    const sql = `SELECT chain_id FROM receipts WHERE ${IN_ROOT} ORDER BY rowid DESC LIMIT 1`;
    return this.#db.prepare(sql).pluck().get(ACTION_PRUNED) as string | undefined;
  }

  /** The last receipt of a root chain that a running daemon wrote. */
  lastOfRun(): ReceiptRow | undefined {
    const sql = `SELECT ${NAMES.join(', ')} FROM receipts WHERE ${IN_ROOT} AND action_type <> ?
      ORDER BY rowid DESC LIMIT 1`;
    return toRow(this.#db.prepare(sql).get(ACTION_PRUNED, ACTION_KEY_ROTATED));
  }

  /** The newest receipt of a principal in a chain, if it stands behind `after`. */
  latestOf(chainId: string, principalId: string, after: number): ReceiptRow | undefined {
    return toRow(this.#latestOf.get(chainId, after, principalId));
  }

  /** Every chain id, in order; found by seeking from one to the next. */
  *chainIds(): Generator<string> {
    const next = this.#db
      .prepare('SELECT chain_id FROM receipts WHERE chain_id > ? ORDER BY chain_id LIMIT 1')
      .pluck();
    for (let after: unknown = next.get(''); after !== undefined; after = next.get(after)) {
      yield after as string;
    }
  }

  /** Only inside `commit`, together with a receipt that says what was removed. */
  removeChain(chainId: string): void {
    this.#db.prepare('DELETE FROM receipts WHERE chain_id = ?').run(chainId);
  }

  /**
   * Gives free pages back to the disk.
   *
   * @returns false where it is too full for the copy that this takes; the pages are used again then
   */
  compact(): boolean {
    try {
      this.#db.exec('VACUUM');
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
      return true;
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === 'SQLITE_FULL') return false;
      throw error;
    }
  }

  /** Moves the WAL into the database as far as readers allow; for a moment when nobody waits. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(PASSIVE)');
  }

  pragma(name: string): unknown {
    return this.#db.pragma(name, { simple: true });
  }

  /** Moves what the WAL holds into the database and closes it; the sidecar files go away. */
  close(): void {
    this.#db.close();
  }
}

interface NewestCall {
  readonly chain_id: string;
  readonly sequence: number;
  readonly status: string;
  readonly pid: number | null;
  readonly session: string | null;
  readonly call: string | null;
}

const NEWEST_CALLS = `
  SELECT chain_id, sequence, status,
    coalesce(json_extract(receipt_json, '$.issuer.runtime.obsigna.call.host.pid'),
      json_extract(receipt_json, '$.credentialSubject.action.peer_credential.pid')) AS pid,
    json_extract(receipt_json, '$.issuer.session_id') AS session,
    json_extract(receipt_json, '$.issuer.runtime.obsigna.call.id') AS call
  FROM receipts WHERE json_valid(receipt_json) ORDER BY rowid DESC LIMIT ?`;

function toRow(found: unknown): ReceiptRow | undefined {
  if (found === undefined) return undefined;
  const { receipt_json: text, ...columns } = found as ReceiptColumns & { receipt_json: string };
  return { columns, text };
}

export interface OpenedStore {
  readonly store: ReceiptStore;
  readonly lock: InstanceLock;
  /** Removes what opening created, for a start that fails later. */
  readonly undo: () => void;
}

/**
 * Opens a store, making it if there is none. The process must have set its umask.
 *
 * @param acquire - Takes the lock of the store; called before the database is touched.
 * @throws CodedError `STORE_UNSAFE`, `STORE_INVALID`, `STORE_NEWER`, `STORE_UNAVAILABLE`, and what
 *   `acquire` throws
 */
export function openStore(name: string, acquire: () => InstanceLock): OpenedStore {
  const path = resolve(name); // `:memory:` is a file like any other, never a store without a disk
  let made: readonly string[] = [];
  let madeDirectory: string | undefined;
  let lock: InstanceLock | undefined;
  let db: Database.Database | undefined;
  const undo = () => {
    db?.close();
    for (const file of made) rmSync(file, { force: true });
    lock?.release();
    if (madeDirectory !== undefined) removeEmpty(dirname(path), madeDirectory);
  };
  try {
    madeDirectory = mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    lock = acquire();
    // Under the lock: another daemon may have been here until now.
    made = filesOf(path).filter((file) => !isThere(file));
    filesOf(path).forEach(regularFile);
    db = new Database(path, { timeout: 5000 });
    if (made.includes(path)) db.pragma(`page_size = ${PAGE_BYTES}`);
    else refuseForeign(db, path);
    tightenModes(path);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL'); // better-sqlite3 defaults to NORMAL in WAL mode
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    migrate(db);
    tightenModes(path);
    return { store: new ReceiptStore(db), lock, undo };
  } catch (error) {
    undo();
    throw asCoded(path, error);
  }
}

/** Also a link that leads nowhere: it is not ours to remove. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Takes back the directories from `path` up to `made`, unless somebody has put something there. */
function removeEmpty(path: string, made: string): void {
  for (let at = path; at.length >= made.length; at = dirname(at)) {
    try {
      rmdirSync(at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return;
      throw error;
    }
  }
}

function filesOf(path: string): readonly string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

/** A looser mode becomes 0640, a tighter one stays; what is no regular file is refused. */
function tightenModes(path: string): void {
  for (const file of filesOf(path)) {
    const stat = regularFile(file);
    if (stat !== undefined && (stat.mode & 0o777 & ~FILE_MODE) !== 0) chmodSync(file, FILE_MODE);
  }
}

function regularFile(file: string): Stats | undefined {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return stat;
  throw new CodedError('STORE_UNSAFE', `${file} is not a regular file`);
}

function asCoded(path: string, error: unknown): Error {
  if (error instanceof CodedError) return error;
  const { code, message } = error as Error & { readonly code?: string };
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT') {
    return new CodedError('STORE_INVALID', `${path}: ${message}`, { cause: error });
  }
  if (code === 'EROFS' || code?.startsWith('SQLITE_READONLY') === true) {
    return new CodedError('STORE_READ_ONLY', `${path}: ${message}`, { cause: error });
  }
  return new CodedError('STORE_UNAVAILABLE', `${path}: ${message}`, { cause: error });
}
