import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { mediaType, type RawHeaders } from '../http/headers.ts';
import { unpack } from '../http/server-response.ts';
import { SseCutter, type SseEvent } from '../http/sse-cut.ts';
import type { UpstreamExchange } from '../http/upstream.ts';
import type { ProxyLog } from '../proxy-log.ts';
import type { Endpoint } from './endpoint.ts';

/** Longest message of a server, as on stdio. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const FIRST_WAIT_MS = 1000;
const LEAST_WAIT_MS = 50;
const MAX_WAIT_MS = 30_000;
/** A stream that a call waits for is taken up again so often without a word of it. */
const MAX_RESUMPTIONS = 5;
/** The first event of HTTP+SSE says where messages go; no other server has to say anything. */
const ENDPOINT_MS = 10_000;
/** How a server says that it has nothing to say on its own. */
const NOT_OFFERED = 405;
const EVENTS = ['Accept', 'text/event-stream'];

/** Where a stream stands: enough to take it up again. */
export interface StreamPlace {
  /** As a header has it. */
  lastId: string | undefined;
  retryMs: number | undefined;
}

export interface EventStreamsOptions {
  readonly endpoint: Endpoint;
  readonly log: ProxyLog;
  /** A message of the server. Reading goes on when it settles. */
  readonly receive: (text: Buffer) => Promise<void>;
}

