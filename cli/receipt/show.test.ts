import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let full: string;
let plain: string;

beforeAll(async () => {
  cli = await bundleCli();
  store = new FixtureStore();
  plain = store.append('2026-06-15');
  store.append('2026-06-15/agent/bob');
  full = store.append('2026-06-15', {
    issuer: {
      session_id: '22222222-2222-4222-8222-222222222222',
      runtime: {
        agent_id: 'bob',
        obsigna: {
          decision: {
            action: 'block',
            rule: 'no_deletes',
            matched: ['no_deletes', 'audit'],
            risk: {
              score: 70,
              reasons: [
                { reason: 'delete', points: 40 },
                { reason: 'production', points: 30 },
              ],
            },
            policy_digest: 'sha256:aa',
          },
          call: { id: '7', began: '2026-06-15T11:59:59.600Z', intent: 'missing', later: 2 },
          note: 'server exited with code 1',
          input: { bytes: 2_000_000, hashed_by: 'emitter' },
          output: { bytes: 12 },
          later: [1],
        },
      },
    },
    action: {
      target: { system: 'github', resource: 'a/b' },
      parameters_hash: 'sha256:bb',
      peer_credential: {
        platform: 'linux',
        pid: 42,
        uid: 1000,
        gid: 1000,
        exe_path: '/bin/mcp-proxy',
      },
      emitter_metadata: { drop_count: 3 },
      idempotency_key: '7',
    },
    outcome: { status: 'failure', error: 'blocked:\nno_deletes', response_hash: 'sha256:cc' },
    chain: { terminal: true, status: 'interrupted' },
    subject: { correlation_id: 'toolu_01' },
  });
  store.close();
});

afterAll(() => {
  store.remove();
  cli.remove();
});

const show = (...args: readonly string[]) =>
  cli.run(['receipt', 'show', '-db', store.path, ...args]);
const json = (...args: readonly string[]) => JSON.parse(show('-json', ...args).stdout) as Receipt;

interface Receipt {
  readonly id: string;
  readonly proof: { readonly proofValue: string };
  readonly credentialSubject: { readonly chain: { readonly previous_receipt_hash: string } };
}

