import { CodedError } from '../errors.ts';
import { canonicalize } from './canonical.ts';
import { hopStrings, type Span } from './scan.ts';
import { decodeUtf8, parseJson } from './text.ts';

/**
 * The canonical form of texts that are long because a few strings in them are: files, pages, output
 * of programs. Such a string nearly always stands there as RFC 8785 would write it, and is carried
 * over as the bytes it came in. What is around it, with all that is difficult (order, numbers, names
 * that stand twice, depth), takes the one exact way: each long string leaves a short mark there, which
 * is found again in the result. For megabytes that is a fourth of the time, and none of the memory.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Below this the exact way is as fast. */
const MIN_STRING_BYTES = 512;
/**
 * Stands at the start of each mark. Nothing else can bring it into a canonical text: a bell has this
 * one spelling in JSON, and texts that hold it take the exact way.
 */
const BELL = '\\u0007';
const MARK = `"${BELL}`;

/**
 * @param text - Valid UTF-8; that is the caller's to check.
 * @returns What the canonical form is the concatenation of, bytes as views of `text`; undefined where
 *   only `canonicalizeText` can say, also for what is no JSON
 * @see RFC 8785 section 3.2
 */
export function canonicalPieces(text: Uint8Array): readonly (string | Uint8Array)[] | undefined {
  try {
    const strings = longStrings(text);
    const marked = withMarks(text, strings);
    if (strings.length === 0 || marked === undefined) return undefined;
    const [head = '', ...tails] = canonicalize(parseJson(marked)).split(MARK);
    const pieces: (string | Uint8Array)[] = [head];
    for (const tail of tails) {
      const markEnd = tail.indexOf('"');
      const { start, end } = strings[Number(tail.slice(0, markEnd))] as Span;
      pieces.push(text.subarray(start, end), tail.slice(markEnd + 1));
    }
    return pieces;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined; // the exact way says what is wrong, and where
  }
}

/** Undefined where a mark could not be told from the text. */
function withMarks(text: Uint8Array, strings: readonly Span[]): string | undefined {
  const starts = [0, ...strings.map(({ end }) => end)];
  const gaps = starts.map((start, index) =>
    decodeUtf8(text.subarray(start, strings[index]?.start ?? text.length)),
  );
  if (gaps.some((gap) => gap.includes(BELL))) return undefined;
  return gaps.map((gap, index) => (index === 0 ? gap : `${MARK}${index - 1}"${gap}`)).join('');
}

/** Long values that are canonical as they stand, with their quotes. Names have an order to keep. */
function longStrings(text: Uint8Array): readonly Span[] {
  const found: Span[] = [];
  let start = text.indexOf(QUOTE);
  while (start !== -1) {
    const end = hopStrings(text, start);
    const isLong = end - start >= MIN_STRING_BYTES;
    if (isLong && !isName(text, end) && isCanonical(text.subarray(start + 1, end - 1))) {
      found.push({ start, end });
    }
    start = text.indexOf(QUOTE, end);
  }
  return found;
}

function isName(text: Uint8Array, end: number): boolean {
  let at = end;
  while (text[at] === 0x20 || text[at] === 0x09 || text[at] === 0x0a || text[at] === 0x0d) at += 1;
  return text[at] === COLON;
}

/** What stands between two quotes and would be written the same way again. */
function isCanonical(content: Uint8Array): boolean {
  if (hasControls(content)) return false;
  let at = content.indexOf(BACKSLASH);
  while (at !== -1) {
    const length = escapeLength(content, at);
    if (length === 0) return false;
    at = content.indexOf(BACKSLASH, at + length);
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
    case 0x75: {
      const digits = String.fromCharCode(...content.subarray(at + 2, at + 6));
      return CONTROL.test(digits) ? 6 : 0;
    }
    default:
      return 0;
  }
}

/** Controls without an escape of their own, as RFC 8785 writes them. */
const CONTROL = /^00(?:0[0-7bef]|1[\da-f])$/;

/** Whether a byte is below 0x20. Four at a time: megabytes are gone through for this. */
function hasControls(bytes: Uint8Array): boolean {
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as number;
    // Where no byte is below 0x20 nothing is borrowed, and no top bit gets set that was not before.
    if (((word - 0x20202020) & ~word & 0x80808080) !== 0) return true;
  }
  const isControl = (byte: number) => byte < 0x20;
  const tail = head + words.length * 4;
  return bytes.subarray(0, head).some(isControl) || bytes.subarray(tail).some(isControl);
}
