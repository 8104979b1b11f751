import { describe, expect, test } from 'vitest';
import { hashUri } from '../../shared/crypto/suite.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import { canonicalizeText, encodeUtf8 } from '../../shared/json/text.ts';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { hashedText, signedText } from '../../shared/receipt/hash.ts';
import { SUITES } from '../vectors/fixture.ts';
import { AVAILABILITY, hasPublished, readPublished } from './published.ts';

interface Vectors {
  readonly canonicalization_vectors: readonly {
    readonly name: string;
    readonly input: JsonValue;
    readonly canonical: string;
    readonly expectedHash?: string;
  }[];
  readonly receipt_hash_vectors: readonly {
    readonly name: string;
    readonly receipt: JsonObject;
    readonly expectedHash: string;
    readonly mustContainSubstring?: string;
  }[];
}

const PATH = 'canonicalization/canonicalization_vectors.json';
const { canonicalization_vectors: texts, receipt_hash_vectors: receipts } = readPublished<Vectors>(
  PATH,
  { canonicalization_vectors: [], receipt_hash_vectors: [] },
);
const SAME = /^SAME_AS_(.+)$/;

describe.skipIf(!hasPublished)(`canonicalisation, ${AVAILABILITY}`, () => {
  test('all vectors are there', () => {
    expect([texts.length, receipts.length]).toEqual([32, 10]);
  });

  for (const { name, input, canonical } of texts) {
    test(`${name}: value and text have the published form`, () => {
      expect(canonicalize(input)).toBe(canonical);
      expect(canonicalizeText(encodeUtf8(JSON.stringify(input, null, 1)))).toBe(canonical);
      expect(canonicalizeText(encodeUtf8(canonical))).toBe(canonical);
    });
  }

  test('minus zero was read as such', () => {
    expect(texts.find(({ name }) => name === 'number_negative_zero')?.input).toBe(-0);
  });

  describe.each(SUITES)('hashes with $suite.name $cites', ({ suite }) => {
    for (const { name, canonical, expectedHash } of texts) {
      if (expectedHash === undefined) continue; // most texts come without one
      test(`hash of ${name}`, () => expect(hashUri(suite, canonical)).toBe(expectedHash));
    }

    for (const { name, receipt, expectedHash, mustContainSubstring = '' } of receipts) {
      test(`hash of ${name}`, () => {
        const same = SAME.exec(expectedHash)?.[1];
        const want = receipts.find((it) => it.name === same)?.expectedHash ?? expectedHash;
        const text = hashedText(receipt);
        expect(hashUri(suite, text)).toBe(want);
        expect(text).toContain(mustContainSubstring);
        expect(hashedText(receipt, signedText(receipt))).toBe(text);
      });
    }
  });
});
