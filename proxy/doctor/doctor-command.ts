import { resolve } from 'node:path';
import { defaultSocketPath, hostFacts } from '../../emitter/default-socket.ts';
import { greetDaemon } from '../../emitter/greet-daemon.ts';
import { CodedError } from '../../shared/errors.ts';
import { formatGoDuration, parseFlags, renderFlags, type FlagSpec } from '../../shared/flags.ts';
import { countHealth, exitCodeOf, note, type HealthCheck } from '../../shared/health/check.ts';
import {
  environmentCheck,
  extensionsCheck,
  INHERITED,
  processCheck,
  type Greeting,
} from '../../shared/health/daemon-checks.ts';
import { healthText } from '../../shared/health/text.ts';
import { choosePaint } from '../../shared/terminal.ts';
import { orUsage } from '../command-line.ts';
import { defaultPinFolder } from '../pins/open-tools.ts';
import { readOptions, STDIO_FLAGS, type ProxyOptions } from '../options.ts';
import { launchOf, REMOTE_FLAGS } from '../remote/remote-flags.ts';
import { approverCheck, doorsCheck, probeApprover, type Approvers } from './approver-checks.ts';
import { driftCheck, type PinnedServer } from './drift-check.ts';
import { commandCheck, programCheck, receiptsCheck } from './program-checks.ts';
import { rulesChecks } from './rules-checks.ts';
import { serverChecks } from './server-checks.ts';
import { probeServer } from './server-probe.ts';
import { healthJson, type Examination } from './health-json.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

const DOCTOR_FLAGS = {
  approver: {
    type: 'string',
    placeholder: 'URL',
    describe: 'ask whether an approval listener answers there',
  },
  env: {
    type: 'list',
    placeholder: 'NAME,...',
    describe: "variables that the client's configuration hands on",
  },
  timeout: {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'how long the server may take to list its tools',
    default: DEFAULT_TIMEOUT_MS,
  },
  'warn-as-error': { type: 'boolean', describe: 'end with 1 on a warning too' },
  color: {
    type: 'string',
    placeholder: 'MODE',
    describe: 'auto, always or never',
    default: 'auto',
  },
  json: { type: 'boolean', describe: 'print JSON' },
} as const satisfies FlagSpec;
const { version: _, ...SERVE_FLAGS } = STDIO_FLAGS;
const FLAGS = { ...SERVE_FLAGS, ...DOCTOR_FLAGS } as const;

type Flags = ReturnType<typeof parseFlags<typeof FLAGS>>['flags'];

const HELP = `Usage: mcp-proxy doctor [flags] [-- <server command> [args...]]

Checks what a proxy with these flags would find: rules, approvals, the daemon, the environment that
clients hand on, and the server, which is started, asked for its tools and ended. Put "doctor" in
front of the arguments of a client's configuration. docs/doctor.md explains every check.

Flags:
${renderFlags(FLAGS)}
Exit status: 0 healthy; 1 a check failed, or warned with -warn-as-error; 2 for a wrong command line.
`;

