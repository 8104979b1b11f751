import {
  decodeName,
  scanMembers,
  type Member,
  type NameListener,
  type StringSkip,
} from './scan.ts';

/** Fewer digits than this without an exponent always fit a double. */
const SAFE_NUMBER_LENGTH = 300;

/**
 * Finds what parsers disagree about: a member name that stands twice in one object, and a number
 * beyond the range of a double. A guard that reads one and a server that reads the other see
 * different calls.
 */
export class AmbiguityFinder implements NameListener {
  #open: Set<string>[] = [];
  #duplicate: string | undefined;
  #outOfRange: string | undefined;

  /** The first duplicate name that was met, decoded. */
  get duplicate(): string | undefined {
    return this.#duplicate;
  }

  /** The first number without a finite double, at most 32 characters of it. */
  get outOfRange(): string | undefined {
    return this.#outOfRange;
  }

  openObject(): void {
    this.#open.push(new Set());
  }

  closeObject(): void {
    this.#open.pop();
  }

  name(bytes: Uint8Array, start: number, end: number): void {
    const names = this.#open.at(-1);
    const name = decodeName(bytes, start, end);
    if (names?.has(name) === true) this.#duplicate ??= name;
    else names?.add(name);
  }

  number(bytes: Uint8Array, start: number, end: number): void {
    if (this.#outOfRange !== undefined) return;
    const text = bytes.subarray(start, end);
    const hasExponent = text.includes(0x65) || text.includes(0x45);
    if (!hasExponent && text.length < SAFE_NUMBER_LENGTH) return;
    const digits = decodeName(bytes, start, end);
    if (!Number.isFinite(Number(digits))) this.#outOfRange = digits.slice(0, 32);
  }
}

/** The members of an object, and what is ambiguous in it at any depth. */
export interface ScannedMembers {
  readonly members: readonly Member[];
  readonly duplicate: string | undefined;
  readonly outOfRange: string | undefined;
}

/** `scanMembers`, and the search for ambiguity in the same pass. Throws as it does. */
export function scanMembersOnce(bytes: Uint8Array, string?: StringSkip): ScannedMembers {
  const finder = new AmbiguityFinder();
  const members = scanMembers(bytes, finder, string);
  return { members, duplicate: finder.duplicate, outOfRange: finder.outOfRange };
}
