import { Buffer } from 'node:buffer';
import { Writable, type Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { LineSplitter } from '../lines.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import { SILENCE_MS } from '../sent-call.ts';
import type { LostRequest, ServerExit, ServerLink } from '../server-link.ts';
import {
  CANCELLED,
  INITIALIZE,
  INITIALIZED,
  readClientLine,
  type ClientLine,
} from './client-line.ts';
import type { Endpoint } from './endpoint.ts';
import { MAX_MESSAGE_BYTES } from './event-streams.ts';
import { Exchanges } from './exchanges.ts';
import { SESSION_ENDED } from './failure.ts';
import { LineOutput } from './line-output.ts';
import type { SchemaOf } from './request-headers.ts';
import type { Post } from './unanswered.ts';

export interface RemoteServerOptions {
  readonly endpoint: Endpoint;
  readonly log: ProxyLog;
  readonly schemaOf: SchemaOf;
}

/** Bodies that wait for the network; with more than this no more is read of the client. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** A cancellation waits this long for a sign that the server has its request. */
const HEAD_MS = 250;
/** The server gets this long to hear that the session is over. */
const FAREWELL_MS = 500;

/**
 * A server that is reached by HTTP, as something that takes lines and says lines.
 *
 * @see docs/adr/0031; MCP 2024-11-05, 2025-11-25 and 2026-07-28, "transports"
 */
export class RemoteServer implements ServerLink {
  readonly input: Writable;
  readonly #output = new LineOutput();
  readonly #endpoint: Endpoint;
  readonly #exchanges: Exchanges;
  readonly #log: ProxyLog;
  /** For cancelled requests that the server may still answer. */
  readonly #silences = new Set<NodeJS.Timeout>();
  /** Lines wait here for what has to come before them. */
  #gate: Promise<void> = Promise.resolve();
  #unsentBytes = 0;
  #onLost: (lost: LostRequest) => void = () => undefined;
  #isClosing = false;
  #exit: ServerExit | undefined;

  constructor({ endpoint, log, schemaOf }: RemoteServerOptions) {
    this.#endpoint = endpoint;
    this.#log = log;
    this.#exchanges = new Exchanges({
      endpoint,
      log,
      schemaOf,
      say: (line) => this.#output.write(line),
      room: () => this.#output.room(),
      lost: (request) => this.#onLost(request),
      sessionEnded: () => {
        this.#gate = this.#exchanges.beginAgain();
      },
      done: () => this.#endIfDone(),
    });
    this.input = this.#openInput();
    this.output.once('close', () => this.#end({ code: 1, signal: null, reason: 'nobody reads' }));
  }

  get output(): Readable {
    return this.#output.stream;
  }

  onLost(listener: (lost: LostRequest) => void): void {
    this.#onLost = listener;
  }

  signal(signal: NodeJS.Signals): void {
    this.#end({ code: null, signal, reason: `the connection was closed (signal ${signal})` });
  }

  async ended(): Promise<ServerExit> {
    const { output } = this;
    if (!output.closed) await new Promise((resolve) => void output.once('close', resolve));
    return this.#exit ?? { code: 1, signal: null, reason: 'the connection was closed' };
  }

  #openInput(): Writable {
    const splitter = new LineSplitter(MAX_MESSAGE_BYTES);
    const takeAll = async (feed: (handler: LineCollector) => void, done: () => void) => {
      const collector = new LineCollector();
      feed(collector);
      try {
        for (const line of collector.lines) await this.#take(line);
      } catch (fault) {
        this.#log(`remote: ${printable(String((fault as Error).stack))}`);
        this.#end({ code: 1, signal: null, reason: 'the proxy failed' });
      }
      done();
    };
    return new Writable({
      write: (chunk: Buffer, _, done) => {
        void takeAll((handler) => splitter.push(chunk, handler), done);
      },
      final: (done) => {
        const close = () => {
          this.#isClosing = true;
          this.#endIfDone();
          done();
        };
        void takeAll((handler) => splitter.end(handler), close);
      },
    });
  }

  /** Sends a line when those that it depends on have got where they have to be. */
  async #take(bytes: Buffer): Promise<void> {
    const line = readClientLine(bytes);
    if (line === undefined) return;
    await this.#gate;
    if (this.#exit !== undefined) return;
    if (line.method === CANCELLED) this.#cancel(line);
    else if (this.#exchanges.session.isOver && isOfSession(line)) this.#takeWithoutSession(line);
    else await this.#send(line);
  }

  async #send(line: ClientLine): Promise<void> {
    const post = this.#exchanges.send(line);
    if (line.method === INITIALIZE || line.method === INITIALIZED) this.#gate = post.accepted;
    const { length } = line.body;
    this.#unsentBytes += length;
    const sent = post.exchange.sent.then(() => void (this.#unsentBytes -= length));
    if (this.#unsentBytes > MAX_UNSENT_BYTES) await sent;
  }

  /** The client cannot know that what the server remembered is gone: this request is how it learns. */
  #takeWithoutSession(line: ClientLine): void {
    if (line.requests.length === 0) return;
    this.#exchanges.refuse(line, SESSION_ENDED);
    this.#gate = this.#exchanges.beginAgain();
  }

  /** Since 2026-07-28 to hang up is to cancel; before, the server is told, behind the request. */
  #cancel(line: ClientLine): void {
    const { requestId } = line.params;
    const id = requestId === undefined ? undefined : Buffer.from(JSON.stringify(requestId));
    const posts = id === undefined ? [] : this.#exchanges.unanswered.withId(id);
    const modern = posts.filter((post) => post.line.version !== undefined);
    for (const post of modern) {
      const when = post.exchange.hasLeft() ? '' : ' before there was a connection';
      this.#exchanges.drop(post, `the request was broken off${when}`);
    }
    if (modern.length > 0 || this.#exchanges.session.initialize === undefined) return;
    if (this.#exchanges.session.isOver) return;
    for (const post of posts) this.#expectSilence(post);
    void this.#sendBehind(line, posts);
  }

  async #sendBehind(line: ClientLine, posts: readonly Post[]): Promise<void> {
    await Promise.all(posts.map((post) => post.exchange.sent));
    // On another connection it could overtake them, and be about nothing that the server knows.
    const heads = posts.map((post) => post.exchange.response.catch(() => undefined));
    await Promise.race([Promise.all(heads), delay(HEAD_MS)]);
    if (this.#exit === undefined) this.#exchanges.send(line);
  }

  /** Its stream may stay open for ever. */
  #expectSilence(post: Post): void {
    post.isCancelled = true;
    const timer = setTimeout(() => {
      this.#silences.delete(timer);
      if (post.open.size > 0) this.#exchanges.drop(post, `no answer within ${SILENCE_MS / 1000} s`);
    }, SILENCE_MS);
    this.#silences.add(timer);
    const forget = () => {
      clearTimeout(timer);
      this.#silences.delete(timer);
    };
    void post.settled.then(forget);
  }

  #endIfDone(): void {
    if (!this.#isClosing || !this.#exchanges.isIdle) return;
    this.#end({ code: 0, signal: null, reason: 'the client has ended its input' });
  }

  #end(exit: ServerExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const timer of this.#silences) clearTimeout(timer);
    this.#exchanges.stop();
    void this.#sayFarewell().finally(() => {
      this.#endpoint.close();
      this.#output.end();
    });
  }

  /** @see MCP 2025-11-25, "Streamable HTTP", sessions */
  async #sayFarewell(): Promise<void> {
    const { session } = this.#exchanges;
    if (session.id === undefined || session.isOver) return;
    const farewell = this.#endpoint.send({ method: 'DELETE', headers: session.headers() });
    const timer = setTimeout(() => farewell.abort(), FAREWELL_MS);
    await farewell.response.then((response) => response.resume()).catch(() => undefined);
    clearTimeout(timer);
  }
}

function isOfSession({ version, method }: ClientLine): boolean {
  return version === undefined && method !== INITIALIZE;
}

class LineCollector {
  readonly lines: Buffer[] = [];

  line(bytes: Buffer): void {
    this.lines.push(bytes);
  }

  tooLong(): void {
    // The governor has refused it: nobody has sent it here.
  }
}
