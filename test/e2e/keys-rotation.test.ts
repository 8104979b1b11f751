import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSigningKey } from '../../daemon/keys/key-files.ts';
import { generateKeyPem, parsePrivateKeyPem } from '../../shared/crypto/private-key.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import type { JsonValue } from '../../shared/json/value.ts';
import { readRecord } from '../fixtures/daemon-record.ts';
import { KeysHome } from '../fixtures/keys-home.ts';

let home: KeysHome;
beforeEach(() => {
  home = new KeysHome();
});
afterEach(() => home.remove());

const rotate = (...flags: readonly string[]) => home.cli(['keys', 'rotate', ...flags]);
const day = (chainId: string) => ({ flags: ['-chain-id', chainId] });

/**
 * Each: what was there, where the rotation went, what the next daemon did. Every chain is asked for
 * by the built `obsigna verify` before the rotation, behind it, and after the daemon has gone on.
 */
const SITUATIONS: readonly {
  readonly name: string;
  readonly before: () => Promise<unknown>;
  readonly flags?: readonly string[];
  readonly rotated: readonly string[];
  readonly on: string;
  readonly after?: readonly string[];
  readonly resumed: readonly string[];
}[] = [
  {
    name: 'after a clean stop it opens the next chain, never behind a terminal receipt (#1)',
    before: () => home.session([''], 'SIGTERM'),
    flags: ['-chain-id', 'root'],
    rotated: ['root: 1 valid', 'root-2: 1 valid'],
    on: 'root-2 (seq 1)',
    resumed: ['root: 1 valid', 'root-2: 2 valid'],
  },
  {
    name: 'after a crash it goes on the open chain, which the new key continues',
    before: () => home.session([''], 'SIGKILL'),
    rotated: ['root: 2 valid'],
    on: 'root (seq 3)',
    resumed: ['root: 3 valid'],
  },
  {
    name: 'the chains of earlier days stay valid (#2)',
    before: async () => {
      await home.session([''], 'SIGTERM', day('2026-01-01'));
      await home.session([''], 'SIGKILL', day('2026-01-02'));
      expect(rotate().code).toBe(0);
      await home.session([''], 'SIGTERM', day('2026-01-03'));
    },
    flags: ['-chain-id', '2026-01-03'],
    rotated: [
      '2026-01-01: 1 valid',
      '2026-01-02: 2 valid',
      '2026-01-03: 1 valid',
      '2026-01-03-2: 1 valid',
    ],
    on: '2026-01-03-2 (seq 1)',
    resumed: [
      '2026-01-01: 1 valid',
      '2026-01-02: 2 valid',
      '2026-01-03: 1 valid',
      '2026-01-03-2: 1 valid',
      'root: 1 valid',
    ],
  },
  {
    name: 'sub-agent chains that ended stay valid (#2)',
    before: () => home.session(['', 'a'], 'SIGTERM'),
    flags: ['-chain-id', 'root'],
    rotated: ['root: 1 valid', 'root/agent/a: 1 valid', 'root-2: 1 valid'],
    on: 'root-2 (seq 1)',
    after: ['', 'a'],
    resumed: [
      'root: 1 valid',
      'root/agent/a: 1 valid',
      'root-2: 2 valid',
      'root-2/agent/a: 1 valid',
    ],
  },
  {
    name: 'every open sub-agent chain is handed over as well',
    before: () => home.session(['', 'a', 'b'], 'SIGKILL'),
    rotated: ['root: 2 valid', 'root/agent/a: 2 valid', 'root/agent/b: 2 valid'],
    on: 'root (seq 3)',
    after: ['', 'a'],
    resumed: ['root: 3 valid', 'root/agent/a: 3 valid', 'root/agent/b: 2 valid'],
  },
  {
    name: 'without -chain-id it goes on the live chain, not on the date (#6)',
    before: async () => {
      await home.session([''], 'SIGTERM', day('2026-01-01'));
      await home.session([''], 'SIGKILL', day('2026-01-01'));
    },
    rotated: ['2026-01-01: 1 valid', '2026-01-01-2: 2 valid'],
    on: '2026-01-01-2 (seq 3)',
    resumed: ['2026-01-01: 1 valid', '2026-01-01-2: 2 valid', 'root: 1 valid'],
  },
  {
    name: 'a store without receipts begins with it',
    before: async () => undefined,
    flags: ['-chain-id', 'root'],
    rotated: ['root: 1 valid'],
    on: 'root (seq 1)',
    resumed: ['root: 2 valid'],
  },
];

