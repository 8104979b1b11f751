import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { codedData, errorAnswer, RPC_SERVER_UNAVAILABLE } from '../answers.ts';
import { mediaType, valuesOf, type RawHeaders } from '../http/headers.ts';
import { unpack } from '../http/server-response.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import type { LostRequest } from '../server-link.ts';
import { readServerLine } from '../server-message.ts';
import { INITIALIZE, INITIALIZED, type ClientLine } from './client-line.ts';
import type { Endpoint } from './endpoint.ts';
import { EventStreams, MAX_MESSAGE_BYTES, type StreamPlace } from './event-streams.ts';
import {
  brokenOff,
  lost,
  refusedBy,
  SESSION_ENDED,
  STREAM_ENDED,
  type Failure,
} from './failure.ts';
import { mirroredHeaders, type SchemaOf } from './request-headers.ts';
import { asLine, errorFor, negotiatedVersion, readError } from './server-text.ts';
import { RemoteSession } from './session.ts';
import { Post, Unanswered } from './unanswered.ts';

export interface ExchangesOptions {
  readonly endpoint: Endpoint;
  readonly log: ProxyLog;
  readonly schemaOf: SchemaOf;
  /** A line for the client. */
  readonly say: (line: Buffer) => void;
  /** Settles when the client has read enough for more. */
  readonly room: () => Promise<void>;
  readonly lost: (request: LostRequest) => void;
  /** The server has ended the session. */
  readonly sessionEnded: () => void;
  /** One exchange is over. */
  readonly done: () => void;
}

/** Statuses that a server of HTTP+SSE gives to an `initialize` in a way that it does not know. */
const OLD_STATUSES = [400, 404, 405];
const METHOD_NOT_FOUND = -32601;
const MAX_REFUSAL_BYTES = 1024 * 1024;
/** A response may stay open behind its last answer; this long. */
const LINGER_MS = 5000;
const JSON_BODY: RawHeaders = [
  'Content-Type',
  'application/json',
  'Accept',
  'application/json, text/event-stream',
];

/**
 * Lines of the client as requests, and what comes of them as lines: one `POST` each, with the line as
 * its body. Every request in it is answered once, by the server or by us.
 */
export class Exchanges {
  readonly #options: ExchangesOptions;
  #streams: EventStreams;
  readonly unanswered = new Unanswered();
  /** Those whose response is not over. */
  readonly #running = new Set<Post>();
  #session = new RemoteSession();
  /** The last that the client named: notifications of the stateless revision name none. */
  #modernVersion: string | undefined;
  #isStopped = false;

  constructor(options: ExchangesOptions) {
    this.#options = options;
    this.#streams = this.#newStreams();
  }

  get session(): RemoteSession {
    return this.#session;
  }

  /** Nothing is on its way that somebody waits for. */
  get isIdle(): boolean {
    const isThere = [...this.#running].every(({ isAccepted }) => isAccepted);
    return this.unanswered.isEmpty && isThere;
  }

  /** Sends a line of the client. */
  send(line: ClientLine): Post {
    if (line.method === INITIALIZE) this.#begin(new RemoteSession()).initialize = line;
    if (line.method === INITIALIZED) this.#session.initialized = line;
    return this.#post(line, false);
  }

  /** Begins another session with the client's own words. Settles when there is one, or none. */
  async beginAgain(): Promise<void> {
    const { initialize, initialized } = this.#session;
    if (initialize === undefined) return;
    const session = this.#begin(this.#session.again());
    await this.#post(initialize, true).settled;
    session.isOver = session.version === undefined;
    if (session.isOver || initialized === undefined) return;
    await this.#post(initialized, true).accepted;
    this.#options.log('remote: the server has ended the session; another one has begun');
  }

  /** Answers a line that is not sent. */
  refuse({ requests }: ClientLine, failure: Failure): void {
    this.#tell(requests, failure);
  }

  /** Hangs up: nothing more of it is wanted. */
  drop(post: Post, reason: string): void {
    for (const { id } of this.unanswered.giveUp(post)) {
      this.#options.lost({ id, reason, answer: undefined });
    }
    post.exchange.abort();
  }

  /** Breaks off whatever is on its way. */
  stop(): void {
    this.#isStopped = true;
    this.#streams.stop();
    for (const { exchange } of this.#running) exchange.abort();
  }

  #newStreams(): EventStreams {
    const { endpoint, log } = this.#options;
    const receive = (text: Buffer) => this.#receive(text, undefined);
    return new EventStreams({ endpoint, log, receive });
  }

  /** Another session; the streams of the one before end with it. */
  #begin(session: RemoteSession): RemoteSession {
    this.#streams.stop();
    this.#streams = this.#newStreams();
    this.#session = session;
    return session;
  }

