/** More than this many entries are joined: old ones then count a little longer than they should. */
const MAX_ENTRIES = 1024;
/** More than this many tools, agents and so on share what is counted: names come from an agent. */
const MAX_SCOPES = 1024;
const MAX_HOSTS = 4096;

/** Amounts with their time, of which the recent ones are asked for. */
export class SlidingSum {
  #entries: { at: number; amount: number }[] = [];
  /** Added up anew when entries leave, so that no rounding stays. */
  #total = 0;

  add(nowMs: number, amount: number): void {
    this.#entries.push({ at: nowMs, amount });
    this.#total += amount;
    if (this.#entries.length > MAX_ENTRIES) this.#join();
  }

  /** What was added within `periodMs` before now. An amount that is exactly as old is not. */
  total(nowMs: number, periodMs: number): number {
    const from = nowMs - periodMs;
    const recent = this.#entries.findIndex(({ at }) => at > from);
    // Entries are in the order of the calls; a clock that steps back only makes them stay longer.
    const expired = recent === -1 ? this.#entries.length : recent;
    if (expired > 0) {
      this.#entries.splice(0, expired);
      this.#total = this.#entries.reduce((total, { amount }) => total + amount, 0);
    }
    return this.#total;
  }

  /** Halves the older part, each pair at the later of its two times. */
  #join(): void {
    const [older, newer] = [
      this.#entries.slice(0, MAX_ENTRIES / 2),
      this.#entries.slice(MAX_ENTRIES / 2),
    ];
    const joined: { at: number; amount: number }[] = [];
    for (let index = 0; index < older.length; index += 2) {
      const pair = older.slice(index, index + 2);
      const amount = pair.reduce((total, entry) => total + entry.amount, 0);
      joined.push({ at: Math.max(...pair.map(({ at }) => at)), amount });
    }
    this.#entries = [...joined, ...newer];
  }
}

/**
 * What rules remember of the calls of one session. `decide` reads it, and writes down each call that
 * goes on. It outlives a change of the rules: what is counted is found by the rule's name and what it
 * counts. Its size is bounded, whatever an agent calls.
 */
export class PolicyHistory {
  readonly #sums = new Map<string, Map<string, SlidingSum>>();
  readonly #steps = new Map<string, (number | undefined)[]>();
  readonly #hosts = new Set<string>();

  sum(key: string, scope: string): SlidingSum {
    const scopes = this.#sums.get(key) ?? new Map<string, SlidingSum>();
    this.#sums.set(key, scopes);
    const name = scopes.has(scope) || scopes.size < MAX_SCOPES ? scope : '\0others';
    const sum = scopes.get(name) ?? new SlidingSum();
    scopes.set(name, sum);
    return sum;
  }

  /** When each step of a sequence was last seen in its order; the caller writes into it. */
  steps(key: string): (number | undefined)[] {
    const times = this.#steps.get(key) ?? [];
    this.#steps.set(key, times);
    return times;
  }

  hasHost(host: string): boolean {
    return this.#hosts.has(host);
  }

  addHost(host: string): void {
    if (this.#hosts.size < MAX_HOSTS) this.#hosts.add(host);
  }
}
