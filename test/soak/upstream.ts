import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What a server does with a call. */
export const WAYS = ['json', 'events', 'never', 'breaks'] as const;
export type Way = (typeof WAYS)[number];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly arguments?: { readonly way?: Way; readonly steps?: number };
    readonly requestId?: number;
  };
}

/** Between two events of a slow stream. */
const STEP_MS = 100;

/** A slow server of both eras: each call says itself how it shall go. */
export class Upstream {
  /** Calls that it has seen. */
  calls = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => {
    this.#take(request, response).catch(() => response.destroy());
  });
  #sessions = 0;
  /** Streams by the id of their request, for those who cancel. */
  readonly #streams = new Map<number | undefined, ServerResponse>();
  /** Of calls that have not come yet: connections have no order. */
  readonly #cancelled = new Set<number | undefined>();

  async start(): Promise<string> {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  /** Connections that are kept for later are not what anybody has left behind. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (request.method !== 'POST') {
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      return;
    }
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    const { id, method, params } = message;
    if (method === 'tools/call') {
      this.calls += 1;
      const { way = 'json', steps = 1 } = params?.arguments ?? {};
      this.#streams.set(id, response);
      if (this.#cancelled.delete(id)) response.writeHead(202).end();
      else await play(way, steps, id, response);
      this.#streams.delete(id);
      return;
    }
    if (method === 'notifications/cancelled') {
      const stream = this.#streams.get(params?.requestId);
      if (stream === undefined) this.#cancelled.add(params?.requestId);
      else stream.end();
    }
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    this.#sessions += 1;
    const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} };
    const session = { 'Mcp-Session-Id': `session-${this.#sessions}` };
    response.writeHead(200, { 'Content-Type': 'application/json', ...session });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  }
}

async function play(
  way: Way,
  steps: number,
  id: number | undefined,
  response: ServerResponse,
): Promise<void> {
  const result = { resultType: 'complete', content: [{ type: 'text', text: 'x'.repeat(200) }] };
  const answer = JSON.stringify({ jsonrpc: '2.0', id, result });
  if (way === 'json') {
    await pause(STEP_MS);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(answer);
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const last = way === 'never' ? Number.POSITIVE_INFINITY : steps;
  for (let step = 0; step < last; step += 1) {
    const params = { progressToken: 1, progress: step };
    const notice = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
    response.write(`event: message\ndata: ${notice}\n\n`);
    // Whoever hangs up ends the waiting as well.
    await pause(STEP_MS, undefined, { signal: gone.signal }).catch(() => undefined);
    if (gone.signal.aborted) return;
  }
  if (way === 'breaks') response.destroy();
  else response.end(`data: ${answer}\n\n`);
}
