import { CodedError } from '../errors.ts';
import { MAX_JSON_DEPTH } from './canonical.ts';
import { decodeUtf8, parseJson } from './text.ts';

/**
 * Reads JSON as bytes, without building values: who only needs to know where a member starts and
 * ends should not pay for decoding five megabytes of it, and evidence must be hashed and forwarded
 * as the bytes that came. The grammar is RFC 8259's to the letter; what passes here parses in
 * `JSON.parse`, and the other way round. UTF-8 is the caller's to check.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Where a value stands: `bytes.subarray(start, end)` is exactly its text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Member extends Span {
  /** Decoded; `"m\u0065thod"` and `"method"` are the same name. */
  readonly name: string;
}

/** Told of every object and member name while a value is skipped. */
export interface NameListener {
  openObject(): void;
  closeObject(): void;
  /** `start`..`end` is the name's text between its quotes. */
  name(bytes: Uint8Array, start: number, end: number): void;
  /** `start`..`end` is the text of a number. */
  number?(bytes: Uint8Array, start: number, end: number): void;
}

/** How strings are passed over. */
export type StringSkip = (bytes: Uint8Array, at: number) => number;

/**
 * For text that was checked before, or that nothing depends on: finds the end of a string by its
 * quote and looks at nothing in between. Spans come out the same; a control character or a wrong
 * escape goes unnoticed. A hundred times as fast on long strings.
 */
export const hopStrings: StringSkip = (bytes, at) => {
  if (bytes[at] !== QUOTE) throw invalid(at);
  let i = at + 1;
  for (;;) {
    const quote = nextOf(bytes, QUOTE, i);
    if (quote === -1) throw invalid(bytes.length);
    let slashes = 0;
    while (quote - slashes > i && bytes[quote - slashes - 1] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    i = quote + 1;
  }
};

/** What is nearer than this is found before the native search has been called. */
const NEAR_BYTES = 32;

/** `bytes.indexOf(byte, from)`, where it is often near. */
function nextOf(bytes: Uint8Array, byte: number, from: number): number {
  const near = Math.min(from + NEAR_BYTES, bytes.length);
  for (let i = from; i < near; i += 1) if (bytes[i] === byte) return i;
  return near === bytes.length ? -1 : bytes.indexOf(byte, near);
}

/**
 * The members of the one object that `bytes` holds, in order, duplicates included.
 *
 * @throws CodedError `JSON_INVALID` when the text is not exactly one object, `JSON_TOO_DEEP`
 */
export function scanMembers(
  bytes: Uint8Array,
  listener?: NameListener,
  string: StringSkip = skipString,
): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) throw invalid(at);
  listener?.openObject();
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_OBJECT) {
    at += 1;
  } else {
    for (;;) {
      const nameEnd = string(bytes, at);
      listener?.name(bytes, at + 1, nameEnd - 1);
      const name = decodeName(bytes, at + 1, nameEnd - 1);
      const start = skipColon(bytes, nameEnd);
      const end = skipValue(bytes, start, 1, string, listener);
      members.push({ name, start, end });
      at = skipSpace(bytes, end);
      if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
      else if (bytes[at] === CLOSE_OBJECT) break;
      else throw invalid(at);
    }
    at += 1;
  }
  listener?.closeObject();
  requireEnd(bytes, at);
  return members;
}

/** The elements of the one array that `bytes` holds. Throws as `scanMembers`. */
export function scanElements(bytes: Uint8Array, string: StringSkip = skipString): readonly Span[] {
  const elements: Span[] = [];
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_ARRAY) throw invalid(at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_ARRAY) {
    requireEnd(bytes, at + 1);
    return elements;
  }
  for (;;) {
    const end = skipValue(bytes, at, 1, string);
    elements.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
    else if (bytes[at] === CLOSE_ARRAY) break;
    else throw invalid(at);
  }
  requireEnd(bytes, at + 1);
  return elements;
}

/** Checks that `bytes` holds exactly one JSON value and returns where it stands. */
export function scanValue(bytes: Uint8Array): Span {
  const start = skipSpace(bytes, 0);
  const end = skipValue(bytes, start, 0, skipString);
  requireEnd(bytes, end);
  return { start, end };
}

/** The first significant byte, or undefined for white space only. */
export function firstByte(bytes: Uint8Array): number | undefined {
  return bytes[skipSpace(bytes, 0)];
}

/**
 * Returns the offset just behind the value that starts at `at`, which must not be white space.
 * `depth` counts the containers around it.
 */
