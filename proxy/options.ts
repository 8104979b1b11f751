import { basename } from 'node:path';
import { CodedError } from '../shared/errors.ts';
import { parseFlags, readFlagEnvironment, type FlagSpec } from '../shared/flags.ts';
import { DOORS, type DoorName } from './approvals/door.ts';
import type { HttpAddress } from './approvals/http-door.ts';
import { isCommandName } from './command-names.ts';
import { readRemote, REMOTE_FLAGS, type RemoteOptions } from './remote/remote-flags.ts';

const DEFAULT_APPROVAL_MS = 60_000;
const MAX_APPROVAL_MS = 24 * 60 * 60_000;

export const PROXY_FLAGS = {
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'policy rules, YAML',
    default: 'built-in rules',
  },
  name: {
    type: 'string',
    placeholder: 'NAME',
    describe: "server's name in rules and receipts",
    default: 'name of the command',
  },
  http: {
    type: 'string',
    placeholder: 'ADDR',
    describe: 'listen here for answers to paused calls, such as 127.0.0.1:0',
    default: 'none',
  },
  approve: {
    type: 'list',
    placeholder: 'DOORS',
    describe: 'who is asked about paused calls: http, elicit (the client), terminal; or none',
    default: 'all that can be reached',
  },
  'approval-timeout': {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'how long a paused call waits for an answer',
    default: DEFAULT_APPROVAL_MS,
  },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: "daemon's socket; empty: no receipts",
  },
  pins: {
    type: 'string',
    placeholder: 'DIR',
    env: 'AGENTRECEIPTS_PINS',
    describe: 'where accepted tools are kept; empty: for this session only',
  },
  'require-receipt': {
    type: 'boolean',
    env: 'AGENTRECEIPTS_REQUIRE_RECEIPT',
    describe: 'refuse calls that the daemon has not recorded before they leave',
    default: false,
  },
  'issuer-name': {
    type: 'string',
    placeholder: 'NAME',
    env: 'AGENTRECEIPTS_ISSUER_NAME',
    describe: 'agent that makes the calls',
    default: 'detected',
  },
  'issuer-model': {
    type: 'string',
    placeholder: 'NAME',
    env: 'AGENTRECEIPTS_ISSUER_MODEL',
    describe: 'model behind the agent',
  },
  'operator-id': {
    type: 'string',
    placeholder: 'DID',
    env: 'AGENTRECEIPTS_OPERATOR_ID',
    describe: 'who operates the agent',
    default: 'detected',
  },
  'operator-name': {
    type: 'string',
    placeholder: 'NAME',
    env: 'AGENTRECEIPTS_OPERATOR_NAME',
    describe: 'name of the operator; needs -operator-id',
    default: 'detected',
  },
  version: { type: 'boolean', describe: 'print the version and exit' },
} as const satisfies FlagSpec;

/** Of a proxy on standard input and output. */
export const STDIO_FLAGS = {
  ...PROXY_FLAGS,
  name: { ...PROXY_FLAGS.name, default: 'name of the command, or host' },
  ...REMOTE_FLAGS,
} as const satisfies FlagSpec;

type Values = ReturnType<typeof parseFlags<typeof STDIO_FLAGS>>['flags'];

