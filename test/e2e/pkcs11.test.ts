import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { generateKeyPem, parsePrivateKeyPem } from '../../shared/crypto/private-key.ts';
import { keyFingerprint } from '../../shared/crypto/public-key.ts';
import { eventMembers, RawClient } from '../fixtures/daemon-client.ts';
import { KeysHome } from '../fixtures/keys-home.ts';

const MODULE = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
].find(existsSync);
const hasToken = MODULE !== undefined && spawnSync('softhsm2-util', ['-v']).error === undefined;
if (!hasToken) process.stderr.write('PKCS #11 tests skipped: no SoftHSM (softhsm2)\n');

const PIN = '1234';
let home: KeysHome;
let tokens: string;

beforeEach(() => {
  home = new KeysHome({ init: false });
  tokens = join(home.root, 'tokens');
  mkdirSync(tokens);
  const config = `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`;
  writeFileSync(join(home.root, 'softhsm.conf'), config);
  writeFileSync(join(home.root, 'pin'), `${PIN}\n`, { mode: 0o600 });
});
afterEach(() => home.remove());

const env = () => ({ SOFTHSM2_CONF: join(home.root, 'softhsm.conf') });

function softhsm(...args: readonly string[]): void {
  const options = { env: { ...process.env, ...env() }, encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync('softhsm2-util', args, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

const addToken = (label: string) =>
  softhsm('--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', '5678');

/** Puts a key into a token; returns its fingerprint. */
function addKey(token: string, label: string, id: string): string {
  const { privatePem } = generateKeyPem();
  const path = join(home.root, 'import.pem');
  writeFileSync(path, privatePem);
  softhsm('--import', path, '--token', token, '--label', label, '--id', id, '--pin', PIN);
  rmSync(path);
  return keyFingerprint(nodeSuite, parsePrivateKeyPem(privatePem).publicKey);
}

const uri = (key: string, pin = join(home.root, 'pin')) =>
  `pkcs11:${key}?module-path=${MODULE}&pin-source=file:${encodeURI(pin)}`;
const withKey = (key: string) => ({ flags: ['-chain-id', 'root', '-key', key], env: env() });
const valid = (...chains: readonly string[]) => ({
  code: 0,
  chains: chains.map((it) => expect.stringMatching(`^${it}: \\d+ valid$`) as string),
});

describe.skipIf(!hasToken)('a key in a PKCS #11 token [D.signer-token]', () => {
  beforeEach(() => addToken('obsigna'));

  for (const [name, key] of [
    ['its label', 'token=obsigna;object=receipts'],
    ['its id', 'token=obsigna;id=%02'],
    ['both, the only token', 'object=receipts;id=%02;type=private'],
  ] as const) {
    test(`signs, named by ${name}`, async () => {
      addKey('obsigna', 'other', '01');
      const fingerprint = addKey('obsigna', 'receipts', '02');
      await home.session(['', 'a'], 'SIGTERM', withKey(uri(key)));
      expect(existsSync(home.key)).toBe(false);
      expect(home.verified(['-pin', fingerprint])).toEqual(valid('root', 'root/agent/a'));
    });
  }

  test('takes the PIN from the environment where the URI names no file', async () => {
    addKey('obsigna', 'receipts', '01');
    const key = `pkcs11:object=receipts?module-path=${MODULE}`;
    const without = home.run(['-key', key], env()).stderr;
    expect(without).toMatch(/no PIN: .*\n.*\[SIGNER_UNAVAILABLE\]/);
    const flags = withKey(key);
    await home.session([''], 'SIGTERM', {
      ...flags,
      env: { ...flags.env, AGENTRECEIPTS_PKCS11_PIN: PIN },
    });
    expect(home.verified()).toEqual(valid('root'));
  });

  for (const { name, key, says, prepare = () => undefined } of [
    {
      name: 'a wrong PIN',
      key: () => uri('object=receipts'),
      prepare: () => writeFileSync(join(home.root, 'pin'), '9999'),
      says: /the PIN is wrong; it is not tried again\n.*\[SIGNER_UNAVAILABLE\]/,
    },
    {
      name: 'a PIN that others may read',
      key: () => uri('object=receipts'),
      prepare: () => chmodSync(join(home.root, 'pin'), 0o644),
      says: /pin has mode 0644.*\n.*\[KEY_UNSAFE\]/,
    },
    {
      name: 'no file of a PIN',
      key: () => uri('object=receipts', '/nowhere/pin'),
      says: /no PIN file at \/nowhere\/pin\n.*\[SIGNER_UNAVAILABLE\]/,
    },
    {
      name: 'a key that is not there',
      key: () => uri('object=nobody'),
      says: /0 private Edwards keys fit, expected one\n.*\[SIGNER_UNAVAILABLE\]/,
    },
    {
      name: 'two keys of one label',
      key: () => uri('object=receipts'),
      prepare: () => void addKey('obsigna', 'receipts', '09'),
      says: /2 private Edwards keys fit/,
    },
    {
      name: 'two tokens',
      key: () => uri('object=receipts'),
      prepare: () => addToken('second'),
      says: /: 2 tokens fit, expected one\n/,
    },
    {
      name: 'another token',
      key: () => uri('token=none;object=receipts'),
      says: /: 0 tokens fit, expected one\n/,
    },
    {
      name: 'a module that is none',
      key: () => 'pkcs11:object=receipts?module-path=/nowhere/module.so',
      says: /PKCS #11 module \/nowhere\/module\.so: .*\n.*\[SIGNER_UNAVAILABLE\]/s,
    },
    {
      name: 'a library that is no module',
      key: () => 'pkcs11:object=receipts?module-path=/lib/x86_64-linux-gnu/libc.so.6',
      says: /PKCS #11 module .*\n.*\[SIGNER_UNAVAILABLE\]/s,
    },
  ]) {
    test(`a start with ${name} is refused`, () => {
      addKey('obsigna', 'receipts', '01');
      prepare();
      const { code, stderr } = home.run(['-key', key()], env());
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
    });
  }

  test('a token that is taken away costs refusals; back again, it costs nothing', async () => {
    addKey('obsigna', 'receipts', '01');
    const daemon = await home.start(withKey(uri('object=receipts')));
    const client = await RawClient.connect(home.socket);
    const ask = (ack: number) => client.ask(eventMembers({ ack }) as { ack: number });
    expect(await ask(1)).toMatchObject({ ok: true });
    renameSync(tokens, `${tokens}-gone`);
    for (const ack of [2, 3]) {
      expect(await ask(ack)).toMatchObject({ ok: false, code: 'SIGNER_UNAVAILABLE' });
    }
    renameSync(`${tokens}-gone`, tokens);
    expect(await ask(4)).toMatchObject({ ok: true });
    await daemon.stop();
    expect(home.verified()).toEqual(valid('root'));
  });

  test('a PIN that became wrong is tried once, and not again by the same daemon', async () => {
    addKey('obsigna', 'receipts', '01');
    const daemon = await home.start(withKey(uri('object=receipts')));
    const client = await RawClient.connect(home.socket);
    const ask = (ack: number) => client.ask(eventMembers({ ack }) as { ack: number });
    renameSync(tokens, `${tokens}-gone`);
    expect(await ask(1)).toMatchObject({ ok: false });
    renameSync(`${tokens}-gone`, tokens);
    for (const [ack, pin] of [
      [2, '9999'],
      [3, PIN], // even the right one: the daemon does not look
    ] as const) {
      writeFileSync(join(home.root, 'pin'), pin);
      expect(await ask(ack)).toMatchObject({
        ok: false,
        error: expect.stringContaining('the PIN is wrong; it is not tried again') as string,
      });
    }
    await daemon.stop();
    await home.session([''], 'SIGTERM', withKey(uri('object=receipts')));
    expect(home.verified().code).toBe(0);
  });

  test('[D.rotation] from a file into the token, on to another key, and out again', async () => {
    home.run(['-init']);
    const first = home.fingerprint();
    await home.session([''], 'SIGKILL');
    addKey('obsigna', 'one', '01');
    addKey('obsigna', 'two', '02');
    const rotate = (...flags: string[]) => home.cli(['keys', 'rotate', ...flags], env());
    const [one, two] = [uri('object=one'), uri('object=two')];
    expect(rotate('-new-key', one)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(home.key)).toBe(false);
    await home.session([''], 'SIGKILL', withKey(one));
    expect(rotate('-key', one, '-new-key', two)).toMatchObject({ code: 0, stderr: '' });
    await home.session([''], 'SIGKILL', withKey(two));
    expect(rotate('-key', two, '-new-key', home.key)).toMatchObject({ code: 0, stderr: '' });
    await home.session([''], 'SIGTERM');
    expect(home.verified(['-pin', first])).toEqual(valid('root'));
  });
});
