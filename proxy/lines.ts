import { Buffer } from 'node:buffer';

const NEWLINE = 0x0a;

/** What a splitter hands over: whole lines with their terminators, or word of one that is too long. */
export interface LineHandler {
  line(bytes: Buffer): void;
  /** Once per line that outgrew the limit; its bytes are dropped up to the next newline. */
  tooLong(bytes: number): void;
}

/**
 * Cuts a byte stream into lines at 0x0A and nowhere else: reads end inside of code points, and CR
 * and U+2028 are no line ends here. Bytes are copied only when a line came in several chunks.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #skipping = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param chunk - Kept until its lines are complete; the caller must not reuse it. */
  push(chunk: Buffer, handler: LineHandler): void {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline + 1;
      this.#add(chunk.subarray(start, end), handler);
      if (newline !== -1) this.#finish(handler);
      start = end;
    }
  }

  /** Part of a line has come, and its end has not. */
  get isMidLine(): boolean {
    return this.#length > 0;
  }

  /** The bytes behind the last newline when the stream ends. */
  end(handler: LineHandler): void {
    if (this.#length > 0) this.#finish(handler);
  }

  #add(part: Buffer, handler: LineHandler): void {
    this.#length += part.length;
    if (this.#skipping) return;
    if (this.#length > this.#maxBytes) {
      this.#skipping = true;
      this.#chunks = [];
      handler.tooLong(this.#length);
      return;
    }
    this.#chunks.push(part);
  }

  #finish(handler: LineHandler): void {
    const chunks = this.#chunks;
    const length = this.#length;
    const skipped = this.#skipping;
    this.#chunks = [];
    this.#length = 0;
    this.#skipping = false;
    if (skipped) return;
    handler.line(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length));
  }
}
