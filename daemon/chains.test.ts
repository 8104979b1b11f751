import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { agentChainId, Chains, dailyChainId, type ChainHead, type Identity } from './chains.ts';
import { Bench, KEY, OTHER_KEY } from '../test/fixtures/daemon-bench.ts';

const IDENTITY: Identity = { issuerId: 'did:x:1', verificationMethod: 'did:x:1#k1' };

test('[D.chain-suffix] a restart appends -2, -3 … to the date on every day of every month', () => {
  const day = fc.date({
    min: new Date('2024-01-01T00:00:00Z'),
    max: new Date('2031-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(day, fc.integer({ min: 1, max: 4 }), (now, stops) => {
      const bench = new Bench(IDENTITY);
      const date = dailyChainId(now);
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
      for (let i = 0; i < stops; i += 1) bench.stop(bench.chains().resumeRoot(date));
      const { chainId, sequence } = bench.chains().resumeRoot(date);
      expect([chainId, sequence]).toEqual([`${date}-${stops + 1}`, 0]);
      bench.close();
    }),
    { numRuns: 60 },
  );
});

test('[D.chain-suffix] … and on each of the 31 days of one month', () => {
  for (let day = 1; day <= 31; day += 1) {
    const bench = new Bench(IDENTITY);
    const date = dailyChainId(new Date(Date.UTC(2026, 11, day, 12)));
    bench.stop(bench.chains().resumeRoot(date));
    expect(bench.chains().resumeRoot(date).chainId).toBe(
      `2026-12-${String(day).padStart(2, '0')}-2`,
    );
    bench.close();
  }
});

for (const { base, ended, want } of [
  { base: 'default', ended: ['default'], want: 'default-2' },
  { base: 'default', ended: ['default', 'default-2'], want: 'default-3' },
  { base: 'build-7', ended: ['build-7'], want: 'build-7-2' },
  { base: '2026-06-03-2', ended: ['2026-06-03-2'], want: '2026-06-03-2-2' },
  // A chain that somebody else ended under a later name is no reason to skip a free one.
  { base: 'a', ended: ['a', 'a-3'], want: 'a-2' },
]) {
  test(`[D.chain-suffix] base ${base} after ${ended.join(', ')} goes on as ${want}`, () => {
    const bench = new Bench(IDENTITY);
    for (const chainId of ended) bench.stop({ ...EMPTY, chainId });
    expect(bench.chains().resumeRoot(base)).toEqual({ ...EMPTY, chainId: want });
    bench.close();
  });
}

const EMPTY: ChainHead = { chainId: '', sequence: 0, hash: null, receiptId: undefined };

test('[P1.gapless] an open chain goes on where it is, by the hash of its text', () => {
  const bench = new Bench(IDENTITY);
  const head = bench.append({ ...EMPTY, chainId: 'c' }, 3);
  expect(bench.chains().resumeRoot('c')).toEqual(head);
  expect(head.sequence).toBe(3);
  bench.close();
});

test('[D.sub-chains] a root below which an agent chain has ended is not gone on with', () => {
  const bench = new Bench(IDENTITY);
  bench.stop({ ...EMPTY, chainId: agentChainId('r', 'a') });
  expect(bench.chains().resumeRoot('r').chainId).toBe('r-2');
  // Neither empty nor open, and not confused by a root whose name starts alike.
  bench.append({ ...EMPTY, chainId: 'q' }, 1);
  bench.stop({ ...EMPTY, chainId: agentChainId('q', 'a') });
  expect(bench.chains().resumeRoot('q').chainId).toBe('q-2');
  bench.append({ ...EMPTY, chainId: agentChainId('r-2', 'a') }, 1);
  expect(bench.chains().resumeRoot('r').chainId).toBe('r-2');
  bench.close();
});

for (const { name, other } of [
  { name: 'another issuer', other: { ...IDENTITY, issuerId: 'did:x:2' } },
  { name: 'another verification method', other: { ...IDENTITY, verificationMethod: 'did:x:1#k2' } },
]) {
  test(`[S.issuer-constant] a chain of ${name} is not extended, and a new one starts`, () => {
    const bench = new Bench(IDENTITY);
    bench.append({ ...EMPTY, chainId: 'c' }, 2);
    expect(bench.chains(other).resumeRoot('c')).toEqual({ ...EMPTY, chainId: 'c-2' });
    bench.append({ ...EMPTY, chainId: agentChainId('d', 'a') }, 1);
    expect(bench.chains(other).resumeRoot('d').chainId).toBe('d-2');
    bench.close();
  });
}

