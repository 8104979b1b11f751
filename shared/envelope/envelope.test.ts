import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { Aead, CipherSuite, Kdf, Kem } from 'hpke-js';
import { expect, test } from 'vitest';
import { openEnvelope as openAlone } from '../../test/vectors/open-envelope.mjs';
import { canonicalize } from '../json/canonical.ts';
import type { JsonObject, JsonValue } from '../json/value.ts';
import { formatEnvelope, type Envelope } from './envelope.ts';
import { openEnvelope, sealEnvelope } from './hpke.ts';

function makeKeys() {
  const { privateKey } = generateKeyPairSync('x25519');
  const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
  return { publicKey: Buffer.from(x, 'base64url'), privateKey: Buffer.from(d, 'base64url') };
}

const { publicKey, privateKey } = makeKeys();
const KID = 'sha256:00';
const seal = (plaintext: JsonObject) => sealEnvelope(plaintext, { kid: KID, publicKey });
const SEALED = await seal({ command: 'ls' });
const payload = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

test('[D.disclosure] an envelope opens to what was sealed, and without our code as well', async () => {
  await fc.assert(
    fc.asyncProperty(payload, async (plaintext) => {
      const envelope = await seal(plaintext);
      const canonical = canonicalize(plaintext);
      expect(canonicalize(await openEnvelope(envelope, privateKey))).toBe(canonical);
      expect(openAlone(envelope, privateKey)).toBe(canonical);
    }),
    { numRuns: 30 },
  );
});

test('sealEnvelope() never makes the same envelope twice', async () => {
  const other = await seal({ command: 'ls' });
  expect(other.ct).not.toBe(SEALED.ct);
  expect(other.recipients[0].enc).not.toBe(SEALED.recipients[0].enc);
});

test('openEnvelope() refuses an envelope with any bit flipped', async () => {
  const flipped = (text: string, at: number, bit: number) => {
    const bytes = Buffer.from(text, 'base64url');
    bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit);
    return bytes.toString('base64url');
  };
  const { enc } = SEALED.recipients[0];
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.nat(7), fc.boolean(), async (at, bit, inKey) => {
      const changed = inKey
        ? { ...SEALED, recipients: [{ kid: KID, enc: flipped(enc, at, bit) }] }
        : { ...SEALED, ct: flipped(SEALED.ct, at, bit) };
      await expect(openEnvelope(changed, privateKey)).rejects.toMatchObject({
        code: 'ENVELOPE_NOT_OPENED',
      });
    }),
    { numRuns: 50 },
  );
});

test('openEnvelope() refuses another key', async () => {
  const opening = openEnvelope(SEALED, makeKeys().privateKey);
  await expect(opening).rejects.toMatchObject({ code: 'ENVELOPE_NOT_OPENED' });
});

/** Seals any text, as a sealer that does not look at it would. */
async function sealText(text: string): Promise<Envelope> {
  const kem = Kem.DhkemX25519HkdfSha256;
  const suite = new CipherSuite({ kem, kdf: Kdf.HkdfSha256, aead: Aead.Aes256Gcm });
  const key = await suite.kem.importKey('raw', new Uint8Array(publicKey).buffer, true);
  const { enc, ct } = await suite.seal({ recipientPublicKey: key }, Buffer.from(text));
  return formatEnvelope(KID, new Uint8Array(enc), new Uint8Array(ct));
}

const enc = SEALED.recipients[0].enc;
const recipient = { kid: KID, enc };
const sealedWith = (members: Readonly<Record<string, unknown>>) =>
  ({ ...SEALED, ...members }) as unknown as Envelope;