for (const { name, before, flags = [], rotated, on, after = [''], resumed } of SITUATIONS) {
  test(`[D.rotation] ${name}`, { timeout: 30_000 }, async () => {
    const old = home.fingerprint();
    await before();
    const outgoing = home.fingerprint();
    if (name !== SITUATIONS.at(-1)?.name) expect(home.verified().code).toBe(0);
    const { code, stdout, stderr } = rotate(...flags);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`rotated signing key on chain ${on}\n`);
    expect(home.fingerprint()).not.toBe(outgoing);
    expect(home.verified()).toEqual({ code: 0, chains: rotated });
    const log = await home.session(after, 'SIGTERM');
    expect(log).toContain('shutdown complete\n');
    expect(home.verified()).toEqual({ code: 0, chains: resumed });
    // Whoever trusts the first key, and no file beside the store, follows it through everything.
    expect(home.verified(['-pin', old])).toEqual({ code: 0, chains: resumed });
  });
}

test('[D.rotation] two rotations in a row, and a chain that both went through', async () => {
  await home.session(['', 'a'], 'SIGKILL');
  for (let i = 0; i < 2; i += 1) expect(rotate().code).toBe(0);
  await home.session(['', 'a'], 'SIGKILL');
  expect(rotate().code).toBe(0);
  expect(home.verified()).toEqual({ code: 0, chains: ['root: 5 valid', 'root/agent/a: 5 valid'] });
});

test('[D.rotation] prints what scripts read, writes the receipt and the files of the protocol', async () => {
  await home.session([''], 'SIGKILL');
  const anchor = join(home.root, 'anchor.jsonl');
  const outgoing = home.fingerprint();
  const oldPem = home.publicPem();
  const { stdout } = rotate('-anchor-log', anchor);
  const incoming = home.fingerprint();
  const archive = `${home.publicKey}.rotated-${outgoing.slice(-16)}`;
  const rotation = readRecord(home.db).at(-1);
  expect(stdout.split('\n').slice(0, 7)).toEqual([
    'rotated signing key on chain root (seq 3)',
    `  key_rotated receipt: ${rotation?.receipt.id}`,
    `  outgoing key:        ${outgoing}`,
    `  incoming key:        ${incoming}`,
    `  archived public key: ${archive}`,
    `  anchored to:         ${anchor}`,
    '',
  ]);
  expect(stdout).toContain('obsigna verify');
  expect(rotation?.receipt.issuer).toEqual({ id: 'did:agent-receipts-daemon:local' });
  const { credentialSubject } = JSON.parse(rotation?.text ?? '') as Record<string, object>;
  expect(credentialSubject).toEqual({
    principal: { id: 'did:agent-receipts-daemon:local' },
    action: {
      id: expect.stringMatching(/^act_/) as string,
      type: 'agent.key.rotate',
      risk_level: 'high',
      timestamp: rotation?.receipt.issuanceDate,
    },
    outcome: { status: 'success' },
    chain: expect.objectContaining({ sequence: 3, chain_id: 'root' }) as object,
    keyRotation: {
      event_type: 'key_rotated',
      new_public_key: expect.stringMatching(/^u[\w-]{43}$/) as string,
      old_key_fingerprint: outgoing,
      new_key_fingerprint: incoming,
      old_algorithm: 'ed25519',
      new_algorithm: 'ed25519',
      signed_with: 'old',
    },
  });
  expect(Object.keys(home.keyFiles()).sort()).toEqual([
    'signing.key',
    'signing.key.pub',
    `signing.key.pub.rotated-${outgoing.slice(-16)}`,
  ]);
  expect(readFileSync(archive, 'utf8')).toBe(oldPem);
  const modes = [home.key, home.publicKey, archive, anchor].map((it) => statSync(it).mode & 0o777);
  expect(modes).toEqual([0o600, 0o644, 0o644, 0o600]);
  // [D.anchor-log] one line, byte for byte: the canonical receipt inside three fixed members.
  const payload = canonicalize(JSON.parse(rotation?.text ?? '') as JsonValue);
  const line = readFileSync(anchor, 'utf8');
  const [, at] = /^\{"anchored_at":"([^"]+)",/.exec(line) ?? [];
  expect(line).toBe(`{"anchored_at":"${at}","event_type":"rotation","payload":${payload}}\n`);
  expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$/);
});

test('[D.anchor-log] a log that cannot be written stops the rotation before anything changed', async () => {
  await home.session([''], 'SIGKILL');
  const files = home.keyFiles();
  writeFileSync(join(home.root, 'file'), '');
  for (const path of ['file/anchor', '.']) {
    const { code, stderr } = rotate('-anchor-log', join(home.root, path));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('[ANCHOR_FAILED]') as string,
    });
  }
  expect(home.keyFiles()).toEqual(files);
  expect(readRecord(home.db)).toHaveLength(2); // the start and the call
});

