import { defaultPaths, type HostFacts } from '../shared/paths.ts';
import { CodedError } from '../shared/errors.ts';
import {
  formatGoDuration,
  parseFlags,
  readFlagEnvironment,
  type FlagSpec,
} from '../shared/flags.ts';
import { dailyChainId } from './chains.ts';
import { isAgentKey } from './keys/signer.ts';

/** Everything a daemon needs to start; nothing is looked up later. */
export interface DaemonConfig {
  readonly socket: string;
  readonly db: string;
  readonly key: string;
  readonly publicKey: string;
  readonly chainId: string;
  /** Somebody named `chainId`; otherwise it is the date. */
  readonly isChainNamed: boolean;
  readonly issuerId: string;
  readonly verificationMethod: string;
  readonly unsafeSocketPath: boolean;
  readonly shutdownDeadlineMs: number;
  /** Used by a rotation; empty when there is none. */
  readonly anchorLog: string;
  /** The key to rotate to, when it is not to be a fresh file; empty otherwise. */
  readonly newKey: string;
}

/** What the command line asks for; `run` is to serve until a signal comes. */
export type DaemonAction =
  | 'version'
  | 'protocol-version'
  | 'init'
  | 'rotate'
  | 'print-public-key'
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
    placeholder: 'KEY',
    env: 'AGENTRECEIPTS_KEY',
    describe: 'signing key: a PEM file of mode 0600, or ssh-agent:FINGERPRINT|COMMENT',
  },
  'public-key': {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_PUBLIC_KEY',
    describe: 'where the public key is published; <key>.pub if not given',
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
  'anchor-log': {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_ANCHOR_LOG',
    describe: 'file that -rotate appends the rotation to, best where the daemon cannot change it',
  },
  'new-key': {
    type: 'string',
    placeholder: 'KEY',
    describe: 'key that -rotate hands over to, ssh-agent:...; a fresh file if not given',
  },
  init: { type: 'boolean', describe: 'create the key pair and exit' },
  rotate: { type: 'boolean', describe: 'replace the signing key and exit; no daemon may run' },
  'print-public-key': { type: 'boolean', describe: 'print the public half of the key and exit' },
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
    'rotate',
    'print-config',
    'print-public-key',
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
  const publicKey = isAgentKey(key) ? paths.publicKey : `${key}.pub`;
  const chainId = flags['chain-id'] ?? env['chain-id'];
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
    publicKey: required('public-key', flags['public-key'] ?? env['public-key'] ?? publicKey),
    chainId: required('chain-id', chainId ?? dailyChainId(now)),
    isChainNamed: chainId !== undefined,
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
    unsafeSocketPath: flags['unsafe-socket-path'] ?? env['unsafe-socket-path'] ?? false,
    shutdownDeadlineMs: deadline === 0 ? DAEMON_FLAGS['shutdown-deadline'].default : deadline,
    anchorLog: flags['anchor-log'] ?? env['anchor-log'] ?? '',
    newKey: flags['new-key'] ?? '',
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
    `chain_id = ${quote(config.chainId)}`,
    `issuer_id = ${quote(config.issuerId)}`,
    `verification_method = ${quote(config.verificationMethod)}`,
    `unsafe_socket_path = ${config.unsafeSocketPath}`,
    `shutdown_deadline = ${quote(formatGoDuration(config.shutdownDeadlineMs))}`,
    '',
  ].join('\n');
}