export interface ProxyOptions {
  readonly action: 'help' | 'version' | 'serve';
  readonly values: Values;
  readonly httpFlag: 'unset' | 'acknowledged' | 'empty';
  /** Where answers to paused calls are listened for. */
  readonly http: HttpAddress | undefined;
  /** Who is asked, in this order. */
  readonly doors: readonly DoorName[];
  readonly approvalTimeoutMs: number;
  readonly serverName: string;
  /** A server that is reached by HTTP; then there is no command. */
  readonly remote: RemoteOptions | undefined;
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * Reads the command line over the environment.
 *
 * @throws CodedError `USAGE`, `CREDENTIALS_INVALID`
 */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ProxyOptions {
  const args = argv[0] === 'serve' ? argv.slice(1) : argv;
  const { flags, positionals, help } = parseFlags(STDIO_FLAGS, args);
  const [command = '', ...rest] = positionals;
  const values = overEnvironment(flags, readFlagEnvironment(STDIO_FLAGS, env));
  const action = help ? 'help' : flags.version === true ? 'version' : 'serve';
  const remote = action === 'serve' ? readRemote(flags, positionals.length > 0, env) : undefined;
  if (action === 'serve') {
    // `mcp-proxy -- doctor` still starts a server of that name; `mcp-proxy doctor -- x` does not.
    const isBehindDashes = args[args.length - positionals.length - 1] === '--';
    if (isCommandName(command) && !isBehindDashes) {
      const hint = `${command} is a command and comes first: mcp-proxy ${command} ...`;
      throw new CodedError('USAGE', `${hint}; a server of that name stands behind --`);
    }
    if (command === '' && remote === undefined)
      throw new CodedError('USAGE', 'no server command given');
    if (values['require-receipt'] === true && values.socket === '') {
      throw new CodedError('USAGE', '-require-receipt needs a daemon, and -socket is empty');
    }
    if ((values['operator-name'] ?? '') !== '' && (values['operator-id'] ?? '') === '') {
      throw new CodedError('USAGE', '-operator-name needs -operator-id');
    }
  }
  return {
    action,
    values,
    ...readApprovals(flags),
    serverName: values.name ?? remote?.url.host ?? (basename(command) || command),
    remote,
    command,
    args: rest,
  };
}

function overEnvironment(flags: Values, env: Values): Values {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...env, ...(Object.fromEntries(given) as Partial<Values>) };
}

export type Approvals = Pick<ProxyOptions, 'httpFlag' | 'http' | 'doors' | 'approvalTimeoutMs'>;

/** Who is asked about paused calls. @throws CodedError `USAGE` */
export function readApprovals(
  flags: Pick<Values, 'http' | 'approve' | 'approval-timeout'>,
): Approvals {
  const http = httpAddressOf(flags.http);
  const doors = doorsOf(flags.approve, http !== undefined);
  const approvalTimeoutMs = flags['approval-timeout'] ?? DEFAULT_APPROVAL_MS;
  if (approvalTimeoutMs <= 0 || approvalTimeoutMs > MAX_APPROVAL_MS) {
    throw new CodedError('USAGE', '-approval-timeout is not between 1ns and 24h');
  }
  return { httpFlag: httpFlagOf(flags.http), http, doors, approvalTimeoutMs };
}

function httpFlagOf(http: string | undefined): ProxyOptions['httpFlag'] {
  if (http === '') return 'empty';
  return http !== undefined && isNone(http) ? 'acknowledged' : 'unset';
}

/** Without a host it is this machine's own, never all of its networks. */
function httpAddressOf(http: string | undefined): HttpAddress | undefined {
  if (http === undefined || http === '' || isNone(http)) return undefined;
  return readAddress('http', http);
}

/** @throws CodedError `USAGE` naming the flag */
export function readAddress(flag: string, text: string): HttpAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text.trim()) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= 65_535)) {
    throw new CodedError('USAGE', `-${flag} ${text}: expected HOST:PORT, such as 127.0.0.1:0`);
  }
  return { host: bracketed ?? (plain || '127.0.0.1'), port };
}

function doorsOf(given: readonly string[] | undefined, isListening: boolean): readonly DoorName[] {
  if (given === undefined) return DOORS.filter((door) => door !== 'http' || isListening);
  if (given.length === 1 && given.every(isNone) && !isListening) return [];
  for (const name of given) {
    if (DOORS.some((door) => door === name)) continue;
    throw new CodedError('USAGE', `-approve ${name}: expected ${DOORS.join(', ')} or none`);
  }
  if (isListening && !given.includes('http')) {
    throw new CodedError('USAGE', '-http is given, and -approve leaves http out');
  }
  if (!isListening && given.includes('http')) {
    throw new CodedError('USAGE', '-approve http needs -http ADDR');
  }
  return [...new Set(given)] as DoorName[];
}

function isNone(text: string): boolean {
  return text.trim().toLowerCase() === 'none';
}
