import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SUITES, TEST_1, TEST_2 } from '../../test/vectors/fixture.ts';
import { encodeUtf8 } from '../json/text.ts';
import { decodeProofValue, encodeProofValue, verifyProof } from './proof.ts';
import type { Proof } from './receipt.ts';

function proof(proofValue: string, type = 'Ed25519Signature2020'): Proof {
  return { type, created: '', verificationMethod: '', proofPurpose: 'assertionMethod', proofValue };
}
const ZEROS = `u${'A'.repeat(86)}`;

describe('[S.proof-strict] decodeProofValue()', () => {
  test('undoes encodeProofValue(), and its text is base64url without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (signature) => {
        const text = encodeProofValue(signature);
        expect(text).toBe(`u${Buffer.from(signature).toString('base64url')}`);
        expect(decodeProofValue(proof(text))).toEqual(signature);
      }),
    );
  });

  for (const { name, value, message } of [
    { name: 'nothing', value: '', message: 'proof value too short' },
    { name: 'the prefix alone', value: 'u', message: 'proof value too short' },
    { name: 'base58', value: `z${'A'.repeat(86)}`, message: 'unsupported multibase prefix "z"' },
    {
      name: 'an upper-case prefix',
      value: `U${'A'.repeat(86)}`,
      message: 'unsupported multibase prefix "U"',
    },
    { name: 'padding', value: `${ZEROS}==` },
    { name: 'a newline behind it', value: `${ZEROS}\n` },
    { name: 'a newline inside', value: `${ZEROS.slice(0, 40)}\n${ZEROS.slice(40)}` },
    {
      name: 'a newline instead of a character',
      value: `${ZEROS.slice(0, 40)}\n${ZEROS.slice(41)}`,
    },
    {
      name: 'white space before it',
      value: ` ${ZEROS}`,
      message: 'unsupported multibase prefix " "',
    },
    { name: 'a plus of plain base64', value: `u+${'A'.repeat(85)}` },
    { name: 'a solidus of plain base64', value: `u/${'A'.repeat(85)}` },
    { name: 'a letter beyond ASCII', value: `u\u00c4${'A'.repeat(85)}` },
    { name: '63 bytes', value: `u${'A'.repeat(84)}` },
    { name: '85 characters', value: `u${'A'.repeat(85)}` },
    { name: '65 bytes', value: `u${'A'.repeat(87)}` },
    { name: 'stray bits behind the last byte', value: `u${'A'.repeat(85)}B` },
    { name: 'more stray bits', value: `u${'A'.repeat(85)}_` },
  ]) {
    test(`refuses ${name}`, () => {
      const text = message ?? 'proof value is not 86 canonical base64url characters';
      expect(() => decodeProofValue(proof(value))).toThrow(
        expect.objectContaining({ code: 'PROOF_INVALID', message: text }),
      );
    });
  }

  test.each(['', 'ed25519signature2020', 'DataIntegrityProof'])('refuses proof type %j', (type) => {
    expect(() => decodeProofValue(proof(ZEROS, type))).toThrow(
      expect.objectContaining({
        code: 'PROOF_INVALID',
        message: `unsupported proof type "${type}"`,
      }),
    );
  });

  test('of the 64 last characters only four are canonical', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const accepted = Array.from(alphabet).filter((last) => {
      try {
        return decodeProofValue(proof(`u${'A'.repeat(85)}${last}`)).length === 64;
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual(['A', 'Q', 'g', 'w']);
  });
});

describe.each(SUITES)('verifyProof() with $suite.name', ({ suite }) => {
  const value = encodeProofValue(TEST_1.sign(encodeUtf8('text')));

  test('tells the right key and text from every other', () => {
    const key = suite.verifyKey(TEST_1.publicKey);
    expect(verifyProof(key, 'text', proof(value))).toBe(true);
    expect(verifyProof(key, 'Text', proof(value))).toBe(false);
    expect(verifyProof(suite.verifyKey(TEST_2.publicKey), 'text', proof(value))).toBe(false);
  });

  test('[S.any-flip] fails for every flipped bit of the signature', () => {
    const key = suite.verifyKey(TEST_1.publicKey);
    for (let bit = 0; bit < 512; bit += 1) {
      const signature = decodeProofValue(proof(value));
      signature[bit >> 3] = (signature[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(verifyProof(key, 'text', proof(encodeProofValue(signature)))).toBe(false);
    }
  });
});
