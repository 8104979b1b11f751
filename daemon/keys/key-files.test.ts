import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { generateKeyPem } from '../../shared/crypto/private-key.ts';
import { createKeyFiles, loadSigningKey, publishPublicKey } from './key-files.ts';

const root = mkdtempSync(join(tmpdir(), 'obsigna k '));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const fresh = () => join(root, `key-${(count += 1)}`);
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

function writeKey(path: string, text: string, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

const { privatePem, publicPem } = generateKeyPem();
const body = privatePem.split('\n')[1] as string;

for (const mode of [0o600, 0o400]) {
  test(`[P2.key-mode] loadSigningKey() takes a key of mode 0${mode.toString(8)}`, () => {
    const path = fresh();
    writeKey(path, privatePem, mode);
    expect(loadSigningKey(path).publicKey).toHaveLength(32);
  });
}

for (const { name, make, code } of [
  ...[0o640, 0o604, 0o660, 0o610, 0o601, 0o777].map((mode) => ({
    name: `mode 0${mode.toString(8)}`,
    make: (path: string) => writeKey(path, privatePem, mode),
    code: 'KEY_UNSAFE',
  })),
  {
    name: 'a link to a good key',
    make: (path: string) => {
      writeKey(`${path}.target`, privatePem);
      symlinkSync(`${path}.target`, path);
    },
    code: 'KEY_UNSAFE',
  },
  {
    name: 'a directory',
    make: (path: string) => mkdirSync(path, { mode: 0o700 }),
    code: 'KEY_UNSAFE',
  },
  {
    name: 'a FIFO nobody writes to',
    make: (path: string) => execFileSync('mkfifo', ['-m', '600', path]),
    code: 'KEY_UNSAFE',
  },
  {
    name: 'more than 16 KiB',
    make: (path: string) => writeKey(path, privatePem + ' '.repeat(16 * 1024)),
    code: 'KEY_UNSAFE',
  },
  { name: 'nothing', make: () => undefined, code: 'KEY_MISSING' },
  { name: 'an empty file', make: (path: string) => writeKey(path, ''), code: 'KEY_INVALID' },
  {
    name: 'the public half',
    make: (path: string) => writeKey(path, publicPem),
    code: 'KEY_INVALID',
  },
  {
    name: 'an RSA key',
    make: (path: string) => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
      writeKey(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    },
    code: 'KEY_INVALID',
  },
  {
    name: 'an X25519 key',
    make: (path: string) => {
      const { privateKey } = generateKeyPairSync('x25519');
      writeKey(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    },
    code: 'KEY_INVALID',
  },
  {
    name: 'a key with a changed length',
    make: (path: string) => writeKey(path, privatePem.replace(body, body.slice(0, -4))),
    code: 'KEY_INVALID',
  },
]) {
  test(`[P2.key-mode] loadSigningKey() refuses ${name}, and says nothing of the key`, () => {
    const path = fresh();
    make(path);
    let refused: unknown;
    try {
      loadSigningKey(path);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code });
    expect(JSON.stringify([String(refused), (refused as Error).cause])).not.toContain(
      body.slice(16, 40),
    );
  });
}

test('[D.init] createKeyFiles() makes a pair with exact modes and bytes, whatever the umask', () => {
  const before = process.umask(0o777);
  try {
    const path = fresh();
    createKeyFiles(path, `${path}.pub`);
    expect([modeOf(path), modeOf(`${path}.pub`)]).toEqual(['600', '644']);
    expect(readFileSync(path, 'utf8')).toMatch(
      /^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n-----END PRIVATE KEY-----\n$/,
    );
    expect(readFileSync(`${path}.pub`, 'utf8')).toMatch(
      /^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/]{59}=\n-----END PUBLIC KEY-----\n$/,
    );
    expect(publishPublicKey(`${path}.pub`, loadSigningKey(path))).toBe(false);
  } finally {
    process.umask(before);
  }
});

for (const { name, occupy } of [
  { name: 'the private file', occupy: (path: string) => writeFileSync(path, 'precious') },
  { name: 'the public file', occupy: (path: string) => writeFileSync(`${path}.pub`, 'precious') },
  {
    name: 'a dangling link at the public path',
    occupy: (path: string) => symlinkSync(join(root, 'nowhere'), `${path}.pub`),
  },
]) {
  test(`[D.init] createKeyFiles() overwrites nothing and leaves nothing when there is ${name}`, () => {
    const path = fresh();
    occupy(path);
    const there = [path, `${path}.pub`].filter(existsSync);
    const create = () => createKeyFiles(path, `${path}.pub`);
    expect(create).toThrow(expect.objectContaining({ code: 'KEY_EXISTS' }));
    expect([path, `${path}.pub`].filter(existsSync)).toEqual(there);
    for (const file of there) expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(existsSync(join(root, 'nowhere'))).toBe(false);
  });
}

test('[D.init] createKeyFiles() refuses one path for both halves, however it is spelled', () => {
  const path = fresh();
  const create = () => createKeyFiles(path, join(root, '.', 'x', '..', path.slice(root.length)));
  expect(create).toThrow(expect.objectContaining({ code: 'USAGE' }));
  expect(existsSync(path)).toBe(false);
});

test('publishPublicKey() writes once, tightens the mode, and never replaces another key', () => {
  const path = fresh();
  createKeyFiles(path, `${path}.pub`);
  const signer = loadSigningKey(path);
  rmSync(`${path}.pub`);
  expect(publishPublicKey(`${path}.pub`, signer)).toBe(true);
  chmodSync(`${path}.pub`, 0o666);
  expect(publishPublicKey(`${path}.pub`, signer)).toBe(false);
  expect(modeOf(`${path}.pub`)).toBe('644');
  for (const other of [publicPem, `${readFileSync(`${path}.pub`, 'utf8')}\n`, '']) {
    writeFileSync(`${path}.pub`, other);
    const publish = () => publishPublicKey(`${path}.pub`, signer);
    expect(publish).toThrow(expect.objectContaining({ code: 'KEY_MISMATCH' }));
    expect(readFileSync(`${path}.pub`, 'utf8')).toBe(other);
  }
});
