import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CodedError } from '../../shared/errors.ts';
import type { GovernedServer } from '../governed-server.ts';
import { inspectClientBody, type Inspection, type Refusal } from '../inspect.ts';
import type { ProxyLog } from '../proxy-log.ts';
import { ClientResponse } from './client-response.ts';
import { Conversations, NAMES, type Conversation } from './conversations.ts';
import { isEncoded, isUtf8Text, mediaType, valuesOf } from './headers.ts';
import { mirrorFault } from './mirrored-headers.ts';
import { Passage } from './passage.ts';
import { PostExchange } from './post-exchange.ts';
import type { PublicAddress } from './public-address.ts';
import { relayDocument, relayEnd, relayPlain, relayStream } from './stream-exchange.ts';
import type { Upstream } from './upstream.ts';

/** Longest body that is held for a decision; on stdio the longest line. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const METHODS = 'POST, GET, DELETE, OPTIONS';
const BODILESS = new Set(['GET', 'DELETE', 'OPTIONS']);

export interface EndpointOptions {
  readonly server: GovernedServer;
  readonly upstream: Upstream;
  readonly address: PublicAddress;
  readonly log: ProxyLog;
  /** How clients call us, where that is not as we hear it. */
  readonly publicOrigin: string | undefined;
  /** What visitors have to know: it goes no further. */
  readonly token: string | undefined;
}

/** One server behind one address of ours. Everything that is not its own is turned away. */
export class Endpoint {
  readonly options: EndpointOptions;
  readonly conversations: Conversations;

  constructor(options: EndpointOptions) {
    this.options = options;
    this.conversations = new Conversations(options.server);
  }

  /**
   * Answers a request, if its address is ours.
   *
   * @param url - Path and query as they were written: nothing is made even, because the server might
   *   do it otherwise.
   */
  async serve(request: IncomingMessage, response: ServerResponse, url: string): Promise<boolean> {
    const { address } = this.options;
    const path = url.split('?', 1)[0] as string;
    const client = new ClientResponse(response);
    const passage = (upstreamPath: string) =>
      new Passage({
        ...this.options,
        request,
        client,
        path: upstreamPath + url.slice(path.length),
      });
    const method = request.method ?? '';
    const stream = this.conversations.find(NAMES.stream(url));
    const document = address.discovery(path);
    const isOurs = path === address.endpoint || stream !== undefined || document !== undefined;
    if (isOurs && BODILESS.has(method) && hasBody(request.rawHeaders)) {
      const error = new CodedError('BODY_NOT_ACCEPTED', `a ${method} request has no body here`);
      client.fault(400, error, ['Connection', 'close']);
      return true;
    }
    // First: a server may take messages at the address of its stream, told apart by the query.
    if (stream !== undefined && method === 'POST') {
      await this.#post(passage(address.toUpstream(path)), stream);
      return true;
    }
    if (path === address.endpoint) {
      await this.#endpoint(passage(address.toUpstream(path)), method);
      return true;
    }
    if (stream !== undefined) {
      if (method === 'OPTIONS') await relayPlain(passage(address.toUpstream(path)));
      else notAllowed(client, 'POST, OPTIONS');
      return true;
    }
    if (document === undefined) return false;
    if (method === 'GET') await relayDocument(passage(document));
    else if (method === 'OPTIONS') await relayPlain(passage(document));
    else notAllowed(client, 'GET, OPTIONS');
    return true;
  }

  /** Nobody talks to the server any more. */
  close(what: string): void {
    this.conversations.endAll(what);
    this.options.server.end(what);
    this.options.upstream.close();
  }

