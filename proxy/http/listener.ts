import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CodedError } from '../../shared/errors.ts';
import type { HttpAddress } from '../approvals/http-door.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import { ClientResponse } from './client-response.ts';
import type { Endpoint } from './endpoint.ts';
import { rejectVisitor, type VisitorRules } from './visitors.ts';

/**
 * A client that has sent its headers may take its time, and so may the server. Headers may be long:
 * they repeat arguments of tools.
 */
const LIMITS = {
  headersTimeout: 60_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 64 * 1024,
  insecureHTTPParser: false,
  noDelay: true,
};
/** Visitors that are turned away are told of so often; more would only fill the log. */
const MAX_TOLD = 100;

export interface ListenerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly visitors: VisitorRules;
  readonly log: ProxyLog;
}

/** Where clients connect to. */
export class Listener {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  #told = 0;

  constructor(server: Server, options: ListenerOptions) {
    this.#server = server;
    this.#options = options;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** `http://HOST:PORT`, as it turned out. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { endpoints, visitors, log } = this.#options;
    try {
      const rejection = rejectVisitor(request.rawHeaders, visitors);
      if (rejection !== undefined) {
        const { status, reason } = rejection;
        this.#tell(`turned away: ${reason}`);
        const challenge = status === 401 ? ['WWW-Authenticate', 'Bearer realm="mcp-proxy"'] : [];
        const error = new CodedError('VISITOR_REFUSED', reason);
        new ClientResponse(response).fault(status, error, [...challenge, 'Connection', 'close']);
        return;
      }
      const url = request.url ?? '/';
      for (const endpoint of endpoints) {
        // One after the other: only one of them can be meant.
        // eslint-disable-next-line no-await-in-loop
        if (await endpoint.serve(request, response, url)) return;
      }
      const error = new CodedError('NOT_SERVED', 'nothing is served at this address');
      new ClientResponse(response).fault(404, error, ['Connection', 'close']);
    } catch (error) {
      // A client that is gone before its request was read; or a fault of ours, which must not look
      // like an answer.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ECONNRESET')
        log(`request failed: ${printable(String((error as Error).stack))}`);
      response.destroy();
    }
  }

  #tell(text: string): void {
    this.#told += 1;
    if (this.#told <= MAX_TOLD) this.#options.log(text);
    if (this.#told === MAX_TOLD) this.#options.log('further visitors are turned away in silence');
  }
}

/** @throws CodedError `LISTENER_FAILED` */
export async function listen(address: HttpAddress, options: ListenerOptions): Promise<Listener> {
  const server = createServer(LIMITS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot listen on ${address.host}:${address.port}: ${cause.message}`;
      reject(new CodedError('LISTENER_FAILED', message, { cause }));
    });
    server.listen(address.port, address.host, resolve);
  });
  return new Listener(server, options);
}
