import { base64urlnopad } from '@scure/base';
import { CodedError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';

/** The one suite of version 1: RFC 9180 base mode, KEM 0x0020, KDF 0x0001, AEAD 0x0002. */
export const ENVELOPE_ALG = 'hpke-x25519-hkdf-sha256-aes-256-gcm';
export const ENVELOPE_VERSION = '1';
export const X25519_KEY_BYTES = 32;

/**
 * A disclosure envelope as it stands in a receipt, in the member order that peers write. `enc` and
 * `ct` are base64url without padding.
 *
 * @see Receipt specification, "parameters_disclosure"; RFC 9180
 */
export type Envelope = {
  readonly v: typeof ENVELOPE_VERSION;
  readonly alg: typeof ENVELOPE_ALG;
  readonly recipients: readonly [{ readonly kid: string; readonly enc: string }];
  readonly ct: string;
};

/** An envelope that was read, its binary members decoded. */
export interface OpenableEnvelope {
  readonly kid: string;
  /** 32 bytes, the encapsulated key. */
  readonly enc: Uint8Array;
  /** Ciphertext and 16-byte tag. */
  readonly ciphertext: Uint8Array;
}

const MEMBERS = ['v', 'alg', 'recipients', 'ct'];
const RECIPIENT_MEMBERS = ['kid', 'enc'];
const ENC_CHARACTERS = 43;
/** `{}` and the tag are 18 bytes; nothing shorter can be an object. */
const MIN_CT_CHARACTERS = 24;

/**
 * Reads an envelope strictly: every member that it must have, no other one, one recipient. A second
 * recipient or a `nonce` belongs to no version 1, so whoever wrote it meant something else.
 *
 * @throws CodedError `ENVELOPE_INVALID` naming the member
 */
export function readEnvelope(value: JsonValue): OpenableEnvelope {
  const envelope = closedObject(value, 'the envelope', MEMBERS);
  if (envelope['v'] !== ENVELOPE_VERSION) throw invalid(`v is not "${ENVELOPE_VERSION}"`);
  if (envelope['alg'] !== ENVELOPE_ALG) throw invalid(`alg is not "${ENVELOPE_ALG}"`);
  const { recipients } = envelope;
  if (!Array.isArray(recipients)) throw invalid('recipients is not an array');
  if (recipients.length !== 1) {
    throw invalid(`${recipients.length} recipients, version 1 has exactly one`);
  }
  const recipient = closedObject(recipients[0] as JsonValue, 'the recipient', RECIPIENT_MEMBERS);
  const { kid } = recipient;
  if (typeof kid !== 'string' || kid === '') throw invalid('kid is not a non-empty string');
  const enc = decode('enc', recipient['enc']);
  if (enc.length !== X25519_KEY_BYTES) throw invalid(`enc is not ${ENC_CHARACTERS} characters`);
  const { ct } = envelope;
  if (typeof ct === 'string' && ct.length < MIN_CT_CHARACTERS) {
    throw invalid(`ct is shorter than ${MIN_CT_CHARACTERS} characters`);
  }
  return { kid, enc, ciphertext: decode('ct', ct) };
}

export function formatEnvelope(kid: string, enc: Uint8Array, ciphertext: Uint8Array): Envelope {
  const recipient = { kid, enc: base64urlnopad.encode(enc) };
  return {
    v: ENVELOPE_VERSION,
    alg: ENVELOPE_ALG,
    recipients: [recipient],
    ct: base64urlnopad.encode(ciphertext),
  };
}

function closedObject(value: JsonValue, what: string, members: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw invalid(`${what} is not an object`);
  const missing = members.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw invalid(`${missing} is missing`);
  const extra = Object.keys(value).find((name) => !members.includes(name));
  if (extra !== undefined) throw invalid(`unknown member ${JSON.stringify(extra)}`);
  return value;
}

function decode(name: string, value: JsonValue | undefined): Uint8Array {
  if (typeof value !== 'string') throw invalid(`${name} is not a string`);
  try {
    return base64urlnopad.decode(value); // refuses padding, `+`, `/`, blanks and stray bits
  } catch (cause) {
    throw new CodedError('ENVELOPE_INVALID', `${name} is not base64url without padding`, { cause });
  }
}

function invalid(message: string): CodedError {
  return new CodedError('ENVELOPE_INVALID', message);
}
