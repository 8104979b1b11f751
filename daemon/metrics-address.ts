/** Where metrics are served: nowhere that another machine can reach. */
export interface MetricsAddress {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
  /** Why the text is no such address. */
  readonly fault?: string;
}

const FORMS = 'expected unix:/path, 127.0.0.1:port or [::1]:port';
const MAX_PORT = 65_535;

/**
 * Reads `unix:/path`, `127.x.y.z:port` or `[::1]:port`. A name is refused, `localhost` too: what it
 * resolves to is decided elsewhere, and the endpoint asks nobody who they are.
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  const reject = (why: string) => ({ fault: `is ${JSON.stringify(text)}: ${why}; ${FORMS}` });
  const path = /^unix:(.*)$/s.exec(text)?.[1];
  if (path !== undefined) {
    return path.startsWith('/') ? { path } : reject('the path is not absolute');
  }
  const [, host = '', digits = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host === '') return reject('no address of that form');
  const ip = host === '[::1]' ? '::1' : host;
  if (ip !== '::1' && !/^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(ip)) {
    return reject('only loopback is allowed');
  }
  const port = Number(digits);
  return port > MAX_PORT ? reject(`there is no port ${port}`) : { host: ip, port };
}
