import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri, type CryptoSuite } from '../../shared/crypto/suite.ts';
import type { JsonValue } from '../../shared/json/value.ts';
import type { StoredReceipt } from '../../shared/chain/stored.ts';
import type { ChainVerdict, ReceiptVerdict } from '../../shared/chain/verdict.ts';
import { ChainVerifier, type VerifyOptions } from '../../shared/chain/verify-chain.ts';
import { at, CHAIN_ID, rotationOf, TEST_1, TEST_2, type Draft, type Link } from './fixture.ts';

export type Options = Partial<VerifyOptions>;

/** The whole verdict over some rows, under the key of TEST 1 unless told. */
export function judge(
  rows: readonly (string | StoredReceipt)[],
  options: Options = {},
  suite: CryptoSuite = nodeSuite,
  chainId = CHAIN_ID,
): { verdict: ChainVerdict; receipts: ReceiptVerdict[] } {
  const key = suite.verifyKey(TEST_1.publicKey);
  const verifier = new ChainVerifier(suite, chainId, { key, ...options });
  const receipts = rows.map((row) => verifier.push(typeof row === 'string' ? { text: row } : row));
  return { verdict: verifier.finish(), receipts };
}

/** Edits before signing (the issuer lies) or after it (somebody tampers), by path. */
export const signed = (path: string, members: { [name: string]: JsonValue }): Link => ({
  edit: (body) => Object.assign(at(body, path), members),
});
export const tampered = (path: string, members: { [name: string]: JsonValue }): Link => ({
  tamper: (receipt) => Object.assign(at(receipt, path), members),
});
export const CHAIN = 'credentialSubject.chain';
export const OUTCOME = 'credentialSubject.outcome';
export const ACTION = 'credentialSubject.action';
export const terminal: Link = signed(CHAIN, { terminal: true, status: 'interrupted' });
export const rotation = (changes: Draft = {}): Link =>
  signed('credentialSubject', {
    keyRotation: { ...rotationOf(TEST_1, TEST_2), ...changes } as JsonValue,
  });
export const fingerprint = (raw: Uint8Array) => hashUri(nodeSuite, raw);
