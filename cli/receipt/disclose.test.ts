import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base58 } from '@scure/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateForensicKey } from '../../shared/crypto/forensic-key.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { sealEnvelope } from '../../shared/envelope/hpke.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

const own = generateForensicKey();
const KID = hashUri(nodeSuite, own.publicKey);
const PAYLOAD = { command: 'ls\n-l', count: 3, 'Z z': { b: [true] }, é: null };
const RESPONSE = { ok: true };
let cli: CliBundle;
let store: FixtureStore;
let keyPath: string;
let first: string;

const seal = (payload: JsonObject, kid = KID) =>
  sealEnvelope(payload, { kid, publicKey: own.publicKey });
const hashOf = (payload: JsonObject) => hashUri(nodeSuite, canonicalize(payload));

beforeAll(async () => {
  cli = await bundleCli();
  store = new FixtureStore();
  keyPath = join(store.folder, 'forensic.key');
  writeFileSync(keyPath, own.privateKey);
  const envelope = await seal(PAYLOAD);
  first = store.append('c', {
    action: { parameters_hash: hashOf(PAYLOAD), parameters_disclosure: envelope },
    outcome: {
      response_hash: hashOf(RESPONSE),
      response_disclosure: await seal(RESPONSE),
    },
  });
  store.append('c', { outcome: { response_disclosure: await seal({}) } }); // 2
  store.append('c'); // 3
  const other = await seal({ command: 'rm' });
  store.append('c', { action: { parameters_hash: hashOf(PAYLOAD), parameters_disclosure: other } }); // 4
  const bent = { ...envelope, ct: `${envelope.ct.slice(0, -4)}AAAA` };
  store.append('c', { action: { parameters_disclosure: bent } }); // 5
  const double = { ...envelope, recipients: [...envelope.recipients, ...envelope.recipients] };
  store.append('c', { action: { parameters_disclosure: double } }); // 6
  const did = `did:key:z${base58.encode(Uint8Array.of(0xec, 1, ...own.publicKey))}#enc-1`;
  const named = { ...bent, recipients: [{ ...bent.recipients[0], kid: did }] };
  store.append('c', { action: { parameters_disclosure: named } }); // 7
  const legacy = store.append('c', { action: { parameters_disclosure: { path: '/etc/motd' } } }); // 8
  store.edit(legacy, (receipt) => (receipt['version'] = '0.2.1'));
  store.append('d');
  store.close();
});

afterAll(() => {
  store.remove();
  cli.remove();
});

const disclose = (...args: readonly string[]) =>
  cli.run(['receipt', 'disclose', '-db', store.path, '-key', keyPath, ...args]);

test('[C.disclose] prints the members in the order of their bytes, texts as they are, the rest as JSON', () => {
  expect(disclose('c:1')).toEqual({
    code: 0,
    stdout: 'Z z:  {"b":[true]}\ncommand:  ls\\n-l\ncount:  3\né:  null\n',
    stderr: '',
  });
});

for (const { name, args, want } of [
  { name: 'a chain by flag', args: () => ['1', '--chain-id', 'c', '--json'], want: PAYLOAD },
  { name: 'an id', args: () => [first, '-json'], want: PAYLOAD },
  { name: 'the response', args: () => ['c:1', '--response', '-json'], want: RESPONSE },
]) {
  test(`[C.disclose] --json prints the object: ${name}`, () => {
    const { code, stdout, stderr } = disclose(...args());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(want);
  });
}

