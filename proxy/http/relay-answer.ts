import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { batchAnswer, batchLine, errorAnswer, RPC_INTERNAL } from '../answers.ts';
import { firstByte, hopStrings, scanElements } from '../../shared/json/scan.ts';
import { CodedError } from '../../shared/errors.ts';
import { mayHoldRequest } from '../server-message.ts';
import type { ClientResponse } from './client-response.ts';
import type { Conversation } from './conversations.ts';
import { EventRelay } from './event-relay.ts';
import { withField, withoutPairs } from './headers.ts';
import type { ServerResponse } from './server-response.ts';
import { withData, type SseEvent } from './sse-cut.ts';

/** Longest message that is looked at; a longer one still passes, unless it has to be judged. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const OPEN_ARRAY = 0x5b;
const NEWLINE = 0x0a;

/** A response, and where it goes. */
export interface Between {
  readonly response: ServerResponse;
  readonly client: ClientResponse;
  readonly conversation: Conversation;
  /** An answer of ours for the server. */
  readonly reply: (line: Buffer) => void;
}

/**
 * A stream of events, with what we have to say first.
 *
 * @param onRelay - Told where to put what we have to say later.
 * @param rewrite - What becomes of an event before anything else; undefined where events are not
 *   looked at for that.
 */
export async function relayEvents(
  { response, client, conversation, reply }: Between,
  own: readonly Buffer[],
  onRelay: (relay: EventRelay) => void,
  rewrite?: (event: SseEvent) => Buffer | undefined,
): Promise<{ readonly isComplete: boolean; readonly isResumable: boolean }> {
  const { governor } = conversation;
  let isResumable = false;
  if (!client.isStream) client.head(response.status, response.reason, response.headers);
  const relay = new EventRelay({
    write: (bytes) => client.write(bytes),
    holds: () => rewrite !== undefined || governor.judgesServer,
    judge: (event) => {
      const rewritten = rewrite?.(event);
      if (rewritten !== undefined) return rewritten;
      return governor.judgesServer ? judged(event, conversation, reply) : event.bytes;
    },
    seen: ({ id, data }, isHeld) => {
      isResumable ||= id !== undefined && id !== '';
      if (data === undefined || data.length === 0) return;
      // An answer that comes again finds nothing open; a request would be recorded twice.
      if (mayHoldRequest(data) && conversation.hasSeen(id, data)) return;
      if (governor.hears(data)) governor.observe(data, isHeld && governor.judgesServer);
    },
    unjudged: (bytes) => governor.unjudged(bytes),
  });
  onRelay(relay);
  for (const line of own) relay.inject(line);
  const isComplete = await client.take(response.body, (chunk) => relay.push(chunk));
  relay.end();
  if (isComplete) client.end();
  else client.breakOff();
  return { isComplete, isResumable };
}

function judged(
  event: SseEvent,
  { governor }: Conversation,
  reply: (line: Buffer) => void,
): Buffer | undefined {
  const { data } = event;
  if (data === undefined || data.length === 0) return event.bytes;
  const { client, server } = governor.review(data);
  for (const line of server) reply(line);
  if (client === data) return event.bytes;
  return client === undefined ? undefined : withData(event, trimmed(client));
}

/**
 * A message as JSON, or a response that is none. Passes as it comes where nothing has to be decided
 * about it, and nothing of ours goes with it.
 */
export async function relayMessage(
  between: Between,
  own: readonly Buffer[],
  requestId: () => Buffer | undefined,
): Promise<boolean> {
  const { response, client, conversation } = between;
  const { status, reason, headers, type, body } = response;
  const isJson = type === 'json';
  const isHeld =
    client.isStream || own.length > 0 || (isJson && conversation.governor.judgesServer);
  const collected = new Collected();
  if (!isHeld) {
    client.head(status, reason, headers);
    const isComplete = await client.take(body, (chunk) => {
      client.write(chunk);
      if (isJson) collected.add(chunk);
    });
    if (!isComplete) client.breakOff();
    else client.end();
    if (isComplete) observe(conversation, collected.bytes, false);
    return isComplete;
  }
  const isComplete = await readAll(body, collected);
  const bytes = collected.bytes;
  if (!isComplete || bytes === undefined) {
    conversation.governor.unjudged(collected.length);
    client.breakOff();
    return false;
  }
  const message = isJson ? reviewed(between, bytes) : undefined;
  if (isJson) observe(conversation, bytes, conversation.governor.judgesServer);
  if (client.isStream) {
    const text = isJson && bytes.length > 0 ? message : instead(status, requestId());
    if (text !== undefined) client.event(text);
    client.end();
  } else if (own.length > 0 && status < 300) {
    client.answer(200, joined(own, message), sessionHeaders(headers));
  } else {
    const whole = isJson ? (message ?? Buffer.alloc(0)) : bytes;
    client.head(status, reason, withField(headers, 'Content-Length', `${whole.length}`));
    client.write(whole);
    client.end();
  }
  return true;
}

/** In a stream that we have begun there is no place for a status. */
function instead(status: number, id: Buffer | undefined): Buffer | undefined {
  if (status === 202 || id === undefined) return undefined;
  return errorAnswer(id, RPC_INTERNAL, `the server answered HTTP ${status}`);
}

function reviewed({ conversation, reply }: Between, bytes: Buffer): Buffer | undefined {
  if (!conversation.governor.judgesServer) return bytes;
  const { client, server } = conversation.governor.review(bytes);
  for (const line of server) reply(line);
  return client === bytes || client === undefined ? client : trimmed(client);
}

function observe(conversation: Conversation, message: Buffer | undefined, isJudged: boolean): void {
  if (message === undefined || message.length === 0) return;
  if (conversation.governor.hears(message)) conversation.governor.observe(message, isJudged);
}

/** One array: what we have refused of a batch, then what the server answers to the rest. */
function joined(own: readonly Buffer[], message: Buffer | undefined): Buffer {
  if (message === undefined || firstByte(message) === undefined) return trimmed(batchAnswer(own));
  const theirs = firstByte(message) === OPEN_ARRAY ? elementsOf(message) : [message];
  return trimmed(batchLine([...own.map(trimmed), ...theirs]));
}

function elementsOf(array: Buffer): readonly Buffer[] {
  try {
    return scanElements(array, hopStrings).map(({ start, end }) => array.subarray(start, end));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return [];
  }
}

function sessionHeaders(headers: readonly string[]): readonly string[] {
  return withoutPairs(headers, (name) => name !== 'mcp-session-id');
}

function trimmed(line: Buffer): Buffer {
  return line.at(-1) === NEWLINE ? line.subarray(0, -1) : line;
}

async function readAll(body: Readable, collected: Collected): Promise<boolean> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      collected.add(chunk);
      if (collected.bytes === undefined) return false;
    }
    return (body as { readonly complete?: boolean }).complete ?? true;
  } catch {
    return false; // cut off
  }
}

/** The bytes of a message, unless they are too many. */
class Collected {
  #chunks: Buffer[] = [];
  length = 0;

  add(chunk: Buffer): void {
    this.length += chunk.length;
    if (this.length > MAX_MESSAGE_BYTES) this.#chunks = [];
    else this.#chunks.push(chunk);
  }

  get bytes(): Buffer | undefined {
    if (this.length > MAX_MESSAGE_BYTES) return undefined;
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
  }
}
