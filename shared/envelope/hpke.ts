import { Aead, CipherSuite, EncapError, Kdf, Kem } from 'hpke-js';
import { CodedError } from '../errors.ts';
import { canonicalize } from '../json/canonical.ts';
import { decodeUtf8, encodeUtf8, parseJson } from '../json/text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';
import { formatEnvelope, readEnvelope, X25519_KEY_BYTES, type Envelope } from './envelope.ts';

export interface Recipient {
  /** Names the key for whoever looks for its private half; not part of what is encrypted. */
  readonly kid: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface SealOptions {
  /**
   * Derives the ephemeral key (RFC 9180 section 7.1.3) instead of drawing it. For test vectors only:
   * two envelopes from one seed give away what differs between them.
   */
  readonly ephemeralSeed?: Uint8Array;
}

/**
 * Seals a JSON object for the holder of one X25519 key. The plaintext is the canonical form, so that
 * its SHA-256 is the hash that stands beside the envelope in the receipt. Nothing else is bound in:
 * info and aad are empty, and the receipt's signature covers the envelope.
 *
 * Asynchronous because it goes through WebCrypto, which also draws the ephemeral key.
 *
 * @throws CodedError `FORENSIC_KEY_INVALID` when the public key is none, or one that gives everybody
 *   the same secret; `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` when the object has no canonical form
 * @see RFC 9180 section 6.1 (single-shot, base mode); RFC 8785
 */
export async function sealEnvelope(
  plaintext: JsonObject,
  { kid, publicKey }: Recipient,
  { ephemeralSeed }: SealOptions = {},
): Promise<Envelope> {
  checkLength('public', publicKey);
  const bytes = encodeUtf8(canonicalize(plaintext));
  const suite = makeSuite();
  const recipientPublicKey = await suite.kem.importKey('raw', bufferOf(publicKey), true);
  const ekm = ephemeralSeed === undefined ? {} : { ekm: bufferOf(ephemeralSeed) };
  try {
    const { enc, ct } = await suite.seal({ recipientPublicKey, ...ekm }, bufferOf(bytes));
    return formatEnvelope(kid, new Uint8Array(enc), new Uint8Array(ct));
  } catch (cause) {
    if (!(cause instanceof EncapError)) throw cause;
    // A point whose shared secret is all zero, with every ephemeral key.
    throw new CodedError('FORENSIC_KEY_INVALID', 'the public key is a weak point', { cause });
  }
}

/**
 * Opens an envelope. Bad evidence is told apart: `ENVELOPE_INVALID` for what is no version 1
 * envelope or holds no JSON object, `ENVELOPE_NOT_OPENED` when this key does not open it, which a
 * changed byte looks like too. An all-zero shared secret opens nothing.
 *
 * @throws CodedError also `FORENSIC_KEY_INVALID` unless the key is 32 bytes
 */
export async function openEnvelope(
  envelope: JsonValue,
  privateKey: Uint8Array,
): Promise<JsonObject> {
  checkLength('private', privateKey);
  const { enc, ciphertext } = readEnvelope(envelope);
  const suite = makeSuite();
  let bytes: ArrayBuffer;
  try {
    const recipientKey = await suite.kem.importKey('raw', bufferOf(privateKey), false);
    bytes = await suite.open({ recipientKey, enc: bufferOf(enc) }, bufferOf(ciphertext));
  } catch (cause) {
    throw new CodedError('ENVELOPE_NOT_OPENED', 'decryption failed', { cause });
  }
  return parsePlaintext(new Uint8Array(bytes));
}

function parsePlaintext(bytes: Uint8Array): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(decodeUtf8(bytes));
  } catch (cause) {
    throw new CodedError('ENVELOPE_INVALID', 'what was sealed is not JSON', { cause });
  }
  if (isJsonObject(value)) return value;
  throw new CodedError('ENVELOPE_INVALID', 'what was sealed is not a JSON object');
}

/** One for each use: a suite has state, and two uses of one at a time would share it. */
function makeSuite(): CipherSuite {
  return new CipherSuite({
    kem: Kem.DhkemX25519HkdfSha256,
    kdf: Kdf.HkdfSha256,
    aead: Aead.Aes256Gcm,
  });
}

function checkLength(half: string, key: Uint8Array): void {
  if (key.length === X25519_KEY_BYTES) return;
  const message = `${half} key of ${key.length} bytes, not ${X25519_KEY_BYTES}`;
  throw new CodedError('FORENSIC_KEY_INVALID', message);
}

/** A copy of its own: a view into a larger buffer would be taken for the whole of it. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
