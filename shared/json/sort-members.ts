const encoder = new TextEncoder();

/** Longer or deeper text takes the general way. */
const MAX_CHARACTERS = 64 * 1024;
const MAX_DEPTH = 64;
const MAX_OPEN_MEMBERS = 4096;
/** Longer numbers may have another canonical spelling. */
const MAX_DIGITS = 15;
/** A UTF-16 unit takes at most three bytes in UTF-8; one more stands behind the end. */
const MAX_BYTES = 3 * MAX_CHARACTERS + 1;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Offset that stands for "not canonical but for the order". */
const OTHER = -1;

/** Which bytes end a stretch of a string that is canonical as it stands. */
const ENDS_STRETCH = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === 0x22 || byte === 0x5c ? 1 : 0,
);

/** The same in a name, which is ASCII here: its bytes sort as its UTF-16 units do. */
const ENDS_NAME = ENDS_STRETCH.map((ends, byte) => (byte < 0x80 ? ends : 1));

/** Bytes of a canonical form; they hold until the sorter is used again. */
export interface SortedObject {
  readonly bytes: Uint8Array;
  /** Whether a member of an object is null, at any depth. */
  readonly hasNull: boolean;
}

/**
 * Brings the members of objects into canonical order, in text that is canonical in everything else.
 * That is how receipts are stored, and then nothing needs to be decoded and written down again. Such
 * text hides nothing from a parser: no name stands twice in one object.
 *
 * Members are moved where they stand, those of inner objects first: sorted, an object is as long as it
 * was before.
 */
export class MemberSorter {
  /** The text, and behind it room for the members of one object. */
  readonly #bytes = new Uint8Array(2 * MAX_BYTES);
  /** Where members of objects that are still open start and end. */
  readonly #starts = new Int32Array(MAX_OPEN_MEMBERS);
  readonly #ends = new Int32Array(MAX_OPEN_MEMBERS);
  #open = 0;
  #hasNull = false;

