import { CodedError } from '../errors.ts';
import { canonicalize } from './canonical.ts';
import type { JsonValue } from './value.ts';

/** Both with their first use: most starts need neither, and Node loads them as long as two modules of ours. */
let decoder: InstanceType<typeof TextDecoder> | undefined;
let encoder: InstanceType<typeof TextEncoder> | undefined;
/** Short ASCII needs no decoder, and a start has a few texts of that kind; later ones are worth one. */
const MAX_ASCII = 512;
const FEW_TEXTS = 32;
let textsWithout = 0;
/** U+FFFD in UTF-8. */
const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd);

/** A pair of surrogate escapes, or one escape on its own; whatever is matched is a whole escape. */
const ESCAPE =
  /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u([dD][89a-fA-F][\da-fA-F]{2})|\\[^]/g;

export function encodeUtf8(text: string): Uint8Array {
  return (encoder ??= new TextEncoder()).encode(text);
}

/**
 * Decodes UTF-8 the way the reference's decoder does: every byte that does not belong to a valid
 * sequence becomes one U+FFFD. (`TextDecoder` replaces whole truncated sequences, which would hash
 * differently.)
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (textsWithout < FEW_TEXTS && bytes.length <= MAX_ASCII && isAscii(bytes)) {
    textsWithout += 1;
    return String.fromCharCode(...bytes);
  }
  try {
    return decodeStrictly(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if ((bytes[at] as number) > 0x7f) return false;
  return true;
}

function decodeStrictly(bytes: Uint8Array): string {
  decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return decoder.decode(bytes);
}

/** Without exceptions per byte: a frame of nothing but bad bytes must not stall the daemon. */
function decodeBroken(bytes: Uint8Array): string {
  const repaired = new Uint8Array(bytes.length * REPLACEMENT.length);
  let size = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      repaired.set(REPLACEMENT, size);
      size += REPLACEMENT.length;
      at += 1;
    } else {
      for (const end = at + length; at < end; at += 1, size += 1)
        repaired[size] = bytes[at] as number;
    }
  }
  return decodeStrictly(repaired.subarray(0, size));
}

/** Length of the valid sequence that starts at `at`, 0 if none does. Unicode 15, table 3-7 */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1];
  if (second === undefined || second < low || second > high) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let i = at + 2; i < at + length; i += 1) {
    if (((bytes[i] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/**
 * Parses one JSON value. As `JSON.parse`, with lone surrogate escapes read as U+FFFD *before*
 * duplicate names are resolved, so that the last one wins exactly as it does for peers.
 *
 * @throws CodedError `JSON_INVALID`; the message carries the position, never the text.
 */
export function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(hasSurrogateEscape(text) ? repairEscapes(text) : text) as JsonValue;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // V8's message quotes the input: keep only the position, so that no secret reaches a log.
    const at = / in JSON at position (\d+)/.exec(error.message)?.[1];
    throw new CodedError('JSON_INVALID', `not JSON${at === undefined ? '' : ` at offset ${at}`}`);
  }
}

function hasSurrogateEscape(text: string): boolean {
  return text.includes('\\u') && /\\u[dD][89a-fA-F]/.test(text);
}

function repairEscapes(text: string): string {
  return text.replace(ESCAPE, (match: string, lone: string | undefined) =>
    lone === undefined ? match : '\\ufffd',
  );
}

/**
 * Canonical form of a JSON text from a peer.
 *
 * @throws CodedError `JSON_INVALID`, `JSON_TOO_DEEP`, `JSON_NUMBER_RANGE`
 * @see RFC 8785; RFC 8259
 */
export function canonicalizeText(bytes: Uint8Array): string {
  return canonicalize(parseJson(decodeUtf8(bytes)));
}
