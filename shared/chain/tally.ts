/** Different texts that are counted one by one; what comes after them is counted together. */
const MAX_TEXTS = 100;
/** Longer texts are told apart by their beginning only. */
const MAX_CHARACTERS = 200;

export const OTHER_TEXTS = 'other';

/** Counts equal texts in bounded memory, whoever wrote them. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(text: string): void {
    let key = Array.from(text.slice(0, MAX_CHARACTERS * 2))
      .slice(0, MAX_CHARACTERS)
      .join('');
    if (!this.#counts.has(key) && this.#counts.size >= MAX_TEXTS) key = OTHER_TEXTS;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** The most frequent first, equal ones in the order of first sight. */
  entries(): readonly (readonly [text: string, count: number])[] {
    return Array.from(this.#counts).sort(([, a], [, b]) => b - a);
  }
}
