import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle, type CliRun } from '../../test/fixtures/run-cli.ts';
import { FixtureStore, makeKey } from '../../test/fixtures/store.ts';

interface Verdict {
  readonly coverage: {
    readonly calls: number;
    readonly not_counted: number;
    readonly down_time: object;
    readonly not_excluded: readonly { readonly code: string }[];
  };
  readonly ok: boolean;
  readonly unchecked: readonly { readonly code: string; readonly text: string }[];
  readonly chains: readonly {
    readonly chain_id: string;
    readonly result: string;
    readonly verified: boolean;
    readonly exit_code: number;
    readonly length: number;
    readonly cause: string | null;
    readonly broken_at: number;
    readonly bad_receipts: number;
    readonly broken_receipt: { readonly receipt_id: string } | null;
    readonly receipts: readonly { readonly index: number; readonly status: string }[];
    readonly key_fingerprint: string;
    readonly unchecked: readonly { readonly code: string; readonly text: string }[];
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

function verify(args: readonly string[] = [], options?: CliRun) {
  return cli.run(
    ['verify', '-db', store.path, '-public-key', store.publicKeyPath, ...args],
    options,
  );
}

function verdict(...args: readonly string[]): Verdict & { readonly code: number | null } {
  const { code, stdout } = verify(['-json', ...args]);
  return { ...(JSON.parse(stdout) as Verdict), code };
}

describe('obsigna verify', () => {
  test('verifies every chain in the order of their beginning and says what it did not check [C.verify-all] [P6.limits]', () => {
    const key = makeKey();
    store.publish(key);
    const root = store.append('b', { outcome: { response_hash: 'sha256:00' } });
    store.append('b', { outcome: { status: 'pending' } });
    store.delegate('b', root, 'bob');
    store.terminate('b');
    store.append('a', {
      action: { emitter_metadata: { drop_count: 2 } },
      outcome: { status: 'pending' },
    });
    const limits = 'truncation not excluded, key not pinned';
    expect(verify()).toEqual({
      code: 0,
      stdout: `Chain b: VALID (3 receipts) \u2014 interrupted; ${limits}
Chain b/agent/bob: VALID (1 receipt) \u2014 no terminal receipt; ${limits}
Advisory: incomplete tool roundtrip: the last receipt of chain a is pending, its outcome was not seen
Chain a: VALID (1 receipt) \u2014 no terminal receipt; ${limits}

3 chains, 5 receipts: 3 valid, 0 broken
Key: ${key.fingerprint}

Not checked:
  - receipts removed from the end of the chain leave no trace in the chain itself
  - times are the issuer's clock; only the order of receipts is proved
  - the bodies behind response_hash and parameters_hash were not supplied
  - 2 receipts say pending: nobody had seen the outcome when they were written
  - 2 actions were counted by emitters but not reported
  - chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names, or before 2 root chains that name none before them
  - the key was taken from ${store.publicKeyPath}: compare its fingerprint with one that you trust, ${key.fingerprint}

Coverage:
  period            2026-06-15T12:00:01Z to 2026-06-15T12:00:05Z
  calls             3
  missing calls     not known
  outcome unknown   2
    2 x no reason given
  events dropped    2
  down time         0s, at most 1s, in 1 gap
    1 x down or idle: at most 1s
  open chains       2: b/agent/bob, a
  not excluded:
    - receipts removed from the end of chains b, a, which no other chain names, or of a sub-agent's chain below it
    - chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names, or before 2 root chains that name none before them
    - down time after a crash: the daemon wrote no start receipts
    - 3 calls have no number: others beside may be missing unseen
    - actions that passed neither a proxy nor a hook
`,
      stderr:
        'Note: response_hash present in one or more receipts; response body not supplied \u2014 hash cannot be verified offline\n',
    });
  });

  test('tells a chain that ended from one that was interrupted or just stops [P6.terminator]', () => {
    store.append('done', { chain: { terminal: true, status: 'complete' } });
    store.append('cut', { chain: { terminal: true, status: 'interrupted' } });
    store.append('open');
    const words = verify().stdout.match(/^Chain \w+: VALID \(1 receipt\) \u2014 [\w ]+/gm);
    expect(words?.map((line) => line.split(' \u2014 ')[1])).toEqual([
      'complete',
      'interrupted',
      'no terminal receipt',
    ]);
  });

  test('an empty store or a missing chain is never VALID [P6.empty-chain]', () => {
    const empty = verify();
    expect(empty.code).toBe(1);
    expect(empty.stdout).toMatch(/^NO RECEIPTS FOUND \(0 receipts\)\n\n0 chains, 0 receipts/);
    expect(verdict()).toMatchObject({ code: 1, ok: false, chains: [] });
    store.append('a');
    const missing = verify(['-chain-id', 'b']);
    expect(missing.code).toBe(1);
    expect(missing.stdout).toMatch(/^Chain b: NO RECEIPTS FOUND \(0 receipts\)\n/);
    expect(missing.stdout).not.toContain('VALID');
    expect(verdict('-chain-id', 'b').chains).toMatchObject([
      { chain_id: 'b', result: 'empty', verified: false, exit_code: 1, length: 0 },
    ]);
  });

  test('-chain-id and AGENTRECEIPTS_CHAIN_ID look at one chain only', () => {
    store.append('good');
    const bad = store.append('bad');
    store.db.prepare("UPDATE receipts SET status = 'failure' WHERE id = ?").run(bad);
    expect(verify().code).toBe(1);
    expect(verify(['-chain-id', 'good']).code).toBe(0);
    expect(verify([], { env: { AGENTRECEIPTS_CHAIN_ID: 'good' } }).code).toBe(0);
  });

  test('-json has the documented shape', () => {
    const key = makeKey();
    store.publish(key);
    store.append('a');
    const last = store.append('a');
    const hash = store.db
      .prepare('SELECT receipt_hash FROM receipts WHERE id = ?')
      .pluck()
      .get(last);
    expect(verdict()).toEqual({
      code: 0,
      ok: true,
      chains: [
        {
          chain_id: 'a',
          verified: true,
          exit_code: 0,
          result: 'valid',
          length: 2,
          status: 'unknown',
          head: { sequence: 2, receipt_hash: hash },
          end_named_by: null,
          broken_at: -1,
          cause: null,
          broken_receipt: null,
          receipts: [],
          bad_receipts: 0,
          advisories: [],
          warnings: [],
          unchecked: [
            { code: 'TRUNCATION', text: expect.any(String) },
            { code: 'TIMESTAMPS', text: expect.any(String) },
          ],
          key_fingerprint: key.fingerprint,
        },
      ],
      unchecked: ['TRUNCATION', 'TIMESTAMPS', 'DELETED_CHAINS', 'KEY_NOT_PINNED'].map((code) => ({
        code,
        text: expect.any(String),
      })),
      coverage: {
        period: { first: '2026-06-15T12:00:01Z', last: '2026-06-15T12:00:02Z' },
        calls: 2,
        statements: 0,
        outcomes_unknown: [],
        outcomes_known_later: 0,
        told_twice: 0,
        missing_calls: {
          count: 0,
          sessions: 0,
          first: [],
          maybe_elsewhere: 0,
          sessions_not_followed: 0,
          numbered_calls: 0,
          unnumbered_calls: 2,
        },
        events_dropped: 0,
        down_time: { gaps: 0, seconds: 0, seconds_at_most: 0, causes: [], since: null },
        open_chains: { count: 1, ids: ['a'] },
        not_counted: 0,
        not_excluded: [
          'TRUNCATION',
          'DELETED_CHAINS',
          'DOWN_TIME_UNRECORDED',
          'UNNUMBERED_CALLS',
          'UNMEDIATED_ACTIONS',
        ].map((code) => ({ code, text: expect.any(String) })),
      },
    });
  });

  for (const { name, pem, code } of [
    { name: 'a key that is not there', pem: undefined, code: 'PUBLIC_KEY_UNREADABLE' },
    { name: 'a file that is no key', pem: 'key', code: 'KEY_INVALID' },
    {
      name: 'a private key',
      pem: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
      code: 'KEY_INVALID',
    },
  ]) {
    test(`ends with 2 for ${name}`, () => {
      store.append('a');
      const path = join(store.folder, 'other.pub');
      if (pem !== undefined) writeFileSync(path, pem);
      const result = verify(['-public-key', path]);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(`  code: ${code}\n`);
    });
  }

  test('takes the public half of AGENTRECEIPTS_KEY when no public key is named', () => {
    store.append('a');
    const env = { AGENTRECEIPTS_KEY: store.publicKeyPath.replace('.pub', '') };
    expect(cli.run(['verify', '-db', store.path], { env }).code).toBe(0);
  });
});

/** Five receipts in `a`, the last of them terminal, two in `b`; what is wrong then is one thing. */
describe('obsigna verify finds', () => {
  let a: readonly [string, string, string, string, string];
  let b: readonly [string, string];

  beforeEach(() => {
    const [first, second] = [store.append('a'), store.append('a')];
    b = [store.append('b'), store.append('b')];
    a = [first, second, store.append('a'), store.append('a'), store.terminate('a')];
  });

  const sql = (text: string, ...values: readonly unknown[]) =>
    store.db.prepare(text).run(...values);
  const action = { name: 'credentialSubject', member: 'action' };

  for (const { name, tamper, chain = 'a', named, lines, cause } of [
    {
      name: 'a changed byte in the text',
      tamper: () =>
        sql(
          "UPDATE receipts SET receipt_json = replace(receipt_json, 'read_file', 'reed_file') WHERE id = ?",
          a[1],
        ),
      named: () => a[1],
      lines: ['ok', 'BAD SIGNATURE', 'BAD HASH LINK', 'ok', 'ok'],
    },
    {
      name: 'a changed byte of a hash in the text',
      tamper: () =>
        sql(
          'UPDATE receipts SET receipt_json = replace(receipt_json, \'hash":"sha256:\', \'hash":"sha257:\') WHERE id = ?',
          a[3],
        ),
      named: () => a[3],
      lines: ['ok', 'ok', 'ok', 'BAD SIGNATURE', 'BAD HASH LINK'],
    },
    ...(
      [
        ['action_type', '"nothing"'],
        ['tool_name', '"nothing"'],
        ['risk_level', '"low"'],
        ['status', '"failure"'],
        ['timestamp', '"2020-01-01T00:00:00Z"'],
        ['issuer_id', '"me"'],
        ['principal_id', 'NULL'],
        ['receipt_hash', '"sha256:00"'],
        ['previous_receipt_hash', 'NULL'],
        ['id', '"urn:receipt:0"'],
        ['risk_level', "x'6d656469756d'"],
      ] as const
    ).map(([column, value]) => ({
      name: `the column ${column} set to ${value}`,
      tamper: () =>
        sql(`UPDATE receipts SET ${column} = ${value.replaceAll('"', "'")} WHERE id = ?`, a[2]),
      named: () => a[2],
      lines: ['ok', 'ok', 'MISMATCH', 'ok', 'ok'],
      cause: new RegExp(`^column ${column} says .+, the receipt says .+ at index 2$`),
    })),
    {
      name: 'a deleted receipt in the middle',
      tamper: () => sql('DELETE FROM receipts WHERE id = ?', a[2]),
      named: () => a[3],
      lines: ['ok', 'ok', 'BAD HASH LINK', 'ok'],
    },
    {
      name: 'a deleted first receipt',
      tamper: () => sql('DELETE FROM receipts WHERE id = ?', a[0]),
      named: () => a[1],
      lines: ['BAD HASH LINK', 'ok', 'ok', 'ok'],
    },
    {
      name: 'two swapped receipts',
      tamper: () => {
        sql('UPDATE receipts SET sequence = 99 WHERE id = ?', a[1]);
        sql('UPDATE receipts SET sequence = 2 WHERE id = ?', a[2]);
        sql('UPDATE receipts SET sequence = 3 WHERE id = ?', a[1]);
      },
      named: () => a[2],
      lines: ['ok', 'BAD HASH LINK', 'BAD HASH LINK', 'BAD HASH LINK', 'ok'],
      cause: /^column sequence says 2, the receipt says 3 at index 1$/,
    },
    {
      name: 'a receipt moved here from another chain',
      tamper: () => sql("UPDATE receipts SET chain_id = 'b', sequence = 3 WHERE id = ?", a[4]),
      chain: 'b',
      named: () => a[4],
      lines: ['ok', 'ok', 'BAD HASH LINK'],
      cause: /^chain_id mismatch at index 2: expected "b", got "a"$/,
    },
    {
      name: 'the gap that a moved receipt leaves',
      tamper: () => sql("UPDATE receipts SET chain_id = 'b', sequence = 3 WHERE id = ?", a[2]),
      named: () => a[3],
      lines: ['ok', 'ok', 'BAD HASH LINK', 'ok'],
    },
    {
      name: 'a whole chain under another name',
      tamper: () => sql("UPDATE receipts SET chain_id = 'c' WHERE chain_id = 'b'"),
      chain: 'c',
      named: () => b[0],
      lines: ['MISMATCH', 'MISMATCH'],
      cause: /^chain_id mismatch at index 0: expected "c", got "b"$/,
    },
    {
      name: 'a receipt after the terminal one',
      tamper: () => {
        a = [a[0], a[1], a[2], a[3], store.append('a')];
      },
      named: () => a[4],
      lines: ['ok', 'ok', 'ok', 'ok', 'ok', 'ok'],
      cause: /^receipt after terminal: receipt at index 5 follows a terminal receipt at index 4$/,
    },
    {
      name: 'a member added to the action',
      tamper: () =>
        store.edit(a[1], (receipt) => {
          const subject = receipt[action.name] as Record<string, Record<string, unknown>>;
          (subject[action.member] as Record<string, unknown>)['approved_by'] = 'alice';
        }),
      named: () => a[1],
      lines: ['ok', 'BAD SIGNATURE', 'BAD HASH LINK', 'ok', 'ok'],
    },
    {
      name: 'a member added to the proof',
      tamper: () =>
        store.edit(a[1], (receipt) => {
          (receipt['proof'] as Record<string, unknown>)['approvedBy'] = 'alice';
        }),
      named: () => a[1],
      lines: ['ok', 'MISMATCH', 'ok', 'ok', 'ok'],
      cause: /^unsigned member "approvedBy" in proof at index 1$/,
    },
    {
      name: 'a member that stands twice',
      tamper: () =>
        sql(
          'UPDATE receipts SET receipt_json = \'{"id":"urn:receipt:1",\' || substr(receipt_json, 2) WHERE id = ?',
          a[3],
        ),
      named: () => a[3],
      lines: ['ok', 'ok', 'ok', 'MISMATCH', 'ok'],
      cause: /^member "id" stands twice in one object at index 3$/,
    },
    {
      name: 'text that is no receipt',
      tamper: () => sql("UPDATE receipts SET receipt_json = 'gone' WHERE id = ?", a[1]),
      named: () => a[1],
      lines: ['ok', 'UNREADABLE', 'ok', 'ok', 'ok'],
      cause: /^unreadable receipt at index 1: not JSON/,
    },
    {
      name: 'a receipt that another key signed',
      tamper: () => {
        store.append('b', { key: makeKey() });
        b = [
          b[0],
          store.db
            .prepare("SELECT id FROM receipts WHERE chain_id = 'b' AND sequence = 3")
            .pluck()
            .get() as string,
        ];
      },
      chain: 'b',
      named: () => b[1],
      lines: ['ok', 'ok', 'BAD SIGNATURE'],
    },
  ]) {
    test(`${name} [S.tamper]`, () => {
      expect(verify().code).toBe(0);
      tamper();
      const text = verify();
      expect(text.code).toBe(1);
      const block = new RegExp(
        `^Chain ${chain}: BROKEN at receipt (\\d+)\\n(?:  .*\\n)+`,
        'm',
      ).exec(text.stdout);
      expect(
        block?.[0]
          .match(/^ {2}\[\d+\] .*$/gm)
          ?.map((line) => line.split(' \u2014 ')[1]?.split(':')[0]),
      ).toEqual(lines);
      expect(block?.[0]).toContain(`\n  receipt: ${named()} (sequence `);
      const { ok, chains, code } = verdict('-chain-id', chain);
      expect({ ok, code }).toEqual({ ok: false, code: 1 });
      expect(chains[0]?.broken_receipt?.receipt_id).toBe(named());
      expect(chains[0]?.broken_at).toBe(Number(block?.[1]));
      expect(chains[0]?.receipts).toHaveLength(lines.filter((line) => line !== 'ok').length);
      if (cause === undefined) expect(chains[0]?.cause).toBeNull();
      else expect(chains[0]?.cause).toMatch(cause);
    });
  }
});

describe('obsigna verify of a long chain', () => {
  beforeEach(() => {
    store.db.exec('BEGIN');
    for (let i = 0; i < 300; i += 1) store.append('a');
    store.db.exec("UPDATE receipts SET status = 'failure' WHERE sequence > 100");
    store.db.exec('COMMIT');
  });

  test('lists the first 50 bad receipts and counts the rest', () => {
    const { stdout } = verify();
    const lines = stdout.match(/^ {2}\[\d+\].*$/gm) ?? [];
    expect(lines).toHaveLength(50);
    expect(lines[0]).toMatch(/^ {2}\[100\] .* MISMATCH: column status says "failure"/);
    expect(stdout).toContain('\n  and 150 more bad receipts; -verbose prints every receipt\n');
    const [chain] = verdict().chains;
    expect(chain?.receipts).toHaveLength(50);
    expect(chain?.bad_receipts).toBe(200);
  });

  test('-verbose lists every receipt', () => {
    expect(verify(['-verbose']).stdout.match(/^ {2}\[\d+\]/gm)).toHaveLength(300);
    expect(verdict('-verbose').chains[0]?.receipts).toHaveLength(200);
  });
});

describe('obsigna verify after a rotation', () => {
  const [one, two, three] = [makeKey(), makeKey(), makeKey()];
  const broken = () => verdict().chains.filter((chain) => chain.result !== 'valid');

  beforeEach(() => store.publish(one));

  test('accepts chains of every key that rotations lead on from', () => {
    store.append('before');
    store.append('bridge');
    store.rotate('bridge', two);
    store.append('bridge');
    store.append('between');
    store.rotate('fresh', three);
    store.append('after');
    const { code, stderr, stdout } = verify();
    expect(code).toBe(0);
    expect(stdout).toContain('5 valid, 0 broken');
    expect(stderr).toMatch(
      /^Note: 2 chains begin with the archived key .+\.rotated-[\da-f]{16} \(sha256:.+\nNote: 2 chains begin /,
    );
    expect(verdict().chains.map(({ key_fingerprint: key }) => key)).toEqual(
      [one, one, two, two, three].map(({ fingerprint }) => fingerprint),
    );
  });

  test('does not believe an archived key that no rotation retired', () => {
    store.append('before');
    store.archive(one);
    store.publish(two);
    store.append('after');
    expect(verify().stdout).toMatch(
      /^Chain before: BROKEN \u2014 .+ no rotation leads from it to the published key\n/,
    );
    expect(broken()).toMatchObject([{ chain_id: 'before', broken_at: -1, receipts: [] }]);
  });

  test('does not believe a chain whose rotations end at another key', () => {
    store.append('before');
    store.rotate('before', two);
    store.append('before');
    store.publish(three);
    expect(verify().stdout).toMatch(
      /^Chain before: BROKEN \u2014 its rotation chain does not end at the published key\n/,
    );
  });

  test('does not follow a rotation that the outgoing key did not sign', () => {
    store.append('before');
    const id = store.rotate('bridge', two);
    store.edit(id, (receipt) => {
      receipt['issuanceDate'] = '2020-01-01T00:00:00Z';
    });
    expect(broken().map(({ chain_id: chain }) => chain)).toEqual(['before', 'bridge']);
  });

  test('reports a bad signature when no key at hand signed the chain', () => {
    store.append('before');
    store.publish(two);
    expect(broken()).toMatchObject([{ receipts: [{ index: 0, status: 'bad_signature' }] }]);
  });

  test('skips an archive that is no key, and says so', () => {
    store.append('before');
    writeFileSync(`${store.publicKeyPath}.rotated-0`, 'nonsense');
    const { code, stderr } = verify();
    expect(code).toBe(0);
    expect(stderr).toContain('Note: skipped archived key: ');
  });
});

describe('obsigna verify -pin', () => {
  const [one, two, three, planted] = [makeKey(), makeKey(), makeKey(), makeKey()];
  const results = (...args: readonly string[]) =>
    Object.fromEntries(verdict(...args).chains.map((it) => [it.chain_id, it.result]));
  const pin = (...keys: readonly { readonly fingerprint: string }[]) =>
    keys.flatMap(({ fingerprint }) => ['-pin', fingerprint]);

  /** Three keys in turn, and a chain from each. */
  beforeEach(() => {
    store.publish(one);
    store.append('first');
    store.rotate('bridge', two);
    store.append('second');
    store.rotate('second', three);
    store.append('third');
  });

  for (const { name, pins, want } of [
    { name: 'the first key leads to everything', pins: [one], want: [] },
    { name: 'a later key leads to nothing before it', pins: [two], want: ['first', 'bridge'] },
    {
      name: 'the published key vouches for itself',
      pins: [three],
      want: ['first', 'bridge', 'second'],
    },
    {
      name: 'a key that signed nothing',
      pins: [planted],
      want: ['first', 'bridge', 'second', 'third'],
    },
    { name: 'one good pin among others', pins: [planted, one], want: [] },
    { name: 'two pins, each for its own', pins: [three, two], want: ['first', 'bridge'] },
  ]) {
    test(`${name} [C.pin]`, () => {
      const { chains, code } = verdict(...pin(...pins));
      const broken = chains.filter(({ result }) => result === 'broken');
      expect(broken.map(({ chain_id: id }) => id)).toEqual(want);
      for (const { cause, exit_code: exit, broken_at: at } of broken) {
        expect([cause, exit, at]).toEqual([expect.stringMatching(/^key not pinned: /), 1, -1]);
      }
      expect(code).toBe(want.length === 0 ? 0 : 1);
    });
  }

  test('pins come from flags, lists and AGENTRECEIPTS_PIN; a pinned key is no longer unchecked [C.pin]', () => {
    const list = `${planted.fingerprint}, ${one.fingerprint}`;
    const unpinned = verify();
    expect(unpinned.stdout).toContain('; truncation not excluded, key not pinned\n');
    for (const run of [
      verify(pin(planted, one)),
      verify(['-pin', list]),
      verify([], { env: { AGENTRECEIPTS_PIN: list } }),
    ]) {
      expect(run.code).toBe(0);
      expect(run.stdout).toContain('; truncation not excluded\n');
      expect(run.stdout).not.toContain('pinned');
    }
    expect(verify(pin(planted), { env: { AGENTRECEIPTS_PIN: list } }).stdout).toMatch(
      /^Chain first: BROKEN \u2014 key not pinned: the chain begins with sha256:/,
    );
    const codes = (...args: readonly string[]) =>
      verdict(...args).unchecked.map(({ code }) => code);
    expect(codes()).toContain('KEY_NOT_PINNED');
    expect(codes(...pin(one))).not.toContain('KEY_NOT_PINNED');
  });

  for (const bad of ['', 'sha256:00', one.fingerprint.toUpperCase(), `${one.fingerprint},`, 'x']) {
    test(`refuses ${JSON.stringify(bad.slice(0, 20))} as a pin, which would protect nobody [C.pin]`, () => {
      expect(verify(['-pin', bad])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('code: USAGE') as string,
      });
    });
  }

  test('a rotation that somebody planted leads to the published key, and from no pinned one [C.pin]', () => {
    // The incoming key does not countersign: without a pin nothing tells this from the real thing.
    store.append('forged', { key: planted });
    const raw = Buffer.from(three.signer.publicKey).toString('base64url');
    store.append('forged-bridge', {
      key: planted,
      action: { type: 'agent.key.rotate', tool_name: '', risk_level: 'high' },
      subject: {
        keyRotation: {
          event_type: 'key_rotated',
          new_public_key: `u${raw}`,
          old_key_fingerprint: planted.fingerprint,
          new_key_fingerprint: three.fingerprint,
          old_algorithm: 'ed25519',
          new_algorithm: 'ed25519',
          signed_with: 'old',
        },
      },
    });
    store.archive(planted);
    expect(results()).toMatchObject({ forged: 'valid', 'forged-bridge': 'valid' });
    const pinned = results(...pin(one));
    expect(pinned).toEqual({
      first: 'valid',
      bridge: 'valid',
      second: 'valid',
      third: 'valid',
      forged: 'broken',
      'forged-bridge': 'broken',
    });
  });

  test('a store signed anew with a key of its own is not the pinned one [C.pin]', () => {
    const other = new FixtureStore(planted);
    other.append('first');
    const args = ['-db', other.path, '-public-key', other.publicKeyPath];
    expect(cli.run(['verify', ...args]).code).toBe(0);
    expect(cli.run(['verify', ...args, ...pin(one)]).code).toBe(1);
    other.remove();
  });

  test('a receipt that is changed is a bad receipt first, pinned or not [C.pin]', () => {
    const id = store.append('third');
    store.edit(id, (receipt) => {
      receipt['issuanceDate'] = '2020-01-01T00:00:00Z';
    });
    const broken = verdict(...pin(planted)).chains.find(({ chain_id: chain }) => chain === 'third');
    expect(broken).toMatchObject({ broken_at: 1, receipts: [{ status: 'bad_signature' }] });
  });
});

describe('delegation', () => {
  const ISSUER = 'did:agent-receipts-daemon:local';
  const delegation = (parent: string, chain = 'a', id = ISSUER) => ({
    subject: {
      delegation: { parent_chain_id: chain, parent_receipt_id: parent, delegator: { id } },
    },
  });
  const start = {
    action: { type: 'agent_receipts.daemon_started' },
    subject: { principal: { id: 'did:user:unknown' } },
  };
  let parent: string;
  let other: string;

  beforeEach(() => {
    parent = store.append('a');
    other = store.append('b');
  });

  for (const { name, child, cause } of [
    { name: 'whose parent agrees', child: () => delegation(parent), cause: undefined },
    {
      name: 'whose parent is what the daemon said for itself',
      child: () => delegation(store.append('a', start)),
      cause: undefined,
    },
    {
      name: 'whose parent receipt does not exist [C.delegation]',
      child: () => delegation('urn:receipt:0'),
      cause: 'delegation: parent chain a has no receipt urn:receipt:0',
    },
    {
      name: 'whose parent receipt stands in another chain',
      child: () => delegation(other),
      cause: /^delegation: parent chain a has no receipt urn:receipt:/,
    },
    {
      name: 'of another delegator',
      child: () => delegation(parent, 'a', 'did:other'),
      cause: `delegation: delegator is "did:other", the parent's issuer is "${ISSUER}"`,
    },
    {
      name: 'of another principal',
      child: () => {
        const { subject } = delegation(parent);
        return { subject: { ...subject, principal: { id: 'did:user:bob' } } };
      },
      cause: /^delegation: principal is "did:user:bob"/,
    },
    {
      name: 'whose delegation names no receipt',
      child: () => ({ subject: { delegation: { parent_chain_id: 'a' } } }),
      cause: 'delegation: delegation.parent_receipt_id is not a string',
    },
    {
      name: 'whose parent receipt another key signed',
      child: () => delegation(store.append('a', { key: makeKey() })),
      cause: /was signed by none of the known keys$/,
    },
  ]) {
    test(`obsigna verify of a sub-agent ${name}`, () => {
      store.append('a/agent/x', child());
      store.append('a/agent/x');
      const { code, chains } = verdict('-chain-id', 'a/agent/x');
      expect(chains[0]).toMatchObject({ result: cause === undefined ? 'valid' : 'broken' });
      expect(code).toBe(cause === undefined ? 0 : 1);
      if (cause === undefined) expect(chains[0]?.cause).toBeNull();
      else expect(chains[0]?.cause).toMatch(cause);
      expect(chains[0]?.unchecked.map((it) => it.code)).not.toContain('DELEGATION');
    });
  }

  test('obsigna verify of a sub-agent whose parent chain is not in the store is valid, and says what is open', () => {
    store.append('c/agent/x', delegation(parent, 'c'));
    const { code, chains } = verdict('-chain-id', 'c/agent/x');
    expect(code).toBe(0);
    expect(chains[0]?.unchecked).toContainEqual({
      code: 'DELEGATION',
      text: 'the parent chain c is not in this store',
    });
  });
});

describe('obsigna verify tells how complete the record is', () => {
  const daemon = (type: string, said: object) => ({
    action: { type: `agent_receipts.${type}`, tool_name: type, risk_level: 'low' },
    issuer: { runtime: { obsigna: { daemon: { ...said } } } },
  });

  test('with down time from start and stop receipts [P1.coverage]', () => {
    store.append('a', daemon('daemon_started', { boot: 'clean' }));
    store.append('a');
    store.append('a', daemon('daemon_started', { boot: 'crash' }));
    store.append('a', daemon('daemon_stopped', { reason: 'SIGTERM' }));
    store.terminate('a');
    store.append('a-2', daemon('daemon_started', { boot: 'clean' }));
    expect(verify().stdout).toContain(`
  calls             1
  missing calls     not known
  outcome unknown   0
  events dropped    0
  down time         1s, at most 2s, in 2 gaps
    1 x crash: at most 1s
    1 x stopped: SIGTERM: 1s
  open chains       1: a-2
  not excluded:
    - receipts removed from the end of chains a, a-2, which no other chain names
    - chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names, or before 2 root chains that name none before them
    - 1 call has no number: others beside may be missing unseen
    - actions that passed neither a proxy nor a hook
`);
  });

  test('and does not count what does not verify', () => {
    store.append('a');
    const bad = store.append('a', { action: { emitter_metadata: { drop_count: 9 } } });
    store.edit(bad, (receipt) => {
      receipt['issuanceDate'] = '2020-01-01T00:00:00Z';
    });
    const { coverage } = verdict();
    expect(coverage).toMatchObject({ calls: 1, events_dropped: 0, not_counted: 1 });
    expect(coverage.not_excluded.map(({ code }) => code)).toContain('BROKEN_CHAINS');
  });

  test('and says when only one chain was looked at', () => {
    store.append('a');
    store.append('b');
    const { coverage } = verdict('-chain-id', 'b');
    expect(coverage.calls).toBe(1);
    expect(coverage.not_excluded.map(({ code }) => code)).toContain('OTHER_CHAINS');
  });
});

/** Columns have an affinity, not a type, and another program may have written anything. */
describe('a row that is no receipt is reported and does not hide the others [C.corrupt-row]', () => {
  for (const [what, change] of [
    ['text that is no JSON', "receipt_json = 'gone'"],
    ['bytes that are no text', "receipt_json = x'ff00fe'"],
    ['bytes that are half of a character', "receipt_json = CAST(x'7b22c3' AS TEXT)"],
    ['a number', 'receipt_json = 7'],
    ['another JSON value', "receipt_json = '[1]'"],
    ['no text and no id', "receipt_json = '', id = NULL"],
    ['no text, and bytes for an id', "receipt_json = '', id = x'ff00'"],
  ] as const) {
    test(`a row with ${what}`, () => {
      for (let i = 0; i < 3; i += 1) store.append('a');
      store.append('b');
      store.db.exec(`UPDATE receipts SET ${change} WHERE chain_id = 'a' AND sequence = 2`);
      const listed = cli.run(['receipt', 'list', '-db', store.path, '-jsonl']);
      expect(listed.stdout.trimEnd().split('\n')).toHaveLength(3);
      expect(listed.stderr).toContain('is not a readable receipt');
      const { code, stdout } = verify();
      expect(code).toBe(1);
      expect(stdout.match(/ \u2014 (?:ok|UNREADABLE)/g)?.sort()).toEqual(
        [' \u2014 UNREADABLE', ' \u2014 ok', ' \u2014 ok'].sort(),
      );
      expect(stdout).toContain('Chain b: VALID');
      const json = verdict();
      expect(json.chains[0]?.receipts.map(({ status }) => status)).toContain('unreadable');
      expect(json.coverage).toMatchObject({ calls: 3, not_counted: 1 });
    });
  }
});
