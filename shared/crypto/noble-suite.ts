import { hashes, verify } from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { CodedError } from '../errors.ts';
import { encodeUtf8 } from '../json/text.ts';
import { ED25519_KEY_BYTES } from './public-key.ts';
import type { CryptoSuite, VerifyKey } from './suite.ts';

hashes.sha512 = sha512;

/** Pure JavaScript, no node: import: the second implementation, and the one for browsers. */
export const nobleSuite: CryptoSuite = {
  name: '@noble',
  sha256Hex: (data) => bytesToHex(sha256(bytesOf(data))),
  verifyKey: (raw) => new NobleVerifyKey(raw),
};

class NobleVerifyKey implements VerifyKey {
  readonly raw: Uint8Array;

  constructor(raw: Uint8Array) {
    if (raw.length !== ED25519_KEY_BYTES) {
      throw new CodedError('KEY_INVALID', `public key of ${raw.length} bytes, not 32`);
    }
    this.raw = raw;
  }

  verify(message: Uint8Array | string, signature: Uint8Array): boolean {
    try {
      // Strict RFC 8032 encodings; the library's default (ZIP 215) accepts more than OpenSSL.
      return verify(signature, bytesOf(message), this.raw, { zip215: false });
    } catch {
      return false; // an undecodable signature is bad evidence, not a fault
    }
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? encodeUtf8(data) : data;
}