for (const { name, sql, says } of [
  {
    name: 'a byte of the text flipped',
    sql: "UPDATE receipts SET receipt_json = replace(receipt_json, 'tool-3', 'tool-4') WHERE sequence = 3",
    says: /signature does not verify/,
  },
  {
    name: 'a byte of the signature flipped',
    sql: `UPDATE receipts SET receipt_json = replace(receipt_json, '"proofValue":"u', '"proofValue":"z') WHERE sequence = 3`,
    says: /signature does not verify/,
  },
  {
    name: 'a member added beside the signed ones',
    sql: `UPDATE receipts SET receipt_json = replace(receipt_json, '"proofPurpose"', '"extra":1,"proofPurpose"') WHERE sequence = 3`,
    says: /unsigned member "extra" in proof/,
  },
  {
    name: 'a column changed',
    sql: "UPDATE receipts SET risk_level = 'low' WHERE sequence = 3",
    says: /column risk_level says "low"/,
  },
  {
    name: 'the hash column changed',
    sql: `UPDATE receipts SET receipt_hash = 'sha256:${'0'.repeat(64)}' WHERE sequence = 3`,
    says: /column receipt_hash/,
  },
  {
    name: 'the sequence column changed',
    sql: 'UPDATE receipts SET sequence = 4 WHERE sequence = 3',
    says: /column sequence says 4/,
  },
  {
    name: 'the predecessor missing',
    sql: 'DELETE FROM receipts WHERE sequence = 2',
    says: /link to the receipt before is broken/,
  },
  {
    name: 'the predecessor changed',
    sql: "UPDATE receipts SET receipt_json = replace(receipt_json, 'tool-2', 'tool-5') WHERE sequence = 2",
    says: /link to the receipt before is broken/,
  },
  {
    name: 'the predecessor unreadable',
    sql: "UPDATE receipts SET receipt_json = '{' WHERE sequence = 2",
    says: /link to the receipt before is broken/,
  },
  {
    name: 'the text not JSON',
    sql: "UPDATE receipts SET receipt_json = 'x' WHERE sequence = 3",
    says: /cannot be read/,
  },
  {
    name: 'the row filed under another chain',
    sql: "UPDATE receipts SET chain_id = 'd' WHERE sequence = 3",
    says: /column chain_id says "d"/,
  },
]) {
  test(`[D.tail-verified] a tail with ${name} is refused`, () => {
    const bench = new Bench(IDENTITY);
    bench.append({ ...EMPTY, chainId: 'c' }, 3);
    bench.db.exec(sql);
    const resume = () => bench.chains().resumeRoot(sql.includes("'d'") ? 'd' : 'c');
    expect(resume).toThrow(expect.objectContaining({ code: 'CHAIN_TAIL_INVALID' }));
    expect(resume).toThrow(says);
    bench.close();
  });
}

test('[D.tail-verified] a tail that another key signed is refused', () => {
  const bench = new Bench(IDENTITY, OTHER_KEY);
  bench.append({ ...EMPTY, chainId: 'c' }, 1);
  const chains = new Chains(bench.store, nodeSuite.verifyKey(KEY.publicKey), IDENTITY);
  expect(() => chains.resumeRoot('c')).toThrow(
    expect.objectContaining({ code: 'CHAIN_TAIL_INVALID' }),
  );
  bench.close();
});

test('[D.sub-chains] resumeAgent() starts with a delegation and goes on without one', () => {
  const bench = new Bench(IDENTITY);
  const root = bench.append({ ...EMPTY, chainId: 'r' }, 2);
  const first = bench.chains().resumeAgent('r', 'a', () => root.receiptId);
  expect(first).toEqual({
    ...EMPTY,
    chainId: 'r/agent/a',
    delegation: {
      parent_chain_id: 'r',
      parent_receipt_id: root.receiptId,
      delegator: { id: IDENTITY.issuerId },
    },
  });
  const next = bench.append(first, 1);
  expect(bench.chains().resumeAgent('r', 'a', () => root.receiptId)).toEqual(next);
  expect(bench.chains().resumeAgent('x', 'a', () => undefined)).toEqual({
    ...EMPTY,
    chainId: 'x/agent/a',
  });
  bench.close();
});

test('[D.terminator] openAgents() finds every open chain below its root and no other', () => {
  const bench = new Bench(IDENTITY);
  const ids = ['r/agent/a', 'r/agent/\u{1f600}', 'r/agent/~', 'r-2/agent/a', 'r/agenta', 'r'];
  for (const chainId of ids) bench.append({ ...EMPTY, chainId }, 1);
  bench.stop({ ...EMPTY, chainId: 'r/agent/ended' });
  const invalid: string[] = [];
  bench.db.exec("UPDATE receipts SET status = 'failure' WHERE chain_id = 'r/agent/~'");
  const open = bench.chains().openAgents('r', ({ message }) => invalid.push(message));
  expect([...open].map(({ chainId }) => chainId)).toEqual(['r/agent/a', 'r/agent/\u{1f600}']);
  expect(invalid).toEqual([expect.stringMatching(/^chain r\/agent\/~, sequence 1: column status/)]);
  bench.close();
});