/**
 * Streams of events beside the responses to requests: those that listen, those that go on with one
 * that broke, and the one that HTTP+SSE answers on.
 */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<UpstreamExchange>();
  readonly #stop = new AbortController();

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stop.abort();
    for (const exchange of this.#open) exchange.abort();
  }

  /**
   * What the server says on its own, for as long as it offers to and `isWanted`.
   *
   * @see MCP 2025-11-25, "Streamable HTTP", listening for messages
   */
  async listen(headers: () => RawHeaders, isWanted: () => boolean): Promise<void> {
    const place: StreamPlace = { lastId: undefined, retryMs: undefined };
    let waitMs = FIRST_WAIT_MS;
    while (isWanted() && !this.#stop.signal.aborted) {
      const outcome = await this.#read(headers(), place, isWanted);
      if (outcome === 'refused') return;
      // The server's word about waiting is for streams that it has ended after saying something.
      const isWell = outcome === 'events';
      waitMs = isWell ? FIRST_WAIT_MS : Math.min(waitMs * 2, MAX_WAIT_MS);
      await this.#pause(isWell ? Math.max(place.retryMs ?? waitMs, LEAST_WAIT_MS) : waitMs);
    }
  }

  /** Goes on with a stream that broke, while somebody waits for what comes on it. */
  async resume(
    headers: () => RawHeaders,
    place: StreamPlace,
    isWanted: () => boolean,
  ): Promise<void> {
    for (let tries = 0; tries < MAX_RESUMPTIONS; tries += 1) {
      if (!isWanted() || this.#stop.signal.aborted) return;
      await this.#pause(place.retryMs ?? FIRST_WAIT_MS);
      if (!isWanted()) return;
      const outcome = await this.#read(headers(), place, isWanted);
      if (outcome === 'refused') return;
      if (outcome === 'events') tries = -1;
    }
  }

  /**
   * Opens the stream of HTTP+SSE. What comes on it is received until it ends, which `ended` tells.
   *
   * @returns Where messages go, as the server says it; undefined where this is no such server
   * @see MCP 2024-11-05, "HTTP with SSE"
   */
  openOld(ended: () => void): Promise<string | undefined> {
    return new Promise((resolve) => {
      let isFound = false;
      const timer = setTimeout(() => exchange?.abort(), ENDPOINT_MS);
      let exchange: UpstreamExchange | undefined;
      const took = async (event: SseEvent) => {
        if (isFound) {
          await deliver(event, this.#options.receive);
          return;
        }
        if (event.type !== 'endpoint') throw new Error('no stream of HTTP+SSE');
        isFound = true;
        clearTimeout(timer);
        resolve(event.data?.toString() ?? '');
      };
      const done = this.#readAll([], took, (begun) => (exchange = begun));
      void done.finally(() => {
        clearTimeout(timer);
        resolve(undefined);
        if (isFound) ended();
      });
    });
  }

  /**
   * Reads a response that is a stream of events, and notes where it stands.
   *
   * @returns What broke it, if anything did
   */
  async readEvents(
    response: IncomingMessage,
    place: StreamPlace,
    receive: (text: Buffer) => Promise<void>,
  ): Promise<Error | undefined> {
    try {
      await readEach(response, async (event) => {
        note(event, place);
        await deliver(event, receive);
      });
      return undefined;
    } catch (fault) {
      return fault as Error;
    }
  }

  /** @returns Whether the server gave a stream, and whether anything came on it */
  async #read(
    headers: RawHeaders,
    place: StreamPlace,
    isWanted: () => boolean,
  ): Promise<'refused' | 'events' | 'nothing'> {
    const resumed = place.lastId === undefined ? [] : ['Last-Event-ID', place.lastId];
    let hasEvents = false;
    const isStream = await this.#readAll([...headers, ...resumed], async (event) => {
      hasEvents = true;
      note(event, place);
      await deliver(event, this.#options.receive);
      if (!isWanted()) throw new Error('what it was read for has come'); // hangs up
    });
    if (isStream === false) return 'refused';
    return hasEvents ? 'events' : 'nothing';
  }

  /** @returns false where the server gives no stream; undefined where nobody answered */
  async #readAll(
    headers: RawHeaders,
    take: (event: SseEvent) => Promise<void>,
    began: (exchange: UpstreamExchange) => void = () => undefined,
  ): Promise<boolean | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    const { endpoint } = this.#options;
    const exchange = endpoint.send({ method: 'GET', headers: [...EVENTS, ...headers] });
    this.#open.add(exchange);
    began(exchange);
    try {
      const response = await exchange.response;
      const { statusCode = 0, rawHeaders } = response;
      if (statusCode !== 200 || mediaType(rawHeaders) !== 'text/event-stream') {
        response.resume();
        if (statusCode >= 500) return undefined; // it may be on its way up
        if (statusCode !== NOT_OFFERED) this.#options.log(`remote: no stream (${statusCode})`);
        return false;
      }
      await readEach(response, take);
      return true;
    } catch {
      return undefined; // broke, or never came to be: whoever wants it tries again
    } finally {
      this.#open.delete(exchange);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

/** In UTF-8, as readers of event streams send it; undefined where no header can hold it. */
function headerOf(id: string): string | undefined {
  const text = Buffer.from(id).toString('latin1');
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text) ? text : undefined;
}

function note({ id, retryMs }: SseEvent, place: StreamPlace): void {
  if (id !== undefined) place.lastId = headerOf(id);
  if (retryMs !== undefined) place.retryMs = Math.min(retryMs, MAX_WAIT_MS);
}

async function deliver(
  { type, data }: SseEvent,
  receive: (text: Buffer) => Promise<void>,
): Promise<void> {
  // Data that is there and empty says only that the stream is open.
  if (type === 'message' && data !== undefined && data.length > 0) await receive(data);
}

/** Event by event; the next bytes are read when the ones before are dealt with. */
async function readEach(
  response: IncomingMessage,
  take: (event: SseEvent) => Promise<void>,
): Promise<void> {
  const cutter = new SseCutter(MAX_MESSAGE_BYTES);
  const events: SseEvent[] = [];
  const handler = {
    event: (event: SseEvent) => void events.push(event),
    tooLong: () => undefined, // whoever waits for what was in it is told when the stream ends
  };
  for await (const chunk of unpack(response)) {
    cutter.push(chunk as Buffer, handler);
    for (const event of events.splice(0)) await take(event);
  }
}
