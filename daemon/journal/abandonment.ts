import type { Journal } from './journal.ts';
import { partyKey } from './journal.ts';
import type { OpenCall, Party } from './open-call.ts';

export interface AbandonmentOptions {
  readonly journal: Journal;
  /** Whether a process still runs, by its tag. */
  readonly isAlive: (owner: string) => boolean;
  /** Records a call as ended without an outcome. May be called again for one that is not yet. */
  readonly giveUp: (call: OpenCall, reason: string) => void;
  readonly now?: () => number;
  /** Milliseconds since 1970, as the journal counts. */
  readonly wallClock?: () => number;
}

interface Absence {
  readonly party: Party;
  readonly sinceMs: number;
  readonly isRestart: boolean;
}

/** Looks after lost connections come quickly at first: most processes are gone within the moment. */
const SWEEP_MS = { first: 50, limit: 5000 };
/** A living process whose connection was lost comes back within seconds, if it comes back. */
const PATIENCE_MS = { lost: 600_000, restart: 60_000 };
/** An agent may wait a night for its own person before it runs a call, or never run it. ADR 0029. */
const HELD_MS = 24 * 60 * 60_000;

export const REASONS = {
  processEnded: 'outcome unknown: the reporting process ended before it reported one',
  connectionLost: 'outcome unknown: the connection was lost and has not come back',
  restartedGone:
    'outcome unknown: the daemon restarted meanwhile, and the reporting process has ended',
  restartedAway:
    'outcome unknown: the daemon restarted meanwhile, and the reporting process has not come back',
  hostEnded: 'outcome unknown: the agent ended before it reported one',
  hostSilent: 'outcome unknown: the agent has not reported one for 24 hours',
  daemonStopped: 'outcome unknown: the daemon stopped before one was reported',
} as const;

/**
 * Decides when nobody will end a call any more: its process is gone, or has not come back for too
 * long. As long as a connection of that process and session stands, a call may take for ever.
 */
export class Abandonment {
  readonly #options: AbandonmentOptions;
  readonly #now: () => number;
  readonly #connections = new Map<string, number>();
  readonly #absent = new Map<string, Absence>();
  #timer: NodeJS.Timeout | undefined;
  #delayMs = SWEEP_MS.first;
  #hasStopped = false;

  constructor(options: AbandonmentOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** A connection speaks for this party. */
  joined(party: Party): void {
    const key = partyKey(party);
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
    this.#absent.delete(key);
  }

  /** It is gone, and everything it sent is recorded or refused. */
  left(party: Party): void {
    const key = partyKey(party);
    const count = (this.#connections.get(key) ?? 1) - 1;
    if (count > 0) {
      this.#connections.set(key, count);
      return;
    }
    this.#connections.delete(key);
    this.#miss(party, false);
  }

  /** At the start: nobody has come back yet. */
  restarted(): void {
    for (const { owner, sessionId } of this.#options.journal.all()) {
      this.#miss({ owner, sessionId }, true);
    }
  }

  stop(): void {
    this.#hasStopped = true;
    clearTimeout(this.#timer);
  }

  #miss(party: Party, isRestart: boolean): void {
    const key = partyKey(party);
    if (this.#hasStopped || this.#absent.has(key) || !this.#options.journal.has(party)) return;
    this.#absent.set(key, { party, sinceMs: this.#now(), isRestart });
    this.#delayMs = SWEEP_MS.first;
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#absent.size === 0) return;
    this.#timer = setTimeout(() => this.#sweep(), this.#delayMs).unref();
    this.#delayMs = Math.min(this.#delayMs * 2, SWEEP_MS.limit);
  }

  #sweep(): void {
    const { journal, giveUp } = this.#options;
    for (const [key, absence] of this.#absent) {
      // Stays until its calls are out of the journal: a full disk may refuse them for a while.
      if (!journal.has(absence.party)) this.#absent.delete(key);
      else {
        const isAlive = this.#options.isAlive(absence.party.owner);
        for (const call of journal.of(absence.party)) {
          const isHeld = call.host !== undefined;
          const reason = isHeld ? this.#judgeHeld(call, isAlive) : this.#judge(absence, isAlive);
          if (reason !== undefined) giveUp(call, reason);
        }
      }
    }
    this.#schedule();
  }

  /** Whoever reported it was never going to stay: only the holder's end says something. */
  #judgeHeld({ beganMs }: OpenCall, isAlive: boolean): string | undefined {
    if (!isAlive) return REASONS.hostEnded;
    const { wallClock = Date.now } = this.#options;
    return wallClock() - beganMs > HELD_MS ? REASONS.hostSilent : undefined;
  }

  #judge({ sinceMs, isRestart }: Absence, isAlive: boolean): string | undefined {
    if (!isAlive) return isRestart ? REASONS.restartedGone : REASONS.processEnded;
    const awayMs = this.#now() - sinceMs;
    if (isRestart) return awayMs > PATIENCE_MS.restart ? REASONS.restartedAway : undefined;
    return awayMs > PATIENCE_MS.lost ? REASONS.connectionLost : undefined;
  }
}
