import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import type { Conversation, ConversationNames, Conversations } from './conversations.ts';
import type { EventRelay } from './event-relay.ts';
import { withField } from './headers.ts';
import type { Passage } from './passage.ts';
import { relayEvents } from './relay-answer.ts';
import type { ServerResponse } from './server-response.ts';
import { withData, type SseEvent } from './sse-cut.ts';

/** A discovery document is read as a whole; a longer one passes as it is. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** Servers say once where messages go; more than this is not followed. */
const MAX_ANNOUNCED = 16;

/** A response that is the server's business alone. */
export async function relayPlain(passage: Passage): Promise<ServerResponse | undefined> {
  const response = await received(passage);
  if (response !== undefined) await copy(passage, response);
  return response;
}

/** The end of a session, if the server agrees. */
export async function relayEnd(
  passage: Passage,
  conversations: Conversations,
  nameOf: ConversationNames,
): Promise<void> {
  const { sessionId } = passage;
  const response = await relayPlain(passage);
  if (sessionId === undefined || response === undefined) return;
  if (response.status < 300 || response.status === 404) {
    conversations.endSession(nameOf.session(sessionId), 'the session ended');
  }
}

/** What a client reads to find out how to sign in, with our address for the server's. */
export async function relayDocument(passage: Passage): Promise<void> {
  const response = await received(passage);
  if (response === undefined) return;
  if (response.status !== 200 || response.type !== 'json') {
    await copy(passage, response);
    return;
  }
  const { client, options, origin } = passage;
  const chunks: Buffer[] = [];
  const isComplete = await client.take(response.body, (chunk) => void chunks.push(chunk));
  const document = Buffer.concat(chunks);
  if (!isComplete || document.length > MAX_DOCUMENT_BYTES) {
    client.fault(
      502,
      new CodedError('UPSTREAM_UNREADABLE', 'the document is too long, or cut off'),
    );
    return;
  }
  const ours = options.address.resource(document, origin);
  const { status, reason, headers } = response;
  client.head(status, reason, withField(headers, 'Content-Length', `${ours.length}`));
  client.write(ours);
  client.end();
}

/**
 * A stream that the client listens on: of its session, or the one of HTTP+SSE, whose first event says
 * where to send messages to.
 */
export async function relayStream(
  passage: Passage,
  conversations: Conversations,
  nameOf: ConversationNames,
): Promise<void> {
  const { client, sessionId } = passage;
  const response = await received(passage);
  if (response === undefined) return;
  if (response.type !== 'events') {
    await copy(passage, response);
    return;
  }
  const conversation =
    sessionId === undefined
      ? conversations.open(true)
      : conversations.session(nameOf.session(sessionId));
  const named: string[] = [];
  let messages: string | undefined;
  const rewrite = (event: SseEvent) =>
    event.type !== 'endpoint' || event.data === undefined || named.length >= MAX_ANNOUNCED
      ? undefined
      : announced(event, passage, ({ url, theirs }) => {
          messages = theirs;
          named.push(nameOf.stream(url));
          conversations.name(conversation, nameOf.stream(url));
        });
  conversation.exchanges += 1;
  const reply = (line: Buffer) => passage.sendOurs(line, messages);
  const onRelay = (relay: EventRelay) => {
    if (sessionId === undefined) speakOn(conversation, (line) => relay.inject(line));
  };
  const between = { response, client, conversation, reply };
  try {
    await relayEvents(between, [], onRelay, sessionId === undefined ? rewrite : undefined);
  } finally {
    conversation.exchanges -= 1;
    const reason = client.hasHungUp ? 'the client hung up' : 'the stream ended';
    for (const name of named) conversations.endSession(name, reason);
    conversations.close(conversation, reason);
  }
}

/** Clients of HTTP+SSE hear everything on their stream, answers of ours included. */
function speakOn(conversation: Conversation, send: (line: Buffer) => void): void {
  conversation.toStream = send;
  conversation.governor.connectClient(send);
}

/** The event that says where messages go, with our address for the server's. */
function announced(
  event: SseEvent,
  { options, origin, request }: Passage,
  onUrl: (where: { readonly url: string; readonly theirs: string }) => void,
): Buffer {
  const { address, log } = options;
  const written = event.data?.toString() ?? '';
  const ours = address.messages(written, request.url ?? '/', origin);
  if (ours === undefined) {
    // Clients refuse it for the same reason, and have to be able to say so.
    // Without the address: it may hold the session's id.
    log('the server wants messages sent to an address that is not its own');
    return event.bytes;
  }
  onUrl(ours);
  return ours.text === written ? event.bytes : withData(event, Buffer.from(ours.text));
}

async function received(passage: Passage): Promise<ServerResponse | undefined> {
  const exchange = passage.send(undefined);
  try {
    return await passage.receive(exchange);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    exchange.abort();
    if (!passage.client.hasHungUp) passage.client.fault(502, error);
    return undefined;
  }
}

async function copy({ client }: Passage, response: ServerResponse): Promise<void> {
  client.head(response.status, response.reason, response.headers);
  const isComplete = await client.take(response.body, (chunk) => client.write(chunk));
  if (isComplete) client.end();
  else client.breakOff();
}
