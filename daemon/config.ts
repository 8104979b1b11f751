import { defaultPaths, type HostFacts } from '../shared/paths.ts';
import { CodedError } from '../shared/errors.ts';
import {
  formatGoDuration,
  parseFlags,
  readFlagEnvironment,
  type FlagSpec,
} from '../shared/flags.ts';
import { dailyChainId } from './chains.ts';

/** Everything a daemon needs to start; nothing is looked up later. */
export interface DaemonConfig {
  readonly socket: string;
  readonly db: string;
  readonly key: string;
  readonly publicKey: string;
  /** Empty when there is none. */
  readonly forensicPublicKey: string;
  /** Where `-init-forensic-key` writes; the daemon never reads it. */
  readonly forensicKey: string;
  readonly chainId: string;
  readonly issuerId: string;
  readonly verificationMethod: string;
  /** As it was written; daemon/disclosure/policy.ts reads it. */
  readonly parameterDisclosure: string;
  readonly responseDisclosure: string;
  /** Empty when there is none. */
  readonly redactPatterns: string;
  readonly unsafeSocketPath: boolean;
  readonly shutdownDeadlineMs: number;
}

/** What the command line asks for; `run` is to serve until a signal comes. */
export type DaemonAction =
  | 'version'
  | 'protocol-version'
  | 'init'
  | 'init-forensic-key'
  | 'print-config'
  | 'help'
  | 'run';

export const DAEMON_FLAGS = {
  socket: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: 'Unix socket to listen on',
  },
  db: { type: 'string', placeholder: 'PATH', env: 'AGENTRECEIPTS_DB', describe: 'receipt store' },
  key: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_KEY',
    describe: 'signing key, PEM, mode 0600',
  },
  'public-key': {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_PUBLIC_KEY',
    describe: 'where the public key is published; <key>.pub if not given',
  },
  'forensic-public-key': {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_FORENSIC_PUBLIC_KEY',
    describe: 'X25519 key that disclosures are sealed for, 32 raw bytes',
  },
  'forensic-key': {
    type: 'string',
    placeholder: 'PATH',
    default: '<data>/agent-receipts/forensic.key',
    describe: 'where -init-forensic-key writes the private half',
  },
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    env: 'AGENTRECEIPTS_CHAIN_ID',
    describe: 'root chain; the UTC date of the start if not given',
  },
  'issuer-id': {
    type: 'string',
    placeholder: 'DID',
    env: 'AGENTRECEIPTS_ISSUER_ID',
    default: 'did:agent-receipts-daemon:local',
    describe: 'issuer.id of every receipt',
  },
  'verification-method': {
    type: 'string',
    placeholder: 'DID-URL',
    env: 'AGENTRECEIPTS_VERIFICATION_METHOD',
    default: 'did:agent-receipts-daemon:local#k1',
    describe: 'proof.verificationMethod of every receipt',
  },
  'parameter-disclosure': {
    type: 'string',
    placeholder: 'POLICY',
    env: 'AGENTRECEIPTS_PARAMETER_DISCLOSURE',
    default: 'off',
    describe: 'whose parameters are sealed into the receipt: off, all, high, or action types',
  },
  'response-disclosure': {
    type: 'string',
    placeholder: 'POLICY',
    env: 'AGENTRECEIPTS_RESPONSE_DISCLOSURE',
    default: 'off',
    describe: 'the same for responses; receipts with one say version 0.6.0',
  },
  'redact-patterns': {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_REDACT_PATTERNS',
    describe: 'YAML file of further patterns to take out of error texts',
  },
  'unsafe-socket-path': {
    type: 'boolean',
    env: 'AGENTRECEIPTS_UNSAFE_SOCKET_PATH',
    default: false,
    describe: 'listen outside the directories that other users cannot write',
  },
  'shutdown-deadline': {
    type: 'duration',
    placeholder: 'DURATION',
    default: 200,
    describe: 'time for the last receipts after SIGTERM',
  },
  init: { type: 'boolean', describe: 'create the key pair and exit' },
  'init-forensic-key': {
    type: 'boolean',
    describe: 'create the key pair that opens disclosures and exit',
  },
  'print-config': { type: 'boolean', describe: 'print the settings in force and exit' },
  'protocol-version': { type: 'boolean', describe: 'print the frame versions spoken and exit' },
  version: { type: 'boolean', describe: 'print the version and exit' },
} as const satisfies FlagSpec;