describe('obsigna receipt show', () => {
  test('prints the published rows in their order, then what they leave out [C.show]', () => {
    const { proof, credentialSubject } = json('2');
    const { code, stdout, stderr } = show('2');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`Receipt ID:           ${full}
Chain:                2026-06-15
Sequence:             2
Previous hash:        ${credentialSubject.chain.previous_receipt_hash}
Terminal:             true (interrupted)
Issued:               2026-06-15T12:00:03Z
Issuer:               did:agent-receipts-daemon:local
Principal:            did:user:alice
Action type:          mcp.files.read_file
Tool:                 read_file
Risk level:           medium
Timestamp:            2026-06-15T12:00:03Z
Parameters hash:      sha256:bb
Target:               github a/b
Dropped count:        3
Outcome:              failure
Error:                blocked:\\nno_deletes
Response hash:        sha256:cc
Signature:            ${proof.proofValue}
Verification method:  did:agent-receipts-daemon:local#k1
Session:              22222222-2222-4222-8222-222222222222
Peer:                 linux, pid 42, uid 1000, gid 1000, /bin/mcp-proxy
Correlation:          toolu_01
Idempotency key:      7
Runtime:              {"agent_id":"bob"}
Decision:             block
Rule:                 no_deletes
Matched rules:        no_deletes, audit
Risk score:           70 (delete 40, production 30)
Policy digest:        sha256:aa
Call:                 7
Began:                2026-06-15T11:59:59.600Z
Took:                 about 4s
Intent:               missing
Call details:         {"later":2}
Note:                 server exited with code 1
Input size:           2000000 bytes, hashed by the emitter
Output size:          12 bytes
Extension:            {"later":[1]}
`);
  });

  test('leaves out rows without a value', () => {
    const labels = show('2026-06-15:1').stdout.match(/^[^:]+/gm);
    expect(labels).not.toContain('Terminal');
    expect(labels).not.toContain('Previous hash');
    expect(labels?.slice(-1)).toEqual(['Verification method']);
  });

  for (const { name, args, want } of [
    { name: 'a number that one chain has', args: ['2'], want: () => full },
    { name: 'flags behind the number', args: ['1', '--chain-id', '2026-06-15'], want: () => plain },
    { name: 'chain and number', args: ['2026-06-15:1'], want: () => plain },
    { name: 'a receipt id', args: [() => full], want: () => full },
    {
      name: 'a bare uuid',
      args: [() => full.replace('urn:receipt:', '').toUpperCase()],
      want: () => full,
    },
    {
      name: 'the call that a server was told [X.http-attestation]',
      args: ['22222222-2222-4222-8222-222222222222/7'],
      want: () => full,
    },
  ]) {
    test(`finds ${name}`, () => {
      const words = args.map((arg) => (typeof arg === 'string' ? arg : arg()));
      expect(json(...words).id).toBe(want());
    });
  }

  test('takes the chain from AGENTRECEIPTS_CHAIN_ID unless the argument names one', () => {
    const env = { AGENTRECEIPTS_CHAIN_ID: '2026-06-15', AGENTRECEIPTS_DB: store.path };
    expect(cli.run(['show', '1'], { env }).stdout).toContain(plain);
    expect(cli.run(['show', '2026-06-15/agent/bob:1'], { env }).stdout).toContain('agent/bob\n');
  });

  for (const { args, code, stderr } of [
    {
      args: ['1'],
      code: 2,
      stderr:
        /: 2 chains have sequence 1: 2026-06-15:1, 2026-06-15\/agent\/bob:1\n.+\n {2}code: SEQUENCE_AMBIGUOUS\n$/,
    },
    { args: ['9'], code: 1, stderr: /: no receipt with sequence 9: in no chain\n/ },
    {
      args: ['2026-06-15:9'],
      code: 1,
      stderr: /: in chain 2026-06-15\n.+\n {2}code: RECEIPT_NOT_FOUND\n$/,
    },
    {
      args: ['22222222-2222-4222-8222-222222222222/8'],
      code: 1,
      stderr: /: no receipt of call 8 of session 2+-.+ {2}code: RECEIPT_NOT_FOUND\n$/s,
    },
    { args: ['urn:receipt:x'], code: 1, stderr: /: no receipt urn:receipt:x\n/ },
    { args: [], code: 2, stderr: /: name a receipt: SEQ, CHAIN:SEQ, ID or SESSION\/CALL\n/ },
    {
      args: ['last'],
      code: 2,
      stderr: /: "last" names no receipt, expected SEQ, CHAIN:SEQ, ID or SESSION\/CALL\n/,
    },
    { args: ['-3'], code: 2, stderr: /: flag provided but not defined: -3\n/ },
    { args: ['1', '2'], code: 2, stderr: /: unexpected argument "2"\n/ },
  ]) {
    test(`${args.join(' ') || 'no argument'} ends with ${code} [C.sequence-ambiguous]`, () => {
      const result = show(...args);
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toMatch(stderr);
    });
  }

  test('an empty store has no receipt', () => {
    const empty = new FixtureStore();
    try {
      const result = cli.run(['show', '1', '-db', empty.path]);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('no receipt with sequence 1: the store is empty\n');
    } finally {
      empty.remove();
    }
  });

  for (const [what, ours] of [
    ['a text', 'later'],
    ['a decision of another shape', { decision: 'block' }],
    ['a risk of another shape', { decision: { action: 'flag', risk: { score: 'high' } } }],
    ['a size of another shape', { input: { bytes: 1, lines: 2 } }],
  ] as const) {
    test(`shows ${what} in our extension as JSON`, () => {
      const other = new FixtureStore();
      try {
        other.append('c', { issuer: { runtime: { obsigna: ours } } });
        const { code, stdout } = cli.run(['show', '1', '-db', other.path]);
        expect(code).toBe(0);
        expect(stdout).toMatch(/^(Extension|Decision details): +["{]/m);
      } finally {
        other.remove();
      }
    });
  }
});
