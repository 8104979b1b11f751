import { base64, base64urlnopad } from '@scure/base';
import { CodedError } from '../errors.ts';
import { hashUri, type CryptoSuite } from './suite.ts';

export const ED25519_KEY_BYTES = 32;

/** SubjectPublicKeyInfo of an Ed25519 key is this and the 32 raw bytes. RFC 8410 section 4 */
const SPKI_PREFIX = Uint8Array.of(
  0x30,
  0x2a,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x03,
  0x21,
  0,
);

/**
 * The 32 raw bytes of a PEM `PUBLIC KEY` block. Exactly one block, exactly Ed25519: a file that
 * holds more than the one key is not guessed at.
 *
 * @throws CodedError `KEY_INVALID`
 * @see RFC 7468 section 13; RFC 8410 section 4
 */
export function parsePublicKeyPem(pem: string): Uint8Array {
  const der = decodePem(pem, 'PUBLIC KEY');
  const fits = der.length === SPKI_PREFIX.length + ED25519_KEY_BYTES;
  if (!fits || !SPKI_PREFIX.every((byte, i) => der[i] === byte)) {
    throw new CodedError('KEY_INVALID', 'the PUBLIC KEY block does not hold an Ed25519 key');
  }
  return der.slice(SPKI_PREFIX.length);
}

/** The 113-byte PEM text that every peer writes for a public key. */
export function formatPublicKeyPem(raw: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${base64.encode(spkiFromRaw(raw))}\n-----END PUBLIC KEY-----\n`;
}

export function spkiFromRaw(raw: Uint8Array): Uint8Array {
  const der = new Uint8Array(SPKI_PREFIX.length + raw.length);
  der.set(SPKI_PREFIX);
  der.set(raw, SPKI_PREFIX.length);
  return der;
}

/** `sha256:` over the raw 32 bytes, as rotation receipts name keys. */
export function keyFingerprint(suite: CryptoSuite, raw: Uint8Array): string {
  return hashUri(suite, raw);
}

/** Multibase base64url of 32 raw bytes (`u...`), as in `keyRotation.new_public_key`. */
export function parseMultibaseKey(text: string): Uint8Array {
  if (!/^u[A-Za-z0-9_-]{43}$/.test(text)) {
    throw new CodedError('KEY_INVALID', 'key is not `u` and 43 base64url characters');
  }
  try {
    return base64urlnopad.decode(text.slice(1)); // refuses stray trailing bits
  } catch (cause) {
    throw new CodedError('KEY_INVALID', 'key is not canonical base64url', { cause });
  }
}

/** The DER inside the single PEM block with this label. */
export function decodePem(pem: string, label: string): Uint8Array {
  const match = /^-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/.exec(
    pem,
  );
  if (match === null) throw new CodedError('KEY_INVALID', `not a PEM ${label} block`);
  if (match[1] !== label) {
    throw new CodedError('KEY_INVALID', `PEM block is ${match[1]}, expected ${label}`);
  }
  try {
    return base64.decode((match[2] ?? '').replace(/[\r\n]/g, ''));
  } catch (cause) {
    throw new CodedError('KEY_INVALID', `PEM ${label} block is not base64`, { cause });
  }
}
