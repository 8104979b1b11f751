import type Database from 'better-sqlite3';
import {
  RECEIPT_COLUMNS,
  type ReceiptColumns,
  type StoredReceipt,
} from '../../shared/chain/stored.ts';
import { CodedError } from '../../shared/errors.ts';
import { decodeUtf8 } from '../../shared/json/text.ts';
import { findNewest, rowsBetween, type ReceiptFilter } from './newest.ts';
import { openDatabase } from './open.ts';
import { translateFault } from './faults.ts';

/** The newest layout of our own tables that this version knows. */
const KNOWN_SCHEMA = 2;

/** A chain as the store files it. `key` is what the column holds, which need not be text. */
export interface StoredChain {
  readonly id: string;
  readonly key: unknown;
}

export type StoredRow = StoredReceipt & { readonly columns: ReceiptColumns };

/** Where a receipt stands in the order of writing; the id tells whether it still stands there. */
export interface WrittenPlace {
  readonly rowid: number;
  readonly id: unknown;
}

/** In front of the first receipt. */
const BEGINNING: WrittenPlace = { rowid: 0, id: undefined };

type Row = Readonly<Record<string, unknown>>;

/**
 * Receipts of one store, at one moment: whatever a daemon writes meanwhile is not seen. Columns are
 * used to find receipts and are not evidence; that they match is the verifier's question.
 */
export class ReceiptReader {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #columns: string;

  /** @throws CodedError `STORE_MISSING`, `STORE_INVALID`, `STORE_NEWER`, `STORE_UNAVAILABLE` */
  constructor(path: string) {
    this.#path = path;
    this.#db = openDatabase(path);
    try {
      this.#columns = selectList(this.#db, path);
      this.#db.exec('BEGIN');
    } catch (error) {
      this.close();
      throw translateFault(error, path);
    }
  }

  close(): void {
    this.#db.close();
  }

  /** Every chain, in the order in which they began. Seeks once per chain, not once per receipt. */
  chains(): readonly StoredChain[] {
    const rows = this.#all(`
      WITH RECURSIVE chain (key) AS (
        SELECT min(chain_id) FROM receipts
        UNION ALL
        SELECT (SELECT min(chain_id) FROM receipts WHERE chain_id > chain.key)
        FROM chain WHERE chain.key IS NOT NULL
      )
      SELECT key, (
        SELECT rowid FROM receipts WHERE chain_id = chain.key ORDER BY sequence LIMIT 1
      ) AS began
      FROM chain WHERE key IS NOT NULL ORDER BY began`);
    return rows.map(({ key }) => ({ id: textOf(key), key }));
  }

  /** The receipts of a chain, oldest first. */
  *chain({ key }: StoredChain): IterableIterator<StoredRow> {
    const sql = `SELECT ${this.#columns} FROM receipts WHERE chain_id = ? ORDER BY sequence`;
    yield* this.#iterate(sql, key);
  }

  first({ key }: StoredChain): StoredRow | undefined {
    const sql = `SELECT ${this.#columns} FROM receipts WHERE chain_id = ? ORDER BY sequence LIMIT 1`;
    return this.#one(sql, key);
  }

  at({ key }: StoredChain, sequence: number): StoredRow | undefined {
    const sql = `SELECT ${this.#columns} FROM receipts WHERE chain_id = ? AND sequence = ?`;
    return this.#one(sql, key, sequence);
  }

  withId(id: string): StoredRow | undefined {
    return this.#one(`SELECT ${this.#columns} FROM receipts WHERE id = ?`, id);
  }

  /**
   * The newest receipt of one call of a session. Nothing is indexed by it: rows are looked at from the
   * newest back, and what is asked for is recent as a rule.
   */
  withCall(session: string, call: string): StoredRow | undefined {
    const sql = `SELECT ${this.#columns} FROM receipts
      WHERE instr(receipt_json, ?) > 0
        AND json_extract(receipt_json, '$.issuer.session_id') = ?
        AND json_extract(receipt_json, '$.issuer.runtime.obsigna.call.id') = ?
      ORDER BY rowid DESC LIMIT 1`;
    return this.#one(sql, session, session, call);
  }

  last({ key }: StoredChain): StoredRow | undefined {
    const sql = `SELECT ${this.#columns} FROM receipts WHERE chain_id = ? ORDER BY sequence DESC LIMIT 1`;
    return this.#one(sql, key);
  }

  /** The chain that a row is filed under. */
  chainOf({ columns }: StoredRow): StoredChain {
    const key: unknown = columns.chain_id;
    return { id: textOf(key), key };
  }

  /** The root chain that was written to last; a sub-agent's chain stands below one. */
  newestRoot(): StoredChain | undefined {
    const [row] = this.#all(
      "SELECT chain_id AS key FROM receipts WHERE chain_id NOT LIKE '%/agent/%' ORDER BY rowid DESC LIMIT 1",
    );
    return row === undefined ? undefined : { id: textOf(row['key']), key: row['key'] };
  }