test('[D.rotation-offline] a running daemon is named, by lock and by socket, and nothing changes', async () => {
  const daemon = await home.start();
  const files = home.keyFiles();
  const byLock = rotate('-socket', join(home.root, 'elsewhere.sock'));
  expect(byLock.code).toBe(1);
  expect(byLock.stderr).toContain(`another daemon (pid ${daemon.pid}) owns this store`);
  // Another store: only the socket tells, as it would of a daemon that takes no lock.
  const bySocket = rotate('-db', join(home.root, 'other.db'));
  expect(bySocket.code).toBe(1);
  expect(bySocket.stderr).toMatch(
    /a daemon is listening on .+events\.sock\n.*\[DAEMON_RUNNING\]\n$/,
  );
  expect(home.keyFiles()).toEqual(files);
});

for (const { name, before, chain, want } of [
  {
    name: 'at the end of an open chain: its open sub-agent chains are not extended',
    before: () => home.session(['', 'a'], 'SIGKILL'),
    chain: 'root',
    want: ['root: 2 valid', 'root/agent/a: 1 valid', 'root-2: 1 valid', 'root-2/agent/a: 1 valid'],
  },
  {
    name: 'as the first receipt of another chain (#6): the old chain is not extended',
    before: () => home.session(['', 'a'], 'SIGKILL'),
    chain: '2026-06-15',
    want: [
      'root: 1 valid',
      'root/agent/a: 1 valid',
      '2026-06-15: 1 valid',
      'root-2: 1 valid',
      'root-2/agent/a: 1 valid',
    ],
  },
  {
    name: 'behind a terminal receipt (#1): that one chain is broken for every verifier, and left alone',
    before: () => home.session(['', 'a'], 'SIGTERM'),
    chain: 'root',
    want: ['root: 2 broken', 'root/agent/a: 1 valid', 'root-2: 1 valid', 'root-2/agent/a: 1 valid'],
  },
]) {
  test(`[D.rotation-reference] the reference rotated ${name}`, async () => {
    await before();
    home.rotateAsReference(chain);
    await home.session(['', 'a'], 'SIGTERM');
    const code = want.some((it) => it.endsWith('broken')) ? 1 : 0;
    expect(home.verified()).toEqual({ code, chains: want });
    expect(rotate('-chain-id', 'root').code).toBe(0);
    await home.session(['', 'a'], 'SIGTERM');
    expect(home.verified().chains.filter((it) => it.endsWith('broken'))).toEqual(
      want.filter((it) => it.endsWith('broken')),
    );
  });
}

for (const { name, chain, from, says } of [
  {
    name: 'by a key that was never in force there',
    chain: 'root',
    from: () => parsePrivateKeyPem(generateKeyPem().privatePem),
    says: 'its key was not in force in this chain',
  },
  {
    name: 'to a key that is not the signing key',
    chain: 'root',
    from: undefined,
    says: 'gave way to sha256:',
  },
]) {
  test(`[D.rotation] a planted handover ${name} is not built on`, async () => {
    await home.session([''], 'SIGKILL');
    const own = loadSigningKey(home.key);
    const stranger = parsePrivateKeyPem(generateKeyPem().privatePem);
    const outgoing = from?.() ?? own;
    home.appendRotation(chain, outgoing, from === undefined ? stranger : own);
    home.archive(outgoing);
    const { code, stderr } = home.run(['-chain-id', 'root']);
    expect(code).toBe(1);
    expect(stderr).toContain(says);
    expect(rotate('-chain-id', 'root').code).toBe(1);
    expect(readRecord(home.db)).toHaveLength(3);
  });
}

test('[C.keys-sibling] obsigna keys runs the daemon program that it was installed with', () => {
  const bin = join(home.root, 'obsigna');
  symlinkSync(join(import.meta.dirname, '../../dist/obsigna.cjs'), bin);
  const env = { ...home.env, PATH: '/usr/bin:/bin' };
  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'keys', ...args], {
      env,
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  };
  const key = join(home.root, 'other.key');
  const made = `generated signing key: ${key}\npublic key: ${key}.pub\n`;
  expect(run('generate', '-key', key)).toEqual({ code: 0, stdout: made, stderr: '' });
  const pem = readFileSync(`${key}.pub`, 'utf8');
  expect(run('pubkey', '--key', key)).toEqual({ code: 0, stdout: pem, stderr: '' });
  expect(run('generate', '-key', key)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('[KEY_EXISTS]') as string,
  });
  expect(run('pubkey', '-key', `${key}.none`).code).toBe(1);
  expect(run('pubkey', '-unknown').code).toBe(2);
  expect(run('rotate', 'now')).toMatchObject({ code: 2, stdout: '' });
});
