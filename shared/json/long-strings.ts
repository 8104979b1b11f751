import { hopStrings, skipEscape, skipString, type StringSkip } from './scan.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** A shorter string is looked through again as fast as it is looked up. */
export const LONG_STRING_BYTES = 512;

interface LongString {
  /** Offset behind it, in the memory that its message lies in. */
  readonly end: number;
  readonly isCanonical: boolean | undefined;
}

/**
 * The long strings of one message, as its first scan found them. A message of megabytes is scanned
 * for several reasons; all but the first pass over such a string in one step. Knows strings by their place in
 * memory, so that it can be asked with any view of the message; a copy is not known, and is
 * scanned again. The message must not change.
 */
export class LongStrings {
  readonly #memory: ArrayBufferLike;
  readonly #strings = new Map<number, LongString>();

  constructor(message: Uint8Array) {
    this.#memory = message.buffer;
  }

  /** For the first scan: checks to the letter, and remembers. */
  readonly check: StringSkip = (bytes, at) => {
    const { end, isCanonical } = skipNoting(bytes, at);
    if (end - at >= LONG_STRING_BYTES) {
      this.#strings.set(bytes.byteOffset + at, { end: bytes.byteOffset + end, isCanonical });
    }
    return end;
  };

  /** For a first scan that checks nothing. */
  readonly note: StringSkip = (bytes, at) => {
    const end = hopStrings(bytes, at);
    if (end - at >= LONG_STRING_BYTES) {
      const isCanonical = undefined;
      this.#strings.set(bytes.byteOffset + at, { end: bytes.byteOffset + end, isCanonical });
    }
    return end;
  };

  /** For every other scan; `hopStrings` where it knows nothing. */
  readonly hop: StringSkip = (bytes, at) => {
    const known = this.#find(bytes, at);
    return known === undefined ? hopStrings(bytes, at) : known.end - bytes.byteOffset;
  };

  /** Whether the string at `at` is written as RFC 8785 would write it; undefined where unknown. */
  isCanonical(bytes: Uint8Array, at: number): boolean | undefined {
    return this.#find(bytes, at)?.isCanonical;
  }

  #find(bytes: Uint8Array, at: number): LongString | undefined {
    if (this.#strings.size === 0 || bytes.buffer !== this.#memory) return undefined;
    const found = this.#strings.get(bytes.byteOffset + at);
    // A view that ends inside of a string has no such string.
    return found && found.end <= bytes.byteOffset + bytes.length ? found : undefined;
  }
}

/** `skipString`, and whether what stands between the quotes would be written the same way again. */
function skipNoting(bytes: Uint8Array, at: number) {
  let isCanonical = true;
  if (bytes[at] !== QUOTE) skipString(bytes, at); // throws
  for (let i = at + 1; ;) {
    const byte = bytes[i];
    if (byte === QUOTE) return { end: i + 1, isCanonical };
    if (byte === undefined || byte < SPACE) skipString(bytes, at); // throws
    if (byte === BACKSLASH) {
      if (escapeLength(bytes, i) === 0) isCanonical = false;
      i = skipEscape(bytes, i);
    } else {
      i += 1;
    }
  }
}

/** What stands between two quotes, and would be written the same way again. */
export function isCanonicalContent(content: Uint8Array): boolean {
  for (let i = 0; i < content.length;) {
    const byte = content[i] as number;
    if (byte < SPACE) return false;
    const length = byte === BACKSLASH ? escapeLength(content, i) : 1;
    if (length === 0) return false;
    i += length;
  }
  return true;
}

/** Length of an escape that is the only spelling of its character, else 0. */
function escapeLength(content: Uint8Array, at: number): number {
  switch (content[at + 1]) {
    case QUOTE:
    case BACKSLASH:
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return 2;
    case 0x75: // u
      return isControlEscape(content, at) ? 6 : 0;
    default:
      return 0;
  }
}

/** `\u00` and two digits, lower case, for a control without a shorter escape. */
function isControlEscape(content: Uint8Array, at: number): boolean {
  if (content[at + 2] !== 0x30 || content[at + 3] !== 0x30) return false;
  const [high, low = 0] = [content[at + 4], content[at + 5]];
  const isLetter = low >= 0x61 && low <= 0x66;
  if (high === 0x31) return isLetter || (low >= 0x30 && low <= 0x39);
  // 08, 09, 0a, 0c and 0d have letters of their own.
  return high === 0x30 && ((low >= 0x30 && low <= 0x37) || [0x62, 0x65, 0x66].includes(low));
}
