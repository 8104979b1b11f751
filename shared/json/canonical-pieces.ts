import { CodedError } from '../errors.ts';
import { canonicalize } from './canonical.ts';
import { isCanonicalContent, LONG_STRING_BYTES, type LongStrings } from './long-strings.ts';
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
const COLON = 0x3a;

/**
 * Stands at the start of each mark. Nothing else can bring it into a canonical text: a bell has this
 * one spelling in JSON, and texts that hold it take the exact way.
 */
const BELL = '\\u0007';
const MARK = `"${BELL}`;

/**
 * @param text - Valid UTF-8; that is the caller's to check.
 * @param known - What a scan of the message that `text` is a part of has found out.
 * @returns What the canonical form is the concatenation of, bytes as views of `text`; undefined where
 *   only `canonicalizeText` can say, also for what is no JSON
 * @see RFC 8785 section 3.2
 */
export function canonicalPieces(
  text: Uint8Array,
  known?: LongStrings,
): readonly (string | Uint8Array)[] | undefined {
  try {
    const strings = carriedStrings(text, known);
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
function carriedStrings(text: Uint8Array, known: LongStrings | undefined): readonly Span[] {
  const found: Span[] = [];
  const hop = known?.hop ?? hopStrings;
  let start = text.indexOf(QUOTE);
  while (start !== -1) {
    const end = hop(text, start);
    if (end - start >= LONG_STRING_BYTES && !isName(text, end)) {
      const isCanonical =
        known?.isCanonical(text, start) ?? isCanonicalContent(text.subarray(start + 1, end - 1));
      if (isCanonical) found.push({ start, end });
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
