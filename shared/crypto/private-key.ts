import { Buffer } from 'node:buffer';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { CodedError } from '../errors.ts';
import { decodePem, parsePublicKeyPem } from './public-key.ts';
import type { Signer } from './suite.ts';

/** PKCS#8 v1 of an Ed25519 key is this and the 32-byte seed. RFC 8410 section 7 */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PKCS8_BYTES = 48;

/**
 * A signer from PEM `PRIVATE KEY` text.
 *
 * @throws CodedError `KEY_INVALID`; the message never holds any part of the text
 * @see RFC 8410 section 7
 */
export function parsePrivateKeyPem(pem: string): FileSigner {
  const der = Buffer.from(decodePem(pem, 'PRIVATE KEY'));
  if (der.length !== PKCS8_BYTES || !der.subarray(0, PKCS8_PREFIX.length).equals(PKCS8_PREFIX)) {
    throw new CodedError('KEY_INVALID', 'the PRIVATE KEY block does not hold a PKCS#8 Ed25519 key');
  }
  return new FileSigner(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

/** A fresh key pair as the two PEM files of the protocol: 119 and 113 bytes. */
export function generateKeyPem(): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privatePem: privateKey, publicPem: publicKey };
}

/** A key that this process holds. */
export class FileSigner implements Signer {
  readonly publicKey: Uint8Array;
  /** For a thread of the same process. */
  readonly key: KeyObject;

  constructor(key: KeyObject) {
    this.key = key;
    const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    this.publicKey = parsePublicKeyPem(pem.toString());
  }

  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.key);
  }
}
