import { Buffer } from 'node:buffer';
import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import { CodedError } from '../errors.ts';
import { ED25519_KEY_BYTES, spkiFromRaw } from './public-key.ts';
import type { CryptoSuite, VerifyKey } from './suite.ts';

/** OpenSSL through node:crypto: what our programs use. `verifyLater` uses libuv's threads. */
export const nodeSuite: CryptoSuite = {
  name: 'node:crypto',
  sha256Hex: (data) => hash('sha256', data, 'hex'),
  verifyKey: (raw) => new NodeVerifyKey(raw),
};

class NodeVerifyKey implements VerifyKey {
  readonly raw: Uint8Array;
  readonly #key: KeyObject; // kept: decoding a key costs more than a verification

  constructor(raw: Uint8Array) {
    if (raw.length !== ED25519_KEY_BYTES) {
      throw new CodedError('KEY_INVALID', `public key of ${raw.length} bytes, not 32`);
    }
    this.raw = raw;
    this.#key = createPublicKey({
      key: Buffer.from(spkiFromRaw(raw)),
      format: 'der',
      type: 'spki',
    });
  }

  verify(message: Uint8Array | string, signature: Uint8Array): boolean {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    return verify(null, bytes, this.#key, signature);
  }
  verifyLater(message: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
      verify(null, message, this.#key, signature, (error, holds) => {
        if (error === null) resolve(holds);
        else reject(error);
      });
    });
  }
}