  /** Chains with a receipt that is not older than `from`, compared as text. */
  chainsSince(from: string): readonly StoredChain[] {
    // The plus sign leads SQLite to the index on time, not through every receipt by chain.
    const sql = 'SELECT DISTINCT +chain_id AS key FROM receipts WHERE timestamp >= ?';
    const keys = new Set(this.#all(sql, from).map(({ key }) => textOf(key)));
    return this.chains().filter(({ id }) => keys.has(id));
  }

  /** The newest receipts of one action type in a chain. */
  *ofType({ key }: StoredChain, actionType: string, limit: number): IterableIterator<StoredRow> {
    const sql = `SELECT ${this.#columns} FROM receipts
      WHERE action_type = ? AND chain_id = ? ORDER BY sequence DESC LIMIT ?`;
    yield* this.#iterate(sql, actionType, key, limit);
  }

  /** The receipts that hand over from one key to the next, in the order of writing. */
  rotations(): IterableIterator<StoredRow> {
    return this.withAction('agent.key.rotate');
  }

  /** Receipts of one action type, in the order of writing. */
  *withAction(type: string): IterableIterator<StoredRow> {
    const sql = `SELECT ${this.#columns} FROM receipts WHERE action_type = ? ORDER BY rowid`;
    yield* this.#iterate(sql, type);
  }

  /** How many receipts that are not older than `from` say `pending`. */
  pendingSince(from: string): number {
    // The plus sign leads SQLite to the index on time: in a large store few receipts are recent.
    const sql =
      "SELECT count(*) AS count FROM receipts WHERE timestamp >= ? AND +status = 'pending'";
    return Number(this.#all(sql, from)[0]?.['count'] ?? 0);
  }

  count(): number {
    return Number(this.#all('SELECT count(*) AS count FROM receipts')[0]?.['count'] ?? 0);
  }

  /**
   * Receipts that fit the filter, newest first.
   *
   * @param limit - Most receipts to return; undefined streams all of them.
   * @param gaveUp - Told when only the newest receipts were looked at, and how many.
   */
  *newest(
    filter: ReceiptFilter,
    limit: number | undefined,
    gaveUp: (lookedAt: number) => void,
  ): IterableIterator<StoredRow> {
    yield* this.#withRowids(findNewest(this.#db, filter, limit, gaveUp));
  }

  /** The receipts that were written last, as `newest`, but the oldest of them first. */
  *lastWritten(
    filter: ReceiptFilter,
    limit: number,
    gaveUp: (lookedAt: number) => void,
  ): IterableIterator<StoredRow> {
    const found = Array.from(findNewest(this.#db, filter, limit, gaveUp, 'writing'));
    yield* this.#withRowids(found.toReversed());
  }

  *#withRowids(rowids: Iterable<number>): IterableIterator<StoredRow> {
    const byRowid = this.#db.prepare(`SELECT ${this.#columns} FROM receipts WHERE rowid = ?`);
    try {
      for (const rowid of rowids) yield toStored(byRowid.get(rowid) as Row);
    } catch (error) {
      throw translateFault(error, this.#path);
    }
  }

  /** The receipt that was written last. */
  end(): WrittenPlace {
    const [row] = this.#all('SELECT rowid, id FROM receipts ORDER BY rowid DESC LIMIT 1');
    return row === undefined ? BEGINNING : { rowid: Number(row['rowid']), id: row['id'] };
  }

  /**
   * The same receipt where it stands now: rows get other numbers when a store is made smaller.
   * Undefined when it is gone.
   */
  placeAgain(place: WrittenPlace): WrittenPlace | undefined {
    if (place.id === undefined) return place;
    const [row] = this.#all('SELECT rowid FROM receipts WHERE id = ?', place.id);
    return row === undefined ? undefined : { rowid: Number(row['rowid']), id: place.id };
  }

  /** Receipts that fit, written behind one place and up to another, in the order of writing. */
  *between(
    filter: ReceiptFilter,
    after: WrittenPlace,
    last: WrittenPlace,
  ): IterableIterator<StoredRow> {
    try {
      const range = [after.rowid, last.rowid] as const;
      for (const row of rowsBetween(this.#db, this.#columns, filter, range)) {
        yield toStored(row as Row);
      }
    } catch (error) {
      throw translateFault(error, this.#path);
    }
  }

  *#iterate(sql: string, ...values: readonly unknown[]): IterableIterator<StoredRow> {
    try {
      for (const row of this.#db.prepare(sql).iterate(...values)) yield toStored(row as Row);
    } catch (error) {
      throw translateFault(error, this.#path);
    }
  }

  #one(sql: string, ...values: readonly unknown[]): StoredRow | undefined {
    const [row] = this.#all(sql, ...values);
    return row === undefined ? undefined : toStored(row);
  }

  #all(sql: string, ...values: readonly unknown[]): readonly Row[] {
    try {
      return this.#db.prepare(sql).all(...values) as Row[];
    } catch (error) {
      throw translateFault(error, this.#path);
    }
  }
}

/** Checks the layout and returns the columns to select. */
function selectList(db: Database.Database, path: string): string {
  const table = db.pragma('table_info(receipts)') as readonly { readonly name: string }[];
  if (table.length === 0) throw new CodedError('STORE_INVALID', `${path} has no table "receipts"`);
  refuseNewer(db, path);
  const present = new Set(table.map(({ name }) => name));
  const select = [...RECEIPT_COLUMNS, 'receipt_json'].map((name) => {
    if (present.has(name)) return name;
    // Stores from before tools had names of their own; their receipts do not have any either.
    if (name === 'tool_name') return "'' AS tool_name";
    throw new CodedError('STORE_INVALID', `${path}: table "receipts" has no column "${name}"`);
  });
  return select.join(', ');
}

function refuseNewer(db: Database.Database, path: string): void {
  const userVersion = Number(db.pragma('user_version', { simple: true }));
  const meta = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'obsigna_meta'").get();
  const schema =
    meta === undefined
      ? 0
      : Number(
          db.prepare("SELECT value FROM obsigna_meta WHERE name = 'schema'").pluck().get() ?? 0,
        );
  // The protocol leaves user_version at 0, and so do we.
  if (schema > KNOWN_SCHEMA || userVersion > 0) {
    const found = schema > KNOWN_SCHEMA ? `schema ${schema}` : `user_version ${userVersion}`;
    throw new CodedError('STORE_NEWER', `${path} has ${found}, this version knows ${KNOWN_SCHEMA}`);
  }
}

/** The row itself serves as its columns: a copy of a million rows would be felt. */
function toStored(row: Row): StoredRow {
  return { text: textOf(row['receipt_json']), columns: row as unknown as ReceiptColumns };
}

/** Columns have an affinity, not a type: a blob is read as the text that it holds. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? decodeUtf8(value) : String(value);
}
