import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { Bench } from '../../test/fixtures/daemon-bench.ts';
import { CodedError } from '../../shared/errors.ts';
import { openStore } from './receipt-store.ts';
import { SCHEMA_VERSION } from './schema.ts';

const root = mkdtempSync(join(tmpdir(), 'obsigna s '));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const freshFolder = () => join(root, `store ${(count += 1)}`);
const fresh = () => join(freshFolder(), 'receipts.db');
const noLock = () => ({ release: () => undefined });
const open = (path: string) => openStore(path, noLock);

/** Every column as `PRAGMA table_info` tells it: name, type, NOT NULL, default, primary key. */
const COLUMNS = [
  ['id', 'TEXT', 0, null, 1],
  ['chain_id', 'TEXT', 1, null, 0],
  ['sequence', 'INTEGER', 1, null, 0],
  ['action_type', 'TEXT', 1, null, 0],
  ['tool_name', 'TEXT', 1, "''", 0],
  ['risk_level', 'TEXT', 1, null, 0],
  ['status', 'TEXT', 1, null, 0],
  ['timestamp', 'TEXT', 1, null, 0],
  ['issuer_id', 'TEXT', 1, null, 0],
  ['principal_id', 'TEXT', 0, null, 0],
  ['receipt_json', 'TEXT', 1, null, 0],
  ['receipt_hash', 'TEXT', 1, null, 0],
  ['previous_receipt_hash', 'TEXT', 0, null, 0],
  ['created_at', 'TEXT', 0, 'CURRENT_TIMESTAMP', 0],
];

/** Index, unique, columns. `idx_obsigna_tool` is ours; the protocol's Python store has the status one. */
const INDICES = [
  ['idx_obsigna_tool', 0, 'tool_name'],
  ['idx_receipts_action', 0, 'action_type'],
  ['idx_receipts_chain', 1, 'chain_id,sequence'],
  ['idx_receipts_risk', 0, 'risk_level'],
  ['idx_receipts_status', 0, 'status'],
  ['idx_receipts_timestamp', 0, 'timestamp'],
];

function columnsOf(db: Database.Database): unknown[] {
  return db
    .prepare('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)')
    .raw()
    .all('receipts');
}

function indicesOf(db: Database.Database): unknown[] {
  return db
    .prepare(
      `SELECT l.name, l."unique", (SELECT group_concat(name) FROM pragma_index_info(l.name))
       FROM pragma_index_list('receipts') l WHERE l.origin = 'c' ORDER BY l.name`,
    )
    .raw()
    .all();
}

