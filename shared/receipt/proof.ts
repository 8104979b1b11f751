import type { VerifyKey } from '../crypto/suite.ts';
import { CodedError } from '../errors.ts';
import { PROOF_TYPE, type Proof } from './receipt.ts';

const SIGNATURE_BYTES = 64;
/** 64 bytes fill 85 characters and two bits of the last one: its other four bits must be zero. */
const PROOF_VALUE = /^u[A-Za-z0-9_-]{85}[AQgw]$/;

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
  // atob is native everywhere we run; a table-driven decoder costs more than the hash.
  const binary = atob(proofValue.slice(1).replaceAll('-', '+').replaceAll('_', '/'));
  const signature = new Uint8Array(SIGNATURE_BYTES);
  for (let i = 0; i < SIGNATURE_BYTES; i += 1) signature[i] = binary.charCodeAt(i);
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
