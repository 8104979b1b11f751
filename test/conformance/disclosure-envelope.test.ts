import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../shared/envelope/envelope.ts';
import { openEnvelope, sealEnvelope } from '../../shared/envelope/hpke.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { fromHex, toHex } from '../vectors/hex.ts';
import { AVAILABILITY, hasPublished, readPublished } from './published.ts';

interface Vectors {
  readonly test_recipients: readonly {
    readonly name: string;
    readonly kid: string;
    readonly public_key_hex: string;
  }[];
  readonly vectors: readonly {
    readonly name: string;
    readonly recipient: string;
    readonly plaintext_object: JsonObject;
    readonly plaintext_canonical_jcs: string;
    readonly hpke_ephemeral: { readonly ikmE_hex: string };
    readonly envelope_canonical_jcs: string;
    readonly envelope_object: Envelope;
  }[];
}

const NONE: Vectors = { test_recipients: [], vectors: [] };
const { vectors, test_recipients: recipients } = readPublished(
  'disclosure-envelope/vectors.json',
  NONE,
);

/** Alice and Bob of RFC 7748 section 6.1. Public: everybody can open what is sealed for them. */
const PRIVATE_KEYS = [
  '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
  '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
].map(fromHex);

function publicHalf(raw: Uint8Array): string {
  const prefix = fromHex('302e020100300506032b656e04220420');
  const der = { key: Buffer.concat([prefix, raw]), format: 'der', type: 'pkcs8' } as const;
  const spki = createPublicKey(createPrivateKey(der)).export({ type: 'spki', format: 'der' });
  return toHex(spki.subarray(-32));
}

const CASES = vectors.map((vector) => {
  const at = recipients.findIndex(({ name }) => name === vector.recipient);
  return { ...vector, to: recipients[at], privateKey: PRIVATE_KEYS[at] as Uint8Array };
});

describe.skipIf(!hasPublished)(`[P5.disclosure-vectors] envelopes, ${AVAILABILITY}`, () => {
  test('both vectors are there, and the keys of the RFC are their recipients', () => {
    expect(CASES).toHaveLength(2);
    for (const { to, privateKey } of CASES) expect(publicHalf(privateKey)).toBe(to?.public_key_hex);
  });

  test.each(CASES)('$name is reproduced to the byte', async (vector) => {
    const { kid = '', public_key_hex: hex = '' } = vector.to ?? {};
    const envelope = await sealEnvelope(
      vector.plaintext_object,
      { kid, publicKey: fromHex(hex) },
      { ephemeralSeed: fromHex(vector.hpke_ephemeral.ikmE_hex) },
    );
    expect(canonicalize(envelope)).toBe(vector.envelope_canonical_jcs);
    expect(JSON.stringify(envelope)).toBe(JSON.stringify(vector.envelope_object));
  });

  test.each(CASES)('$name is opened', async ({ envelope_object: envelope, ...vector }) => {
    const opened = await openEnvelope(envelope, vector.privateKey);
    expect(canonicalize(opened)).toBe(vector.plaintext_canonical_jcs);
  });

  test('envelopes of ours have the published schema, whatever is in them', async () => {
    const schema = readPublished<object>('schema/parameters-disclosure.schema.json', {});
    const validate = new Ajv2020({ strict: false }).compile(schema);
    const { kid = '', public_key_hex: hex = '' } = recipients[1] ?? {};
    const payload = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;
    await fc.assert(
      fc.asyncProperty(payload, async (plaintext) => {
        const envelope = await sealEnvelope(plaintext, { kid, publicKey: fromHex(hex) });
        validate(envelope);
        expect(validate.errors ?? []).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