  async #endpoint(passage: Passage, method: string): Promise<void> {
    if (method === 'POST') await this.#post(passage, undefined);
    else if (method === 'OPTIONS') await relayPlain(passage);
    else if (method === 'GET') await relayStream(passage, this.conversations, NAMES);
    else if (method === 'DELETE') await relayEnd(passage, this.conversations, NAMES);
    else notAllowed(passage.client, METHODS);
  }

  async #post(passage: Passage, stream: Conversation | undefined): Promise<void> {
    const { conversations } = this;
    const { client } = passage;
    const body = await this.#readBody(passage);
    if (body === undefined) return;
    const inspection = inspectClientBody(body);
    const session = stream === undefined ? sessionOf(passage) : undefined;
    const isKnown = session === undefined || conversations.find(session) !== undefined;
    const alone = () => conversations.open(isIntroduction(inspection));
    const conversation =
      stream ?? (session === undefined ? alone() : conversations.session(session));
    conversation.exchanges += 1;
    try {
      const fault = this.#mirrorFault(passage, body, inspection);
      if (fault !== undefined) {
        client.answer(400, conversation.governor.refuse(fault).subarray(0, -1));
        return;
      }
      const exchange = new PostExchange(passage, conversation, { body, inspection });
      await exchange.run((begun) => conversations.name(conversation, NAMES.session(begun)));
      const { status } = exchange;
      if (session !== undefined && (status === 404 || (status === 400 && !isKnown))) {
        conversations.endSession(session, 'the server does not know the session');
      }
    } finally {
      conversation.exchanges -= 1;
      const how = client.hasHungUp ? 'the client hung up' : 'the response ended';
      conversations.close(conversation, how);
    }
  }

  /** The message; undefined for one that is refused unread, and recorded as such. */
  async #readBody({ client, headers, request }: Passage): Promise<Buffer | undefined> {
    let fault = bodyFault(headers);
    const body = fault === undefined ? await readBody(request) : undefined;
    if (body !== undefined) return body;
    fault ??= TOO_LONG;
    const conversation = this.conversations.open(false);
    const answer = conversation.governor.refuse(refused(fault.reason, -32600));
    this.conversations.close(conversation, fault.reason);
    client.answer(fault.status, answer.subarray(0, -1), ['Connection', 'close']);
    return undefined;
  }

  #mirrorFault(passage: Passage, body: Buffer, inspection: Inspection): Refusal | undefined {
    if (inspection.kind === 'refuse') return undefined; // says enough itself
    const { tools } = this.options.server.options;
    const reason = mirrorFault(passage.headers, body, (name) => tools?.inputSchemaOf(name));
    if (reason === undefined) return undefined;
    const call = inspection.kind === 'call' ? inspection.call : undefined;
    return {
      ...refused(reason, -32020),
      id: call?.id,
      ...(call !== undefined && { toolName: call.name }),
    };
  }
}

function sessionOf({ sessionId }: Passage): string | undefined {
  return sessionId === undefined ? undefined : NAMES.session(sessionId);
}

interface BodyFault {
  readonly status: number;
  readonly reason: string;
}

const TOO_LONG: BodyFault = { status: 413, reason: `body longer than ${MAX_BODY_BYTES} bytes` };

function bodyFault(headers: readonly string[]): BodyFault | undefined {
  if (mediaType(headers) !== 'application/json')
    return { status: 415, reason: 'the body is not application/json' };
  if (!isUtf8Text(headers)) return { status: 415, reason: 'the body is not in UTF-8' };
  if (isEncoded(headers)) return { status: 415, reason: 'the body is encoded' };
  if (valuesOf(headers, 'mcp-session-id').length > 1)
    return { status: 400, reason: 'Mcp-Session-Id is sent twice' };
  const length = Number(valuesOf(headers, 'content-length')[0] ?? 0);
  return length > MAX_BODY_BYTES ? TOO_LONG : undefined;
}

/** Undefined for a body that is too long; the rest of it is not read. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function refused(reason: string, rpcCode: Refusal['rpcCode']): Refusal {
  return { kind: 'refuse', reason, rpcCode, id: undefined };
}

function isIntroduction(inspection: Inspection): boolean {
  const parts = inspection.kind === 'batch' ? inspection.elements : [{ inspection }];
  return parts.some(
    ({ inspection: it }) => it.kind === 'survey' && it.request.method === 'initialize',
  );
}

function hasBody(headers: readonly string[]): boolean {
  const [length = '0'] = valuesOf(headers, 'content-length');
  return length.trim() !== '0' || valuesOf(headers, 'transfer-encoding').length > 0;
}

function notAllowed(client: ClientResponse, methods: string): void {
  const error = new CodedError('NOT_SERVED', `this address takes ${methods}`);
  client.fault(405, error, ['Allow', methods, 'Connection', 'close']);
}
