import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { VERSION } from '../../shared/version.ts';
import { valuesOf, type RawHeaders } from '../http/headers.ts';
import { Upstream, type UpstreamExchange } from '../http/upstream.ts';

export interface EndpointOptions {
  readonly url: URL;
  readonly ca: string | undefined;
  /** Go with every request: credentials, as a rule. */
  readonly headers: RawHeaders;
}

export interface EndpointRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: RawHeaders;
  readonly body?: Buffer | undefined;
  /** Another one than that of the MCP endpoint. */
  readonly path?: string | undefined;
}

/** Redirects that keep method and body. */
const REDIRECTS = [307, 308];
const MAX_REDIRECTS = 3;

/** The address of a remote server. Whatever carries credentials goes to its origin only. */
export class Endpoint {
  readonly url: URL;
  readonly #upstream: Upstream;
  readonly #headers: RawHeaders;
  #path: string;

  constructor({ url, ca, headers }: EndpointOptions) {
    this.url = url;
    this.#upstream = new Upstream({ url, ca });
    // Not few servers refuse those who do not say who they are.
    const isNamed = valuesOf(headers, 'user-agent').length > 0;
    this.#headers = isNamed ? headers : [...headers, 'User-Agent', `obsigna-mcp-proxy/${VERSION}`];
    this.#path = `${url.pathname}${url.search}`;
  }

  /** One exchange, with its redirects inside of the origin. */
  send({ method, headers, body, path }: EndpointRequest): UpstreamExchange {
    const send = (to: string) =>
      this.#upstream.send({ method, path: to, headers: [...headers, ...this.#headers], body });
    const first = send(path ?? this.#path);
    let current = first;
    let isAborted = false;
    const follow = async (): Promise<IncomingMessage> => {
      for (let hops = 0; ; hops += 1) {
        const response = await current.response;
        const target = hops < MAX_REDIRECTS ? this.#redirectOf(response) : undefined;
        if (target === undefined) return response;
        response.resume();
        if (path === undefined) this.#path = target; // the next one need not go round again
        current = send(target);
        if (isAborted) current.abort();
      }
    };
    const response = follow();
    response.catch(() => undefined); // whoever has aborted need not look at it
    const abort = () => {
      isAborted = true;
      current.abort();
    };
    return { response, sent: first.sent, hasLeft: () => current.hasLeft(), abort };
  }

  /** The path of an address that the server names; undefined outside of its origin. */
  pathOf(address: string): string | undefined {
    if (!URL.canParse(address, this.url.href)) return undefined;
    const { origin, pathname, search } = new URL(address, this.url);
    return origin === this.url.origin ? `${pathname}${search}` : undefined;
  }

  close(): void {
    this.#upstream.close();
  }

  #redirectOf({ statusCode = 0, rawHeaders }: IncomingMessage): string | undefined {
    const [location] = valuesOf(rawHeaders, 'location');
    if (!REDIRECTS.includes(statusCode) || location === undefined) return undefined;
    return this.pathOf(location);
  }
}
