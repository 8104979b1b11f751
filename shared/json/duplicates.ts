import { decodeName, scanMembers, type Member, type NameListener } from './scan.ts';

/**
 * Finds a member name that stands twice in one object. Parsers disagree about which of the two
 * counts, so a guard that reads one and a server that reads the other see different calls.
 */
export class DuplicateFinder implements NameListener {
  #open: Set<string>[] = [];
  #found: string | undefined;

  /** The first duplicate name that was met, decoded. */
  get found(): string | undefined {
    return this.#found;
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
    if (names?.has(name) === true) this.#found ??= name;
    else names?.add(name);
  }
}

/** The members of an object, and the first duplicate name at any depth. */
export function scanMembersOnce(bytes: Uint8Array): {
  readonly members: readonly Member[];
  readonly duplicate: string | undefined;
} {
  const finder = new DuplicateFinder();
  const members = scanMembers(bytes, finder);
  return { members, duplicate: finder.found };
}
