import { basename } from 'node:path';
import { CodedError } from '../shared/errors.ts';
import { parseFlags, readFlagEnvironment, type FlagSpec } from '../shared/flags.ts';
import { COMMANDS } from './commands.ts';

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
    placeholder: 'none',
    describe: 'none: nobody is asked, calls that a rule pauses are refused',
    default: 'none',
  },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: "daemon's socket; empty: no receipts",
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

type Values = ReturnType<typeof parseFlags<typeof PROXY_FLAGS>>['flags'];

export interface ProxyOptions {
  readonly action: 'help' | 'version' | 'serve';
  readonly values: Values;
  readonly httpFlag: 'unset' | 'acknowledged' | 'empty';
  readonly serverName: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Words that later versions give a meaning of their own; a server cannot be called so by accident. */
const RESERVED = new Set(['rules', 'pins', 'bench', 'serve-http']);

/**
 * Reads the command line over the environment.
 *
 * @throws CodedError `USAGE`, `NOT_IN_THIS_VERSION`
 */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ProxyOptions {
  const args = argv[0] === 'serve' ? argv.slice(1) : argv;
  const { flags, positionals, help } = parseFlags(PROXY_FLAGS, args);
  const [command = '', ...rest] = positionals;
  const values = overEnvironment(flags, readFlagEnvironment(PROXY_FLAGS, env));
  const action = help ? 'help' : flags.version === true ? 'version' : 'serve';
  if (action === 'serve') {
    // `mcp-proxy -- doctor` still starts a server of that name; `mcp-proxy doctor -- x` does not.
    const isBehindDashes = args[args.length - positionals.length - 1] === '--';
    if (Object.hasOwn(COMMANDS, command) && !isBehindDashes) {
      const hint = `${command} is a command and comes first: mcp-proxy ${command} ...`;
      throw new CodedError('USAGE', `${hint}; a server of that name stands behind --`);
    }
    if (RESERVED.has(command) && !isBehindDashes) {
      throw new CodedError(
        'NOT_IN_THIS_VERSION',
        `mcp-proxy ${command} does not exist in this version`,
      );
    }
    if (command === '') throw new CodedError('USAGE', 'no server command given');
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
    httpFlag: httpFlagOf(flags.http),
    serverName: values.name ?? (basename(command) || command),
    command,
    args: rest,
  };
}

function overEnvironment(flags: Values, env: Values): Values {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...env, ...(Object.fromEntries(given) as Partial<Values>) };
}

function httpFlagOf(http: string | undefined): ProxyOptions['httpFlag'] {
  if (http === undefined) return 'unset';
  if (http === '') return 'empty';
  if (http.trim().toLowerCase() === 'none') return 'acknowledged';
  throw new CodedError(
    'NOT_IN_THIS_VERSION',
    `-http ${http}: this version has no approval listener`,
  );
}
