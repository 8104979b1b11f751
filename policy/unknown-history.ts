import { PolicyHistory, SlidingSum } from './history.ts';

/** More steps than a rule can have. */
const MAX_STEPS = 1024;

/** Whatever is asked for has been used up. */
class UnknownSum extends SlidingSum {
  override total(): number {
    return Infinity;
  }
}

/**
 * The history of a process that has none, because it lives for one call. What nobody knows is taken to
 * be bad: rates and budgets are exceeded, and what had to come before has come.
 */
export class UnknownHistory extends PolicyHistory {
  override sum(): SlidingSum {
    return new UnknownSum();
  }

  override steps(): (number | undefined)[] {
    // Later than any call: whatever time may lie between a step and the next has not passed.
    return Array.from({ length: MAX_STEPS }, () => Infinity);
  }
}
