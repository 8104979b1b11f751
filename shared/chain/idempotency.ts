/** Beyond this many distinct keys the search stops and the verdict says so. */
const MAX_KEYS = 50_000;
interface Entry {
  readonly key: string;
  readonly indices: number[];
  count: number;
}

/** A warning names this many places; a key that occurs a million times is told by its count. */
const MAX_INDICES = 20;

/**
 * Finds idempotency keys that occur more than once in a session, in bounded memory. Emitters take the
 * number of the request for the key, and every session counts from 1: across sessions it says nothing.
 */
export class DuplicateKeys {
  readonly #seen = new Map<string, Entry>();
  #overflowed = false;

  get isComplete(): boolean {
    return !this.#overflowed;
  }

  add(key: string, index: number, session = ''): void {
    const place = `${session}\u0000${key}`;
    const entry = this.#seen.get(place);
    if (entry !== undefined) {
      entry.count += 1;
      if (entry.indices.length < MAX_INDICES) entry.indices.push(index);
    } else if (this.#seen.size < MAX_KEYS) {
      this.#seen.set(place, { key, indices: [index], count: 1 });
    } else {
      this.#overflowed = true;
    }
  }

  /** One line per key that was seen twice or more, in the order of first sight. */
  warnings(): readonly string[] {
    const lines: string[] = [];
    for (const { key, indices, count } of this.#seen.values()) {
      if (count < 2) continue;
      const more = count > indices.length ? ` and ${count - indices.length} more` : '';
      lines.push(
        `duplicate idempotency_key ${JSON.stringify(key)} on receipts at indices ` +
          `${indices.join(', ')}${more} (retries are legitimate; review for double-counting)`,
      );
    }
    return lines;
  }
}
