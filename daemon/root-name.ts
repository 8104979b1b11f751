import { dailyChainId } from './chains.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** A timer knows nothing of a suspended machine or a clock that was set: it looks this often. */
const LOOK_EVERY_MS = 60_000;

/**
 * What root chains are called, and when the next one is due: at midnight UTC where the name is the
 * date, on request alone where somebody chose it.
 */
export class RootName {
  readonly #isDaily: boolean;
  #base: string;

  /** @param base - The date, or what was configured; suffixes are made by `Chains.resumeRoot`. */
  constructor(base: string, isDaily: boolean) {
    this.#base = base;
    this.#isDaily = isDaily;
  }

  /** The name to begin with now. */
  at(now: Date): string {
    return this.isDue(now) ? dailyChainId(now) : this.#base;
  }

  /**
   * Another day has come. A clock that is put back by less than a day does not make yesterday come
   * again; one that was far ahead does not keep its date until that day is there.
   */
  isDue(now: Date): boolean {
    if (!this.#isDaily) return false;
    const today = dailyChainId(now);
    return today > this.#base || Date.parse(this.#base) - Date.parse(today) > DAY_MS;
  }

  rolled(now: Date): void {
    this.#base = this.at(now);
  }

  /**
   * Calls `look` at midnight and now and then, for days on which nobody reports anything.
   *
   * @returns Ends it
   */
  watch(look: () => void): () => void {
    if (!this.#isDaily) return () => undefined;
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      const untilMidnight = DAY_MS - (Date.now() % DAY_MS);
      timer = setTimeout(
        () => {
          look();
          wait();
        },
        Math.min(untilMidnight, LOOK_EVERY_MS),
      ).unref();
    };
    wait();
    return () => clearTimeout(timer);
  }
}
