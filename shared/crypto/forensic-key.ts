import { Buffer } from 'node:buffer';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { base64, base64nopad, base64url, base64urlnopad } from '@scure/base';
import { CodedError } from '../errors.ts';
import { decodePem } from './public-key.ts';

const KEY_BYTES = 32;
/** PKCS#8 v1 of an X25519 key is this and the 32 bytes. RFC 8410 section 7 */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Both halves of an X25519 key, 32 raw bytes each. */
export interface ForensicKey {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function generateForensicKey(): ForensicKey {
  return halvesOf(generateKeyPairSync('x25519').privateKey);
}

/**
 * The private half that opens disclosures, from the bytes of its file: 32 raw bytes, with or without
 * an end of line behind them; 64 hex digits; base64, standard or URL-safe, padded or not; or PKCS#8
 * PEM of an X25519 key.
 *
 * @throws CodedError `FORENSIC_KEY_INVALID`; the message never holds any part of the key
 */
export function parseForensicKey(bytes: Uint8Array): ForensicKey {
  const raw = rawKey(bytes) ?? textKey(Buffer.from(bytes).toString('latin1').trim());
  if (raw === undefined || raw.length !== KEY_BYTES) {
    throw new CodedError('FORENSIC_KEY_INVALID', 'not a private X25519 key in any known form');
  }
  const der = Buffer.concat([PKCS8_PREFIX, raw]);
  return halvesOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

function rawKey(bytes: Uint8Array): Uint8Array | undefined {
  const behind = Buffer.from(bytes.subarray(KEY_BYTES)).toString('latin1');
  return bytes.length >= KEY_BYTES && ['', '\n', '\r\n', '\r'].includes(behind)
    ? bytes.subarray(0, KEY_BYTES)
    : undefined;
}

function textKey(text: string): Uint8Array | undefined {
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (text.startsWith('-----BEGIN ')) return pemKey(text);
  for (const alphabet of [base64, base64nopad, base64url, base64urlnopad]) {
    try {
      return alphabet.decode(text);
    } catch {
      // Another alphabet, or none of them.
    }
  }
  return undefined;
}

function pemKey(pem: string): Uint8Array | undefined {
  let der: Buffer;
  try {
    der = Buffer.from(decodePem(pem, 'PRIVATE KEY'));
  } catch (cause) {
    const { message } = cause as Error;
    throw new CodedError('FORENSIC_KEY_INVALID', message, { cause });
  }
  return der.subarray(0, PKCS8_PREFIX.length).equals(PKCS8_PREFIX)
    ? der.subarray(PKCS8_PREFIX.length)
    : undefined;
}

function halvesOf(key: KeyObject): ForensicKey {
  const privateDer = key.export({ type: 'pkcs8', format: 'der' });
  const publicDer = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: privateDer.subarray(-KEY_BYTES),
    publicKey: publicDer.subarray(-KEY_BYTES),
  };
}
