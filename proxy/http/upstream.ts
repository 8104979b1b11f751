import type { Buffer } from 'node:buffer';
import * as http from 'node:http';
import * as https from 'node:https';
import { rootCertificates } from 'node:tls';
import { CodedError } from '../../shared/errors.ts';
import { withField, withoutPairs, type RawHeaders } from './headers.ts';

/** Challenges and cookies can be long; a response with more is refused. */
const MAX_HEADER_BYTES = 256 * 1024;

export interface UpstreamOptions {
  /** The server's MCP endpoint. */
  readonly url: URL;
  /** Certificates to trust beside those of the system, as PEM; for `https:` only. */
  readonly ca?: string | undefined;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, as the request line has them. */
  readonly path: string;
  /** What goes with it. `Host` is ours, and so is the length of the body. */
  readonly headers: RawHeaders;
  readonly body?: Buffer | undefined;
}

/** One request to the server, up to the end of its response. */
export interface UpstreamExchange {
  /**
   * Settles when the head of the response is there. Its body is not read until somebody reads it.
   *
   * Rejects with a CodedError `UPSTREAM_UNREACHABLE`; also when `abort` came first.
   */
  readonly response: Promise<http.IncomingMessage>;
  /** Settles when all of it has left, or none of the rest will. Never rejects. */
  readonly sent: Promise<void>;
  /** There was a connection: some of it may have reached the server. */
  readonly hasLeft: () => boolean;
  /** Hangs up at once, whatever is on its way. Without effect once the response has ended. */
  abort(): void;
}

/**
 * Connections are kept for a moment only: many servers close them after five seconds, and a request
 * that is on its way then is lost without anybody knowing whether it ran. Silence during a request
 * is not what this is about: there is no limit for that.
 */
const KEPT = { keepAlive: true, timeout: 4000 } as const;

/**
 * A server that is reached by HTTP. Plain `node:http`, because `fetch` hides how headers are
 * written, drops repeats, unpacks bodies, and gives up after five minutes of silence.
 *
 * There is no limit of time here: a tool may take as long as it takes, and its caller hangs up when
 * it has had enough. Connections are kept and used again; certificates are checked whatever
 * `NODE_TLS_REJECT_UNAUTHORIZED` says.
 */
export class Upstream {
  readonly url: URL;
  readonly #request: typeof http.request;
  readonly #agent: http.Agent;

  constructor({ url, ca }: UpstreamOptions) {
    this.url = url;
    const isSecure = url.protocol === 'https:';
    // What is given takes the place of the system's: whoever adds one does not mean that.
    const trusted = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
    this.#request = isSecure ? https.request : http.request;
    this.#agent = isSecure
      ? new https.Agent({ ...KEPT, rejectUnauthorized: true, ...trusted })
      : new http.Agent(KEPT);
  }

  send({ method, path, headers, body }: UpstreamRequest): UpstreamExchange {
    const { url } = this;
    const named = withField(headers, 'Host', url.host);
    const request = this.#request({
      agent: this.#agent,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      method,
      path,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers:
        body === undefined
          ? withoutPairs(named, isLength) // a length without its body would swallow what comes next
          : withField(named, 'Content-Length', `${body.length}`),
    });
    let hasLeft = false;
    request.once('socket', (socket) => {
      const connected = () => (hasLeft = true);
      if (!socket.connecting) connected();
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
    });
    const sent = new Promise<void>((resolve) => {
      request.once('finish', resolve);
      request.once('close', resolve);
    });
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      // Stays: a connection may break more than once, and nobody else listens.
      request.on('error', (cause) => reject(unreachable(url, cause)));
      request.once('close', () => reject(unreachable(url, new Error('the connection was closed'))));
    });
    response.catch(() => undefined); // whoever has aborted need not look at it
    // Each call leaves at once; a small message must not wait for one that it could travel with.
    request.setNoDelay(true);
    request.end(body);
    return { response, sent, hasLeft: () => hasLeft, abort: () => void request.destroy() };
  }

  /** Ends what is kept for later; what is on its way is broken off. */
  close(): void {
    this.#agent.destroy();
  }
}

function isLength(name: string, value: string): boolean {
  return name === 'transfer-encoding' || (name === 'content-length' && value.trim() !== '0');
}

function unreachable({ origin }: URL, cause: Error): CodedError {
  const { code = cause.message } = cause as NodeJS.ErrnoException;
  return new CodedError('UPSTREAM_UNREACHABLE', `no answer from ${origin}: ${code}`, { cause });
}
