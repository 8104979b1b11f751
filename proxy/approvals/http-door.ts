import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { CodedError } from '../../shared/errors.ts';
import type { Answer, Desk, Door, Reception } from './door.ts';
import { readAnswerBody } from './http-answer.ts';
import { presentQuestion } from './present.ts';
import type { Question } from './question.ts';

const ROOT = '/api/tool-calls';
const MAX_BODY_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 64;
const LIMITS = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000 };

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Listens for answers: the bearer-token listener of the protocol, with its routes, codes and bodies,
 * a list of what waits, and answers that can say who, why and for how long.
 *
 * @throws CodedError `APPROVAL_LISTENER_FAILED`
 * @see Agent Receipts 0.5.0, "Approval HTTP server"; docs/approvals.md
 */
export async function openHttpDoor(address: HttpAddress): Promise<HttpDoor> {
  const server = createServer({ ...LIMITS, requireHostHeader: true });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot bind approval listener on ${address.host}:${address.port}: ${cause.message}`;
      reject(new CodedError('APPROVAL_LISTENER_FAILED', message, { cause }));
    });
    server.listen(address.port, address.host, resolve);
  });
  server.unref(); // the session ends with the server behind us, not with its last question
  return new HttpDoor(server, address.host);
}

export class HttpDoor implements Door {
  readonly name = 'http';
  readonly url: string;
  /** Only this machine can reach it. */
  readonly isLocal: boolean;
  readonly token = randomBytes(32).toString('hex');
  readonly #server: Server;
  readonly #host: string;
  readonly #questions = new Map<string, Question>();
  #desk: Desk | undefined;
  #isClosed = false;

  constructor(server: Server, host: string) {
    const { address, port, family } = server.address() as AddressInfo;
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    this.isLocal = address === '::1' || address.startsWith('127.');
    this.#server = server;
    this.#host = host;
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('error', () => this.close());
  }

  attach(desk: Desk): void {
    this.#desk = desk;
  }

  isOpenFor(): boolean {
    return !this.#isClosed;
  }

  ask(question: Question): void {
    this.#questions.set(question.id, question);
  }

  takeBack({ id }: Question): void {
    this.#questions.delete(id);
  }

  close(): void {
    this.#isClosed = true;
    for (const id of this.#questions.keys()) this.#desk?.closed(id, this.name);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, body, type } = await this.#answer(request);
      response.writeHead(status, {
        'Content-Type': type ?? 'text/plain; charset=utf-8',
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-store',
      });
      response.end(body);
    } catch {
      response.destroy(); // the caller is gone, or said more than anybody has to read
    }
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const path = pathOf(request);
    const { authorization, host, origin } = request.headers;
    // A page in somebody's browser must not talk to this, whatever name it gave our address.
    if (!this.#isOurName(host) || (origin !== undefined && origin !== `http://${host}`)) {
      this.#desk?.turnedAway(this.name, 'wrong host or origin');
      return text(403, 'forbidden');
    }
    if (path !== ROOT && !path.startsWith(`${ROOT}/`)) return text(404, '404 page not found');
    if (!isSame(authorization, `Bearer ${this.token}`)) {
      if (authorization !== undefined) this.#desk?.turnedAway(this.name, 'wrong token');
      return text(401, 'unauthorized');
    }
    if (path === ROOT) return request.method === 'GET' ? this.#list() : text(404, 'not found');
    const segments = path.split('/');
    if (segments.length < 5) return text(400, 'invalid path');
    const [, , , id = '', action] = segments;
    if (request.method !== 'POST') return text(404, 'not found');
    if (action === 'approve') return this.#decide(request, id, 'approve');
    if (action === 'deny') return this.#decide(request, id, 'deny');
    return text(404, 'not found');
  }

  #list(): Reply {
    const waiting = [...this.#questions.values()].map(presentQuestion);
    const body = JSON.stringify({ tool_calls: waiting });
    return { status: 200, body, type: 'application/json' };
  }

  async #decide(request: IncomingMessage, id: string, verdict: Answer['verdict']): Promise<Reply> {
    let said;
    try {
      said = readAnswerBody(await readBody(request));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return text(400, error.message);
    }
    const answer = { verdict, door: this.name, ...said } as const;
    const reception = this.#desk?.answer(id, answer) ?? 'APPROVAL_UNKNOWN';
    return replyTo(reception, verdict);
  }

  /** An address cannot be rebound as a name can; and the name that the operator gave is ours. */
  #isOurName(host: string | undefined): boolean {
    const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host ?? '')?.[1]?.toLowerCase();
    if (name === undefined || name === '') return false;
    const bare = name.replace(/^\[|\]$/g, '');
    return isIP(bare) !== 0 || name === 'localhost' || bare === this.#host.toLowerCase();
  }
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

function text(status: number, body: string): Reply {
  return { status, body: `${body}\n` };
}

function replyTo(reception: Reception, verdict: Answer['verdict']): Reply {
  switch (reception) {
    case 'taken':
      return { status: 200, body: `{"status":"${verdict === 'approve' ? 'approved' : 'denied'}"}` };
    case 'APPROVAL_MISMATCH':
      return text(409, 'the digest is not that of this question [APPROVAL_MISMATCH]');
    case 'APPROVAL_VOID':
      return text(409, 'the rules have changed meanwhile [APPROVAL_VOID]');
    case 'APPROVAL_UNKNOWN':
    case 'APPROVAL_USED':
    case 'APPROVAL_EXPIRED':
    case 'APPROVAL_UNAUTHORIZED':
      return text(404, 'no pending approval');
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** Takes as long for a near miss as for anything else. */
function isSame(given: string | undefined, expected: string): boolean {
  const digest = (value: string) => Buffer.from(hash('sha256', value, 'hex'), 'hex');
  return timingSafeEqual(digest(given ?? ''), digest(expected));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new CodedError('USAGE', `body over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
