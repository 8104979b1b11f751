import { constants } from 'node:os';
import { defaultSocketPath } from '../emitter/default-socket.ts';
import { policyBanner } from '../policy/banner.ts';
import { DEFAULT_RULES } from '../policy/default-rules.ts';
import type { RuleSet } from '../policy/rule.ts';
import { CodedError } from '../shared/errors.ts';
import { renderFlags } from '../shared/flags.ts';
import { VERSION } from '../shared/version.ts';
import { ClientChannel } from './approvals/client-channel.ts';
import type { Door } from './approvals/door.ts';
import { ElicitDoor } from './approvals/elicit-door.ts';
import type { HttpDoor } from './approvals/http-door.ts';
import { TerminalDoor } from './approvals/terminal-door.ts';
import { childLink } from './child-link.ts';
import { startServer } from './child.ts';
import { isCommandName } from './command-names.ts';
import { Governor } from './governor.ts';
import { detectHost, overrideHost, parentProcessName, type AgentHost } from './host.ts';
import { readOptions, STDIO_FLAGS, type ProxyOptions } from './options.ts';
import { policyInForce } from './policy-in-force.ts';
import { defaultPinFolder, openTools } from './pins/open-tools.ts';
import type { ServerTools } from './pins/server-tools.ts';
import { randomUuid } from './kernel-random.ts';
import { printable, stderrProxyLog, type ProxyLog } from './proxy-log.ts';
import { emittingRecorder, silentRecorder } from './recorder.ts';
import { relay } from './relay.ts';
import { launchOf } from './remote/remote-flags.ts';
import { readRulesFile } from './rules-file.ts';
import type { ServerExit, ServerLink } from './server-link.ts';
import { FAREWELL_MS, followRules, openEmitter } from './session-parts.ts';

const help = () => `Usage: mcp-proxy [serve] [flags] [--] <server command> [args...]
       mcp-proxy [serve] [flags] -url <address of a remote server>
       mcp-proxy serve-http -upstream URL | -config FILE [flags]
       mcp-proxy pins list | diff | accept | forget [flags]
       mcp-proxy rules check | test | explain | schema | import | replay
       mcp-proxy doctor [flags] [-- <server command> [args...]]
       mcp-proxy bench [flags] -- <server command> [args...]
       mcp-proxy init [flags] [-- <server command> [args...]]

Stands between an agent and one MCP server on standard input and output. Decides every tool call by
policy before the server sees it, and reports every call to the daemon. Everything else passes byte
for byte.

  mcp-proxy -name files -rules rules.yaml -- npx -y @modelcontextprotocol/server-filesystem /tmp
  mcp-proxy -name issues -url https://example.org/mcp -header-env Authorization=ISSUES_AUTHORIZATION

Flags:
${renderFlags(STDIO_FLAGS)}
Exit status: that of the server; 1 when the rules or the server cannot be used, 2 for a wrong flag.
`;

/** The first answer of a quick server passes before what nobody waits for. */
const INTRODUCE_MS = 10;

async function main(): Promise<void> {
  const [word = '', ...rest] = process.argv.slice(2);
  if (isCommandName(word)) {
    const { COMMANDS } = await import('./commands.ts');
    const { run } = await COMMANDS[word]();
    process.exitCode = await run(rest);
    return;
  }
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.action === 'help') {
    process.stdout.write(help());
    return;
  }
  if (options.action === 'version') {
    process.stdout.write(`mcp-proxy ${VERSION}\n`);
    return;
  }
  await serve(options);
}

async function serve(options: ProxyOptions): Promise<void> {
  const log = stderrProxyLog();
  const { serverName, values } = options;
  const rules = values.rules === undefined ? DEFAULT_RULES : await readRulesFile(values.rules);
  const policy = policyInForce(rules);
  const detected = detectHost(process.env, parentProcessName(process.ppid));
  const host = overrideHost(detected, {
    issuerName: values['issuer-name'],
    operatorId: values['operator-id'],
    operatorName: values['operator-name'],
  });
  const sessionId = randomUuid();
  const requireReceipt = values['require-receipt'] === true;
  const socketPath = values.socket ?? defaultSocketPath();
  const emitter =
    socketPath === ''
      ? undefined
      : openEmitter(socketPath, sessionId, values['issuer-model'], host, log);
  const { doors, http, channel } = await openDoors(options, socketPath);
  const recorder =
    emitter === undefined
      ? silentRecorder
      : emittingRecorder(emitter, { serverName, sessionId, requireReceipt });
  const tools = openTools({
    serverName,
    isNamed: values.name !== undefined,
    launch: launchOf(options),
    folder: values.pins ?? defaultPinFolder(),
    recorder,
    log,
  });
  const governor = new Governor({
    serverName,
    rules,
    get policyDigest() {
      return policy.digest; // hashed with the first call
    },
    agent: host.identity.issuerName,
    workspace: process.cwd(),
    recorder,
    log,
    approvals: { doors, channel, sessionId, timeoutMs: options.approvalTimeoutMs },
    tools,
  });
  const link = await openServer(options, tools, log);
  const ended = relay({ link, governor, input: process.stdin, output: process.stdout });
  let isIntroduced = false;
  const introduce = () => {
    if (isIntroduced) return;
    isIntroduced = true;
    announce(options, { rules, host, socketPath, http, log });
    void followRules(values.rules, governor, policy, log);
    log(`session ${sessionId}, server ${printable(serverName)}`);
  };
  const timer = setTimeout(() => {
    introduce();
    emitter?.start(); // a report before that has connected by itself
  }, INTRODUCE_MS);
  const exit = await ended;
  clearTimeout(timer);
  introduce();
  governor.end(exit.reason);
  const lost = (await emitter?.close(FAREWELL_MS)) ?? 0;
  const reports = lost === 1 ? '1 report' : `${lost} reports`;
  if (lost > 0) log(`emitter: ${reports} did not reach the daemon, lost with this process`);
  endAs(exit);
}

