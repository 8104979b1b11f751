import { answerTail } from './echo-answer.mjs';

/** Ids of one width, so that the next one is written over the last without building a new line. */
export const FIRST_ID = 10_000_000;

const PHRASE = 'const value = readLine();\\nprint(\\"ok\\", value); // and then the next line\\n';

export const KB = 1024;
export const MB = 1024 * 1024;

/** A tool call of a given size, encoded once, and the answer that the echo server gives to it. */
export class CallLine {
  /** Bytes of text, in the call and in its answer. */
  readonly size: number;
  readonly tool: string;
  readonly #bytes: Buffer;
  readonly #idAt: number;

  /** @param options.notifications - What the server says before it answers */
  constructor(size: number, { notifications = 0 } = {}) {
    this.size = size;
    this.tool = notifications === 0 ? `read_${size}` : `read_${size}_chatty_${notifications}`;
    const text = PHRASE.repeat(Math.ceil(size / PHRASE.length));
    const head = `{"jsonrpc":"2.0","id":${FIRST_ID},"method":"tools/call","params":{"name":"${this.tool}"`;
    this.#bytes = Buffer.from(
      `${head},"arguments":{"path":"/srv/project/notes.txt","content":"${text}"}}}\n`,
    );
    this.#idAt = head.indexOf(String(FIRST_ID));
  }

  /** The same buffer every time: only for a caller whose last use of it has been answered. */
  withId(id: number): Buffer {
    this.#bytes.write(String(id), this.#idAt, 'latin1');
    return this.#bytes;
  }

  /** The whole line that answers this call when nobody has touched either. */
  answer(id: number): Buffer {
    const head = Buffer.from(`{"jsonrpc":"2.0","id":${id}`);
    return Buffer.concat([head, answerTail(this.size, this.#bytes.length)]);
  }
}
