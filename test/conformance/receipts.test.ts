import { Buffer } from 'node:buffer';
import { hashes, sign } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { checkRotation } from '../../shared/chain/rotation.ts';
import { ChainVerifier } from '../../shared/chain/verify-chain.ts';
import { decodePem, keyFingerprint, parsePublicKeyPem } from '../../shared/crypto/public-key.ts';
import { parsePrivateKeyPem } from '../../shared/crypto/private-key.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { encodeUtf8 } from '../../shared/json/text.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { hashedText, signedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { encodeProofValue, verifyProof } from '../../shared/receipt/proof.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { at, SUITES, TEST_1, TEST_2, TEST_3, type Draft } from '../vectors/fixture.ts';
import { toHex } from '../vectors/hex.ts';
import {
  AVAILABILITY,
  hasPublished,
  listPublished,
  readPublished,
  readPublishedText,
} from './published.ts';

hashes.sha512 = sha512;

interface Vector {
  readonly receipt: JsonObject;
  readonly expectedReceiptHash: string;
  readonly expectedValid: boolean;
}
const SIGNED = ['runtimeReceipt', 'extendedRuntimeReceipt', 'rootAgentReceipt'] as const;
type Vectors = Readonly<Record<(typeof SIGNED)[number], Vector>> & {
  readonly keys: { readonly publicKey: string; readonly privateKey: string };
};

const NOTHING: Vector = { receipt: {}, expectedReceiptHash: '', expectedValid: false };
const { keys, ...vectors } = readPublished<Vectors>('receipts/v050_vectors.json', {
  keys: { publicKey: '', privateKey: '' },
  runtimeReceipt: NOTHING,
  extendedRuntimeReceipt: NOTHING,
  rootAgentReceipt: NOTHING,
});
const ROTATION = 'rotation-event/example.json';
const ROTATION_HASH = 'sha256:6983c9bd6fb24e844b90f7616315a914fdedc5fef8126e11d46149ba2f320457';

describe.skipIf(!hasPublished).each(SUITES)(
  `receipts with $suite.name $cites, ${AVAILABILITY}`,
  ({ suite }) => {
    for (const name of SIGNED) {
      test(`${name}: hash, signature and chain are as published [P5.vectors-node]`, () => {
        const { receipt: json, expectedReceiptHash, expectedValid } = vectors[name];
        const key = suite.verifyKey(parsePublicKeyPem(keys.publicKey));
        const { receipt, json: read } = parseReceipt(JSON.stringify(json));
        expect(hashUri(suite, hashedText(read))).toBe(expectedReceiptHash);
        expect(verifyProof(key, signedText(read), receipt.proof)).toBe(expectedValid);
        const verifier = new ChainVerifier(suite, receipt.credentialSubject.chain.chain_id, {
          key,
        });
        verifier.push({ text: JSON.stringify(json) });
        expect(verifier.finish()).toMatchObject({
          result: 'valid',
          head: { receiptHash: expectedReceiptHash },
        });
      });

      test(`${name}: signing it again gives the published proof value`, () => {
        const { receipt } = vectors[name];
        const pem = keys.privateKey;
        const seed = decodePem(pem, 'PRIVATE KEY').slice(-32);
        const text = encodeUtf8(signedText(receipt));
        const signature =
          suite.name === '@noble' ? sign(text, seed) : parsePrivateKeyPem(pem).sign(text);
        expect(encodeProofValue(signature)).toBe((receipt as unknown as Receipt).proof.proofValue);
      });
    }

    test('the rotation event verifies, and names both keys by their fingerprints', () => {
      const { receipt, json } = parseReceipt(readPublishedText(ROTATION));
      const key = suite.verifyKey(TEST_2.publicKey);
      expect(toHex(key.raw)).toBe(
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      );
      expect(hashUri(suite, hashedText(json))).toBe(ROTATION_HASH);
      expect(verifyProof(key, signedText(json), receipt.proof)).toBe(true);
      const { keyRotation } = receipt.credentialSubject;
      expect(keyRotation?.old_key_fingerprint).toBe(keyFingerprint(suite, TEST_2.publicKey));
      expect(keyRotation?.new_key_fingerprint).toBe(keyFingerprint(suite, TEST_3.publicKey));
      const verdict = keyRotation && checkRotation(suite, key, keyRotation);
      expect(verdict?.ok && verdict.key.raw).toEqual(TEST_3.publicKey);
    });

    test('the rotation event is refused with any of its members changed', () => {
      const text = readPublishedText(ROTATION);
      const { keyRotation } = parseReceipt(text).receipt.credentialSubject;
      const key = suite.verifyKey(TEST_2.publicKey);
      for (const [name, value] of Object.entries(keyRotation ?? {})) {
        const changed = { ...keyRotation, [name]: value.slice(0, -1) } as NonNullable<
          typeof keyRotation
        >;
        expect(checkRotation(suite, key, changed).ok).toBe(false);
        const draft = JSON.parse(text) as Draft;
        at(draft, 'credentialSubject.keyRotation')[name] = changed[name as keyof typeof changed];
        const read = parseReceipt(JSON.stringify(draft));
        expect(verifyProof(key, signedText(read.json), read.receipt.proof)).toBe(false);
      }
    });

    for (const path of listPublished('examples')) {
      test(`[S.versions] ${path} is read; its made-up signature does not verify`, () => {
        const { receipt, json } = parseReceipt(readPublishedText(path));
        expect(['0.1.0', '0.2.0', '0.2.1']).toContain(receipt.version);
        for (const signer of [TEST_1, TEST_2, TEST_3]) {
          const key = suite.verifyKey(signer.publicKey);
          expect(verifyProof(key, signedText(json), receipt.proof)).toBe(false);
        }
      });
    }

    test('the example chain of three is broken: its links are made up', () => {
      const key = suite.verifyKey(TEST_1.publicKey);
      const verifier = new ChainVerifier(suite, 'chain_file_cleanup_001', { key });
      const texts = [1, 2, 3].map((i) => readPublishedText(`examples/chain-receipt-${i}.json`));
      const links = texts.map((text) => verifier.push({ text }).hashLinkValid);
      expect(links).toEqual([true, false, false]);
      expect(verifier.finish()).toMatchObject({ result: 'broken', brokenAt: 0, length: 3 });
    });
  },
);

test.skipIf(!hasPublished)(`the published key pair belongs together, ${AVAILABILITY}`, () => {
  const signer = parsePrivateKeyPem(keys.privateKey);
  const raw = parsePublicKeyPem(keys.publicKey);
  expect(Buffer.from(signer.publicKey).equals(raw)).toBe(true);
});