/**
 * Reads the command line over the environment over the defaults.
 *
 * @throws CodedError `USAGE` for a flag, `CONFIG_INVALID` for a value that cannot work
 */
export function readConfig(
  args: readonly string[],
  host: HostFacts,
  now: Date,
): { readonly action: DaemonAction; readonly config: () => DaemonConfig } {
  const { flags, positionals, help } = parseFlags(DAEMON_FLAGS, args);
  const [stray] = positionals;
  if (stray !== undefined && !help) {
    // The reference ignores it and every flag behind it: a typo would change what runs.
    throw new CodedError('USAGE', `unexpected argument ${JSON.stringify(stray)}`);
  }
  const action = help ? 'help' : actionOf(flags);
  return { action, config: () => resolveConfig(flags, host, now) };
}

function actionOf(flags: Readonly<Record<string, unknown>>): DaemonAction {
  const actions = [
    'version',
    'protocol-version',
    'init',
    'init-forensic-key',
    'print-config',
  ] as const;
  return actions.find((name) => flags[name] === true) ?? 'run';
}

function resolveConfig(
  flags: ReturnType<typeof parseFlags<typeof DAEMON_FLAGS>>['flags'],
  host: HostFacts,
  now: Date,
): DaemonConfig {
  const env = readFlagEnvironment(DAEMON_FLAGS, host.env);
  const paths = defaultPaths(host);
  const key = required('key', flags.key ?? env.key ?? paths.key);
  const text = (name: keyof typeof flags) => String(flags[name] ?? env[name] ?? '');
  const deadline = flags['shutdown-deadline'] ?? 0;
  if (deadline < 0) {
    throw new CodedError(
      'CONFIG_INVALID',
      `shutdown-deadline ${formatGoDuration(deadline)} is negative`,
    );
  }
  return {
    socket: required('socket', flags.socket ?? env.socket ?? paths.socket),
    db: required('db', flags.db ?? env.db ?? paths.db),
    key,
    publicKey: required('public-key', flags['public-key'] ?? env['public-key'] ?? `${key}.pub`),
    forensicPublicKey: text('forensic-public-key'),
    // No variable names it: it is where one action writes, and the daemon must not know it.
    forensicKey: flags['forensic-key'] ?? paths.forensicKey,
    chainId: required('chain-id', flags['chain-id'] ?? env['chain-id'] ?? dailyChainId(now)),
    issuerId: required(
      'issuer-id',
      flags['issuer-id'] ?? env['issuer-id'] ?? DAEMON_FLAGS['issuer-id'].default,
    ),
    verificationMethod: required(
      'verification-method',
      flags['verification-method'] ??
        env['verification-method'] ??
        DAEMON_FLAGS['verification-method'].default,
    ),
    parameterDisclosure: text('parameter-disclosure') || 'off',
    responseDisclosure: text('response-disclosure') || 'off',
    redactPatterns: text('redact-patterns'),
    unsafeSocketPath: flags['unsafe-socket-path'] ?? env['unsafe-socket-path'] ?? false,
    shutdownDeadlineMs: deadline === 0 ? DAEMON_FLAGS['shutdown-deadline'].default : deadline,
  };
}

function required(name: string, value: string): string {
  if (value !== '') return value;
  throw new CodedError('CONFIG_INVALID', `${name} is required: no home directory gives a default`);
}

/** The settings as lines of TOML, in the order that operators know. */
export function printConfig(config: DaemonConfig): string {
  const quote = (text: string) => JSON.stringify(text);
  return [
    `socket = ${quote(config.socket)}`,
    `db = ${quote(config.db)}`,
    `key = ${quote(config.key)}`,
    `public_key = ${quote(config.publicKey)}`,
    `forensic_public_key = ${quote(config.forensicPublicKey)}`,
    `chain_id = ${quote(config.chainId)}`,
    `issuer_id = ${quote(config.issuerId)}`,
    `verification_method = ${quote(config.verificationMethod)}`,
    `parameter_disclosure = ${quote(config.parameterDisclosure)}`,
    `response_disclosure = ${quote(config.responseDisclosure)}`,
    `redact_patterns = ${quote(config.redactPatterns)}`,
    `unsafe_socket_path = ${config.unsafeSocketPath}`,
    `shutdown_deadline = ${quote(formatGoDuration(config.shutdownDeadlineMs))}`,
    '',
  ].join('\n');
}
