import type { EventFrame } from '../../shared/wire/event.ts';
import type { Discloser, Disclosure } from './discloser.ts';

/** Payload bytes that wait for their envelopes before a connection is held back. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const MAX_WAITING_FRAMES = 256;

interface Waiting {
  readonly event: EventFrame;
  disclosure: Disclosure | undefined;
  isReady: boolean;
}

/**
 * The frames of one connection on their way to the ledger. Sealing is asynchronous and a commit is
 * not, so a frame is handed on only when its envelopes are there; and since frames of a connection
 * are recorded in the order in which they came, those behind it wait with it. While nothing waits,
 * a frame without envelope passes straight through.
 */
export class SealingQueue {
  readonly #discloser: Discloser;
  readonly #submit: (event: EventFrame, disclosure?: Disclosure) => void;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #onChange: (() => void)[] = [];

  constructor(discloser: Discloser, submit: (event: EventFrame, disclosure?: Disclosure) => void) {
    this.#discloser = discloser;
    this.#submit = submit;
  }

  push(event: EventFrame): void {
    const sealing = this.#discloser.seal(event);
    if (sealing === undefined && this.#waiting.length === 0) {
      this.#submit(event);
      return;
    }
    const entry: Waiting = { event, disclosure: undefined, isReady: sealing === undefined };
    this.#waiting.push(entry);
    this.#bytes += sizeOf(event);
    if (sealing !== undefined) void this.#complete(entry, sealing);
  }

  /** True when the connection must wait for `whenRoom` before it reads more. */
  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING_FRAMES || this.#bytes >= MAX_WAITING_BYTES;
  }

  whenRoom(resume: () => void): void {
    this.#onChange.push(() => {
      if (this.isFull) this.whenRoom(resume);
      else resume();
    });
  }

  /** Resolves once every frame pushed so far has been handed on. */
  handedOn(): Promise<void> {
    const last = this.#waiting.at(-1);
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const check = () => {
        if (this.#waiting.includes(last)) this.#onChange.push(check);
        else resolve();
      };
      check();
    });
  }

  async #complete(entry: Waiting, sealing: Promise<Disclosure>): Promise<void> {
    entry.disclosure = await sealing;
    entry.isReady = true;
    this.#advance();
  }

  #advance(): void {
    for (let next = this.#waiting[0]; next?.isReady === true; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes -= sizeOf(next.event);
      this.#submit(next.event, next.disclosure);
    }
    for (const tell of this.#onChange.splice(0)) tell();
  }
}

function sizeOf({ input, output }: EventFrame): number {
  return (input?.length ?? 0) + (output?.length ?? 0);
}