const WRONG: readonly { name: string; envelope: unknown; says: RegExp }[] = [
  { name: 'no object', envelope: null, says: /the envelope is not an object/ },
  { name: 'an array', envelope: [SEALED], says: /the envelope is not an object/ },
  { name: 'the number 1 as version', envelope: sealedWith({ v: 1 }), says: /v is not "1"/ },
  { name: 'another version', envelope: sealedWith({ v: '2' }), says: /v is not "1"/ },
  {
    name: 'another spelling of alg',
    envelope: sealedWith({ alg: SEALED.alg.toUpperCase() }),
    says: /alg is not/,
  },
  { name: 'no recipient', envelope: sealedWith({ recipients: [] }), says: /0 recipients/ },
  {
    name: 'several recipients',
    envelope: sealedWith({ recipients: [recipient, recipient] }),
    says: /2 recipients, version 1 has exactly one/,
  },
  { name: 'recipients no array', envelope: sealedWith({ recipients: {} }), says: /not an array/ },
  {
    name: 'an empty kid',
    envelope: sealedWith({ recipients: [{ kid: '', enc }] }),
    says: /kid is not/,
  },
  { name: 'no kid', envelope: sealedWith({ recipients: [{ enc }] }), says: /kid is missing/ },
  {
    name: 'a key of its own in the recipient',
    envelope: sealedWith({ recipients: [{ ...recipient, key: '' }] }),
    says: /unknown member "key"/,
  },
  { name: 'a nonce', envelope: sealedWith({ nonce: 'AAAA' }), says: /unknown member "nonce"/ },
  {
    name: 'an enc that is too short',
    envelope: sealedWith({ recipients: [{ kid: KID, enc: 'AAAA' }] }),
    says: /enc is not 43 characters/,
  },
  {
    name: 'an enc with stray bits',
    envelope: sealedWith({ recipients: [{ kid: KID, enc: `${'A'.repeat(42)}B` }] }),
    says: /enc is not base64url/,
  },
  {
    name: 'a padded enc',
    envelope: sealedWith({ recipients: [{ kid: KID, enc: `${enc}=` }] }),
    says: /enc is not base64url/,
  },
  { name: 'a short ct', envelope: sealedWith({ ct: 'A'.repeat(23) }), says: /ct is shorter/ },
  {
    name: 'a ct in plain base64',
    envelope: sealedWith({ ct: `${'A'.repeat(24)}+/+/` }),
    says: /ct is not base64url/,
  },
  { name: 'a ct that is no text', envelope: sealedWith({ ct: 1 }), says: /ct is not a string/ },
];
for (const { name, envelope, says } of WRONG) {
  test(`openEnvelope() refuses ${name}`, async () => {
    const opening = openEnvelope(envelope as JsonValue, privateKey);
    await expect(opening).rejects.toMatchObject({
      code: 'ENVELOPE_INVALID',
      message: expect.stringMatching(says) as string,
    });
  });
}

for (const plaintext of ['[]', 'null', '"x"', '{', '7']) {
  test(`openEnvelope() refuses the plaintext ${plaintext}`, async () => {
    const opening = openEnvelope(await sealText(plaintext), privateKey);
    await expect(opening).rejects.toMatchObject({ code: 'ENVELOPE_INVALID' });
  });
}

/** Every point of small order: the shared secret is zero, and everybody could open what it seals. */
const WEAK_POINTS = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];
for (const hex of WEAK_POINTS) {
  test(`an all-zero shared secret is refused: point ${hex.slice(0, 8)}`, async () => {
    const point = Buffer.from(hex, 'hex');
    const weak = sealedWith({ recipients: [{ kid: KID, enc: point.toString('base64url') }] });
    await expect(openEnvelope(weak, privateKey)).rejects.toMatchObject({
      code: 'ENVELOPE_NOT_OPENED',
    });
    await expect(sealEnvelope({}, { kid: KID, publicKey: point })).rejects.toMatchObject({
      code: 'FORENSIC_KEY_INVALID',
    });
  });
}

for (const length of [0, 31, 33, 64]) {
  test(`a key of ${length} bytes is refused`, async () => {
    const key = randomBytes(length);
    const code = 'FORENSIC_KEY_INVALID';
    await expect(sealEnvelope({}, { kid: KID, publicKey: key })).rejects.toMatchObject({ code });
    await expect(openEnvelope(SEALED, key)).rejects.toMatchObject({ code });
  });
}
