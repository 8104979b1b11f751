import type { Buffer } from 'node:buffer';
import { messageEvent, SseCutter, type SseEvent, type SseHandler } from './sse-cut.ts';

/** Longest event that is looked at; a longer one still passes, unless it would have to be judged. */
const MAX_EVENT_BYTES = 64 * 1024 * 1024;

export interface EventRelayOptions {
  /** To the client. */
  readonly write: (bytes: Buffer) => void;
  /** Events have to be judged before they pass. Asked for between two events. */
  readonly holds: () => boolean;
  /** What the client gets of an event that was held; undefined for nothing. */
  readonly judge: (event: SseEvent) => Buffer | undefined;
  /** An event has passed, or was judged. */
  readonly seen: (event: SseEvent, isJudged: boolean) => void;
  /** An event was too long to be judged, and does not pass. */
  readonly unjudged: (bytes: number) => void;
}

/**
 * A stream of events from the server to the client: bytes first, thoughts later, unless somebody has
 * to judge. What we say ourselves stands between two events.
 */
export class EventRelay implements SseHandler {
  readonly #options: EventRelayOptions;
  readonly #cutter = new SseCutter(MAX_EVENT_BYTES);
  #isHolding = false;
  #waiting: Buffer[] = [];

  constructor(options: EventRelayOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    if (!this.#cutter.isMidEvent) this.#isHolding = this.#options.holds();
    if (!this.#isHolding) this.#options.write(chunk);
    this.#cutter.push(chunk, this);
    if (!this.#cutter.isMidEvent) this.#release();
  }

  /** A message of ours to the client. */
  inject(line: Buffer): void {
    this.#waiting.push(messageEvent(line));
    if (!this.#cutter.isMidEvent || this.#isHolding) this.#release();
  }

  /** The server says nothing more. What it did not finish is no event, and passes all the same. */
  end(): void {
    const rest = this.#cutter.end();
    if (this.#isHolding && rest.length > 0) this.#options.write(rest);
    if (rest.length === 0) this.#release();
  }

  event(event: SseEvent): void {
    const { write, judge, seen } = this.#options;
    if (this.#isHolding) {
      const bytes = judge(event);
      if (bytes !== undefined) write(bytes);
    }
    seen(event, this.#isHolding);
  }

  tooLong(bytes: number): void {
    if (this.#isHolding) this.#options.unjudged(bytes);
  }

  #release(): void {
    for (const event of this.#waiting.splice(0)) this.#options.write(event);
  }
}
