import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ClientResponse } from './client-response.ts';
import type { EndpointOptions } from './endpoint.ts';
import { endToEnd, METHOD_OVERRIDES, valuesOf, type RawHeaders } from './headers.ts';
import { readResponse, type ServerResponse } from './server-response.ts';
import type { UpstreamExchange } from './upstream.ts';
import { withoutToken } from './visitors.ts';

/** What the record calls the calls of a request; the second name is for servers that know that one. */
const ATTESTATIONS = ['Obsigna-Receipt', 'X-Estoppl-Attestation'];
/** Not for the server: what we answer for ourselves, and what would make us unable to read. */
const KEPT_BACK = [
  'accept-encoding',
  'expect',
  ...METHOD_OVERRIDES,
  ...ATTESTATIONS.map((name) => name.toLowerCase()),
];
/** The first revision without sessions. */
const STATELESS = '2026-07-28';

export interface PassageOptions extends EndpointOptions {
  readonly request: IncomingMessage;
  readonly client: ClientResponse;
  /** Path and query for the server. */
  readonly path: string;
}

/** One request of the client on its way to the server, and back. */
export class Passage {
  readonly client: ClientResponse;
  readonly request: IncomingMessage;
  readonly options: PassageOptions;

  constructor(options: PassageOptions) {
    this.options = options;
    this.client = options.client;
    this.request = options.request;
  }

  get headers(): RawHeaders {
    return this.request.rawHeaders;
  }

  /** How the client calls us. */
  get origin(): string {
    return this.options.publicOrigin ?? `http://${valuesOf(this.headers, 'host')[0] ?? ''}`;
  }

  /** The session that the client says it belongs to, where its revision has sessions. */
  get sessionId(): string | undefined {
    const [version = ''] = valuesOf(this.headers, 'mcp-protocol-version');
    return version >= STATELESS ? undefined : valuesOf(this.headers, 'mcp-session-id')[0];
  }

  /** Whether the client reads an answer that is a stream of events. */
  get takesEvents(): boolean {
    return valuesOf(this.headers, 'accept').some((it) => /text\/event-stream/i.test(it));
  }

  /** Sends it, with this body; a client that hangs up takes it back. */
  send(body: Buffer | undefined, references: readonly string[] = []): UpstreamExchange {
    const { upstream, path, token } = this.options;
    const headers = endToEnd(withoutToken(this.headers, token), KEPT_BACK);
    const named =
      references.length === 0 ? [] : ATTESTATIONS.flatMap((it) => [it, references.join(',')]);
    const { method = '' } = this.request;
    const exchange = upstream.send({ method, path, headers: [...headers, ...named], body });
    this.client.whenHungUp(() => exchange.abort());
    return exchange;
  }

  /**
   * A message of ours in place of one of the client; what becomes of it is the server's business.
   *
   * @param path - Where the server takes messages, if that is not where this request went.
   */
  sendOurs(message: Buffer, path = this.options.path): void {
    const { upstream, token } = this.options;
    const dropped = [...KEPT_BACK, 'last-event-id', 'content-type', 'content-length'];
    const headers = [
      ...endToEnd(withoutToken(this.headers, token), dropped),
      'Content-Type',
      'application/json',
    ];
    const { response } = upstream.send({ method: 'POST', path, headers, body: message });
    response.then(
      (it) => void it.resume(),
      () => undefined,
    );
  }

  /** @throws CodedError `UPSTREAM_UNREACHABLE`, `UPSTREAM_UNREADABLE` */
  async receive({ response }: UpstreamExchange): Promise<ServerResponse> {
    return readResponse(await response, this.options.address, this.origin);
  }
}
