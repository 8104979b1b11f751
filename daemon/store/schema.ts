import type { Database } from 'better-sqlite3';
import { RECEIPT_COLUMNS } from '../../shared/chain/stored.ts';
import { CodedError } from '../../shared/errors.ts';

/**
 * The table as the reference declares it, to the letter: its tools, dashboards and backups open our
 * file. Nothing of ours may be added to it but indices.
 *
 * @see Reference store, table `receipts`
 */
const RECEIPTS = `
  CREATE TABLE IF NOT EXISTS receipts (
    id TEXT PRIMARY KEY,
    chain_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    action_type TEXT NOT NULL,
    tool_name TEXT NOT NULL DEFAULT '',
    risk_level TEXT NOT NULL,
    status TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    issuer_id TEXT NOT NULL,
    principal_id TEXT,
    receipt_json TEXT NOT NULL,
    receipt_hash TEXT NOT NULL,
    previous_receipt_hash TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP
  );
  CREATE UNIQUE INDEX IF NOT EXISTS idx_receipts_chain ON receipts (chain_id, sequence);
  CREATE INDEX IF NOT EXISTS idx_receipts_action ON receipts (action_type);
  CREATE INDEX IF NOT EXISTS idx_receipts_risk ON receipts (risk_level);
  CREATE INDEX IF NOT EXISTS idx_receipts_timestamp ON receipts (timestamp);
`;

/** Filters that `obsigna receipt list` offers and the reference has no index for. */
const FILTER_INDICES = `
  CREATE INDEX IF NOT EXISTS idx_receipts_status ON receipts (status);
  CREATE INDEX IF NOT EXISTS idx_obsigna_tool ON receipts (tool_name);
`;

const META = `CREATE TABLE IF NOT EXISTS obsigna_meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;`;

/** Announced and not ended. One B-tree: rows live for seconds. See ADR 0019. */
const OPEN_CALLS = `CREATE TABLE obsigna_open_calls (
  owner TEXT NOT NULL,
  session_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  began_ms INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (owner, session_id, call_id)
) STRICT, WITHOUT ROWID;`;

/** Numbered, applied in order, never edited once released. */
const MIGRATIONS: readonly ((db: Database) => void)[] = [
  function receiptsTable(db) {
    db.exec(RECEIPTS);
    const columns = db.pragma('table_info(receipts)') as readonly { readonly name: string }[];
    if (!columns.some(({ name }) => name === 'tool_name')) {
      db.exec(`ALTER TABLE receipts ADD COLUMN tool_name TEXT NOT NULL DEFAULT ''`);
    }
    db.exec(FILTER_INDICES);
  },
  function openCallsTable(db) {
    db.exec(OPEN_CALLS);
  },
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Looks whether a database is a receipt store or empty, before anything in it is changed: a wrong
 * `-db` must not leave our tables, our journal mode or our file mode in somebody else's file.
 *
 * @throws CodedError `STORE_INVALID` for the database of another program
 */
export function refuseForeign(db: Database, path: string): void {
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
    )
    .pluck()
    .all() as readonly string[];
  const foreign = tables.find((name) => !name.startsWith('obsigna_'));
  if (!tables.includes('receipts')) {
    if (foreign === undefined) return;
    const message = `${path} belongs to another program: it has a table "${foreign}", and none "receipts"`;
    throw new CodedError('STORE_INVALID', message);
  }
  const columns = db.pragma('table_info(receipts)') as readonly { readonly name: string }[];
  const present = new Set(columns.map(({ name }) => name));
  // Stores from before tools had names of their own are ours; the column is added to them.
  const needed = [...RECEIPT_COLUMNS, 'receipt_json'].filter((name) => name !== 'tool_name');
  const missing = needed.find((name) => !present.has(name));
  if (missing === undefined) return;
  const message = `${path} belongs to another program: its table "receipts" has no column "${missing}"`;
  throw new CodedError('STORE_INVALID', message);
}

/**
 * Brings a store to this version's schema, in one transaction.
 *
 * @throws CodedError `STORE_NEWER` for a store that a later version wrote: it is not guessed at
 */
export function migrate(db: Database): void {
  db.transaction(() => {
    db.exec(META);
    const found = Number(
      db.prepare("SELECT value FROM obsigna_meta WHERE name = 'schema'").pluck().get() ?? 0,
    );
    if (found > SCHEMA_VERSION) {
      const message = `store has schema ${found}, this version knows ${SCHEMA_VERSION}`;
      throw new CodedError('STORE_NEWER', message);
    }
    if (found === SCHEMA_VERSION) return; // every start but the first: nothing to wait for the disk for
    for (const migration of MIGRATIONS.slice(found)) migration(db);
    db.prepare("INSERT OR REPLACE INTO obsigna_meta VALUES ('schema', ?)").run(
      String(SCHEMA_VERSION),
    );
  }).immediate();
}
