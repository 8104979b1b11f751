import { callNoteOf } from '../receipt/call.ts';
import {
  isActionReceipt,
  isDaemonStatement,
  isEmitterStatement,
} from '../receipt/daemon-statement.ts';
import { numberLimits } from './call-number-limits.ts';
import { CallNumberMeter, type MissingCalls } from './call-numbers.ts';
import { DownTimeMeter, type DownTime } from './down-time.ts';
import { deletionLimit, isAgentChain, truncationLimit, type LinkCoverage } from './links.ts';
import { Tally } from './tally.ts';
import type { ReceiptVerdict } from './verdict.ts';

/** A way in which an action may be missing although everything was verified. Codes are public. */
export interface CoverageLimit {
  readonly code:
    | 'NOT_COUNTED'
    | 'BROKEN_CHAINS'
    | 'TRUNCATION'
    | 'DELETED_CHAINS'
    | 'OTHER_CHAINS'
    | 'DOWN_TIME_UNRECORDED'
    | 'NUMBERS_ELSEWHERE'
    | 'SESSIONS_NOT_FOLLOWED'
    | 'UNNUMBERED_CALLS'
    | 'LAST_CALLS'
    | 'UNMEDIATED_ACTIONS';
  readonly text: string;
}

/** How complete a record is, as far as it can tell itself. */
export interface Coverage {
  /** Of every receipt that counts, in the words of the receipts; undefined when none does. */
  readonly period: { readonly first: string; readonly last: string } | undefined;
  /** Receipts of actions; not those in which the daemon speaks of the record. */
  readonly calls: number;
  /** Grants, refused answers and the like, by their action types; not among the calls. */
  readonly statements: number;
  /** Calls whose outcome nobody had seen when it was recorded, by the reason written down. */
  readonly outcomesUnknown: readonly (readonly [reason: string, count: number])[];
  /** Those of them whose outcome a later receipt tells. */
  readonly outcomesKnownLater: number;
  /** Receipts of calls that another receipt tells of too: hook and proxy saw the same call. */
  readonly toldTwice: number;
  readonly missingCalls: MissingCalls;
  /** Actions that emitters counted and could not report. */
  readonly eventsDropped: number;
  readonly downTime: DownTime;
  /** Chains without a last receipt; the first few by name. */
  readonly openChains: { readonly count: number; readonly ids: readonly string[] };
  /** Receipts that are left out above, because they cannot be read or their signature is wrong. */
  readonly notCounted: number;
  readonly notExcluded: readonly CoverageLimit[];
}

const MOST_NAMES = 20;
const NO_REASON = 'no reason given';

interface Moment {
  readonly text: string;
  readonly ms: number;
}

/**
 * Adds up what a run of the verifier sees, chain by chain in the order in which they began. Keeps
 * sums, bounded lists and one line per issuer: nothing grows with the receipts.
 */
export class CoverageMeter {
  readonly #downTime = new DownTimeMeter();
  readonly #reasons = new Tally();
  readonly #numbers = new CallNumberMeter();
  readonly #openIds: string[] = [];
  #openCount = 0;
  #first: Moment | undefined;
  #last: Moment | undefined;
  #calls = 0;
  #statements = 0;
  #knownLater = 0;
  #toldTwice = 0;
  #eventsDropped = 0;
  #notCounted = 0;
  #brokenChains = 0;

  /** Takes the verifier's judgement of the next receipt. */
  receipt({ receipt, signatureValid }: ReceiptVerdict): void {
    if (receipt === undefined || !signatureValid) {
      this.#notCounted += 1; // anybody may have written it
      return;
    }
    const { action, outcome, chain } = receipt.credentialSubject;
    const ms = Date.parse(action.timestamp);
    if (!Number.isNaN(ms)) {
      const now = { text: action.timestamp, ms };
      if (this.#first === undefined || ms < this.#first.ms) this.#first = now;
      if (this.#last === undefined || ms > this.#last.ms) this.#last = now;
      // Sub-agents come and go; whether the daemon was there is told by the root chains.
      if (!isAgentChain(chain.chain_id)) this.#downTime.receipt(receipt, ms);
    }
    const dropped = action.emitter_metadata?.drop_count ?? 0;
    this.#eventsDropped += dropped;
    if (dropped > 0) this.#numbers.dropped(receipt, dropped);
    if (isActionReceipt(receipt)) {
      const isKnown = this.#numbers.call(receipt, ms); // they have numbers too: a hole shows
      if (isEmitterStatement(receipt)) this.#statements += 1;
      else if (callNoteOf(receipt)?.sameAs !== undefined) this.#toldTwice += 1;
      else if (isKnown) this.#knownLater += 1;
      else this.#calls += 1;
    }
    if (outcome.status === 'pending' && !isDaemonStatement(receipt)) {
      this.#reasons.add(
        outcome.error === undefined || outcome.error === '' ? NO_REASON : outcome.error,
      );
    }
  }

  /** A chain has been read to its end. */
  chain(id: string, verdict: { readonly isBroken: boolean; readonly isOpen: boolean }): void {
    if (verdict.isBroken) this.#brokenChains += 1;
    if (!verdict.isOpen) return;
    this.#openCount += 1;
    if (this.#openIds.length < MOST_NAMES) this.#openIds.push(id);
  }

  /**
   * @param links - Given when every chain of the store was looked at, and what they say of others.
   * @param prunedBefore - RFC 3339; what ended before this was pruned. Undefined when nothing was.
   */
  finish(links?: LinkCoverage, prunedBefore?: string): Coverage {
    const missingCalls = this.#numbers.finish({ isWhole: links !== undefined, prunedBefore });
    const period =
      this.#first === undefined || this.#last === undefined
        ? undefined
        : { first: this.#first.text, last: this.#last.text };
    return {
      period,
      calls: this.#calls,
      statements: this.#statements,
      outcomesUnknown: this.#reasons.entries(),
      outcomesKnownLater: this.#knownLater,
      toldTwice: this.#toldTwice,
      missingCalls,
      eventsDropped: this.#eventsDropped,
      downTime: this.#downTime.finish(),
      openChains: { count: this.#openCount, ids: this.#openIds },
      notCounted: this.#notCounted,
      notExcluded: this.#limits(links, missingCalls),
    };
  }

  #limits(links: LinkCoverage | undefined, missing: MissingCalls): readonly CoverageLimit[] {
    const limits: CoverageLimit[] = [];
    const add = (code: CoverageLimit['code'], text: string) => limits.push({ code, text });
    if (this.#notCounted > 0) {
      const one = 'receipt does not verify and is not counted here';
      const more = 'receipts do not verify and are not counted here';
      add('NOT_COUNTED', `${this.#notCounted} ${this.#notCounted === 1 ? one : more}`);
    }
    if (this.#brokenChains > 0) {
      const which = this.#brokenChains === 1 ? 'chain is' : 'chains are';
      add('BROKEN_CHAINS', `${this.#brokenChains} ${which} broken: receipts there may be missing`);
    }
    if (links === undefined) {
      add('TRUNCATION', 'receipts removed from the end of a chain');
      add('OTHER_CHAINS', 'what other chains of the store say, also of the end of this one');
    } else {
      add('TRUNCATION', truncationLimit(links));
      add('DELETED_CHAINS', deletionLimit(links));
    }
    if (!this.#downTime.saysStarts) {
      add('DOWN_TIME_UNRECORDED', 'down time after a crash: the daemon wrote no start receipts');
    }
    limits.push(...numberLimits(missing));
    add('UNMEDIATED_ACTIONS', 'actions that passed neither a proxy nor a hook');
    return limits;
  }
}
