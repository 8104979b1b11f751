import type Database from 'better-sqlite3';
import { columnsOf, type ReceiptColumns } from '../../shared/chain/stored.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { openDatabase } from './open.ts';
import { translateFault } from './faults.ts';

const MOST_FAULTS = 50;

/** The table of the protocol: name, type, and whether NULL is refused. */
const COLUMNS: readonly (readonly [name: string, type: string, notNull: boolean])[] = [
  ['id', 'TEXT', false],
  ['chain_id', 'TEXT', true],
  ['sequence', 'INTEGER', true],
  ['action_type', 'TEXT', true],
  ['tool_name', 'TEXT', true],
  ['risk_level', 'TEXT', true],
  ['status', 'TEXT', true],
  ['timestamp', 'TEXT', true],
  ['issuer_id', 'TEXT', true],
  ['principal_id', 'TEXT', false],
  ['receipt_json', 'TEXT', true],
  ['receipt_hash', 'TEXT', true],
  ['previous_receipt_hash', 'TEXT', false],
];

export interface StoreCheck {
  readonly receipts: number;
  /** Version of our own tables; `none` in a store of another daemon. */
  readonly schema: string;
  readonly faults: readonly string[];
  /** Faults beyond the first fifty. */
  readonly more: number;
}

/**
 * Looks at a store as a database: pages, indices, tables, and every row for itself.
 *
 * @throws CodedError as `openDatabase`, for what cannot be opened at all
 */
export function checkStore(path: string): StoreCheck {
  const db = openDatabase(path);
  const faults: string[] = [];
  let more = 0;
  let receipts = 0;
  const add = (fault: string) => {
    if (faults.length < MOST_FAULTS) faults.push(fault);
    else more += 1;
  };
  try {
    for (const row of db.pragma('integrity_check') as { readonly integrity_check: string }[]) {
      if (row.integrity_check !== 'ok') add(`integrity: ${row.integrity_check}`);
    }
    const isReadable = checkTable(db, add);
    if (isReadable) {
      for (const row of db.prepare(`SELECT ${names()} FROM receipts`).iterate()) {
        receipts += 1;
        checkRow(row as Row, add);
      }
    }
    return { receipts, schema: schemaOf(db), faults, more };
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    if (code?.startsWith('SQLITE_CORRUPT') !== true) throw translateFault(error, path);
    add(`reading stopped: ${message}`);
    return { receipts, schema: 'unknown', faults, more };
  } finally {
    db.close();
  }
}

type Row = ReceiptColumns & { readonly receipt_json: string };

function names(): string {
  return COLUMNS.map(([name]) => name).join(', ');
}

function checkTable(db: Database.Database, add: (fault: string) => void): boolean {
  const found = new Map(
    (
      db.pragma('table_info(receipts)') as readonly {
        readonly name: string;
        readonly type: string;
        readonly notnull: number;
      }[]
    ).map((column) => [column.name, column]),
  );
  let isReadable = true;
  for (const [name, type, notNull] of COLUMNS) {
    const column = found.get(name);
    if (column === undefined) {
      add(`schema: column ${name} is missing`);
      isReadable = false;
    } else if (column.type !== type || (column.notnull === 1) !== notNull) {
      add(`schema: column ${name} is declared ${column.type}${column.notnull ? ' NOT NULL' : ''}`);
    }
  }
  const unique = db
    .prepare(
      `SELECT count(*) FROM pragma_index_list('receipts') AS list WHERE list."unique" = 1 AND (
         SELECT group_concat(name) FROM pragma_index_info(list.name)) = 'chain_id,sequence'`,
    )
    .pluck()
    .get();
  if (unique === 0) add('schema: nothing keeps a sequence of a chain from standing twice');
  return isReadable;
}

function checkRow(row: Row, add: (fault: string) => void): void {
  const place = `${row.chain_id}:${row.sequence}`;
  try {
    const { receipt } = parseReceipt(row.receipt_json);
    // The hash is the verifier's business: computing it would double the time this takes.
    const expected = columnsOf(receipt, row.receipt_hash);
    for (const name of Object.keys(expected) as (keyof ReceiptColumns)[]) {
      if (row[name] !== expected[name])
        add(`${place}: column ${name} is not what the receipt says`);
    }
  } catch (error) {
    add(`${place}: ${(error as Error).message}`);
  }
}

function schemaOf(db: Database.Database): string {
  const meta = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'obsigna_meta'").get();
  if (meta === undefined) return 'none';
  const value = db.prepare("SELECT value FROM obsigna_meta WHERE name = 'schema'").pluck().get();
  return typeof value === 'string' ? value : 'none';
}