/** `mcp-proxy doctor`. */
export function run(args: readonly string[]): Promise<number> {
  return orUsage(HELP, async () => {
    const { flags, positionals, help } = parseFlags(FLAGS, args);
    if (help) {
      process.stdout.write(HELP);
      return 0;
    }
    const paint = choosePaint(flags.color ?? 'auto', process.env, process.stdout.isTTY);
    const examination = await examine(flags, positionals);
    const { checks } = examination;
    const code = exitCodeOf(countHealth(checks), flags['warn-as-error'] === true);
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(healthJson(examination, code), null, 2)}\n`
        : healthText('mcp-proxy doctor \u2014 configuration and surroundings', checks, {
            code,
            paint,
          }),
    );
    return code;
  });
}

async function examine(flags: Flags, command: readonly string[]): Promise<Examination> {
  const timeoutMs = flags.timeout ?? DEFAULT_TIMEOUT_MS;
  if (timeoutMs <= 0) throw new CodedError('USAGE', '-timeout must be longer than nothing');
  const options = asServed(flags, command);
  const { PATH: searchPath = '' } = process.env;
  const { rules, checks } = await rulesChecks(options.values.rules);
  const approverUrl = flags.approver ?? '';
  const approver = await probeApprover(approverUrl);
  const daemon = await greeted(options);
  return {
    rulesPath: options.values.rules,
    rules,
    approverUrl,
    approver,
    checks: [
      programCheck(resolve(process.argv[1] ?? ''), searchPath),
      ...checks,
      doorsCheck(rules, approversOf(options, flags, daemon)),
      ...(approverUrl === '' ? [] : [approverCheck(approverUrl, approver)]),
      ...daemonChecks(options, flags.socket !== undefined, daemon),
      ...(await serverPart(flags, options, timeoutMs)),
    ],
  };
}

/** The same flags as a proxy reads them, so that nothing passes here that would stop it there. */
function asServed(flags: Flags, command: readonly string[]): ProxyOptions {
  const given = asWritten(flags, Object.keys(SERVE_FLAGS));
  const hasUrl = flags.url !== undefined || flags['url-env'] !== undefined;
  const isRemote = hasUrl && command.length === 0;
  const server = isRemote ? [] : ['--', ...(command.length > 0 ? command : ['server'])];
  const options = readOptions([...given, ...server], process.env);
  return command.length > 0 ? options : { ...options, command: '' };
}

/** The flags of these names, as they would stand on a command line. */
function asWritten(flags: Flags, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const value = flags[name as keyof Flags];
    if (value === undefined) return [];
    const { type } = FLAGS[name as keyof Flags] as FlagSpec[string];
    const text = type === 'duration' ? formatGoDuration(value as number) : [value].flat().join();
    return [`-${name}=${text}`];
  });
}

/** The daemon that this proxy would report to; undefined where it reports to none. */
async function greeted({ values }: ProxyOptions): Promise<Greeted | undefined> {
  const path = values.socket ?? defaultSocketPath();
  return path === '' ? undefined : { path, greeting: await greetDaemon(path) };
}

interface Greeted {
  readonly path: string;
  readonly greeting: Greeting;
}

/** What the flags say about approvals in proxies that have more than one way to a person. */
interface Doors {
  readonly doors?: readonly string[];
  readonly approve?: readonly string[] | undefined;
}

/** Ways to a person that this proxy would open. The terminal's leads through the daemon. */
function approversOf(
  { httpFlag, doors }: ProxyOptions & Doors,
  { approve }: Flags & Doors,
  daemon: Greeted | undefined,
): Approvers {
  const known = daemon?.greeting.state === 'greeted' ? daemon.greeting.extensions : [];
  return {
    doors: doors.filter((door) => door !== 'terminal' || known.includes('approvals')),
    isMeant: httpFlag === 'acknowledged' || (approve !== undefined && doors.length === 0),
    isEmpty: httpFlag === 'empty',
  };
}

function daemonChecks(
  { values }: ProxyOptions,
  isNamed: boolean,
  daemon: Greeted | undefined,
): readonly HealthCheck[] {
  if (daemon === undefined)
    return [note('daemon process', 'not asked: -socket is empty, nothing is recorded')];
  const { path, greeting } = daemon;
  return [
    processCheck(path, greeting),
    extensionsCheck(greeting),
    ...(values['require-receipt'] === true ? [receiptsCheck(greeting)] : []),
    environmentCheck(path, hostFacts(), isNamed),
  ];
}

/** What a client built on an MCP SDK hands to a server, and what its configuration adds. */
function clientEnvironment(names: readonly string[]): NodeJS.ProcessEnv {
  const kept = [...INHERITED, ...names].filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, process.env[name]]));
}

async function serverPart(
  flags: Flags,
  options: ProxyOptions,
  timeoutMs: number,
): Promise<readonly HealthCheck[]> {
  const { remote, serverName, values } = options;
  const launch = launchOf(options);
  const [file] = launch;
  if (file === undefined) {
    return [note('server start', 'not tried: no command given', 'mcp-proxy doctor -- <command>')];
  }
  const env = clientEnvironment(flags.env ?? []);
  const found = remote === undefined ? [commandCheck(file, env['PATH'] ?? '')] : [];
  if (found.some(({ status }) => status === 'fail')) return found;
  const command = remote === undefined ? launch : bridge(flags);
  const probe = await probeServer(command, env, timeoutMs);
  const isNamed = values.name !== undefined;
  const folder = values.pins ?? defaultPinFolder();
  const pinned: PinnedServer = { folder, serverName, isNamed, launch };
  const drift = probe.ok ? [driftCheck(pinned, probe, new Date().toISOString())] : [];
  return [...found, ...serverChecks(probe), ...drift];
}

/** A remote server as a process: this program before it, which records nothing and remembers nothing. */
function bridge(flags: Flags): readonly string[] {
  const remote = asWritten(flags, Object.keys(REMOTE_FLAGS));
  const given = [...remote, '-socket=', '-pins=', '-http=none', '-approve=none'];
  return [process.execPath, resolve(process.argv[1] ?? ''), ...given];
}
