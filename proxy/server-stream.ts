import { Buffer } from 'node:buffer';
import type { Governor } from './governor.ts';
import { LineSplitter, type LineHandler } from './lines.ts';

/** A line of this length without its end is passed on piece by piece. */
const STREAM_BYTES = 64 * 1024;
/** Longest line that is looked at for an answer; a longer one still passes. */
const MAX_SERVER_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const LINE_END = Buffer.from('\n');

/**
 * Server to client: bytes first, thoughts later. Chunks go on as they come; our own lines wait for
 * the end of a line, so that they never land inside a message.
 */
export class ServerStream implements LineHandler {
  readonly #governor: Governor;
  readonly #forward: (bytes: Buffer) => void;
  readonly #answer: (line: Buffer) => void;
  readonly #whenIdle: (then: () => void) => void;
  readonly #splitter = new LineSplitter(MAX_SERVER_LINE_BYTES);
  /** The start of a line that has not been passed on yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Part of a line has left already. */
  #isMidLine = false;
  #hasEnded = false;
  /** Lines of ours for the end of the line that has left in part. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Whole lines that the client has and nobody has looked at yet. */
  #unread: { readonly line: Buffer; readonly isJudged: boolean }[] = [];
  /** Lines are judged before they pass, each as a whole. */
  #isJudging = false;

  /**
   * @param forward - To the client.
   * @param answer - To the server: a whole line of ours, in place of the client's.
   * @param whenIdle - Calls back, soon in any case, when looking at a line keeps nobody waiting.
   */
  constructor(
    governor: Governor,
    forward: (bytes: Buffer) => void,
    answer: (line: Buffer) => void = () => undefined,
    whenIdle: (then: () => void) => void = setImmediate,
  ) {
    this.#governor = governor;
    this.#forward = forward;
    this.#answer = answer;
    this.#whenIdle = whenIdle;
  }

  /** Bytes of ours that wait for the server to end its line. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** A line of ours to the client. */
  inject(line: Buffer): void {
    if (this.#isMidLine && !this.#hasEnded) {
      this.#waiting.push(line);
      this.#waitingBytes += line.length;
      return;
    }
    if (this.#isMidLine) this.#forward(LINE_END); // the server's last line never got one
    this.#isMidLine = false;
    this.#forward(line);
  }

  push(chunk: Buffer): void {
    this.#chooseWay();
    if (this.#isJudging) {
      this.#splitter.push(chunk, this);
      return;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      this.#release();
      this.#forward(end === chunk.length ? chunk : chunk.subarray(0, end));
      this.#isMidLine = false;
      for (const line of this.#takeWaiting()) this.#forward(line);
    }
    if (end < chunk.length) this.#hold(end === 0 ? chunk : chunk.subarray(end));
    this.#look(chunk, end);
  }

  /** Whole lines that hold nothing for us are passed over together. @param end - Of the last of them. */
  #look(chunk: Buffer, end: number): void {
    const isMidLine = this.#splitter.isMidLine;
    const start = isMidLine ? chunk.indexOf(NEWLINE) + 1 || chunk.length : 0;
    if (start > 0) this.#splitter.push(chunk.subarray(0, start), this);
    const isOfInterest = end > start && this.#governor.hears(chunk.subarray(start, end));
    const rest = isOfInterest ? start : Math.max(start, end);
    if (rest < chunk.length) this.#splitter.push(chunk.subarray(rest), this);
  }

  /** A last fragment without a newline is passed on as it is. A second end is none. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#heldBytes > 0) this.#isMidLine = true;
    this.#release();
    this.#splitter.end(this);
    this.settle();
    for (const line of this.#takeWaiting()) this.inject(line);
  }

  /** Looks at what has passed; before the next call is ruled on, because ids may be used again. */
  settle(): void {
    if (this.#unread.length === 0) return;
    const unread = this.#unread.splice(0);
    const look = () => {
      for (const { line, isJudged } of unread) this.#governor.observe(line, isJudged);
    };
    if (unread.length > 1) this.#governor.together(look);
    else look();
  }

  line(bytes: Buffer): void {
    const isJudged = this.#isJudging;
    if (isJudged) this.#judge(bytes);
    if (isJudged && !this.#governor.hasOpenCalls) return;
    if (!isJudged && !this.#governor.hears(bytes)) return;
    if (this.#unread.length === 0) this.#whenIdle(() => this.settle());
    this.#unread.push({ line: bytes, isJudged });
  }

  tooLong(bytes: number): void {
    // The client has it; its call stays open and is told as unknown when the session ends. Or it
    // should have been judged, and nobody could: then the client does not get it either.
    if (this.#isJudging) this.#governor.unjudged(bytes);
  }

  /** Rules may change between two lines, and what the first bytes of a line met goes for it all. */
  #chooseWay(): void {
    if (this.#isMidLine || this.#governor.judgesServer === this.#isJudging) return;
    if (this.#isJudging) {
      if (!this.#splitter.isMidLine) this.#isJudging = false;
      return;
    }
    this.#isJudging = true;
    this.#held = []; // the splitter has the start of this line too
    this.#heldBytes = 0;
  }

  #judge(bytes: Buffer): void {
    const { client, server } = this.#governor.review(bytes);
    if (client !== undefined) {
      this.#forward(client);
      this.#isMidLine = client.at(-1) !== NEWLINE; // the last line, which nobody ended
    }
    for (const line of server) this.#answer(line);
  }

  /** Small starts of lines wait for their end: half a message is of no use to anybody. */
  #hold(part: Buffer): void {
    this.#held.push(part);
    this.#heldBytes += part.length;
    if (this.#isMidLine || this.#heldBytes >= STREAM_BYTES) {
      this.#release();
      this.#isMidLine = true;
    }
  }

  #takeWaiting(): readonly Buffer[] {
    this.#waitingBytes = 0;
    return this.#waiting.splice(0);
  }

  #release(): void {
    for (const part of this.#held) this.#forward(part);
    this.#held = [];
    this.#heldBytes = 0;
  }
}
