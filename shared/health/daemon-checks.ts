import { emitterSocket, type HostFacts } from '../paths.ts';
import { VERSION } from '../version.ts';
import { fail, note, ok, warn, type HealthCheck } from './check.ts';

/** Who answers at a socket. `plain` took the connection and does not reply, as the protocol has it. */
export type Greeting =
  | { readonly state: 'unreachable'; readonly code: string }
  | { readonly state: 'plain' }
  | { readonly state: 'greeted'; readonly version: string; readonly extensions: readonly string[] };

export const START_FIX = 'start the daemon: obsigna daemon run';

export function processCheck(path: string, greeting: Greeting): HealthCheck {
  const name = 'daemon process';
  if (greeting.state !== 'unreachable') return ok(name, `reachable at ${path}`);
  const { code } = greeting;
  const reason = `nobody answers at ${path} (${code})`;
  if (code !== 'EACCES') return fail(name, reason, START_FIX);
  return fail(name, reason, `let this user into the group that owns the socket, ${path}`);
}

/** Whether an emitter with this environment dials what was checked. */
export function dialPathCheck(path: string, surroundings: HostFacts): HealthCheck {
  const name = 'emitter dial path';
  const dialled = emitterSocket(surroundings);
  if (dialled === path) return ok(name, dialled);
  const fix = `set AGENTRECEIPTS_SOCKET=${path} where emitters run`;
  const reason =
    dialled === ''
      ? 'cannot be known on this platform'
      : `emitters dial ${dialled}, checked was ${path}`;
  return warn(name, reason, fix);
}

/** What MCP SDKs hand to a server they start, unless the host's configuration names more. */
export const INHERITED = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'] as const;
/** What a proxy reads beside the socket's name. */
const PROXY_VARIABLES = [
  'AGENTRECEIPTS_ISSUER_NAME',
  'AGENTRECEIPTS_ISSUER_MODEL',
  'AGENTRECEIPTS_OPERATOR_ID',
  'AGENTRECEIPTS_OPERATOR_NAME',
] as const;

/** The socket that a proxy finds by itself when a host built on an MCP SDK starts it. */
export function socketOfStarted(host: HostFacts): string {
  const kept = Object.fromEntries(INHERITED.map((variable) => [variable, host.env[variable]]));
  return emitterSocket({ ...host, env: kept });
}

/**
 * Hosts built on an MCP SDK start a proxy with six variables and nothing else. What it needs beside
 * them is lost in silence: the proxy then dials another socket than every other emitter here.
 *
 * @param isNamed - A flag names the socket; then it arrives, whoever starts the proxy.
 */
export function environmentCheck(path: string, host: HostFacts, isNamed = false): HealthCheck {
  const name = 'emitter environment';
  const { env } = host;
  const dialled = isNamed ? path : socketOfStarted(host);
  const lost = PROXY_VARIABLES.filter((variable) => (env[variable] ?? '') !== '');
  const others = lost.length === 0 ? '' : `; not passed on: ${lost.join(', ')}`;
  const who = 'a proxy that an MCP SDK starts';
  if (dialled !== path) {
    const reason = `${who} dials ${dialled === '' ? 'nothing' : dialled}, not ${path}${others}`;
    const fix = `name the socket in the host's configuration: mcp-proxy -socket ${path}, or AGENTRECEIPTS_SOCKET in its "env"`;
    return note(name, reason, fix);
  }
  if (lost.length === 0) return ok(name, `${who} dials the same socket`);
  return note(
    name,
    `${who} dials the same socket${others}`,
    'name them in the "env" of the host\'s configuration',
  );
}

export function extensionsCheck(greeting: Greeting): HealthCheck {
  const name = 'daemon extensions';
  switch (greeting.state) {
    case 'unreachable':
      return note(name, 'not asked: nobody answers');
    case 'plain':
      return note(
        name,
        'none: a daemon of the plain protocol, which does not acknowledge receipts',
      );
    case 'greeted': {
      const { version, extensions } = greeting;
      const reason = `version ${version}: ${extensions.join(', ') || 'none'}`;
      if (version === VERSION) return ok(name, reason);
      const fix = `restart the daemon with the programs of version ${VERSION}`;
      return warn(name, `${reason}; this program is ${VERSION}`, fix);
    }
  }
}
