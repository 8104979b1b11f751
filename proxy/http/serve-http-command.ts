import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defaultSocketPath } from '../../emitter/default-socket.ts';
import type { Emitter } from '../../emitter/emitter.ts';
import { policyBanner } from '../../policy/banner.ts';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import { CodedError } from '../../shared/errors.ts';
import { renderFlags } from '../../shared/flags.ts';
import type { Door } from '../approvals/door.ts';
import type { HttpDoor } from '../approvals/http-door.ts';
import { SharedDoor } from '../approvals/shared-door.ts';
import { TerminalDoor } from '../approvals/terminal-door.ts';
import { orUsage } from '../command-line.ts';
import { GovernedServer } from '../governed-server.ts';
import { overrideHost } from '../host.ts';
import { policyInForce } from '../policy-in-force.ts';
import { defaultPinFolder, openTools } from '../pins/open-tools.ts';
import { printable, stderrProxyLog, type ProxyLog } from '../proxy-log.ts';
import { emittingRecorder, silentRecorder } from '../recorder.ts';
import { readRulesFile } from '../rules-file.ts';
import { FAREWELL_MS, followRules, openEmitter } from '../session-parts.ts';
import { Endpoint } from './endpoint.ts';
import {
  HTTP_FLAGS,
  isLoopback,
  readHttpOptions,
  settingsOfFlags,
  type HttpOptions,
  type HttpSettings,
  type UpstreamSettings,
} from './http-options.ts';
import { listen } from './listener.ts';
import { PublicAddress } from './public-address.ts';
import { Upstream } from './upstream.ts';

const HELP = `Usage: mcp-proxy serve-http -upstream URL [flags]
       mcp-proxy serve-http -config FILE [flags]

Stands between agents and MCP servers that are reached by HTTP. Decides every tool call by policy
before the server sees it, and reports every call to the daemon. Everything else passes as it is.

  mcp-proxy serve-http -name github -upstream https://api.example.com/mcp -rules rules.yaml

Clients then use http://127.0.0.1:4100/mcp: the same path, at our address.

Flags:
${renderFlags(HTTP_FLAGS)}
Exit status: 0 when told to stop; 1 when something cannot be used, 2 for wrong usage.
`;

/** `mcp-proxy serve-http` */
export function run(args: readonly string[]): Promise<number> {
  return orUsage(HELP, async () => {
    const options = readHttpOptions(args, process.env);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const { config } = options.values;
    if (config === undefined) return serve(options, settingsOfFlags(options.values));
    const { readHttpConfig } = await import('./http-config.ts');
    return serve(options, await readHttpConfig(config));
  });
}

/** What all servers of this process have in common. */
interface Common {
  readonly options: HttpOptions;
  readonly sessionId: string;
  readonly socketPath: string;
  readonly emitter: Emitter | undefined;
  readonly issuer: string | undefined;
  readonly token: string | undefined;
  readonly publicOrigin: string | undefined;
  readonly httpDoor: HttpDoor | undefined;
  readonly sharedDoor: SharedDoor | undefined;
}

async function serve(options: HttpOptions, settings: HttpSettings): Promise<number> {
  const log = stderrProxyLog();
  const { values, approvals } = options;
  // Who started us is not who calls: only what the operator says is known.
  const host = overrideHost(
    { identity: {}, source: 'unknown' },
    {
      issuerName: values['issuer-name'],
      operatorId: values['operator-id'],
      operatorName: values['operator-name'],
    },
  );
  const { tokenFile, upstreams, publicOrigin } = settings;
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  const httpDoor = await openHttp(approvals);
  const sessionId = randomUUID();
  const socketPath = values.socket ?? defaultSocketPath();
  const model = values['issuer-model'];
  const emitter =
    socketPath === '' ? undefined : openEmitter(socketPath, sessionId, model, host, log);
  emitter?.start();
  const common: Common = {
    options,
    sessionId,
    socketPath,
    emitter,
    issuer: host.identity.issuerName,
    token,
    publicOrigin,
    httpDoor,
    sharedDoor: httpDoor && new SharedDoor(httpDoor),
  };
  const endpoints: Endpoint[] = [];
  for (const upstream of upstreams) {
    const ownLog: ProxyLog =
      upstreams.length === 1 ? log : (text) => log(`[${printable(upstream.name)}] ${text}`);
    // In the order of the file, so that what goes wrong first is said first.
    // eslint-disable-next-line no-await-in-loop
    endpoints.push(await openEndpoint(upstream, common, ownLog));
  }
  const own = publicOrigin === undefined ? [] : [publicOrigin];
  const ownName = own.map((origin) => new URL(origin).hostname);
  const visitors = {
    hosts: [...settings.hosts, settings.listen.host.toLowerCase(), ...ownName],
    origins: [...settings.origins, ...own],
    token,
  };
  const listener = await listen(settings.listen, { endpoints, visitors, log });
  announce(settings, common, listener.url, endpoints, log);
  await stopped();
  listener.close();
  for (const endpoint of endpoints) endpoint.close('the proxy was stopped');
  const lost = (await emitter?.close(FAREWELL_MS)) ?? 0;
  if (lost > 0) log(`emitter: ${lost} reports did not reach the daemon and end with this process`);
  return 0;
}

