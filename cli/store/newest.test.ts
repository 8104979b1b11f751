import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FixtureStore } from '../../test/fixtures/store.ts';
import { findNewest, rowsBetween, type ReceiptFilter } from './newest.ts';
import { ReceiptReader } from './reader.ts';

let store: FixtureStore;
beforeEach(() => {
  store = new FixtureStore();
});
afterEach(() => store.remove());

describe('findNewest()', () => {
  /** Rows as columns only: a search does not read receipts. */
  function fill(rows: number, rareEvery: number): void {
    store.db.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO receipts (id, chain_id, sequence, action_type, tool_name, risk_level, status,
        timestamp, issuer_id, receipt_json, receipt_hash)
      SELECT 'r' || i, 'c', i, 'mcp.x', 'tool', iif(i % ${rareEvery} = 1, 'critical', 'low'),
        iif(i % ${rareEvery} = 1, 'failure', 'success'),
        strftime('%Y-%m-%dT%H:%M:%SZ', 1000000000 + i / 10, 'unixepoch'), 'i', '{}', 'h'
      FROM n`);
  }

  function search(filter: ReceiptFilter, limit: number | undefined) {
    let lookedAt: number | undefined;
    const found = findNewest(store.db, filter, limit, (count) => {
      lookedAt = count;
    });
    return { found: Array.from(found), lookedAt };
  }

  test('stops after 100,000 misses without an index, and not with one', () => {
    fill(100_010, 100_010);
    expect(search({ risk: 'critical' }, 50)).toEqual({ found: [1], lookedAt: undefined });
    expect(search({ status: 'failure' }, 50)).toEqual({ found: [], lookedAt: 100_000 });
    expect(search({ status: 'failure' }, undefined)).toEqual({ found: [1], lookedAt: undefined });
    store.db.exec('CREATE INDEX idx_receipts_status ON receipts (status)');
    expect(search({ status: 'failure' }, 50)).toEqual({ found: [1], lookedAt: undefined });
    expect(search({ chain: 'c', status: 'failure' }, 50).found).toEqual([1]);
    expect(search({ tool: 'none' }, 50).lookedAt).toBe(100_000);
    store.db.exec('CREATE INDEX idx_tool ON receipts (tool_name)');
    expect(search({ tool: 'non*' }, 50)).toEqual({ found: [], lookedAt: undefined });
    expect(search({ tool: '*none' }, 50).lookedAt).toBe(100_000);
  });

  test('is ordered by time, then sequence, and by sequence within a chain', () => {
    fill(30, 1000);
    store.db.exec("UPDATE receipts SET timestamp = '2030-01-01T00:00:00Z' WHERE sequence = 4");
    expect(search({}, 3).found).toEqual([4, 30, 29]);
    expect(search({ chain: 'c' }, 3).found).toEqual([30, 29, 28]);
  });

  for (const [what, filter, plan] of [
    ['all', {}, /SCAN receipts USING INDEX idx_receipts_timestamp/],
    [
      'a time',
      { since: '2026' },
      /SEARCH receipts USING INDEX idx_receipts_timestamp \(timestamp>\?\)/,
    ],
    [
      'a chain',
      { chain: 'c' },
      /SEARCH receipts USING COVERING INDEX idx_receipts_chain \(chain_id=\?\)/,
    ],
    ['a tool', { tool: 'x' }, /SCAN receipts USING INDEX idx_receipts_timestamp/],
  ] as const) {
    test(`walks an index for ${what}, without sorting everything`, () => {
      expect(plansOf(() => search(filter, 5)).join('\n')).toMatch(plan);
      expect(plansOf(() => search(filter, 5))).not.toContain('USE TEMP B-TREE FOR ORDER BY');
    });
  }

  test('goes back row by row in the order of writing', () => {
    fill(30, 1000);
    store.db.exec("UPDATE receipts SET timestamp = '2030-01-01T00:00:00Z' WHERE sequence = 4");
    const newest = () => Array.from(findNewest(store.db, {}, 3, () => undefined, 'writing'));
    expect(newest()).toEqual([30, 29, 28]);
    expect(plansOf(newest)).toEqual(['SCAN receipts']); // by row id, and no further than three rows
  });

  test('rowsBetween() reads the rows between two places and no others, whatever is asked', () => {
    fill(30, 10);
    const filter = { tool: 'tool', risk: 'critical', chain: 'c' };
    const read = () => Array.from(rowsBetween(store.db, 'id', filter, [1, 21]));
    expect(read()).toEqual([{ id: 'r11' }, { id: 'r21' }]);
    const plan = 'SEARCH receipts USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)';
    expect(plansOf(read)).toEqual([plan]);
  });

  test('uses the index of a filter when the walk found too little', () => {
    fill(100_010, 100_010);
    const plans = plansOf(() => search({ risk: 'critical' }, 50)).join('\n');
    expect(plans).toContain('SEARCH receipts USING INDEX idx_receipts_risk (risk_level=?)');
  });

  /** The query plan of every SELECT on receipts that `work` prepares. */
  function plansOf(work: () => void): readonly string[] {
    const { db } = store;
    const plans: string[] = [];
    const original = db.prepare.bind(db);
    db.prepare = (sql: string) => {
      if (sql.includes('FROM receipts')) {
        const values = Array.from(sql.matchAll(/\?/g), () => 'x');
        const rows = original(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
        plans.push(...rows.map((row) => (row as { readonly detail: string }).detail));
      }
      return original(sql);
    };
    try {
      work();
    } finally {
      db.prepare = original;
    }
    return plans;
  }
});

describe('ReceiptReader', () => {
  test('seeks from chain to chain, in the order in which they began', () => {
    for (const chain of ['m', 'z', 'a', 'm', 'm/agent/1']) store.append(chain);
    const reader = new ReceiptReader(store.path);
    try {
      expect(reader.chains().map(({ id }) => id)).toEqual(['m', 'z', 'a', 'm/agent/1']);
    } finally {
      reader.close();
    }
  });

  test('sees one moment of a store that goes on', () => {
    store.append('a');
    const reader = new ReceiptReader(store.path);
    try {
      const [chain] = reader.chains();
      store.append('a');
      store.append('b');
      expect(reader.chains()).toHaveLength(1);
      expect(Array.from(reader.chain(chain as { id: string; key: unknown }))).toHaveLength(1);
    } finally {
      reader.close();
    }
  });
});