  #post(line: ClientLine, isOurs: boolean): Post {
    const { endpoint } = this.#options;
    const { oldPath: path } = this.#session;
    const headers = [...JSON_BODY, ...this.#headersOf(line)];
    const exchange = endpoint.send({ method: 'POST', headers, body: line.body, path });
    const post = new Post(line, exchange, isOurs);
    this.unanswered.add(post);
    this.#running.add(post);
    let linger: NodeJS.Timeout | undefined;
    const hangUpLater = () => {
      if (this.#running.has(post)) linger = setTimeout(() => exchange.abort(), LINGER_MS);
    };
    void post.settled.then(hangUpLater);
    void this.#follow(post, path !== undefined).finally(() => {
      this.#running.delete(post);
      clearTimeout(linger);
      if (post.open.size === 0) post.settle();
      post.accept();
      this.#options.done();
    });
    return post;
  }

  #headersOf(line: ClientLine): RawHeaders {
    const { version, method } = line;
    if (version !== undefined) {
      this.#modernVersion = version;
      return mirroredHeaders(line, version, this.#options.schemaOf);
    }
    if (method === INITIALIZE) return [];
    if (this.#session.initialize === undefined && this.#modernVersion !== undefined)
      return mirroredHeaders(line, this.#modernVersion, this.#options.schemaOf);
    return this.#session.headers();
  }

  async #follow(post: Post, isOld: boolean): Promise<void> {
    const session = this.#session;
    const { exchange } = post;
    try {
      const response = await exchange.response;
      const { statusCode = 0 } = response;
      if (statusCode < 200 || statusCode >= 300) {
        await this.#refused(post, response, session);
        return;
      }
      if (post.line.method === INITIALIZE && !isOld)
        session.named(valuesOf(response.rawHeaders, 'mcp-session-id')[0]);
      if (post.line.method === INITIALIZED) this.#listen(session);
      post.accept();
      if (post.line.requests.length === 0) this.#options.done();
      if (!isOld) await this.#read(post, response, session);
      // Answers come on the one stream there, and a body would be a courtesy.
      else response.resume();
    } catch (fault) {
      this.#fail(post, brokenOff(fault, exchange.hasLeft()));
    }
  }

  /** The body of a response that is none of a failure. */
  async #read(post: Post, response: IncomingMessage, session: RemoteSession): Promise<void> {
    const type = mediaType(response.rawHeaders);
    if (type === 'text/event-stream') {
      const place: StreamPlace = { lastId: undefined, retryMs: undefined };
      const receive = (text: Buffer) => this.#receive(text, post);
      const fault = await this.#streams.readEvents(response, place, receive);
      if (post.open.size === 0) return;
      if (place.lastId !== undefined && post.line.version === undefined) {
        const isWanted = () => post.open.size > 0 && !session.isOver;
        await this.#streams.resume(() => session.headers(), place, isWanted);
      }
      this.#fail(post, fault === undefined ? STREAM_ENDED : lost(fault.message));
      return;
    }
    const body = await bodyOf(response, MAX_MESSAGE_BYTES, this.#options.room);
    // What is said to a notification beside its status is no message.
    if (type === 'application/json' && post.open.size > 0) await this.#receive(body, post);
    if (post.open.size === 0) return;
    this.#fail(post, type === 'application/json' ? STREAM_ENDED : refusedBy(response));
  }

  /** The server would not have it, or failed. */
  async #refused(post: Post, response: IncomingMessage, session: RemoteSession): Promise<void> {
    const { statusCode = 0 } = response;
    const { line } = post;
    const body = await bodyOf(response, MAX_REFUSAL_BYTES, this.#options.room);
    const error = readError(body);
    if (line.method === INITIALIZE && OLD_STATUSES.includes(statusCode)) {
      if (await this.#beganOld(post, session)) return;
    }
    const isGone = statusCode === 404 && line.version === undefined && session.id !== undefined;
    if (isGone && error?.code !== METHOD_NOT_FOUND) {
      const isTold = post.open.size > 0 && !post.isOurs;
      this.#fail(post, SESSION_ENDED);
      this.#over(session, isTold);
      return;
    }
    const failure = refusedBy(response);
    if (failure.code === 'SIGN_IN_NEEDED') this.#log(failure);
    if (error?.id !== undefined) await this.#receive(body, post);
    else if (error !== undefined) {
      const open = Array.from(post.open.values());
      for (const { id } of open) await this.#receive(errorFor(id, error.error), post);
    }
    const isAnswered = line.requests.length > 0 && post.open.size === 0;
    if (!isAnswered) this.#fail(post, failure);
  }

  /** Tries the way of HTTP+SSE: the same line again, where the server says that messages go. */
  async #beganOld(post: Post, session: RemoteSession): Promise<boolean> {
    const { endpoint } = this.#options;
    const ended = () => {
      if (session.oldPath !== undefined) this.#over(session, false);
    };
    const address = await this.#streams.openOld(ended);
    if (address === undefined) return false;
    const path = endpoint.pathOf(address);
    if (path === undefined) {
      this.#options.log('remote: the endpoint that the server names is of another origin');
      this.#begin(session); // ends the stream that is of no use
      return false;
    }
    session.oldPath = path;
    const headers = JSON_BODY;
    const exchange = endpoint.send({ method: 'POST', headers, body: post.line.body, path });
    const response = await exchange.response;
    response.resume();
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode >= 300) this.#fail(post, refusedBy(response));
    return true;
  }

  #listen(session: RemoteSession): void {
    if (session.oldPath !== undefined) return; // it has its stream
    const isWanted = () => session === this.#session && !session.isOver;
    void this.#streams.listen(() => session.headers(), isWanted);
  }

  /** @param isTold - The client knows: some request of its own was answered so. */
  #over(session: RemoteSession, isTold: boolean): void {
    if (session.isOver) return;
    session.isOver = true;
    if (session !== this.#session || this.#isStopped) return;
    if (session.oldPath !== undefined) {
      for (const post of this.unanswered.all()) this.#fail(post, STREAM_ENDED);
    }
    if (isTold) this.#options.sessionEnded();
  }

  /** @param from - What it is said in response to. */
  async #receive(text: Buffer, from: Post | undefined): Promise<void> {
    const line = asLine(text);
    if (line === undefined) return;
    let isOurs = false;
    for (const word of readServerLine(line)) {
      if (word.kind !== 'answer') continue;
      const post = this.unanswered.answered(word.id, from);
      isOurs ||= post?.isOurs === true;
      if (post?.line.method === INITIALIZE && word.result !== undefined)
        this.#session.version = negotiatedVersion(word.result);
    }
    if (isOurs) return;
    this.#options.say(line);
    this.#options.done();
    await this.#options.room();
  }

  /** Whatever is still open in it gets no answer of the server. */
  #fail(post: Post, failure: Failure): void {
    if (this.#isStopped) return; // all that is open ends with us, for a reason of its own
    const isAsked = post.line.requests.length > 0;
    const open = this.unanswered.giveUp(post);
    if (isAsked && open.length === 0) return;
    this.#log(failure);
    if (post.isCancelled) {
      for (const { id } of open) {
        this.#options.lost({ id, reason: failure.message, answer: undefined });
      }
    } else if (!post.isOurs) this.#tell(open, failure);
    this.#options.done();
  }

  #tell(requests: readonly { readonly id: Buffer }[], failure: Failure): void {
    const { code, message, isKnown } = failure;
    const text = isKnown ? message : `${message}; nobody knows whether the request ran`;
    for (const { id } of requests) {
      const answer = errorAnswer(id, RPC_SERVER_UNAVAILABLE, text, codedData(code));
      if (isKnown) this.#options.say(answer);
      else this.#options.lost({ id, reason: message, answer });
    }
  }

  #log({ code, message }: Failure): void {
    this.#options.log(`remote: ${printable(message)} [${code}]`);
  }
}

/** Hundreds may be on their way: none of them grows while nobody reads. */
async function bodyOf(
  response: IncomingMessage,
  maxBytes: number,
  room: () => Promise<void>,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of unpack(response)) {
    length += (chunk as Buffer).length;
    if (length > maxBytes)
      throw new Error(`the server's response is longer than ${maxBytes} bytes`);
    chunks.push(chunk as Buffer);
    await room();
  }
  return Buffer.concat(chunks, length);
}
