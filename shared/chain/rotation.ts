import { keyFingerprint, parseMultibaseKey } from '../crypto/public-key.ts';
import type { CryptoSuite, VerifyKey } from '../crypto/suite.ts';
import type { KeyRotation } from '../receipt/receipt.ts';

export type RotationVerdict =
  | { readonly ok: true; readonly key: VerifyKey }
  | { readonly ok: false; readonly cause: string };

/**
 * Whether a rotation hands over from `active` to the key it names.
 *
 * @returns The incoming key, or the first member that is wrong. Never throws for bad evidence.
 * @see Receipt specification, "Key rotation"
 */
export function checkRotation(
  suite: CryptoSuite,
  active: VerifyKey,
  rotation: KeyRotation,
): RotationVerdict {
  const { event_type, signed_with, old_algorithm, new_algorithm } = rotation;
  if (event_type !== 'key_rotated') {
    return bad(`event_type must be "key_rotated", got ${JSON.stringify(event_type)}`);
  }
  if (signed_with !== 'old') {
    return bad(`signed_with must be "old", got ${JSON.stringify(signed_with)}`);
  }
  if (old_algorithm !== 'ed25519')
    return bad(`unsupported old_algorithm ${JSON.stringify(old_algorithm)}`);
  if (new_algorithm !== 'ed25519')
    return bad(`unsupported new_algorithm ${JSON.stringify(new_algorithm)}`);
  const outgoing = keyFingerprint(suite, active.raw);
  if (rotation.old_key_fingerprint !== outgoing) {
    const field = rotation.old_key_fingerprint;
    return bad(`old_key_fingerprint mismatch: outgoing key is ${outgoing}, field says ${field}`);
  }
  let raw: Uint8Array;
  let key: VerifyKey;
  try {
    raw = parseMultibaseKey(rotation.new_public_key);
    key = suite.verifyKey(raw);
  } catch (error) {
    return bad(`decode new_public_key: ${(error as Error).message}`);
  }
  const incoming = keyFingerprint(suite, raw);
  if (rotation.new_key_fingerprint !== incoming) {
    const field = rotation.new_key_fingerprint;
    return bad(
      `new_key_fingerprint mismatch: new_public_key hashes to ${incoming}, field says ${field}`,
    );
  }
  return { ok: true, key };
}

function bad(cause: string): RotationVerdict {
  return { ok: false, cause };
}
