import { callNoteOf, callNumber } from '../receipt/call.ts';
import type { Receipt } from '../receipt/receipt.ts';
import { NumberSet, type NumberRange } from './number-set.ts';

/** A session in which numbers of calls are missing. */
export interface MissingOfSession {
  readonly sessionId: string;
  /** Less than `ranges` hold when the session counted some of them as dropped. */
  readonly count: number;
  /** The first few stretches of numbers that no receipt has. */
  readonly ranges: readonly NumberRange[];
}

/** Calls that were numbered and are not in the record (ADR 0019). */
export interface MissingCalls {
  /** Neither recorded nor counted as dropped. */
  readonly count: number;
  readonly sessions: number;
  /** The first few sessions. */
  readonly first: readonly MissingOfSession[];
  /** Missing numbers that may stand in chains that were not read, or were pruned. */
  readonly maybeElsewhere: number;
  /** Sessions whose numbers are too many, or too scattered, to be followed to the end. */
  readonly sessionsNotFollowed: number;
  readonly numberedCalls: number;
  readonly unnumberedCalls: number;
}

/** Which chains the numbers were read from. */
export interface NumberScope {
  /** Every chain of the store was read. */
  readonly isWhole: boolean;
  /** RFC 3339; chains that ended before this were pruned. Undefined when none was. */
  readonly prunedBefore: string | undefined;
}

export interface NumberLimits {
  /** Sessions whose numbers are kept at a time; the one that was idle longest goes first. */
  readonly maxSessions: number;
  /** Sessions that went and had holes. */
  readonly maxSettled: number;
  readonly maxRanges: number;
}

const LIMITS: NumberLimits = { maxSessions: 10_000, maxSettled: 1000, maxRanges: 256 };
const MOST_SESSIONS_NAMED = 5;
const MOST_RANGES_NAMED = 5;

interface Session {
  readonly sessionId: string;
  readonly numbers: NumberSet;
  /** Another session of these numbers may have been forgotten before this one was seen. */
  readonly mayContinue: boolean;
  firstMs: number;
  dropped: number;
  isFollowed: boolean;
}

/**
 * Finds the numbers of calls that no receipt has. Emitters of ours number the calls of a session
 * from 1, so that a hole is a loss that shows. A session belongs to one process, as the kernel names
 * it: what another one reports under the same name fills no hole. Numbers may come in any order and
 * from any chain, and memory does not grow with receipts.
 */
export class CallNumberMeter {
  readonly #limits: NumberLimits;
  /** In the order of last use. */
  readonly #sessions = new Map<string, Session>();
  readonly #settled: Session[] = [];
  #current: Session | undefined;
  #currentKey = '';
  #hasForgotten = false;
  #notFollowed = 0;
  #numbered = 0;
  #unnumbered = 0;

  constructor(limits: NumberLimits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * Takes the receipt of a call.
   *
   * @param ms - When it was issued; NaN when nobody can tell.
   * @returns Whether the call was seen before: this receipt tells how one ended that was `pending`
   */
  call(receipt: Receipt, ms: number): boolean {
    const note = callNoteOf(receipt);
    const number = callNumber(note?.id);
    const isLater = note?.completes !== undefined;
    if (number === undefined || receipt.issuer.session_id === undefined) {
      if (!isLater && note?.sameAs === undefined) this.#unnumbered += 1;
      return isLater;
    }
    const session = this.#session(receipt);
    const began = Date.parse(note?.began ?? '');
    for (const at of [ms, began]) if (at < session.firstMs) session.firstMs = at;
    const isKnown = !session.isFollowed || session.numbers.has(number);
    if (isLater && isKnown) return true;
    this.#numbered += 1;
    if (session.isFollowed) session.isFollowed = session.numbers.add(number);
    return false;
  }

  /** Takes the receipt in which a session counts what it dropped: each explains one number. */
  dropped(receipt: Receipt, count: number): void {
    if (receipt.issuer.session_id !== undefined) this.#session(receipt).dropped += count;
  }

  finish({ isWhole, prunedBefore }: NumberScope): MissingCalls {
    const prunedMs = prunedBefore === undefined ? -Infinity : Date.parse(prunedBefore);
    const first: MissingOfSession[] = [];
    let [count, sessions, maybeElsewhere, notFollowed] = [0, 0, 0, this.#notFollowed];
    for (const session of [...this.#settled, ...this.#sessions.values()]) {
      if (!session.isFollowed) {
        notFollowed += 1;
        continue;
      }
      const isUnsure = !isWhole || !(session.firstMs >= prunedMs);
      const lowerUnsure = isUnsure || session.mayContinue || prunedBefore !== undefined;
      const found = missingOf(session, isUnsure, lowerUnsure);
      maybeElsewhere += found.unsure;
      if (found.count === 0) continue;
      count += found.count;
      sessions += 1;
      if (first.length < MOST_SESSIONS_NAMED) first.push(found);
    }
    const sums = { numberedCalls: this.#numbered, unnumberedCalls: this.#unnumbered };
    return { count, sessions, first, maybeElsewhere, sessionsNotFollowed: notFollowed, ...sums };
  }

  #session({ issuer, credentialSubject }: Receipt): Session {
    const { peer_credential: peer } = credentialSubject.action;
    const sessionId = issuer.session_id ?? '';
    const key = `${peer?.pid ?? ''} ${issuer.id} ${sessionId}`;
    if (this.#current !== undefined && key === this.#currentKey) return this.#current;
    const session = this.#sessions.get(key) ?? {
      sessionId,
      numbers: new NumberSet(this.#limits.maxRanges),
      mayContinue: this.#hasForgotten,
      firstMs: Infinity,
      dropped: 0,
      isFollowed: true,
    };
    this.#sessions.delete(key);
    this.#sessions.set(key, session); // behind all others: used last
    if (this.#sessions.size > this.#limits.maxSessions) this.#forgetOldest();
    this.#current = session;
    this.#currentKey = key;
    return session;
  }

  #forgetOldest(): void {
    const [key, session] = this.#sessions.entries().next().value as [string, Session];
    this.#sessions.delete(key);
    this.#hasForgotten = true;
    if (!session.isFollowed) this.#notFollowed += 1;
    else if (session.numbers.holes().length === 0) return;
    else if (this.#settled.length < this.#limits.maxSettled) this.#settled.push(session);
    else this.#notFollowed += 1;
  }
}

/**
 * @param isUnsure - Any missing number may stand elsewhere.
 * @param lowerUnsure - Those before the first number that was read may.
 */
function missingOf(
  { sessionId, numbers, dropped }: Session,
  isUnsure: boolean,
  lowerUnsure: boolean,
): MissingOfSession & { readonly unsure: number } {
  const { lowest = 1 } = numbers;
  const holes = numbers.holes();
  const sure = holes.filter(([from]) => !isUnsure && !(lowerUnsure && from < lowest));
  const sum = (ranges: readonly NumberRange[]) =>
    ranges.reduce((total, [from, to]) => total + to - from + 1, 0);
  const surely = sum(sure);
  // What was dropped explains what would otherwise raise an alarm, and then the rest.
  const count = Math.max(0, surely - dropped);
  const unsure = Math.max(0, sum(holes) - surely - Math.max(0, dropped - surely));
  return { sessionId, count, unsure, ranges: sure.slice(0, MOST_RANGES_NAMED) };
}