async function openServer(
  { remote, command, args }: ProxyOptions,
  tools: ServerTools,
  log: ProxyLog,
): Promise<ServerLink> {
  if (remote === undefined) return childLink(await startServer(command, args));
  const { openRemote } = await import('./remote/open-remote.ts');
  const schemaOf = (tool: string) => tools.inputSchemaOf(tool);
  return openRemote(remote, { env: process.env, log, schemaOf });
}

/** Each way to a person loads only where it is asked for: every agent waits for our start. */
async function openDoors(
  { doors: names, http: address }: ProxyOptions,
  socketPath: string,
): Promise<Doors> {
  let http: HttpDoor | undefined;
  const doors: Door[] = [];
  const channel = new ClientChannel();
  for (const name of names) {
    if (name === 'http' && address !== undefined) {
      const { openHttpDoor } = await import('./approvals/http-door.ts');
      http = await openHttpDoor(address);
      doors.push(http);
    }
    if (name === 'elicit') doors.push(new ElicitDoor(channel));
    if (name === 'terminal' && socketPath !== '') doors.push(new TerminalDoor(socketPath));
  }
  return { doors, http, channel };
}

interface Doors {
  readonly doors: readonly Door[];
  readonly http: HttpDoor | undefined;
  readonly channel: ClientChannel;
}

interface Announcement {
  readonly rules: RuleSet;
  readonly host: AgentHost;
  readonly socketPath: string;
  readonly http: HttpDoor | undefined;
  readonly log: ProxyLog;
}

function announce(
  options: ProxyOptions,
  { rules, host, socketPath, http, log }: Announcement,
): void {
  const { source, identity } = host;
  const { issuerName, operatorId, operatorName } = identity;
  const model = options.values['issuer-model'];
  if (source !== 'unknown' || model !== undefined) {
    const quoted = (text: string | undefined) => JSON.stringify(text ?? '');
    log(
      `host=${source} issuer=${quoted(issuerName)} model=${quoted(model)} ` +
        `operator.id=${quoted(operatorId)} operator.name=${quoted(operatorName)}`,
    );
  }
  if (socketPath === '') log('--socket is empty; receipts will NOT be emitted for this session');
  else log(`emitter targeting daemon socket ${socketPath}`);
  if (options.values['require-receipt'] === true) {
    log('receipts are required; calls that the daemon does not record are refused');
  }
  if (http !== undefined) {
    const { url, token, isLocal } = http;
    if (!isLocal) log('[WARNING] approvals are listened for beyond this machine, in plain HTTP');
    log(`approvals at ${url} (token: ${token})`);
    process.stderr.write(`${JSON.stringify({ event: 'approval_endpoint', token, url })}\n`);
  }
  const approver = { approverUrl: http?.url ?? '', httpFlag: options.httpFlag };
  const banner = policyBanner(rules, approver);
  log(banner.text.replace(/^mcp-proxy: /, ''));
  process.stderr.write(`${banner.json}\n`);
  const isPausing = rules.rules.some(({ enabled, action }) => enabled && action === 'pause');
  if (isPausing && socketPath !== '' && options.doors.includes('terminal')) {
    log('paused calls can be answered with `obsigna approvals`');
  }
}

/** Our end looks like the server's: the same code, or the same signal. */
function endAs({ code, signal }: ServerExit): void {
  if (signal === null) {
    process.exitCode = code ?? 1;
    return;
  }
  // What a shell would show; stays when the signal does not end us, as Node ignores SIGPIPE.
  process.exitCode = 128 + constants.signals[signal];
  if (signal === 'SIGUSR1') return; // would open Node's debugger
  // Only once everything written has left: a signal does not wait for pipes.
  process.stdout.write('', () => process.kill(process.pid, signal));
}

main().catch((error: unknown) => {
  const coded = error instanceof CodedError;
  process.stderr.write(`mcp-proxy: ${coded ? error.message : String((error as Error).stack)}\n`);
  if (coded) process.stderr.write(`  fix: ${error.remedy} [${error.code}]\n`);
  const isFlagError =
    coded && error.code === 'USAGE' && /^flag|^invalid|^bad flag/.test(error.message);
  if (coded && error.code === 'USAGE') process.stderr.write(`\n${help()}`);
  process.exitCode = isFlagError ? 2 : 1;
});