function skipValue(
  bytes: Uint8Array,
  at: number,
  depth: number,
  string: StringSkip,
  listener?: NameListener,
): number {
  const closers: number[] = [];
  let i = at;
  for (;;) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = string(bytes, i);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (depth + closers.length >= MAX_JSON_DEPTH) {
        throw new CodedError('JSON_TOO_DEEP', `JSON nested deeper than ${MAX_JSON_DEPTH} levels`);
      }
      const closer = byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
      if (byte === OPEN_OBJECT) listener?.openObject();
      i = skipSpace(bytes, i + 1);
      if (bytes[i] !== closer) {
        closers.push(closer);
        if (byte === OPEN_OBJECT) i = skipName(bytes, i, string, listener);
        continue;
      }
      if (byte === OPEN_OBJECT) listener?.closeObject();
      i += 1;
    } else {
      i = skipScalar(bytes, i, listener);
    }
    // A value ended at i: close what ends with it, or step to the next one.
    for (;;) {
      const closer = closers[closers.length - 1];
      if (closer === undefined) return i;
      i = skipSpace(bytes, i);
      if (bytes[i] === COMMA) {
        i = skipSpace(bytes, i + 1);
        if (closer === CLOSE_OBJECT) i = skipName(bytes, i, string, listener);
        break;
      }
      if (bytes[i] !== closer) throw invalid(i);
      if (closer === CLOSE_OBJECT) listener?.closeObject();
      closers.pop();
      i += 1;
    }
  }
}

function skipName(
  bytes: Uint8Array,
  at: number,
  string: StringSkip,
  listener?: NameListener,
): number {
  const end = string(bytes, at);
  listener?.name(bytes, at + 1, end - 1);
  return skipColon(bytes, end);
}

function skipColon(bytes: Uint8Array, at: number): number {
  const colon = skipSpace(bytes, at);
  if (bytes[colon] !== COLON) throw invalid(colon);
  return skipSpace(bytes, colon + 1);
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let i = at;
  for (;;) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return i;
    i += 1;
  }
}

/** `at` is the opening quote; returns the offset behind the closing one. */
export function skipString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw invalid(at);
  let i = at + 1;
  for (;;) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === undefined || byte < 0x20) throw invalid(i);
    i = byte === BACKSLASH ? skipEscape(bytes, i) : i + 1;
  }
}

/** `at` is the backslash; returns the offset behind the escape. */
export function skipEscape(bytes: Uint8Array, at: number): number {
  switch (bytes[at + 1]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // solidus
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 2;
    case 0x75: // u
      for (let i = at + 2; i < at + 6; i += 1) {
        if (!isHexDigit(bytes[i])) throw invalid(i);
      }
      return at + 6;
    default:
      throw invalid(at + 1);
  }
}

function skipScalar(bytes: Uint8Array, at: number, listener?: NameListener): number {
  const byte = bytes[at];
  if (byte === 0x74) return skipWord(bytes, at, 'true');
  if (byte === 0x66) return skipWord(bytes, at, 'false');
  if (byte === 0x6e) return skipWord(bytes, at, 'null');
  const end = skipNumber(bytes, at);
  listener?.number?.(bytes, at, end);
  return end;
}

function skipWord(bytes: Uint8Array, at: number, word: string): number {
  for (let i = 0; i < word.length; i += 1) {
    if (bytes[at + i] !== word.charCodeAt(i)) throw invalid(at + i);
  }
  return at + word.length;
}

function skipNumber(bytes: Uint8Array, at: number): number {
  let i = bytes[at] === MINUS ? at + 1 : at;
  i = bytes[i] === ZERO ? i + 1 : skipDigits(bytes, i);
  if (bytes[i] === DOT) i = skipDigits(bytes, i + 1);
  if (bytes[i] === 0x65 || bytes[i] === 0x45) {
    i += 1;
    if (bytes[i] === PLUS || bytes[i] === MINUS) i += 1;
    i = skipDigits(bytes, i);
  }
  return i;
}

function skipDigits(bytes: Uint8Array, at: number): number {
  let i = at;
  while (isDigit(bytes[i])) i += 1;
  if (i === at) throw invalid(at);
  return i;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isHexDigit(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** Member names are short and ASCII almost always; everything else takes the exact way. */
export function decodeName(bytes: Uint8Array, start: number, end: number): string {
  let name = '';
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i] as number;
    if (byte === BACKSLASH || byte >= 0x80) {
      return parseJson(`"${decodeUtf8(bytes.subarray(start, end))}"`) as string;
    }
    name += String.fromCharCode(byte);
  }
  return name;
}

function requireEnd(bytes: Uint8Array, at: number): void {
  const end = skipSpace(bytes, at);
  if (end !== bytes.length) throw invalid(end);
}

function invalid(at: number): CodedError {
  return new CodedError('JSON_INVALID', `not JSON at offset ${at}`);
}
