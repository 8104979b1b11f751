import { Handovers } from '../../shared/chain/handovers.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { keyFingerprint, parsePublicKeyPem } from '../../shared/crypto/public-key.ts';
import type { Signer, VerifyKey } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';
import type { ReceiptStore } from '../store/receipt-store.ts';
import { readPublicKey } from './key-files.ts';

/** Where a public key goes when another takes its place; readers look for exactly this name. */
export function archivePathOf(publicKeyPath: string, fingerprint: string): string {
  return `${publicKeyPath}.rotated-${fingerprint.slice(-16)}`;
}

/**
 * The handovers that the store proves, with the public keys that stand beside the published one.
 *
 * @param signer - The key in use; it need not be published yet.
 */
export function readHandovers(
  store: ReceiptStore,
  publicKeyPath: string,
  signer: Signer,
): Handovers {
  const known = new Map<string, VerifyKey>();
  const learn = (raw: Uint8Array) =>
    known.set(keyFingerprint(nodeSuite, raw), nodeSuite.verifyKey(raw));
  learn(signer.publicKey);
  const published = readKey(publicKeyPath);
  if (published !== undefined) learn(published);
  const keyOf = (fingerprint: string) => {
    if (!known.has(fingerprint) && /^sha256:[\da-f]{64}$/.test(fingerprint)) {
      const archived = readKey(archivePathOf(publicKeyPath, fingerprint));
      if (archived !== undefined) learn(archived);
    }
    return known.get(fingerprint);
  };
  return new Handovers(nodeSuite, () => store.rotations(), keyOf);
}

/** A file that cannot be read or holds something else proves nothing, and is no fault. */
function readKey(path: string): Uint8Array | undefined {
  try {
    const pem = readPublicKey(path);
    return pem === undefined ? undefined : parsePublicKeyPem(pem);
  } catch {
    return undefined;
  }
}

/**
 * Refuses a key that the store says was rotated out, as when an old backup of the key comes back.
 *
 * @throws CodedError `KEY_RETIRED`
 */
export function refuseRetired(signer: Signer, handovers: Handovers): void {
  const fingerprint = keyFingerprint(nodeSuite, signer.publicKey);
  const handover = handovers.from(fingerprint);
  if (handover === undefined) return;
  const { toFingerprint, receiptId } = handover;
  const message = `the signing key ${fingerprint} gave way to ${toFingerprint} in ${receiptId}`;
  throw new CodedError('KEY_RETIRED', message);
}