const write = (name: string, content: string | Uint8Array) => {
  const path = join(store.folder, name);
  writeFileSync(path, content);
  return path;
};
for (const { name, args, code, stdout = '', says } of [
  { name: 'no such receipt', args: () => ['c:99'], code: 1, says: [/RECEIPT_NOT_FOUND/] },
  {
    name: 'a receipt without disclosure',
    args: () => ['c:3'],
    code: 1,
    says: [/urn:receipt:\S+ holds no sealed parameters\n/, /DISCLOSURE_NONE/],
  },
  {
    name: 'a receipt with another disclosure',
    args: () => ['c:2'],
    code: 1,
    says: [/holds no sealed parameters; -response opens its response\n/],
  },
  { name: 'several chains', args: () => ['1'], code: 2, says: [/SEQUENCE_AMBIGUOUS/] },
  { name: 'no receipt named', args: () => [], code: 2, says: [/USAGE/] },
  {
    name: 'no store',
    args: () => ['c:1', '-db', join(store.folder, 'none.db')],
    code: 2,
    says: [/STORE_MISSING/],
  },
  {
    name: 'no key',
    args: () => ['c:1', '-key', join(store.folder, 'none')],
    code: 3,
    says: [/FORENSIC_KEY_UNREADABLE/],
  },
  {
    name: 'a key that is none',
    args: () => ['c:1', '-key', write('bad', 'x')],
    code: 3,
    says: [/FORENSIC_KEY_INVALID/],
  },
  {
    name: 'another key',
    args: () => ['c:1', '-key', write('other', generateForensicKey().privateKey)],
    code: 3,
    says: [
      /decryption failed: the key does not match any recipient: it is sha256:/,
      /ENVELOPE_NOT_OPENED/,
    ],
  },
  {
    name: 'a changed envelope',
    args: () => ['c:5'],
    code: 3,
    says: [/the key matches recipient sha256:[0-9a-f]{64}, so the envelope may be corrupt/],
  },
  {
    name: 'a changed envelope for a did:key',
    args: () => ['c:7'],
    code: 3,
    says: [/matches recipient did:key:z6LS\w+#enc-1, so the envelope may be corrupt/],
  },
  {
    name: 'several recipients',
    args: () => ['c:6'],
    code: 3,
    says: [/2 recipients, version 1 has exactly one/, /ENVELOPE_INVALID/],
  },
  {
    name: 'something else than was hashed',
    args: () => ['c:4'],
    code: 3,
    stdout: 'command:  rm\n',
    says: [/what was sealed hashes to sha256:/, /DISCLOSURE_MISMATCH/],
  },
]) {
  test(`[C.disclose] ${name} ends with ${code}`, () => {
    const result = disclose(...args());
    expect(result).toMatchObject({ code, stdout });
    for (const pattern of says) expect(result.stderr).toMatch(pattern);
  });
}

test('[C.disclose] nothing to compare with, and an empty object, are said', () => {
  const { code, stdout, stderr } = disclose('c:2', '-response');
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toBe(
    'note: the object is empty\nwarning: the receipt has no hash of its response to compare with\n',
  );
});

test('[C.disclose] the plain map of early versions needs no key', () => {
  const { code, stdout, stderr } = disclose('c:8', '-key', join(store.folder, 'none'));
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'path:  /etc/motd\n' });
  expect(stderr).toMatch(/^note: receipts of version 0\.2\.1 hold parameters in plain text\n/);
});

test('[C.disclose] the key is found in AGENTRECEIPTS_FORENSIC_KEY, else in the data directory', () => {
  const args = ['receipt', 'disclose', '-db', store.path, 'c:1'];
  const env = { AGENTRECEIPTS_FORENSIC_KEY: keyPath };
  expect(cli.run(args, { env }).code).toBe(0);
  const home = cli.run(args, { env: { HOME: '/nowhere' } });
  expect(home.stderr).toContain('/nowhere/.local/share/agent-receipts/forensic.key cannot be read');
});

for (const [name, want] of [
  ['c:1', `parameters sealed for ${KID}; response sealed for ${KID}`],
  ['c:8', 'parameters in plain text'],
] as const) {
  test(`[C.show] show mentions what ${name} discloses`, () => {
    const { stdout } = cli.run(['show', name, '-db', store.path]);
    expect(stdout).toMatch(new RegExp(`^Disclosure: +${want}$`, 'm'));
  });
}
test('[C.show] show mentions no disclosure where there is none', () => {
  expect(cli.run(['show', 'c:3', '-db', store.path]).stdout).not.toContain('Disclosure');
});
