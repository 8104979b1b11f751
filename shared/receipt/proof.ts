import type { VerifyKey } from '../crypto/suite.ts';
import { CodedError } from '../errors.ts';
import { PROOF_TYPE, type Proof } from './receipt.ts';

const SIGNATURE_BYTES = 64;
/** 64 bytes fill 85 characters and two bits of the last one: its other four bits must be zero. */
const PROOF_VALUE = /^u[A-Za-z0-9_-]{85}[AQgw]$/;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** What each character stands for. RFC 4648 section 5 */
const DIGITS = new Uint8Array(128);
for (let digit = 0; digit < ALPHABET.length; digit += 1) DIGITS[ALPHABET.charCodeAt(digit)] = digit;

/** `u` and 86 base64url characters for a 64-byte signature. */
export function encodeProofValue(signature: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...signature));
  return `u${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/**
 * The 64 signature bytes of a proof. One signature has one text: padding, other alphabets and
 * stray bits behind the last byte are refused, so that no byte of the text can change unnoticed.
 *
 * @throws CodedError `PROOF_INVALID`
 * @see Receipt specification, "Proof"; RFC 4648 section 3.5
 */
export function decodeProofValue(proof: Proof): Uint8Array {
  if (proof.type !== PROOF_TYPE) {
    throw new CodedError('PROOF_INVALID', `unsupported proof type "${proof.type}"`);
  }
  const { proofValue } = proof;
  if (proofValue.length < 2) throw new CodedError('PROOF_INVALID', 'proof value too short');
  if (!proofValue.startsWith('u')) {
    throw new CodedError('PROOF_INVALID', `unsupported multibase prefix "${proofValue.charAt(0)}"`);
  }
  if (!PROOF_VALUE.test(proofValue)) {
    const message = 'proof value is not 86 canonical base64url characters';
    throw new CodedError('PROOF_INVALID', message);
  }
  const signature = new Uint8Array(SIGNATURE_BYTES);
  let bits = 0;
  for (let digits = 1, at = 0; at < SIGNATURE_BYTES; digits += 1) {
    bits = (bits << 6) | (DIGITS[proofValue.charCodeAt(digits)] as number);
    // Four digits are three bytes: each digit but the first of four completes one.
    const spare = (6 * digits) % 8;
    if (spare !== 6) signature[at++] = bits >> spare;
  }
  return signature;
}

/**
 * Whether `proof` signs `signed` under `key`. Throws as `decodeProofValue`.
 *
 * @param signed - `signedText` of the receipt, or its UTF-8 bytes where they are needed anyway.
 */
export function verifyProof(key: VerifyKey, signed: string | Uint8Array, proof: Proof): boolean {
  return key.verify(signed, decodeProofValue(proof));
}
