import type { Buffer } from 'node:buffer';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import { hasExited, signalServer } from '../child.ts';
import { LineSplitter } from '../lines.ts';

/** How a server that was tried came to its end. */
export type Ending = 'by itself' | 'SIGTERM' | 'SIGKILL';

/** What clients give a server before they take sterner measures, each time. */
const GRACE_MS = 2000;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_LAST_WORDS = 300;

/** Why a server that was tried did not do what it should. */
export class ServerFault extends Error {
  override readonly name = 'ServerFault';
}

/** One server, started as a client would start it and asked a few things, one after the other. */
export class ServerSession {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #deadline: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #exit: Promise<void>;
  readonly #answers = new Map<string, (answer: JsonObject) => void>();
  #noise = 0;
  #lastWords = '';
  #asked = 0;

  /** @param timeoutMs - For all that is asked together. */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number) {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { env, stdio: 'pipe', detached: true });
    this.#child = child;
    let fail: (error: ServerFault) => void = () => undefined;
    this.#deadline = new Promise((_, reject) => (fail = reject));
    this.#deadline.catch(() => undefined); // it may come when nobody waits any more
    this.#timer = setTimeout(
      () => fail(new ServerFault(`no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    this.#exit = new Promise((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        fail(new ServerFault(`cannot be started (${error.code ?? error.message})`));
        resolve();
      });
      child.once('close', (code, signal) => {
        fail(new ServerFault(`ended with ${signal ?? `exit code ${code}`} before it had answered`));
        resolve();
      });
    });
    const lines = new LineSplitter(MAX_LINE_BYTES);
    const handler = { line: (line: Buffer) => this.#hear(line), tooLong: () => this.#noise++ };
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk, handler));
    child.stderr.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-MAX_LAST_WORDS);
    });
    child.stdin.on('error', () => undefined); // its end is told by `close`
  }

  /** Lines on its standard output that are no message. */
  get noise(): number {
    return this.#noise;
  }

  /** The last line it wrote on standard error; empty if it wrote none. */
  get lastWords(): string {
    return this.#lastWords.trim().split('\n').at(-1) ?? '';
  }

  /** @throws ServerFault when no answer comes; an error of the server is an answer. */
  request(method: string, params: JsonObject): Promise<JsonObject> {
    this.#asked += 1;
    const id = `obsigna-doctor:${this.#asked}`;
    const answer = new Promise<JsonObject>((resolve) => this.#answers.set(id, resolve));
    this.#send({ jsonrpc: '2.0', id, method, params });
    return Promise.race([answer, this.#deadline]);
  }

  notify(method: string): void {
    this.#send({ jsonrpc: '2.0', method });
  }

  /** Ends it as a client does, and does not return before it and what it started are gone. */
  async end(): Promise<Ending> {
    clearTimeout(this.#timer);
    const child = this.#child;
    let ending: Ending = 'by itself';
    child.stdin.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.#hasEndedWithin(GRACE_MS)) break;
      ending = signal;
      signalServer(child, signal);
    }
    if (ending === 'SIGKILL') await this.#exit;
    if (hasExited(child)) signalServer(child, 'SIGKILL'); // what it left behind in its group
    return ending;
  }

  async #hasEndedWithin(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const hasEnded = await Promise.race([this.#exit.then(() => true), late]);
    clearTimeout(timer);
    return hasEnded;
  }

  #send(message: JsonObject): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #hear(line: Buffer): void {
    let message: JsonValue;
    try {
      message = parseJson(decodeUtf8(line));
    } catch {
      this.#noise += 1;
      return;
    }
    if (!isJsonObject(message)) return void (this.#noise += 1);
    const { id, method } = message;
    if (typeof method === 'string') {
      if (id !== undefined) this.#decline(id, method);
      return;
    }
    if (typeof id !== 'string') return;
    this.#answers.get(id)?.(message);
    this.#answers.delete(id);
  }

  /** A server that asks us something must not wait for ever. */
  #decline(id: JsonValue, method: string): void {
    const error = { code: -32601, message: `${method} is not offered` };
    this.#send({ jsonrpc: '2.0', id, ...(method === 'ping' ? { result: {} } : { error }) });
  }
}
