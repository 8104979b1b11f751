import { base58 } from '@scure/base';
import { CodedError } from '../errors.ts';
import type { JsonObject } from '../json/value.ts';
import { ED25519_KEY_BYTES } from './public-key.ts';

const PREFIX = 'did:key:z';
/** Multicodec ed25519-pub, as varint. */
const ED25519_CODEC = Uint8Array.of(0xed, 0x01);

/** `did:key:z...` of a raw Ed25519 public key. did:key method 0.9, section 3.1 */
export function encodeDidKey(raw: Uint8Array): string {
  if (raw.length !== ED25519_KEY_BYTES) throw new RangeError(`key of ${raw.length} bytes, not 32`);
  return PREFIX + base58.encode(Uint8Array.of(...ED25519_CODEC, ...raw));
}

/**
 * The raw key of a `did:key` of an Ed25519 key.
 *
 * @throws CodedError `DID_INVALID`
 */
export function decodeDidKey(did: string): Uint8Array {
  if (!did.startsWith(PREFIX)) throw new CodedError('DID_INVALID', 'not a did:key with base58btc');
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(did.slice(PREFIX.length));
  } catch (cause) {
    throw new CodedError('DID_INVALID', 'the key part is not base58btc', { cause });
  }
  const fits = bytes.length === ED25519_CODEC.length + ED25519_KEY_BYTES;
  if (!fits || bytes[0] !== ED25519_CODEC[0] || bytes[1] !== ED25519_CODEC[1]) {
    throw new CodedError('DID_INVALID', 'the key is not an Ed25519 public key');
  }
  return bytes.slice(ED25519_CODEC.length);
}

/** The DID document that a `did:key` stands for. Throws as `decodeDidKey`. */
export function resolveDidKey(did: string): JsonObject {
  decodeDidKey(did);
  const multibase = did.slice('did:key:'.length);
  const method = `${did}#${multibase}`;
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    verificationMethod: [
      { id: method, type: 'Multikey', controller: did, publicKeyMultibase: multibase },
    ],
    authentication: [method],
    assertionMethod: [method],
  };
}
