import { describe, expect, test } from 'vitest';
import { decodeDidKey, encodeDidKey, resolveDidKey } from '../../shared/crypto/did-key.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { SUITES } from '../vectors/fixture.ts';
import { fromHex, toHex } from '../vectors/hex.ts';
import { AVAILABILITY, hasPublished, readPublished } from './published.ts';

interface Vector {
  readonly name: string;
  readonly public_key_hex: string;
  readonly did: string;
  readonly did_document: JsonObject;
}
const { vectors } = readPublished<{ readonly vectors: readonly Vector[] }>('did-key/vectors.json', {
  vectors: [],
});

describe.skipIf(!hasPublished)(`[S.did-key] ${AVAILABILITY}`, () => {
  test('all vectors are there', () => expect(vectors).toHaveLength(3));

  for (const { name, public_key_hex: hex, did, did_document: document } of vectors) {
    test(`${name}: key to DID and back, and its document`, () => {
      expect(encodeDidKey(fromHex(hex))).toBe(did);
      expect(toHex(decodeDidKey(did))).toBe(hex);
      expect(canonicalize(resolveDidKey(did))).toBe(canonicalize(document));
    });

    test.each(SUITES)(`${name}: $suite.name takes the key`, ({ suite }) => {
      expect(toHex(suite.verifyKey(decodeDidKey(did)).raw)).toBe(hex);
    });
  }
});
