import { Buffer } from 'node:buffer';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SUITES, TEST_1 } from '../../test/vectors/fixture.ts';
import { toHex } from '../../test/vectors/hex.ts';
import { generateKeyPem, parsePrivateKeyPem } from './private-key.ts';
import {
  formatPublicKeyPem,
  keyFingerprint,
  parseMultibaseKey,
  parsePublicKeyPem,
} from './public-key.ts';

const invalid = expect.objectContaining({ code: 'KEY_INVALID' });
const { privatePem, publicPem } = generateKeyPem();
const { publicKey: rsaPublic, privateKey: rsaPrivate } = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const { publicKey: x25519Public, privateKey: x25519Private } = generateKeyPairSync('x25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

describe('[S.proof-strict] PEM', () => {
  test('a fresh pair has the sizes of the protocol and belongs together', () => {
    expect([privatePem.length, publicPem.length]).toEqual([119, 113]);
    const signer = parsePrivateKeyPem(privatePem);
    expect(signer.publicKey).toEqual(parsePublicKeyPem(publicPem));
    expect(formatPublicKeyPem(signer.publicKey)).toBe(publicPem);
  });

  test('formatPublicKeyPem() writes what node:crypto reads, byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (raw) => {
        const pem = formatPublicKeyPem(raw);
        expect(createPublicKey(pem).export({ type: 'spki', format: 'pem' })).toBe(pem);
        expect(parsePublicKeyPem(pem)).toEqual(raw);
      }),
    );
  });

  for (const [kind, good, read] of [
    ['public', publicPem, parsePublicKeyPem],
    ['private', privatePem, parsePrivateKeyPem],
  ] as const) {
    const body = good.split('\n')[1] ?? '';
    const refuses = (pem: string): boolean => {
      try {
        read(pem);
        return false;
      } catch (error) {
        return (error as { code?: unknown }).code === 'KEY_INVALID';
      }
    };

    test(`${kind}: CRLF, no newline at the end and a wrapped body are the same key`, () => {
      expect(read(good.replaceAll('\n', '\r\n'))).toEqual(read(good));
      expect(read(good.trimEnd())).toEqual(read(good));
      expect(read(good.replace(body, `${body.slice(0, 20)}\n${body.slice(20)}`))).toEqual(
        read(good),
      );
    });

    test.each([
      ['nothing', ''],
      ['junk behind the block', `${good}junk`],
      ['junk before the block', `junk\n${good}`],
      ['two blocks', good + good],
      ['both halves in one file', publicPem + privatePem],
      ['both halves the other way round', privatePem + publicPem],
      ['no end line', good.slice(0, good.indexOf('-----END'))],
      ['another label', good.replaceAll('KEY', 'CERT')],
      ['two labels', good.replace('END P', 'END X')],
      ['no base64', good.replace(body, '!!!!')],
      ['cut base64', good.replace(body, body.slice(0, -4))],
      ['base64url', good.replace(body, body.replace(/.$/, '_'))],
      ['an empty body', good.replace(body, '')],
      ['headers of an old PEM', good.replace(body, `Proc-Type: 4,ENCRYPTED\n\n${body}`)],
      ['RSA', kind === 'public' ? rsaPublic : rsaPrivate],
      ['X25519', kind === 'public' ? x25519Public : x25519Private],
      ['the other half', kind === 'public' ? privatePem : publicPem],
    ])(`${kind}: refuses %s`, (_, pem) => expect(refuses(pem)).toBe(true));

    test(`${kind}: refuses a byte more and every changed byte of the prefix`, () => {
      const der = Buffer.from(body, 'base64');
      const pemOf = (bytes: Uint8Array) =>
        good.replace(body, Buffer.from(bytes).toString('base64'));
      expect(refuses(pemOf(Buffer.concat([der, Buffer.alloc(1)])))).toBe(true);
      for (let i = 0; i < der.length - 32; i += 1) {
        const changed = Buffer.from(der);
        changed[i] = (changed[i] as number) ^ 1;
        expect(refuses(pemOf(changed))).toBe(true);
      }
    });
  }

  test('no message holds any part of a private key', () => {
    const body = privatePem.split('\n')[1] ?? '';
    for (const pem of [
      `${privatePem}x`,
      privatePem.replace('PRIVATE', 'PUBLIC'),
      privatePem.replaceAll('PRIVATE KEY', 'EC KEY'),
    ]) {
      try {
        parsePrivateKeyPem(pem);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).not.toContain(body.slice(24, 34));
      }
    }
  });
});

describe('parseMultibaseKey()', () => {
  test('reads `u` and base64url', () => {
    const text = `u${Buffer.from(TEST_1.publicKey).toString('base64url')}`;
    expect(parseMultibaseKey(text)).toEqual(TEST_1.publicKey);
  });

  test.each([
    ['nothing', ''],
    ['base58', `z${'A'.repeat(43)}`],
    ['31 bytes', `u${'A'.repeat(42)}`],
    ['33 bytes', `u${'A'.repeat(44)}`],
    ['padding', `u${'A'.repeat(43)}=`],
    ['a newline', `u${'A'.repeat(43)}\n`],
    ['plain base64', `u+${'A'.repeat(42)}`],
    ['stray bits behind the last byte', `u${'A'.repeat(42)}B`],
  ])('refuses %s', (_, text) => expect(() => parseMultibaseKey(text)).toThrow(invalid));
});

describe.each(SUITES)('$suite.name', ({ suite }) => {
  test('fingerprints are over the raw bytes', () => {
    // RFC 8032 TEST 2, as the published rotation event names it.
    const raw = Buffer.from(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      'hex',
    );
    expect(keyFingerprint(suite, raw)).toBe(
      'sha256:39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f',
    );
  });

  test('sha256Hex() reads a text as its UTF-8 bytes', () => {
    expect(suite.sha256Hex('')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(suite.sha256Hex('é\u{1f600}')).toBe(suite.sha256Hex(Buffer.from('é\u{1f600}')));
  });

  test.each([0, 31, 33, 64])('refuses a key of %i bytes', (length) => {
    expect(() => suite.verifyKey(new Uint8Array(length))).toThrow(invalid);
  });

  test('takes 32 bytes that are no point, and verifies nothing with them', () => {
    const key = suite.verifyKey(new Uint8Array(32).fill(2));
    expect(key.verify('text', TEST_1.sign(Buffer.from('text')))).toBe(false);
  });

  test.each([0, 63, 65])('a signature of %i bytes is wrong, not a fault', (length) => {
    const key = suite.verifyKey(TEST_1.publicKey);
    expect(key.verify('text', new Uint8Array(length))).toBe(false);
  });

  test('verifies RFC 8032 TEST 1 and refuses S + L, the same signature in other bytes', () => {
    const signature = TEST_1.sign(new Uint8Array(0));
    expect(toHex(signature).slice(0, 16)).toBe('e5564300c360ac72');
    const key = suite.verifyKey(TEST_1.publicKey);
    expect(key.verify('', signature)).toBe(true);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${toHex(signature.slice(32).toReversed())}`) + order;
    const malleable = Buffer.from(signature);
    malleable.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').toReversed(), 32);
    expect(key.verify('', malleable)).toBe(false);
  });
});
