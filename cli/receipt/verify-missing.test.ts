import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore, type FixtureReceipt } from '../../test/fixtures/store.ts';
import type { JsonObject } from '../../shared/json/value.ts';

let cli: CliBundle;
let store: FixtureStore;

beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  store = new FixtureStore();
});
afterEach(() => store.remove());

const verify = (...args: readonly string[]) =>
  cli.run(['verify', '-db', store.path, '-public-key', store.publicKeyPath, ...args]);

function coverage(...args: readonly string[]) {
  const { coverage: found } = JSON.parse(verify('-json', ...args).stdout) as {
    coverage: {
      calls: number;
      outcomes_known_later: number;
      missing_calls: { count: number; maybe_elsewhere: number };
      not_excluded: { code: string }[];
    };
  };
  return { ...found, limits: found.not_excluded.map(({ code }) => code) };
}

/** The receipt of one call as our daemon writes it. */
function call(id: number, more: JsonObject = {}, status = 'success'): FixtureReceipt {
  return {
    issuer: {
      session_id: 'session-1',
      runtime: { obsigna: { call: { id: String(id), ...more } } },
    },
    action: { peer_credential: { platform: 'linux', pid: 7, uid: 1000, gid: 1000 } },
    outcome: { status, ...(status === 'pending' && { error: 'connection lost' }) },
  };
}

describe('obsigna verify and the numbers of calls [P1.missing-calls]', () => {
  test('a hole is told where nobody misses it, and is no broken chain', () => {
    for (const id of [1, 2, 5]) store.append('2026-06-15', call(id));
    store.append('2026-06-16', call(9)); // the daily roll does not end a session
    const { code, stdout } = verify();
    expect(code).toBe(0);
    expect(stdout).toContain(`
2 chains, 4 receipts: 2 valid, 0 broken
MISSING \u2014 5 calls of 1 session are neither recorded nor counted as dropped
`);
    expect(stdout).toContain(`
  calls             4
  missing calls     5 calls of 1 session are neither recorded nor counted as dropped
    session session-1: numbers 3 to 4, 6 to 8
`);
    expect(coverage().limits).toContain('LAST_CALLS');
    // Of one chain alone nothing is certain: the others have not been read.
    const one = coverage('-chain-id', '2026-06-16');
    expect(one.missing_calls).toMatchObject({ count: 0, maybe_elsewhere: 8 });
    expect(one.limits).toContain('NUMBERS_ELSEWHERE');
  });

  test('a chain that does not verify fills no hole', () => {
    store.append('a', call(1));
    const bad = store.append('a', call(2));
    store.append('a', call(3));
    store.edit(bad, (receipt) => {
      receipt['issuanceDate'] = '2020-01-01T00:00:00Z';
    });
    expect(coverage().missing_calls.count).toBe(1);
    expect(verify().stdout).toContain(
      '    - 1 receipt does not verify and is not counted here\n    - 1 chain is broken: ',
    );
  });

  test('a call that was pending and is known later counts once, and both are said', () => {
    const pending = store.append('a', call(1, { closed_by: 'daemon' }, 'pending'));
    store.append('a', call(1, { completes: pending }));
    store.append('a', call(2, { closed_by: 'daemon' }, 'pending'));
    expect(verify().stdout).toContain(`
  calls             2
  missing calls     none seen
  outcome unknown   2, known later: 1
    2 x connection lost
`);
    expect(coverage()).toMatchObject({ calls: 2, outcomes_known_later: 1 });
  });

  test('what a proxy states beside the calls is counted apart, and is missed all the same', () => {
    const { action, ...rest } = call(2);
    store.append('a', call(1));
    store.append('a', { ...rest, action: { ...action, type: 'obsigna.approval_granted' } });
    store.append('a', call(4));
    expect(verify().stdout).toContain(`
  calls             2
  beside calls      1 statement of proxies: grants, refused answers, pinned servers
  missing calls     1 call of 1 session is neither recorded nor counted as dropped
`);
    expect(coverage()).toMatchObject({ calls: 2, statements: 1, missing_calls: { count: 1 } });
  });

  test('a session id cannot write on the terminal', () => {
    const receipt = call(2);
    store.append('a', { ...receipt, issuer: { ...receipt.issuer, session_id: 'a\u001b[2Jb\nc' } });
    expect(verify().stdout).toContain('    session a\\u{1b}[2Jb\\nc: number 1\n');
  });
});
