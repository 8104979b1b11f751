import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { CodedError } from '../shared/errors.ts';
import { VERSION } from '../shared/version.ts';
import { parseMetricsAddress } from './metrics-address.ts';
import type { Gauges, Metrics } from './metrics.ts';
import { clearSocketPath } from './socket/listener.ts';

const SOCKET_MODE = 0o660;
const DIRECTORY_MODE = 0o750;
const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 16;
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

export interface MetricsServer {
  /** Where it listens, with the port that was chosen for port 0. */
  readonly address: string;
  close(): void;
}

/**
 * Serves `/metrics` and `/healthz` and nothing else. Reads only: no request changes anything.
 *
 * @throws CodedError `METRICS_UNAVAILABLE` when the system does not let us listen there
 */
export async function serveMetrics(
  address: string,
  metrics: Metrics,
  gauges: () => Gauges,
): Promise<MetricsServer> {
  const { path, host, port } = parseMetricsAddress(address);
  const server = createServer((request, response) => {
    answer(request, response, metrics, gauges, path === undefined);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  try {
    if (path !== undefined) {
      mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
      await clearSocketPath(path);
    }
    await listening(server, path === undefined ? { host, port } : { path });
    if (path !== undefined) chmodSync(path, SOCKET_MODE);
  } catch (cause) {
    close();
    const message = `cannot serve metrics at ${address}: ${(cause as Error).message}`;
    throw new CodedError('METRICS_UNAVAILABLE', message, { cause });
  }
  const bound = server.address();
  const chosen = bound !== null && typeof bound === 'object' ? bound.port : undefined;
  return { address: chosen === undefined ? address : address.replace(/\d+$/, `${chosen}`), close };
}

function listening(server: Server, options: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, resolve);
  });
}

function answer(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  gauges: () => Gauges,
  isTcp: boolean,
): void {
  const send = (status: number, type: string, text: string) => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(method === 'HEAD' ? undefined : text);
  };
  // A web page whose name was pointed at loopback says that name here.
  if (isTcp && !/^(?:127\.[\d.]+|\[::1\]|localhost)(?::\d+)?$/.test(headers.host ?? '')) {
    send(403, 'text/plain', 'host not allowed\n');
  } else if (method !== 'GET' && method !== 'HEAD') {
    send(405, 'text/plain', 'method not allowed\n');
  } else if (url === '/metrics') {
    send(200, TEXT, metrics.render(gauges(), VERSION));
  } else if (url === '/healthz') {
    const [status, body] = metrics.isHealthy
      ? [200, { status: 'ok' }]
      : [503, { status: 'failing', reason: 'the last commit failed' }];
    send(status, 'application/json', `${JSON.stringify(body)}\n`);
  } else {
    send(404, 'text/plain', 'not found; there are /metrics and /healthz\n');
  }
}
