/** Numbers from `first` to `last`, both included. */
export type NumberRange = readonly [first: number, last: number];

/**
 * A set of whole numbers above zero that is mostly without holes: it costs as much as it has holes,
 * and takes at most `maxRanges` stretches.
 */
export class NumberSet {
  readonly #maxRanges: number;
  /** First and last number of every stretch, in order; two stretches never touch. */
  readonly #bounds: number[] = [];

  constructor(maxRanges: number) {
    this.#maxRanges = maxRanges;
  }

  /** The smallest number; undefined when there is none. */
  get lowest(): number | undefined {
    return this.#bounds[0];
  }

  has(number: number): boolean {
    return (this.#bounds[this.#after(number)] ?? Infinity) <= number;
  }

  /** @returns false when the set is too scattered to take another stretch; it is unchanged then */
  add(number: number): boolean {
    const bounds = this.#bounds;
    const at = this.#after(number);
    if (this.has(number)) return true;
    const joinsBefore = at > 0 && bounds[at - 1] === number - 1;
    const joinsAfter = bounds[at] === number + 1;
    if (joinsBefore && joinsAfter) bounds.splice(at - 1, 2);
    else if (joinsBefore) bounds[at - 1] = number;
    else if (joinsAfter) bounds[at] = number;
    else if (bounds.length >= this.#maxRanges * 2) return false;
    else bounds.splice(at, 0, number, number);
    return true;
  }

  /** What is missing between 1 and the largest number. */
  holes(): readonly NumberRange[] {
    const holes: NumberRange[] = [];
    for (let at = 0, next = 1; at < this.#bounds.length; at += 2) {
      const first = this.#bounds[at] as number;
      if (first > next) holes.push([next, first - 1]);
      next = (this.#bounds[at + 1] as number) + 1;
    }
    return holes;
  }

  /** Index of the first stretch that does not end before `number`. */
  #after(number: number): number {
    const bounds = this.#bounds;
    // Nearly always the next number of all: no search.
    if ((bounds.at(-1) ?? 0) < number) return bounds.length;
    let [low, high] = [0, bounds.length / 2];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((bounds[middle * 2 + 1] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low * 2;
  }
}
