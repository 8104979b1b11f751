/**
 * Questions about every byte of a text, asked of four bytes at a time: megabytes are gone through for
 * them. Subtracting 0x20 from each byte borrows where a byte is below it, and sets its top bit.
 */

const TOP_BITS = 0x80808080;
const SPACES = 0x20202020;
const NO_WORDS = new Int32Array(0);

/** Whether a byte is below 0x20. */
export function hasControls(bytes: Uint8Array): boolean {
  const { words, rest } = split(bytes);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as number;
    // Where no byte is below 0x20 nothing is borrowed, and no top bit gets set that was not before.
    if (((word - SPACES) & ~word & TOP_BITS) !== 0) return true;
  }
  return rest.some((part) => part.some((byte) => byte < 0x20));
}

/** Whether all of it is ASCII without controls, as nearly every JSON text is. */
export function isPlainText(bytes: Uint8Array): boolean {
  const { words, rest } = split(bytes);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as number;
    if (((word | (word - SPACES)) & TOP_BITS) !== 0) return false;
  }
  return rest.every((part) => part.every((byte) => byte >= 0x20 && byte < 0x80));
}

/** The words that lie evenly in memory, and the few bytes before and behind them. */
function split(bytes: Uint8Array) {
  const head = (4 - (bytes.byteOffset & 3)) & 3;
  if (bytes.length < head) return { words: NO_WORDS, rest: [bytes] };
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  const tail = head + words.length * 4;
  return { words, rest: [bytes.subarray(0, head), bytes.subarray(tail)] };
}
