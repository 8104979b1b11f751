import { isJsonObject } from '../json/value.ts';
import { isDaemonStatement } from '../receipt/daemon-statement.ts';
import type { Receipt } from '../receipt/receipt.ts';
import { ACTION_DAEMON_STARTED, ACTION_DAEMON_STOPPED } from '../receipt/taxonomy.ts';
import { ACTION_PRUNED } from './pruned.ts';

/**
 * What is known about a gap. `exact`: both ends were recorded. `at_most`: it began somewhere after
 * the last receipt before it. `down_or_idle`: nothing was recorded, and nobody said why.
 */
export type GapCertainty = 'exact' | 'at_most' | 'down_or_idle';

/** Gaps with the same cause, added up. */
export interface DownCause {
  readonly cause: string;
  readonly certainty: GapCertainty;
  readonly gaps: number;
  readonly seconds: number;
}

export interface DownTime {
  readonly gaps: number;
  /** What both ends prove. */
  readonly seconds: number;
  /** With the gaps of which only a bound is known. */
  readonly secondsAtMost: number;
  readonly causes: readonly DownCause[];
  /** The record ends with a stop: since when, in the words of the receipt. */
  readonly since: string | undefined;
}

interface Moment {
  readonly text: string;
  readonly ms: number;
}

/** What one issuer's root chains said last. */
interface Line {
  last: Moment;
  ended: (Moment & { readonly chainId: string; readonly cause: string | undefined }) | undefined;
}

/** Different causes are few; a store full of invented ones must not cost memory. */
const MAX_CAUSES = 100;
const IDLE_CAUSE = 'down or idle';

/**
 * Reads from root chains when nobody was there to record: from start and stop receipts, and in
 * stores without them from the pause between a chain's end and the first receipt after it.
 */
export class DownTimeMeter {
  readonly #lines = new Map<string, Line>();
  readonly #causes = new Map<string, { -readonly [name in keyof DownCause]: DownCause[name] }>();
  #saysStarts = false;

  /** Whether daemons of this record tell when they start; without it a crash leaves no gap. */
  get saysStarts(): boolean {
    return this.#saysStarts;
  }

  /** Takes the next receipt of a root chain; chains in the order in which they began. */
  receipt(receipt: Receipt, ms: number): void {
    const { action, chain, keyRotation } = receipt.credentialSubject;
    // Written while no daemon runs: they neither end a gap nor begin one.
    if (keyRotation !== undefined || action.type === ACTION_PRUNED) return;
    const now: Moment = { text: action.timestamp, ms };
    const line = this.#lines.get(receipt.issuer.id);
    const isOwn = isDaemonStatement(receipt);
    if (isOwn && action.type === ACTION_DAEMON_STARTED) this.#onStart(receipt, line, now);
    else if (line?.ended !== undefined && line.ended.chainId !== chain.chain_id) {
      this.#add(line.ended.cause ?? IDLE_CAUSE, 'down_or_idle', line.ended.ms, now.ms);
      line.ended = undefined;
    }
    const kept = line ?? { last: now, ended: undefined };
    kept.last = now;
    if (isOwn && action.type === ACTION_DAEMON_STOPPED) {
      const reason = daemonMember(receipt, 'reason');
      kept.ended = { ...now, chainId: chain.chain_id, cause: stopCause(reason) };
    } else if (isOwn && chain.terminal === true && chain.status !== 'complete') {
      // A chain that is complete was ended in order, and the next one goes on at once.
      kept.ended = { ...now, chainId: chain.chain_id, cause: kept.ended?.cause };
    }
    if (line === undefined) this.#lines.set(receipt.issuer.id, kept);
  }

  #onStart(receipt: Receipt, line: Line | undefined, now: Moment): void {
    this.#saysStarts = true;
    const previous = Date.parse(daemonMember(receipt, 'previous_stop') ?? '');
    const isCrash = daemonMember(receipt, 'boot') === 'crash';
    const from = line?.ended?.ms ?? previous;
    if (!isCrash && !Number.isNaN(from)) {
      this.#add(line?.ended?.cause ?? stopCause(undefined), 'exact', from, now.ms);
    } else if (line !== undefined) {
      this.#add(isCrash ? 'crash' : 'no stop recorded', 'at_most', line.last.ms, now.ms);
    }
    if (line !== undefined) line.ended = undefined;
  }

  #add(cause: string, certainty: GapCertainty, fromMs: number, toMs: number): void {
    // A clock that was put back must not make time that was up into time that was down.
    const seconds = Math.max(0, Math.round((toMs - fromMs) / 1000));
    const isKnown = this.#causes.has(`${certainty} ${cause}`) || this.#causes.size < MAX_CAUSES;
    const name = isKnown ? cause : 'other';
    const key = `${certainty} ${name}`;
    const entry = this.#causes.get(key) ?? { cause: name, certainty, gaps: 0, seconds: 0 };
    entry.gaps += 1;
    entry.seconds += seconds;
    this.#causes.set(key, entry);
  }

  finish(): DownTime {
    const causes = Array.from(this.#causes.values(), (entry) => ({ ...entry }));
    const sum = (entries: readonly DownCause[]) =>
      entries.reduce((total, { seconds }) => total + seconds, 0);
    const [latest] = Array.from(this.#lines.values()).sort((a, b) => b.last.ms - a.last.ms);
    return {
      gaps: causes.reduce((total, { gaps }) => total + gaps, 0),
      seconds: sum(causes.filter(({ certainty }) => certainty === 'exact')),
      secondsAtMost: sum(causes),
      causes,
      since: latest?.ended?.text,
    };
  }
}

function stopCause(reason: string | undefined): string {
  return reason === undefined ? 'stopped' : `stopped: ${reason.slice(0, 64)}`;
}

/** A text of `issuer.runtime.obsigna.daemon`, where start and stop receipts say more. */
function daemonMember({ issuer }: Receipt, name: string): string | undefined {
  const ours = issuer.runtime?.['obsigna'];
  const daemon = ours !== undefined && isJsonObject(ours) ? ours['daemon'] : undefined;
  const value = daemon !== undefined && isJsonObject(daemon) ? daemon[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
