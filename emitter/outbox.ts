import type { CodedError } from '../shared/errors.ts';
import type { EventPhase } from '../shared/wire/event.ts';
import type { FrameBody } from './frame-body.ts';
import type { Acknowledgement } from './report.ts';

/** One report on its way. */
export interface Pending {
  readonly ack: number;
  readonly body: FrameBody;
  readonly phase: EventPhase | undefined;
  readonly settle: ((result: Acknowledgement | CodedError) => void) | undefined;
  /** Written to some connection, which may be gone. */
  sent: boolean;
  /** The kernel has all of it. */
  taken: boolean;
  /** No daemon has it and none will: refused, or not meant for one that is plain. */
  isVoid: boolean;
}

/** What was reported and is not settled: first in the spool, then in the window of a connection. */
export class Outbox {
  /** Not yet written to the current connection, oldest first. */
  #spool = new Set<Pending>();
  /** Written, not yet acknowledged, oldest first. */
  readonly #window = new Map<number, Pending>();
  #bytes = 0;

  /** Bytes of everything that is held. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#spool.size + this.#window.size;
  }

  get spooled(): number {
    return this.#spool.size;
  }

  /** What waits to be written, oldest first; may be changed while it is walked. */
  waiting(): Iterable<Pending> {
    return this.#spool;
  }

  unacknowledged(): Iterable<Pending> {
    return this.#window.values();
  }

  all(): readonly Pending[] {
    return [...this.#window.values(), ...this.#spool];
  }

  add(pending: Pending): void {
    this.#spool.add(pending);
    this.#bytes += pending.body.length;
  }

  isSpooled(pending: Pending): boolean {
    return this.#spool.has(pending);
  }

  withAck(ack: number): Pending | undefined {
    return this.#window.get(ack);
  }

  toWindow(pending: Pending): void {
    this.#spool.delete(pending);
    this.#window.set(pending.ack, pending);
  }

  /** @returns false for one that was settled before */
  remove(pending: Pending): boolean {
    const isHeld = this.#spool.delete(pending) || this.#window.delete(pending.ack);
    if (isHeld) this.#bytes -= pending.body.length;
    return isHeld;
  }

  /** The connection is gone: what it did not acknowledge comes first on the next one. */
  requeue(): void {
    this.#spool = new Set([...this.#window.values(), ...this.#spool]);
    this.#window.clear();
  }
}
