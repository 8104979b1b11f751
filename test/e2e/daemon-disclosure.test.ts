import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hashUri } from '../../shared/crypto/suite.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import type { Envelope } from '../../shared/envelope/envelope.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DAEMON_BUNDLE, DaemonHome } from '../fixtures/daemon-process.ts';
import { FIRST, outline, readReports } from '../fixtures/daemon-record.ts';
import { openEnvelope } from '../vectors/open-envelope.mjs';

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

function makeHome() {
  const home = new DaemonHome();
  homes.push(home);
  const key = join(home.data, 'forensic.key');
  return { home, key, publicKey: `${key}.pub` };
}

function withKey() {
  const { home, key, publicKey } = makeHome();
  expect(home.run(['-init-forensic-key']).code).toBe(0);
  const flags = (...more: readonly string[]) => ['-forensic-public-key', publicKey, ...more];
  return { home, key, publicKey, flags };
}

test('[D.forensic-key] -init-forensic-key makes both files with exact sizes and modes, and never overwrites', () => {
  const { home, key, publicKey } = makeHome();
  const first = home.run(['-init-forensic-key']);
  const kid = hashUri(nodeSuite, readFileSync(publicKey));
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain(`${key}\n`);
  expect(first.stdout).toContain(`${publicKey}\n`);
  expect(first.stdout).toContain(`fingerprint (kid): ${kid}\n`);
  const modes = [key, publicKey].map((path) => {
    const { mode, size } = statSync(path);
    return [(mode & 0o777).toString(8), size];
  });
  expect(modes).toEqual([
    ['600', 32],
    ['644', 32],
  ]);
  const before = readFileSync(key);
  const second = home.run(['-init-forensic-key']);
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toContain('[KEY_EXISTS]');
  expect(readFileSync(key).equals(before)).toBe(true);
  const other = join(home.root, 'other/k');
  mkdirSync(dirname(other));
  writeFileSync(`${other}.pub`, 'x');
  expect(home.run(['-init-forensic-key', '-forensic-key', other]).stderr).toContain('[KEY_EXISTS]');
  expect(existsSync(other)).toBe(false);
});

const FAILED_STARTS: readonly {
  name: string;
  flags: (path: string) => readonly string[];
  content?: string | Uint8Array;
  code: string;
  says: RegExp;
}[] = [
  {
    name: 'a policy without a key',
    flags: () => ['-parameter-disclosure', 'all'],
    code: 'CONFIG_INVALID',
    says: /parameter-disclosure needs -forensic-public-key/,
  },
  {
    name: 'a policy for responses without a key',
    flags: () => ['-response-disclosure', 'high'],
    code: 'CONFIG_INVALID',
    says: /response-disclosure needs -forensic-public-key/,
  },
  {
    name: 'a policy that is none',
    flags: () => ['-parameter-disclosure', 'all,high'],
    code: 'CONFIG_INVALID',
    says: /parameter-disclosure "all" cannot stand in a list/,
  },
  {
    name: 'a key of 31 bytes',
    flags: (path: string) => ['-forensic-public-key', path],
    content: new Uint8Array(31),
    code: 'FORENSIC_KEY_INVALID',
    says: /has 31 bytes, a public key has 32/,
  },
  {
    name: 'a key that gives everybody the same secret',
    flags: (path: string) => ['-forensic-public-key', path, '-parameter-disclosure', 'all'],
    content: new Uint8Array(32),
    code: 'FORENSIC_KEY_INVALID',
    says: /weak point/,
  },
  {
    name: 'no key file',
    flags: () => ['-forensic-public-key', '/nowhere', '-parameter-disclosure', 'all'],
    code: 'FORENSIC_KEY_UNREADABLE',
    says: /\/nowhere cannot be read \(ENOENT\)/,
  },
  {
    name: 'a patterns file with a mistake',
    flags: (path: string) => ['-redact-patterns', path],
    content: 'patterns:\n  - name: a\n    pattern: "(a+)+"\n',
    code: 'REDACTION_INVALID',
    says: /file:3:14: pattern "\(a\+\)\+" is refused at character 5/,
  },
];
for (const { name, flags, content = '', code, says } of FAILED_STARTS) {
  test(`[D.disclosure-policy] the daemon does not start with ${name}`, () => {
    const { home } = makeHome();
    const path = join(home.root, 'file');
    writeFileSync(path, content);
    const result = home.run(flags(path));
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(`[${code}]`);
    expect(result.stderr).toMatch(says);
    expect(existsSync(home.db)).toBe(false);
  });
}

