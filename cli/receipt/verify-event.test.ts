import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore, makeKey, type FixtureReceipt } from '../../test/fixtures/store.ts';

interface Results {
  readonly results: readonly {
    readonly receipt_id: string;
    readonly chain_id: string;
    readonly sequence: number | null;
    readonly checks: readonly { name: string; status: string; detail: string }[];
    readonly verdict: string;
  }[];
}

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

const PEER = { platform: 'linux', pid: 7, uid: 1000, gid: 1000, exe_path: '/usr/bin/mcp-proxy' };
const LIVE: FixtureReceipt = { action: { peer_credential: PEER }, issuer: { session_id: 's' } };
/** Longer than the time since every fixture lives. */
const ALL = ['-since', '200000h'];

function verifyEvent(...args: readonly string[]) {
  return cli.run([
    'receipt',
    'verify-event',
    '-db',
    store.path,
    '-public-key',
    store.publicKeyPath,
    ...args,
  ]);
}

function results(...args: readonly string[]) {
  const { code, stdout } = verifyEvent('-json', ...args);
  return { code, results: (JSON.parse(stdout) as Results).results };
}

/** The checks of the only result that are not `pass`. */
function objections(...args: readonly string[]) {
  const { code, results: all } = results(...args);
  const [result] = all;
  expect(all).toHaveLength(1);
  const checks = result?.checks.filter(({ status }) => status !== 'pass');
  return {
    code,
    verdict: result?.verdict,
    checks: checks?.map(({ name, status, detail }) => `${name} ${status}: ${detail}`),
  };
}

describe('obsigna receipt verify-event', () => {
  test('prints six checks and a verdict, for people and as JSON [C.verify-event]', () => {
    const id = store.append('2026-06-15', LIVE);
    expect(verifyEvent('-id', id)).toEqual({
      code: 0,
      stderr: '',
      stdout: `Receipt ${id} (chain 2026-06-15, seq 1):
  [PASS] signature \u2014 verifies under the key of its chain; key not pinned
  [PASS] hash linkage \u2014 no broken link in a chain of 1
  [PASS] peer credential \u2014 linux, pid 7, uid 1000, gid 1000
  [N/A ] emitter identity \u2014 /usr/bin/mcp-proxy; no -emitter-allowlist given
  [PASS] schema version \u2014 0.5.0
  [PASS] chain context \u2014 the last receipt of a chain of 1
  => VERIFIED \u2014 pipeline-provenance confirmed
`,
    });
    const pass = (name: string) => ({ name, status: 'pass', detail: expect.any(String) });
    expect(results('-id', id.replace('urn:receipt:', ''))).toEqual({
      code: 0,
      results: [
        {
          receipt_id: id,
          chain_id: '2026-06-15',
          sequence: 1,
          checks: [
            pass('signature'),
            pass('hash linkage'),
            pass('peer credential'),
            { name: 'emitter identity', status: 'n/a', detail: expect.any(String) },
            pass('schema version'),
            pass('chain context'),
          ],
          verdict: 'verified_provenance_confirmed',
        },
      ],
    });
  });

  test('selects by id, by head and by age, each chain for itself', () => {
    const first = store.append('a', LIVE);
    const second = store.append('a', LIVE);
    const other = store.append('a/agent/x', LIVE);
    const ids = (...args: readonly string[]) =>
      results(...args).results.map(({ receipt_id: id }) => id);
    expect(ids('-id', first)).toEqual([first]);
    expect(ids('-chain-head')).toEqual([second]);
    expect(ids('-chain-head', '-chain-id', 'a/agent/x')).toEqual([other]);
    expect(ids(...ALL)).toEqual([first, second, other]);
    expect(ids(...ALL, '-chain-id', 'a/agent/x')).toEqual([other]);
    // The fixtures' first second: one that is a second younger leaves the first receipt out.
    const ageMs = Date.now() - Date.parse('2026-06-15T12:00:02Z');
    expect(ids('-since', `${Math.floor(ageMs / 1000)}s`)).not.toContain(first);
  });

  for (const { name, args, code, says } of [
    { name: 'no selector', args: [], code: 2, says: /exactly one of .+got 0/ },
    { name: 'two selectors', args: ['-chain-head', '-id', 'x'], code: 2, says: /got 2/ },
    { name: 'no time at all', args: ['-since', '0s'], code: 2, says: /-since must be longer/ },
    { name: 'an id that is not there', args: ['-id', 'x'], code: 2, says: /NOTHING_SELECTED/ },
    {
      name: 'a receipt of another chain',
      args: ['-id', 'ID', '-chain-id', 'b'],
      code: 2,
      says: /NOTHING_SELECTED/,
    },
    {
      name: 'a chain that is not there',
      args: ['-chain-head', '-chain-id', 'b'],
      code: 2,
      says: /no receipts in chain b/,
    },
    { name: 'a time without receipts', args: ['-since', '1ns'], code: 2, says: /of that time/ },
  ]) {
    test(`ends with ${code} for ${name}`, () => {
      const id = store.append('a', LIVE);
      const result = verifyEvent(...args.map((it) => (it === 'ID' ? id : it)));
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toMatch(says);
    });
  }
});

