import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerCheck, type Fidelity } from './answer-check.ts';
import { FIRST_ID, type CallLine } from './call-line.ts';
import { endInput, type PipedChild } from './lab.ts';

export { CallLine, KB, MB } from './call-line.ts';

const NEWLINE = 0x0a;

/** Somebody who waits for answers. */
interface Waiting {
  readonly onAnswer: (call: CallLine, latencyNs: number) => void;
  readonly reject: (error: Error) => void;
}

interface OpenCall {
  readonly line: CallLine;
  readonly sentAtNs: bigint;
}

/** What stands between client and server does not do its work. */
export class HopError extends Error {
  override readonly name = 'HopError';
}

export interface PathOptions {
  /** Of what stands in between, for errors. */
  readonly name: string;
  readonly fidelity?: Fidelity | undefined;
  /** What it has said on standard error. */
  readonly lastWords: () => string;
}

/** A program that ends still has its last words on the way. */
const LAST_WORDS_MS = 100;

/**
 * One way from a client to a server: direct, through the copier, or through a proxy. Every answer is
 * checked to be what the server said; anything else, and the end of the child, fails the measurement.
 */
export class StdioPath {
  readonly child: PipedChild;
  readonly check: AnswerCheck;
  readonly #options: PathOptions;
  readonly #open = new Map<number, OpenCall>();
  #waiting: Waiting | undefined;
  #failure: HopError | undefined;
  #parts: Buffer[] = [];
  #nextId = FIRST_ID;
  #isEnding = false;
  #greeting: ((line: Buffer) => void) | undefined;
  /** Tool calls made so far. */
  calls = 0;
  /** Messages without an id that came from the server. */
  notifications = 0;

  constructor(child: PipedChild, options: PathOptions) {
    this.child = child;
    this.#options = options;
    this.check = new AnswerCheck(options.fidelity ?? 'bytes');
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    child.stdin.on('error', () => undefined); // shows in the exit
    child.once('exit', (code, signal) => {
      if (this.#isEnding) return;
      const how = signal ?? `exit ${code}`;
      setTimeout(() => this.fail(`it ended early (${how})`), LAST_WORDS_MS);
    });
  }

  get pid(): number {
    return this.child.pid;
  }

  /** The beginning of a session, as every client does it. */
  async greet(): Promise<void> {
    const clientInfo = { name: 'obsigna-bench', version: '1.0.0' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
    await this.#request({ method: 'initialize', params });
    this.child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    await this.#request({ method: 'tools/list', params: {} });
  }

  /** One call; nanoseconds until the last byte of the answer is here. */
  call(line: CallLine): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#wait({ onAnswer: (_, latencyNs) => resolve(latencyNs), reject });
      this.#send(line);
    });
  }

  /** `count` calls with as many open at once as there are lines; returns nanoseconds. */
  async pump(lines: readonly CallLine[], count: number): Promise<number> {
    const start = process.hrtime.bigint();
    await new Promise<void>((resolve, reject) => {
      let sent = 0;
      let answered = 0;
      const send = (line: CallLine) => {
        sent += 1;
        this.#send(line);
      };
      const onAnswer = (line: CallLine) => {
        answered += 1;
        if (answered === count) resolve();
        else if (sent < count) send(line); // which is free again: it has been answered
      };
      this.#wait({ onAnswer, reject });
      for (const line of lines.slice(0, count)) send(line);
    });
    return Number(process.hrtime.bigint() - start);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await endInput(this.child);
  }

  #wait(waiting: Waiting): void {
    this.#waiting = waiting;
    if (this.#failure !== undefined) waiting.reject(this.#failure);
  }

  #send(line: CallLine): void {
    this.#open.set(this.#nextId, { line, sentAtNs: process.hrtime.bigint() });
    this.child.stdin.write(line.withId(this.#nextId));
    this.#nextId += 1;
    this.calls += 1;
  }

  #request(message: Readonly<Record<string, unknown>>): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#wait({ onAnswer: () => undefined, reject });
      this.#greeting = resolve;
      this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, ...message })}\n`);
    });
  }

  #read(chunk: Buffer): void {
    let start = 0;
    try {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
        this.#parts.push(chunk.subarray(start, at + 1));
        start = at + 1;
        this.#take(this.#parts, process.hrtime.bigint());
        this.#parts = [];
      }
    } catch (error) {
      this.fail((error as Error).message, error as Error);
      return;
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }

  #take(parts: readonly Buffer[], receivedAtNs: bigint): void {
    const [first] = parts;
    const line = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
    const id = this.check.idOf(line);
    if (id === undefined) {
      this.notifications += 1;
      return;
    }
    if (this.#greeting !== undefined) {
      const resolve = this.#greeting;
      this.#greeting = undefined;
      resolve(line);
      return;
    }
    const call = this.#open.get(id);
    if (call === undefined) throw new Error(`it answered ${id}, which nobody asked`);
    this.#open.delete(id);
    this.check.check(line, id, call.line);
    this.#waiting?.onAnswer(call.line, Number(receivedAtNs - call.sentAtNs));
  }

  /** Ends what is being waited for, now and later. */
  fail(reason: string, cause?: Error): HopError {
    const said = this.#options.lastWords();
    const words = said === '' ? '' : `; it said: ${said}`;
    const error = new HopError(`${this.#options.name}: ${reason}${words}`, { cause });
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    return error;
  }
}

/** Resolves with `work`, or fails with `late` when that takes too long. */
export async function within<T>(ms: number, work: Promise<T>, late: Error): Promise<T> {
  const timer = new AbortController();
  const alarm = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw late;
  });
  alarm.catch(() => undefined); // also when the work was first
  try {
    return await Promise.race([work, alarm]);
  } finally {
    timer.abort();
  }
}
