/** Beyond this many distinct keys the search stops and the verdict says so. */
const MAX_KEYS = 50_000;

interface Repeated {
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
  /** Where each key of a session stands first; most keys stand nowhere else. */
  readonly #sessions = new Map<string, Map<string, number>>();
  readonly #repeated = new Map<string, Repeated>();
  #size = 0;
  #overflowed = false;

  get isComplete(): boolean {
    return !this.#overflowed;
  }

  add(key: string, index: number, session = ''): void {
    const keys = this.#sessions.get(session) ?? new Map<string, number>();
    const first = keys.get(key);
    if (first !== undefined) {
      this.#repeat(`${session}\u0000${key}`, key, first, index);
    } else if (this.#size === MAX_KEYS) {
      this.#overflowed = true;
    } else {
      if (keys.size === 0) this.#sessions.set(session, keys);
      keys.set(key, index);
      this.#size += 1;
    }
  }

  #repeat(place: string, key: string, first: number, index: number): void {
    const known = this.#repeated.get(place);
    const repeated = known ?? { key, indices: [first], count: 1 };
    if (known === undefined) this.#repeated.set(place, repeated);
    repeated.count += 1;
    if (repeated.indices.length < MAX_INDICES) repeated.indices.push(index);
  }

  /** One line per key that was seen twice or more, in the order of first sight. */
  warnings(): readonly string[] {
    const lines: string[] = [];
    const bySight = [...this.#repeated.values()].sort((a, b) => firstIndex(a) - firstIndex(b));
    for (const { key, indices, count } of bySight) {
      const more = count > indices.length ? ` and ${count - indices.length} more` : '';
      lines.push(
        `duplicate idempotency_key ${JSON.stringify(key)} on receipts at indices ` +
          `${indices.join(', ')}${more} (retries are legitimate; review for double-counting)`,
      );
    }
    return lines;
  }
}

function firstIndex({ indices }: Repeated): number {
  return indices[0] ?? 0;
}