interface Case {
  readonly name: string;
  readonly receipt: FixtureReceipt;
  readonly args?: readonly string[];
  readonly code: number;
  readonly verdict: string;
  readonly checks: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'a receipt without caller',
    receipt: {},
    code: 3,
    verdict: 'verified_no_provenance_evidence',
    checks: [
      'peer credential n/a: the receipt has none',
      'emitter identity n/a: no executable recorded',
    ],
  },
  {
    name: 'a caller of an unknown platform',
    receipt: { action: { peer_credential: { platform: 'plan9', pid: 1 } } },
    code: 3,
    verdict: 'verified_no_provenance_evidence',
    checks: [
      'peer credential n/a: platform plan9 is not known',
      'emitter identity n/a: no executable recorded',
    ],
  },
  {
    name: 'a caller without platform',
    receipt: { action: { peer_credential: { ...PEER, platform: '' } } },
    args: ['-emitter-allowlist', '/usr/bin/mcp-proxy'],
    code: 1,
    verdict: 'failed',
    checks: ['peer credential fail: no platform'],
  },
  {
    name: 'a caller without uid',
    receipt: { action: { peer_credential: { platform: 'linux', pid: 1, gid: 1 } } },
    code: 1,
    verdict: 'failed',
    checks: [
      'peer credential fail: linux without uid or gid',
      'emitter identity n/a: no executable recorded',
    ],
  },
  {
    name: 'an executable that is on the list',
    receipt: LIVE,
    args: ['-emitter-allowlist', '/bin/sh,/usr/bin/mcp-proxy'],
    code: 0,
    verdict: 'verified_provenance_confirmed',
    checks: [],
  },
  {
    name: 'an executable that is only like one on the list',
    receipt: LIVE,
    args: ['-emitter-allowlist', '/usr/bin/mcp-proxy2,/usr/bin'],
    code: 0,
    verdict: 'verified_provenance_confirmed',
    checks: ['emitter identity warn: /usr/bin/mcp-proxy is not on the allowlist'],
  },
  // 9.1 #15: the daemon's own words are complete without a caller.
  ...['chain_interrupted', 'events_dropped', 'daemon_started', 'daemon_stopped'].map((type) => ({
    name: `the daemon's ${type}`,
    receipt: { action: { type: `agent_receipts.${type}`, tool_name: type, risk_level: 'low' } },
    code: 0,
    verdict: 'verified_daemon_statement',
    checks: [
      'peer credential n/a: the daemon speaks for itself here, there was no caller',
      'emitter identity n/a: no executable recorded',
    ],
  })),
  {
    name: 'an emitter that speaks as if it were the daemon',
    receipt: {
      action: { type: 'agent_receipts.chain_interrupted' },
      issuer: { session_id: 'forged' },
    },
    code: 3,
    verdict: 'verified_no_provenance_evidence',
    checks: [
      'peer credential n/a: the receipt has none',
      'emitter identity n/a: no executable recorded',
    ],
  },
];

describe('obsigna receipt verify-event judges', () => {
  for (const { name, receipt, args = [], code, verdict, checks } of CASES) {
    test(`${name} [C.verify-event-daemon]`, () => {
      const id = store.append('a', receipt);
      expect(objections('-id', id, ...args)).toEqual({ code, verdict, checks });
    });
  }

  for (const [version, detail] of [
    ['1.0.0', '1.0.0: this program verifies 0.x'],
    ['5', 'version is "5"'],
  ] as const) {
    test(`a receipt of version ${version}`, () => {
      const id = store.append('a', LIVE);
      store.edit(id, (receipt) => {
        receipt['version'] = version;
      });
      const { code, checks } = objections('-id', id);
      expect(code).toBe(1);
      expect(checks).toContain(`schema version fail: ${detail}`);
    });
  }

  test('the other receipts of a chain with a broken link before or after them', () => {
    const ids = [1, 2, 3, 4].map(() => store.append('a', LIVE));
    store.db.prepare('DELETE FROM receipts WHERE id = ?').run(ids[1]);
    const where = ['after', 'at', 'before'];
    for (const [i, id] of [ids[0], ids[2], ids[3]].entries()) {
      const { code, checks } = objections('-id', id as string);
      expect(code).toBe(1);
      expect(checks?.[0]).toMatch(
        new RegExp(`^hash linkage fail: broken link at receipt 1, ${where[i]}`),
      );
    }
    expect(objections('-id', ids[0] as string).checks).toContain(
      'chain context fail: the number of the next receipt does not follow',
    );
  });

  test('each receipt, also beside a row that does not decode [C.corrupt-row]', () => {
    const ids = [1, 2, 3].map(() => store.append('a', LIVE));
    store.db.prepare("UPDATE receipts SET receipt_json = x'ff00' WHERE id = ?").run(ids[1]);
    const { code, results: all } = results(...ALL);
    expect(code).toBe(1);
    expect(all.map(({ receipt_id: id, checks }) => [id, checks[0]?.status])).toEqual([
      [ids[0], 'pass'],
      [ids[1], 'fail'],
      [ids[2], 'pass'],
    ]);
    expect(all[1]?.checks[0]?.detail).toMatch(/^unreadable receipt at index 1/);
  });

  test('receipts from before a rotation by the key of that time [C.verify-event-rotated]', () => {
    const [one, two] = [makeKey(), makeKey()];
    store.publish(one);
    const early = store.append('a', LIVE);
    const rotation = store.rotate('b', two);
    const late = store.append('c', LIVE);
    expect(objections('-id', early)).toMatchObject({ code: 0 });
    expect(objections('-id', rotation)).toMatchObject({ verdict: 'verified_daemon_statement' });
    expect(objections('-id', late)).toMatchObject({ code: 0 });
  });

  test('more receipts than it keeps, in the same words', () => {
    for (let i = 0; i < 150; i += 1) store.append('a', LIVE);
    store.terminate('a');
    const { code, results: all } = results(...ALL);
    expect(code).toBe(0);
    expect(all.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 151 }, (_, i) => i + 1),
    );
    expect(all.at(-2)?.checks.at(-1)?.detail).toBe('in sequence of a chain of 151');
    expect(all.at(-1)).toMatchObject({ verdict: 'verified_daemon_statement' });
  });
});