async function openEndpoint(
  { name, isNamed, url, prefix, rules: rulesFile, ca }: UpstreamSettings,
  common: Common,
  log: ProxyLog,
): Promise<Endpoint> {
  const { options, sessionId, socketPath, emitter, issuer, httpDoor, sharedDoor } = common;
  const { token, publicOrigin } = common;
  const { values, approvals } = options;
  const rules = rulesFile === undefined ? DEFAULT_RULES : await readRulesFile(rulesFile);
  const policy = policyInForce(rules);
  const requireReceipt = values['require-receipt'] === true;
  const recorder =
    emitter === undefined
      ? silentRecorder
      : emittingRecorder(emitter, { serverName: name, sessionId, requireReceipt });
  const folder = values.pins ?? defaultPinFolder();
  const launch = [`${url.origin}${url.pathname}`];
  const doors: Door[] = [];
  if (sharedDoor !== undefined) doors.push(sharedDoor.branch());
  if (approvals.doors.includes('terminal') && socketPath !== '')
    doors.push(new TerminalDoor(socketPath));
  const server = new GovernedServer({
    serverName: name,
    rules,
    policyDigest: policy.digest,
    agent: issuer,
    recorder,
    log,
    approvals: {
      doors,
      asksEachClient: approvals.doors.includes('elicit'),
      sessionId,
      timeoutMs: approvals.approvalTimeoutMs,
    },
    tools: openTools({ serverName: name, isNamed, launch, folder, recorder, log }),
  });
  const banner = policyBanner(rules, {
    approverUrl: httpDoor?.url ?? '',
    httpFlag: approvals.httpFlag,
  });
  log(banner.text.replace(/^mcp-proxy: /, ''));
  await followRules(rulesFile, server, policy, log);
  const certificates = ca === undefined ? undefined : await readPem(ca);
  const upstream = new Upstream({ url, ca: certificates });
  const address = new PublicAddress(url, prefix);
  return new Endpoint({ server, upstream, address, log, token, publicOrigin });
}

function announce(
  settings: HttpSettings,
  { options, sessionId, socketPath, httpDoor }: Common,
  url: string,
  endpoints: readonly Endpoint[],
  log: ProxyLog,
): void {
  if (socketPath === '') log('--socket is empty; receipts will NOT be emitted for this session');
  else log(`emitter targeting daemon socket ${socketPath}`);
  if (options.values['require-receipt'] === true)
    log('receipts are required; calls that the daemon does not record are refused');
  if (!isLoopback(settings.listen.host))
    log('[WARNING] clients are listened for beyond this machine, in plain HTTP');
  if (httpDoor !== undefined) {
    const { url: approvals, token, isLocal } = httpDoor;
    if (!isLocal) log('[WARNING] approvals are listened for beyond this machine, in plain HTTP');
    log(`approvals at ${approvals} (token: ${token})`);
    say({ event: 'approval_endpoint', token, url: approvals });
  }
  log(`session ${sessionId}, listening on ${url}`);
  const origin = settings.publicOrigin ?? url;
  for (const [index, { url: upstream, name }] of settings.upstreams.entries()) {
    if (upstream.protocol === 'http:' && !isLoopback(upstream.hostname.replace(/^\[|\]$/g, '')))
      log(`[WARNING] ${printable(name)} is reached in plain HTTP`);
    const address = origin + (endpoints[index]?.options.address.endpoint ?? '');
    log(`server ${printable(name)} (${upstream.origin}) at ${address}`);
    say({ event: 'listening', name, url: address });
  }
}

/** For programs that start us. */
function say(value: object): void {
  process.stderr.write(`${JSON.stringify(value)}\n`);
}

async function openHttp({ doors, http }: HttpOptions['approvals']): Promise<HttpDoor | undefined> {
  if (http === undefined || !doors.includes('http')) return undefined;
  const { openHttpDoor } = await import('../approvals/http-door.ts');
  return openHttpDoor(http);
}

async function readToken(file: string): Promise<string> {
  const token = (await readSetting(file)).trim();
  if (/^\S{16,}$/.test(token)) return token;
  throw new CodedError('USAGE', `${file}: a token is one word of at least 16 characters`);
}

async function readPem(file: string): Promise<string> {
  const text = await readSetting(file);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new CodedError('USAGE', `${file} holds no certificate in PEM`);
}

async function readSetting(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('USAGE', `cannot read ${file} (${code})`, { cause });
  }
}

/** Until somebody tells us to stop. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve());
    }
  });
}
