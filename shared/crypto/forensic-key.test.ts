import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateForensicKey, parseForensicKey } from './forensic-key.ts';

const { privateKey, publicKey } = generateForensicKey();
const bytes = Buffer.from(privateKey);
const pem = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), bytes]),
  format: 'der',
  type: 'pkcs8',
}).export({ type: 'pkcs8', format: 'pem' });

for (const { name, file } of [
  { name: 'raw bytes', file: bytes },
  { name: 'raw bytes and LF', file: Buffer.concat([bytes, Buffer.from('\n')]) },
  { name: 'raw bytes and CR LF', file: Buffer.concat([bytes, Buffer.from('\r\n')]) },
  { name: 'hex', file: bytes.toString('hex') },
  { name: 'upper-case hex and LF', file: `${bytes.toString('hex').toUpperCase()}\n` },
  { name: 'base64', file: bytes.toString('base64') },
  { name: 'base64 without padding', file: bytes.toString('base64').replace('=', '') },
  { name: 'base64url', file: `${bytes.toString('base64url')}\r\n` },
  { name: 'base64url with padding', file: `${bytes.toString('base64url')}=` },
  { name: 'PKCS#8 PEM', file: pem },
]) {
  test(`[C.disclose] parseForensicKey() reads ${name}`, () => {
    const key = parseForensicKey(Buffer.from(file));
    expect(Buffer.from(key.privateKey).equals(bytes)).toBe(true);
    expect(Buffer.from(key.publicKey).equals(publicKey)).toBe(true);
  });
}

test('parseForensicKey() takes any 32 bytes as a raw key, also those that look like text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (raw) => {
      expect(Buffer.from(parseForensicKey(raw).privateKey).equals(raw)).toBe(true);
    }),
  );
});

const ed25519 = generateKeyPairSync('ed25519');
const secret = bytes.toString('base64url');
for (const { name, file } of [
  { name: 'nothing', file: '' },
  { name: '31 bytes', file: bytes.subarray(1) },
  { name: '33 bytes', file: Buffer.concat([bytes, Buffer.from([0])]) },
  { name: 'two ends of line', file: Buffer.concat([bytes, Buffer.from('\n\n')]) },
  { name: 'short hex', file: bytes.toString('hex').slice(2) },
  { name: 'base64 of 31 bytes', file: bytes.subarray(1).toString('base64') },
  { name: 'two alphabets at once', file: `+_${secret.slice(2)}` },
  { name: 'base64 with stray bits', file: `${secret.slice(0, -1)}B` },
  {
    name: 'an Ed25519 key',
    file: ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  },
  {
    name: 'the public half',
    file: ed25519.publicKey.export({ type: 'spki', format: 'pem' }),
  },
]) {
  test(`[C.disclose] parseForensicKey() refuses ${name} and does not quote it`, () => {
    const parse = () => parseForensicKey(Buffer.from(file));
    expect(parse).toThrow(expect.objectContaining({ code: 'FORENSIC_KEY_INVALID' }));
    expect(parse).not.toThrow(secret.slice(4, 30));
  });
}
