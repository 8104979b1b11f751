import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pruneStatement } from '../../shared/chain/pruned.ts';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore, makeKey, type FixtureKey } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let key: FixtureKey;
let ids: string[];

beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  key = makeKey();
  store = new FixtureStore(key);
  ids = [1, 2, 3, 4, 5].map(() => store.append('a'));
});
afterEach(() => store.remove());

const obsigna = (verb: readonly string[], ...args: readonly string[]) =>
  cli.run([...verb, '-db', store.path, '-public-key', store.publicKeyPath, ...args]);

const hashOf = (sequence: number) =>
  store.db
    .prepare("SELECT receipt_hash FROM receipts WHERE chain_id = 'a' AND sequence = ?")
    .pluck()
    .get(sequence) as string;

/** Cuts off the first receipts of chain `a`, and names the cut as it is told to. */
function cut(
  removed: number,
  named: { last?: number; hash?: string; key?: FixtureKey } = {},
): void {
  const { last = removed, hash = hashOf(removed) } = named;
  const chain = {
    chainId: 'a',
    lastSequence: last,
    headHash: hash,
    keyFingerprint: key.fingerprint,
  };
  const prune = pruneStatement('2026-06-15T12:00:04Z', [chain]);
  store.append('retention', {
    action: { type: 'obsigna.store.prune', tool_name: '' },
    issuer: { runtime: { obsigna: { prune } } },
    ...(named.key !== undefined && { key: named.key }),
  });
  store.db.prepare("DELETE FROM receipts WHERE chain_id = 'a' AND sequence <= ?").run(removed);
}

describe('a chain whose beginning was removed [C.cut-chain]', () => {
  test('is valid from there when a prune receipt names the cut, for every command', () => {
    cut(2);
    const { code, stdout } = obsigna(['verify']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Chain a: VALID from sequence 3 \(3 receipts\) \u2014 no terminal receipt; .*\n {2}pruned: receipts 1 to 2, head sha256:/,
    );
    const { chains } = JSON.parse(obsigna(['verify'], '-json').stdout) as { chains: object[] };
    expect(chains[0]).toMatchObject({
      result: 'valid',
      length: 3,
      first_sequence: 3,
      head: { sequence: 5 },
      pruned: { last_sequence: 2 },
    });
    const event = obsigna(['receipt', 'verify-event'], '-id', ids[2] as string);
    expect(event.stdout).toContain('[PASS] hash linkage');
    expect(event.code).toBe(3); // no caller in this fixture
  });

  for (const { name, make } of [
    {
      name: 'nobody names the cut',
      make: () => store.db.exec('DELETE FROM receipts WHERE sequence = 1'),
    },
    { name: 'the cut is named with another hash', make: () => cut(2, { hash: hashOf(1) }) },
    { name: 'more is gone than is named', make: () => cut(2, { last: 1, hash: hashOf(1) }) },
    { name: 'another key names it', make: () => cut(2, { key: makeKey() }) },
    {
      name: 'the columns claim the cut and the receipt does not',
      make: () => {
        cut(2, { hash: `sha256:${'0'.repeat(64)}` });
        store.db
          .prepare(
            "UPDATE receipts SET previous_receipt_hash = ? WHERE chain_id = 'a' AND sequence = 3",
          )
          .run(`sha256:${'0'.repeat(64)}`);
      },
    },
  ]) {
    test(`is broken when ${name}`, () => {
      make();
      const { code, stdout } = obsigna(['verify'], '-chain-id', 'a');
      expect(code).toBe(1);
      expect(stdout).toMatch(/^Chain a: BROKEN at receipt 0\n/);
      expect(obsigna(['receipt', 'verify-event'], '-id', ids[4] as string).code).toBe(1);
    });
  }

  test('stays broken behind the cut where it is', () => {
    cut(2);
    store.db.prepare("DELETE FROM receipts WHERE chain_id = 'a' AND sequence = 4").run();
    const { code, stdout } = obsigna(['verify'], '-chain-id', 'a');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Chain a: BROKEN at receipt 1\n/);
    expect(stdout).toContain('[0] urn:receipt:');
    expect(stdout).not.toMatch(/\[0\] .* BAD/);
  });
});

describe('obsigna receipt verify-event -pin [C.pin]', () => {
  for (const { name, pin, code, detail } of [
    { name: 'the key of the chain', pin: () => key, code: 3, detail: 'the key of its chain\n' },
    {
      name: 'another key',
      pin: () => makeKey(),
      code: 1,
      detail: 'chain context \u2014 key not pinned: the chain begins with sha256:',
    },
  ]) {
    test(`trusts, or not, ${name}`, () => {
      const args = ['-chain-head', '-pin', pin().fingerprint];
      const event = obsigna(['receipt', 'verify-event'], ...args);
      expect(event.code).toBe(code);
      expect(event.stdout).toContain(detail);
    });
  }

  test('refuses what is no fingerprint', () => {
    const { code, stderr } = obsigna(['receipt', 'verify-event'], '-chain-head', '-pin', 'abc');
    expect(code).toBe(2);
    expect(stderr).toContain('-pin "abc" is not sha256:');
  });
});
