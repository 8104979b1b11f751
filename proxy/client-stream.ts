import { Buffer } from 'node:buffer';
import { batchAnswer, batchLine } from './answers.ts';
import { consider, partsOf, settle, waitsIn, type Considered } from './client-message.ts';
import type { Governor } from './governor.ts';
import { inspectClientLine } from './inspect.ts';
import { LineSplitter, type LineHandler } from './lines.ts';
import type { WaitingRuling } from './waiting-calls.ts';

/** Longest line that is held for a decision. SDK peers stop at 10 MiB. */
export const MAX_CLIENT_LINE_BYTES = 64 * 1024 * 1024;

/** Calls, and their bytes, that may wait before no more is read of the client. */
const MAX_WAITING = { calls: 1024, bytes: 16 * 1024 * 1024 };

const NEWLINE = 0x0a;
const LINE_END = Buffer.from('\n');

export interface ClientStreamOptions {
  readonly governor: Governor;
  /** To the server: bytes of the client, unchanged. */
  readonly forward: (bytes: Buffer) => void;
  /** To the client: a whole line of ours. */
  readonly answer: (line: Buffer) => void;
  /** Looks at what the server has said: before a call leaves, because ids are used again. */
  readonly settle: () => void;
  /** So much waits that no more shall be read, or that is over. */
  readonly hold: (isFull: boolean) => void;
  /** The client has ended, and nothing of it waits any longer. */
  readonly finished: () => void;
}

/**
 * Client to server: every line is understood before it is passed on, as the bytes it came in, or
 * answered here. Where a call has to wait, its line does; what stands behind it goes on.
 */
export class ClientStream implements LineHandler {
  readonly #options: ClientStreamOptions;
  readonly #splitter = new LineSplitter(MAX_CLIENT_LINE_BYTES);
  readonly #waiting = { calls: 0, bytes: 0 };
  #hasEnded = false;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    this.#options.settle();
    const push = () => this.#splitter.push(chunk, this);
    // Several calls are announced in one system call, and leave behind it.
    if (chunk.indexOf(NEWLINE) < chunk.length - 1) this.#options.governor.together(push);
    else push();
    if (this.#isFull) this.#options.hold(true);
  }

  /** A last line without a newline counts like any other: a server may act on it. */
  end(): void {
    this.#splitter.end(this);
    this.#hasEnded = true;
    this.#options.governor.clientEnded();
    if (this.#waiting.calls === 0) this.#options.finished();
  }

  /** A line of ours for the server. Between two lines: those of the client leave as whole ones. */
  interject(line: Buffer): void {
    if (!this.#hasEnded) this.#options.forward(line);
  }

  line(bytes: Buffer): void {
    const inspection = inspectClientLine(bytes);
    const parts = partsOf(bytes, inspection);
    const entries = parts.map((element) => consider(this.#options.governor, element));
    const waits = waitsIn(entries);
    const release = () => this.#release(bytes, entries, inspection.kind === 'batch');
    if (waits.length === 0) release();
    else this.#wait(bytes.length, waits, release);
  }

  tooLong(bytes: number): void {
    const { governor, answer } = this.#options;
    const reason = `line longer than ${MAX_CLIENT_LINE_BYTES} bytes (${bytes} so far)`;
    answer(governor.refuse({ kind: 'refuse', reason, rpcCode: -32600, id: undefined }));
  }

  get #isFull(): boolean {
    const { calls, bytes } = this.#waiting;
    return calls >= MAX_WAITING.calls || bytes >= MAX_WAITING.bytes;
  }

  /** A line waits for all of its calls, in one piece: it leaves as the one line it was. */
  #wait(bytes: number, waits: readonly WaitingRuling[], release: () => void): void {
    const waiting = this.#waiting;
    waiting.calls += waits.length;
    waiting.bytes += bytes;
    let left = waits.length;
    const over = () => {
      left -= 1;
      if (left > 0) return;
      this.#options.settle();
      release();
      const wasFull = this.#isFull;
      waiting.calls -= waits.length;
      waiting.bytes -= bytes;
      if (wasFull && !this.#isFull) this.#options.hold(false);
      if (this.#hasEnded && waiting.calls === 0) this.#options.finished();
    };
    for (const wait of waits) wait.whenOver(over);
  }

  /** What is stopped is cut out of an array; the others keep their bytes and their order. */
  #release(bytes: Buffer, entries: readonly Considered[], isBatch: boolean): void {
    const { forward, answer } = this.#options;
    const { kept, isWhole, answers } = settle(bytes, entries);
    if (answers.length > 0) answer(isBatch ? batchAnswer(answers) : (answers[0] as Buffer));
    const [first] = kept;
    if (isWhole) forward(bytes);
    else if (isBatch && first !== undefined) forward(batchLine(kept));
    else if (first !== undefined) forward(Buffer.concat([first, LINE_END]));
  }
}