test('[D.disclosure] payloads are sealed into the receipts they belong to, and open without us', async () => {
  const { home, key, publicKey, flags } = withKey();
  const policy = ['-parameter-disclosure', 'all', '-response-disclosure', 'filesystem.file.read'];
  const daemon = await home.start({ flags: flags('-chain-id', 'c', ...policy) });
  const client = await RawClient.connect(home.socket);
  const input = { path: '/a', n: [1, { b: null }] };
  const output = { text: 'hello' };
  client.send({ tool: { name: 'one' }, input, output });
  client.send({ tool: { name: 'two' }, input, output, action_type: 'filesystem.file.read' });
  client.send({ tool: { name: 'three' }, input: [1] });
  await client.ask({ ack: 1, tool: { name: 'four' } });
  await client.end();
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(daemon.stderr).toContain('disclosure skipped (parameters: not a JSON object)');
  expect(outline(home.db, home.publicPem())).toEqual(['c: 4 valid complete']);

  const receipts = readReports(home.db).map(({ receipt }) => receipt);
  expect(receipts.map((it) => it.credentialSubject.action.tool_name)).toEqual([
    'one',
    'two',
    'three',
    'four',
  ]);
  expect(receipts.map((it) => `${it.version} ${it['@context'][1].slice(-2)}`)).toEqual([
    '0.5.0 v2',
    '0.6.0 v3',
    '0.5.0 v2',
    '0.5.0 v2',
  ]);
  const privateKey = readFileSync(key);
  const open = (it: unknown) => openEnvelope(it as Envelope, privateKey);
  const [one, two, three] = receipts.map((it) => it.credentialSubject);
  expect(open(one?.action.parameters_disclosure)).toBe(canonicalize(input));
  expect(open(two?.action.parameters_disclosure)).toBe(canonicalize(input));
  expect(open(two?.outcome.response_disclosure)).toBe(canonicalize(output));
  expect(one?.outcome.response_disclosure).toBeUndefined();
  expect(three?.action.parameters_disclosure).toBeUndefined();
  expect(three?.action.parameters_hash).toBe(hashUri(nodeSuite, '[1]'));
  const sealed = two?.action.parameters_disclosure as unknown as Envelope;
  expect(sealed.recipients[0].kid).toBe(hashUri(nodeSuite, readFileSync(publicKey)));
  const names = (it: object | undefined) => Object.keys(it ?? {});
  const at = names(two?.action).indexOf('parameters_hash');
  expect(names(two?.action)[at + 1]).toBe('parameters_disclosure');
  expect(names(two?.outcome).slice(-2)).toEqual(['response_hash', 'response_disclosure']);

  const script = join(import.meta.dirname, '../vectors/open-envelope.mjs');
  const alone = spawnSync(process.execPath, [script, key], { input: JSON.stringify(sealed) });
  expect(alone.stdout.toString()).toBe(`${canonicalize(input)}\n`);
  const program = join(dirname(DAEMON_BUNDLE), 'obsigna.cjs');
  const args = ['receipt', 'disclose', `c:${FIRST + 1}`, '-response', '-json'];
  const ours = spawnSync(process.execPath, [program, ...args], { env: home.env });
  expect(JSON.parse(ours.stdout.toString())).toEqual(output);
});

test('[D.disclosure] frames that wait for envelopes survive the end of their connection and of the daemon', async () => {
  const { home, flags } = withKey();
  const daemon = await home.start({
    flags: flags('-parameter-disclosure', 'all', '-chain-id', 'c'),
  });
  const clients = await Promise.all([0, 1].map(() => RawClient.connect(home.socket)));
  for (let at = 0; at < 40; at += 1) {
    for (const [index, client] of clients.entries()) {
      // Every third has nothing to seal and must not overtake those that have.
      client.send({ tool: { name: `${index}-${at}` }, ...(at % 3 > 0 && { input: { at } }) });
    }
  }
  await new Promise<void>((resolve) => void clients[0]?.socket.end(resolve));
  clients[0]?.socket.destroy();
  await clients[1]?.ask({ ack: 7 });
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  const tools = readReports(home.db).map(({ columns }) => columns.tool_name);
  for (const index of [0, 1]) {
    const own = tools.filter((name) => name.startsWith(`${index}-`));
    expect(own).toEqual(Array.from({ length: 40 }, (_, at) => `${index}-${at}`));
  }
  expect(outline(home.db, home.publicPem())).toEqual(['c: 81 valid complete']);
});

test('[D.disclosure-policy] a key without a policy is a notice, and nothing is sealed', async () => {
  const { home, flags } = withKey();
  const daemon = await home.start({ flags: flags() });
  expect(daemon.stderr).toContain('NOTICE: a forensic public key is set, but disclosure is off');
  const client = await RawClient.connect(home.socket);
  await client.ask({ ack: 1, input: {} });
  const [record] = readReports(home.db);
  expect(record?.text).not.toContain('disclosure');
});

test('[D.redaction-custom] the daemon says how many patterns it loaded, and uses them', async () => {
  const { home } = makeHome();
  const path = join(home.root, 'patterns.yaml');
  writeFileSync(path, 'patterns:\n  - {name: corp, pattern: "corp_[a-z]{4}"}\n');
  const daemon = await home.start({ env: { AGENTRECEIPTS_REDACT_PATTERNS: path } });
  expect(daemon.stderr).toContain(`loaded 1 custom redaction pattern(s) from ${path}`);
  const client = await RawClient.connect(home.socket);
  await client.ask({ ack: 1, error: 'corp_abcd and xoxb-1-2', decision: 'denied' });
  const { outcome } = readReports(home.db)[0]?.receipt.credentialSubject ?? {};
  expect(outcome?.error).toBe('[REDACTED] and [REDACTED]');
});