test('[P5.store-schema] a fresh store has exactly the columns and indices of the protocol', () => {
  const path = fresh();
  open(path).store.close();
  const db = new Database(path, { readonly: true });
  expect(columnsOf(db)).toEqual(COLUMNS);
  expect(indicesOf(db)).toEqual(INDICES);
  expect(db.pragma('user_version', { simple: true })).toBe(0);
  const tables = db.prepare(
    "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  );
  expect(tables.raw().all()).toEqual([
    ['obsigna_meta', 1],
    ['obsigna_open_calls', 1],
    ['receipts', 0],
  ]);
  db.close();
});

test('[D.synchronous-full] the writer reads back WAL and synchronous=FULL', () => {
  const { store } = open(fresh());
  expect(store.pragma('journal_mode')).toBe('wal');
  expect(store.pragma('synchronous')).toBe(2);
  expect(store.pragma('busy_timeout')).toBe(5000);
  store.close();
  // And so does one that was opened before.
  const path = fresh();
  open(path).store.close();
  const again = open(path).store;
  expect([again.pragma('journal_mode'), again.pragma('synchronous')]).toEqual(['wal', 2]);
  again.close();
});

test('[P5.store-schema] a store of the reference is migrated with its receipts, tool_name or not', () => {
  for (const toolName of ['', "tool_name TEXT NOT NULL DEFAULT '',"]) {
    const folder = freshFolder();
    mkdirSync(folder);
    const path = join(folder, 'receipts.db');
    const before = new Database(path);
    before.exec(`CREATE TABLE receipts (id TEXT PRIMARY KEY, chain_id TEXT NOT NULL,
      sequence INTEGER NOT NULL, action_type TEXT NOT NULL, ${toolName} risk_level TEXT NOT NULL,
      status TEXT NOT NULL, timestamp TEXT NOT NULL, issuer_id TEXT NOT NULL, principal_id TEXT,
      receipt_json TEXT NOT NULL, receipt_hash TEXT NOT NULL, previous_receipt_hash TEXT,
      created_at TEXT DEFAULT CURRENT_TIMESTAMP);
      CREATE UNIQUE INDEX idx_receipts_chain ON receipts(chain_id, sequence);
      INSERT INTO receipts VALUES ('u', 'c', 1, 'a', ${toolName && "'t',"} 'low', 'success', 't', 'i',
        NULL, '{}', 'h', NULL, '2026-01-01 00:00:00')`);
    before.close();
    open(path).store.close();
    const db = new Database(path, { readonly: true });
    expect(new Set(columnsOf(db).map(String))).toEqual(new Set(COLUMNS.map(String)));
    expect(indicesOf(db)).toEqual(INDICES);
    expect(db.prepare('SELECT id, tool_name, created_at FROM receipts').raw().all()).toEqual([
      ['u', toolName && 't', '2026-01-01 00:00:00'],
    ]);
    db.close();
  }
});

test('[D.newer-store] a store with a later schema is refused and not touched', () => {
  const path = fresh();
  open(path).store.close();
  const db = new Database(path);
  db.prepare("UPDATE obsigna_meta SET value = ? WHERE name = 'schema'").run(
    String(SCHEMA_VERSION + 1),
  );
  db.exec('DROP INDEX idx_obsigna_tool');
  db.close();
  expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STORE_NEWER' }));
  const after = new Database(path, { readonly: true });
  expect(indicesOf(after)).toHaveLength(INDICES.length - 1);
  after.close();
});

for (const [name, sql, says] of [
  ['of another program', 'CREATE TABLE bookmarks (url TEXT)', 'it has a table "bookmarks"'],
  ['with receipts of a shop', 'CREATE TABLE receipts (total REAL)', 'has no column "id"'],
] as const) {
  test(`[D.foreign-store] a database ${name} is refused and not touched`, () => {
    const path = fresh();
    mkdirSync(join(path, '..'));
    const db = new Database(path);
    db.exec(sql);
    db.close();
    chmodSync(path, 0o644);
    const before = readFileSync(path);
    expect(() => open(path)).toThrow(
      expect.objectContaining({
        code: 'STORE_INVALID',
        message: expect.stringContaining(says) as string,
      }),
    );
    expect(readFileSync(path)).toEqual(before);
    expect([modeOf(path), existsSync(`${path}-wal`)]).toEqual(['644', false]);
  });
}

for (const [name, sql] of [
  [
    'the tail of a chain',
    "SELECT * FROM receipts WHERE chain_id = 'c' ORDER BY sequence DESC LIMIT 1",
  ],
  ['one place of a chain', "SELECT * FROM receipts WHERE chain_id = 'c' AND sequence = 7"],
  [
    'the next chain',
    "SELECT chain_id FROM receipts WHERE chain_id > 'a' AND chain_id < 'b' ORDER BY chain_id LIMIT 1",
  ],
] as const) {
  test(`[P5.store-schema] ${name} is a search by idx_receipts_chain, without a sort`, () => {
    const path = fresh();
    open(path).store.close();
    const db = new Database(path, { readonly: true });
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { readonly detail: string }[];
    expect(plan.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^SEARCH receipts USING (COVERING )?INDEX idx_receipts_chain/),
    ]);
    db.close();
  });
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('[D.modes] files get 0640 and their directory 0750; a tighter mode is kept, a looser one is not', () => {
  const before = process.umask(0o027); // as the daemon sets it
  try {
    const path = fresh();
    open(path).store.close();
    expect([modeOf(path), modeOf(join(path, '..'))]).toEqual(['640', '750']);
    for (const [mode, want] of [
      [0o666, '640'],
      [0o641, '640'],
      [0o600, '600'],
      [0o755, '640'],
    ] as const) {
      chmodSync(path, mode);
      const { store } = open(path);
      expect([path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual([want, want, want]);
      store.close();
    }
  } finally {
    process.umask(before);
  }
});

for (const suffix of ['', '-wal', '-shm']) {
  for (const [kind, make] of [
    ['a link', (path: string) => symlinkSync(join(root, 'target'), path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ] as const) {
    test(`receipts.db${suffix} that is ${kind} is refused and left where it is`, () => {
      const path = fresh();
      mkdirSync(join(path, '..'));
      make(`${path}${suffix}`);
      expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STORE_UNSAFE' }));
      expect(existsSync(join(root, 'target'))).toBe(false);
    });
  }
}

test('[D.failed-start-clean] undo removes what opening made, and nothing that was there or came since', () => {
  const made = fresh();
  open(made).undo();
  expect(existsSync(join(made, '..'))).toBe(false);
  const shared = fresh();
  const { undo } = open(shared);
  writeFileSync(join(shared, '../theirs'), '');
  undo();
  expect(existsSync(shared)).toBe(false);
  expect(existsSync(join(shared, '../theirs'))).toBe(true);
  const existing = fresh();
  open(existing).store.close();
  open(existing).undo();
  expect(existsSync(existing)).toBe(true);
});

test('[D.failed-start-clean] a lock that is not to be had leaves the store of its holder alone', () => {
  const path = join(freshFolder(), 'a/b/receipts.db');
  const refuse = () => {
    // Between our look at the directory and the lock another daemon has made its store here.
    open(path).store.close();
    throw new CodedError('DAEMON_RUNNING', 'another daemon');
  };
  expect(() => openStore(path, refuse)).toThrow(
    expect.objectContaining({ code: 'DAEMON_RUNNING' }),
  );
  expect(existsSync(path)).toBe(true);
});

test('commit() writes all of a batch or nothing', () => {
  const bench = new Bench({ issuerId: 'i', verificationMethod: 'i#1' });
  bench.append({ chainId: 'c', sequence: 0, hash: null, receiptId: undefined }, 1);
  const row = bench.store.tail('c');
  if (row === undefined) throw new Error('no tail');
  const next = { ...row, columns: { ...row.columns, id: 'other', sequence: 2 } };
  const commit = () =>
    bench.store.commit(() => {
      bench.store.insert(next);
      bench.store.insert(row); // its place is taken
    });
  expect(commit).toThrow(expect.objectContaining({ code: 'SQLITE_CONSTRAINT_UNIQUE' }));
  expect(bench.store.tail('c')).toEqual(row);
  bench.close();
});