  /**
   * The canonical form of an object, in UTF-8.
   *
   * @param text - A parser must have accepted it.
   * @param without - The member of the outermost object that is left out.
   * @returns Undefined for text that differs from its canonical form in more than the order (white
   *   space, escapes, numbers other than short integers), that has a name twice in one object, or one
   *   that is not ASCII; and for what is very long or deep. `canonicalize` is for all of them.
   * @see RFC 8785 section 3.2
   */
  sort(text: string, without: string): SortedObject | undefined {
    if (text.length > MAX_CHARACTERS || text.charCodeAt(0) !== OPEN_OBJECT) return undefined;
    const { written } = encoder.encodeInto(text, this.#bytes);
    this.#bytes[written] = 0; // no string goes on behind the end
    this.#open = 0;
    this.#hasNull = false;
    if (this.#readMembers(0, 0) !== written || !this.#sortSpans(0)) return undefined;
    this.#leaveOut(without);
    const end = this.#writeMembers(0, 1);
    this.#bytes[end] = CLOSE_OBJECT;
    return { bytes: this.#bytes.subarray(0, end + 1), hasNull: this.#hasNull };
  }

  #leaveOut(name: string): void {
    for (let i = 0; i < this.#open; i += 1) {
      if (!isName(this.#bytes, this.#starts[i] as number, name)) continue;
      this.#starts.copyWithin(i, i + 1, this.#open);
      this.#ends.copyWithin(i, i + 1, this.#open);
      this.#open -= 1;
      return;
    }
  }

  /** Sorts what is inside the members of the object at `at`, and returns the offset behind it. */
  #readMembers(at: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[at + 1] === CLOSE_OBJECT) return at + 2;
    for (let i = at + 1; ; i += 1) {
      const member = this.#open;
      if (member === MAX_OPEN_MEMBERS) return OTHER;
      this.#starts[member] = i;
      i = skipName(bytes, i);
      if (i === OTHER || bytes[i] !== COLON) return OTHER;
      if (bytes[i + 1] === LETTER_N) this.#hasNull = true;
      this.#open = member + 1;
      i = this.#readValue(i + 1, depth);
      if (i === OTHER) return OTHER;
      this.#ends[member] = i;
      if (bytes[i] === CLOSE_OBJECT) return i + 1;
      if (bytes[i] !== COMMA) return OTHER;
    }
  }

  /** As all that follow: the offset behind the value that starts at `at`, or `OTHER`. */
  #readValue(at: number, depth: number): number {
    switch (this.#bytes[at]) {
      case QUOTE:
        return skipString(this.#bytes, at);
      case OPEN_OBJECT:
        return depth < MAX_DEPTH ? this.#sortObject(at, depth + 1) : OTHER;
      case OPEN_ARRAY:
        return depth < MAX_DEPTH ? this.#readArray(at, depth + 1) : OTHER;
      case LETTER_T:
      case LETTER_N:
        return at + 4;
      case LETTER_F:
        return at + 5;
      default:
        return skipNumber(this.#bytes, at);
    }
  }

  #sortObject(at: number, depth: number): number {
    const first = this.#open;
    const behind = this.#readMembers(at, depth);
    if (behind === OTHER || !this.#sortSpans(first)) return OTHER;
    if (this.#open > first + 1) this.#writeMembers(first, at + 1);
    this.#open = first;
    return behind;
  }

  #readArray(at: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[at + 1] === CLOSE_ARRAY) return at + 2;
    for (let i = at + 1; ; i += 1) {
      i = this.#readValue(i, depth);
      if (i === OTHER || bytes[i] === CLOSE_ARRAY) return i === OTHER ? OTHER : i + 1;
      if (bytes[i] !== COMMA) return OTHER;
    }
  }

  /** Writes the members from `first` on to `at`, and returns the offset behind them. */
  #writeMembers(first: number, at: number): number {
    const bytes = this.#bytes;
    let to = MAX_BYTES;
    for (let i = first; i < this.#open; i += 1) {
      if (i > first) bytes[to++] = COMMA;
      const start = this.#starts[i] as number;
      // Members that stood behind each other go together, with the comma between.
      while (i + 1 < this.#open && this.#starts[i + 1] === (this.#ends[i] as number) + 1) i += 1;
      const end = this.#ends[i] as number;
      bytes.copyWithin(to, start, end);
      to += end - start;
    }
    bytes.copyWithin(at, MAX_BYTES, to);
    return at + to - MAX_BYTES;
  }

  /** Of the members from `first` on. By insertion: objects have a handful of members. False when two have the same name. */
  #sortSpans(first: number): boolean {
    const bytes = this.#bytes;
    const starts = this.#starts;
    const ends = this.#ends;
    for (let i = first + 1; i < this.#open; i += 1) {
      const start = starts[i] as number;
      const end = ends[i] as number;
      let to = i;
      for (; to > first; to -= 1) {
        const order = compareNames(bytes, starts[to - 1] as number, start);
        if (order === 0) return false;
        if (order < 0) break;
        starts[to] = starts[to - 1] as number;
        ends[to] = ends[to - 1] as number;
      }
      starts[to] = start;
      ends[to] = end;
    }
    return true;
  }
}

/** Both offsets are those of the opening quotes. */
function compareNames(bytes: Uint8Array, one: number, other: number): number {
  for (let i = 1; ; i += 1) {
    const a = bytes[one + i] as number;
    const b = bytes[other + i] as number;
    if (a === b && a !== QUOTE) continue;
    if (a === b) return 0;
    if (a === QUOTE) return -1;
    return b === QUOTE ? 1 : a - b;
  }
}

function isName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i += 1) {
    if (bytes[at + 1 + i] !== name.charCodeAt(i)) return false;
  }
  return bytes[at + 1 + name.length] === QUOTE;
}

function skipName(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return OTHER;
  let i = at + 1;
  while (ENDS_NAME[bytes[i] as number] === 0) i += 1;
  return bytes[i] === QUOTE ? i + 1 : OTHER;
}

function skipString(bytes: Uint8Array, at: number): number {
  let i = at + 1;
  while (ENDS_STRETCH[bytes[i] as number] === 0) i += 1;
  return bytes[i] === QUOTE ? i + 1 : OTHER;
}

function skipNumber(bytes: Uint8Array, at: number): number {
  const start = bytes[at] === MINUS ? at + 1 : at;
  let end = start;
  while (isDigit(bytes[end] as number)) end += 1;
  if (bytes[start] === ZERO) return end === at + 1 ? end : OTHER; // 0, and not -0
  return end > start && end - start <= MAX_DIGITS ? end : OTHER;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}
