import { defaultPaths, type HostFacts } from '../shared/paths.ts';
import { CodedError } from '../shared/errors.ts';
import { formatGoDuration, parseFlags, readFlagEnvironment } from '../shared/flags.ts';
import { dailyChainId } from './chains.ts';
import { disclosureFault, disclosureText } from './disclosure/policy.ts';
import { isExternalKey } from './keys/signer.ts';
import { readConfigFile, type SettingSpec } from './config-file.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';
import { parseMetricsAddress } from './metrics-address.ts';

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
  /** Somebody named `chainId`; otherwise it is the date. */
  readonly isChainNamed: boolean;
  readonly issuerId: string;
  readonly verificationMethod: string;
  /** As it was written; daemon/disclosure/policy.ts reads it. */
  readonly parameterDisclosure: string;
  readonly responseDisclosure: string;
  /** Empty when there is none. */
  readonly redactPatterns: string;
  readonly unsafeSocketPath: boolean;
  readonly shutdownDeadlineMs: number;
  /** Used by a rotation; empty when there is none. */
  readonly anchorLog: string;
  /** The key to rotate to, when it is not to be a fresh file; empty otherwise. */
  readonly newKey: string;
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
  /** Takes what would go to standard error; empty when there is none. */
  readonly logFile: string;
  /** `unix:/path` or `127.0.0.1:port`; absent when nothing is served. */
  readonly metrics?: string;
}

/** What the command line asks for; `run` is to serve until a signal comes. */
export type DaemonAction =
  | 'version'
  | 'protocol-version'
  | 'init'
  | 'rotate'
  | 'print-public-key'
  | 'init-if-missing'
  | 'status'
  | 'prune-before'
  | 'init-forensic-key'
  | 'print-config'
  | 'help'
  | 'run';

/**
 * Every setting and every action, in one place: flag, variable, key in `daemon.toml`, default, and
 * whether a reload applies it. A new setting is a row here, a member of `DaemonConfig`, and a line
 * in `resolveConfig` and `printConfig`.
 */
export const DAEMON_FLAGS = {
  config: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_CONFIG',
    describe: 'configuration file; <data>/agent-receipts/daemon.toml if there is one',
  },
  socket: {
    type: 'string',
    toml: 'socket',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: 'Unix socket to listen on',
  },
  db: {
    type: 'string',
    toml: 'db',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_DB',
    describe: 'receipt store',
  },
  key: {
    type: 'string',
    toml: 'key',
    placeholder: 'KEY',
    env: 'AGENTRECEIPTS_KEY',
    describe:
      'signing key: a PEM file of mode 0600, or ssh-agent:FINGERPRINT|COMMENT, or a pkcs11: URI',
  },
  'public-key': {
    type: 'string',
    toml: 'public_key',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_PUBLIC_KEY',
    describe: 'where the public key is published; <key>.pub if not given',
  },
  'forensic-public-key': {
    type: 'string',
    toml: 'forensic_public_key',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_FORENSIC_PUBLIC_KEY',
    describe: 'X25519 key that disclosures are sealed for, 32 raw bytes',
    mayBeEmpty: true,
  },
  'forensic-key': {
    type: 'string',
    placeholder: 'PATH',
    default: '<data>/agent-receipts/forensic.key',
    describe: 'where -init-forensic-key writes the private half',
  },
  'chain-id': {
    type: 'string',
    toml: 'chain_id',
    placeholder: 'ID',
    env: 'AGENTRECEIPTS_CHAIN_ID',
    describe: 'root chain; the UTC date if not given, and a new one each day then',
    check: (id: string) =>
      id.includes('/agent/') ? 'holds /agent/, which stands for chains of sub-agents' : undefined,
  },
  'issuer-id': {
    type: 'string',
    toml: 'issuer_id',
    placeholder: 'DID',
    env: 'AGENTRECEIPTS_ISSUER_ID',
    default: 'did:agent-receipts-daemon:local',
    describe: 'issuer.id of every receipt',
  },
  'verification-method': {
    type: 'string',
    toml: 'verification_method',
    placeholder: 'DID-URL',
    env: 'AGENTRECEIPTS_VERIFICATION_METHOD',
    default: 'did:agent-receipts-daemon:local#k1',
    describe: 'proof.verificationMethod of every receipt',
  },
  'parameter-disclosure': {
    type: 'string',
    toml: 'parameter_disclosure',
    placeholder: 'POLICY',
    env: 'AGENTRECEIPTS_PARAMETER_DISCLOSURE',
    default: 'off',
    describe: 'whose parameters are sealed into the receipt: off, all, high, or action types',
    fromToml: disclosureText,
    check: disclosureFault,
  },
  'response-disclosure': {
    type: 'string',
    toml: 'response_disclosure',
    placeholder: 'POLICY',
    env: 'AGENTRECEIPTS_RESPONSE_DISCLOSURE',
    default: 'off',
    describe: 'the same for responses; receipts with one say version 0.6.0',
    fromToml: disclosureText,
    check: disclosureFault,
  },
  'redact-patterns': {
    type: 'string',
    toml: 'redact_patterns',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_REDACT_PATTERNS',
    describe: 'YAML file of further patterns to take out of error texts',
    mayBeEmpty: true,
  },
  'unsafe-socket-path': {
    type: 'boolean',
    toml: 'unsafe_socket_path',
    env: 'AGENTRECEIPTS_UNSAFE_SOCKET_PATH',
    default: false,
    describe: 'listen outside the directories that other users cannot write',
  },
  'shutdown-deadline': {
    type: 'duration',
    toml: 'shutdown_deadline',
    placeholder: 'DURATION',
    default: 200,
    describe: 'time for the last receipts after SIGTERM',
    live: true,
    check: (ms: number) => (ms < 0 ? `${formatGoDuration(ms)} is negative` : undefined),
  },
  'log-format': {
    type: 'string',
    toml: 'log_format',
    placeholder: 'FORMAT',
    env: 'AGENTRECEIPTS_LOG_FORMAT',
    default: 'text',
    describe: 'lines on standard error: text or json',
    live: true,
    check: oneOf(LOG_FORMATS),
  },
  'log-level': {
    type: 'string',
    toml: 'log_level',
    placeholder: 'LEVEL',
    env: 'AGENTRECEIPTS_LOG_LEVEL',
    default: 'info',
    describe: 'least level that is logged: debug, info, warn or error',
    live: true,
    check: oneOf(LOG_LEVELS),
  },
  'log-file': {
    type: 'string',
    placeholder: 'PATH',
    describe:
      'log to this file, 10 MiB and three older ones at most; for daemons without a manager',
  },
  metrics: {
    type: 'string',
    toml: 'metrics',
    placeholder: 'ADDRESS',
    env: 'AGENTRECEIPTS_METRICS',
    describe: 'serve /metrics and /healthz at unix:PATH or 127.0.0.1:PORT; off if not given',
    check: (text: string) => parseMetricsAddress(text).fault,
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
    describe:
      'key that -rotate hands over to: ssh-agent:..., pkcs11:..., or a file to make; a fresh file if not given',
  },
  init: { type: 'boolean', describe: 'create the key pair and exit' },
  rotate: { type: 'boolean', describe: 'replace the signing key and exit; no daemon may run' },
  'print-public-key': { type: 'boolean', describe: 'print the public half of the key and exit' },
  'init-if-missing': {
    type: 'boolean',
    describe: 'create the key pair unless there is one, and exit; refused when receipts exist',
  },
  status: {
    type: 'boolean',
    describe: 'print as JSON whether a daemon runs, and exit with 0 or 1',
  },
  'prune-before': {
    type: 'string',
    placeholder: 'TIME',
    describe: 'remove chains that ended before, leave receipts that name them, and exit',
  },
  'dry-run': { type: 'boolean', describe: 'with -prune-before: only say what would be removed' },
  'init-forensic-key': {
    type: 'boolean',
    describe: 'create the key pair that opens disclosures and exit',
  },
  'print-config': { type: 'boolean', describe: 'print the settings in force and exit' },
  'protocol-version': { type: 'boolean', describe: 'print the frame versions spoken and exit' },
  version: { type: 'boolean', describe: 'print the version and exit' },
} as const satisfies SettingSpec;

function oneOf(words: readonly string[]): (text: string) => string | undefined {
  return (text) =>
    words.includes(text) ? undefined : `is ${JSON.stringify(text)}, expected ${words.join(' or ')}`;
}

/**
 * Reads the command line over the environment over the configuration file over the defaults.
 *
 * @returns The action, and a function that reads the settings each time it is called: a reload is
 *   the same reading again, with the daily chain id of the same `now`.
 * @throws CodedError `USAGE` for a flag, `CONFIG_INVALID` for a value that cannot work
 */
export function readConfig(
  args: readonly string[],
  host: HostFacts,
  now: Date,
): {
  readonly action: DaemonAction;
  readonly config: () => DaemonConfig;
  readonly prune: { readonly before: string; readonly dryRun: boolean };
} {
  const { flags, positionals, help } = parseFlags(DAEMON_FLAGS, args);
  const [stray] = positionals;
  if (stray !== undefined && !help) {
    // The reference ignores it and every flag behind it: a typo would change what runs.
    throw new CodedError('USAGE', `unexpected argument ${JSON.stringify(stray)}`);
  }
  const action = help ? 'help' : actionOf(flags);
  const prune = { before: flags['prune-before'] ?? '', dryRun: flags['dry-run'] === true };
  return { action, config: () => resolveConfig(flags, host, now), prune };
}

function actionOf(flags: Readonly<Record<string, unknown>>): DaemonAction {
  const actions = [
    'version',
    'protocol-version',
    'init',
    'rotate',
    'print-public-key',
    'init-if-missing',
    'init-forensic-key',
    'status',
    'prune-before',
    'print-config',
  ] as const;
  return actions.find((name) => flags[name] === true || typeof flags[name] === 'string') ?? 'run';
}

function resolveConfig(
  flags: ReturnType<typeof parseFlags<typeof DAEMON_FLAGS>>['flags'],
  host: HostFacts,
  now: Date,
): DaemonConfig {
  const env = readFlagEnvironment(DAEMON_FLAGS, host.env);
  const paths = defaultPaths(host);
  const named = flags.config ?? env.config;
  if (named === '') throw new CodedError('CONFIG_INVALID', 'config is empty, expected a path');
  const path = named ?? paths.config;
  const file = path === '' ? undefined : readConfigFile(DAEMON_FLAGS, path, named === undefined);
  const pick = <K extends keyof typeof DAEMON_FLAGS>(name: K) => {
    const value = flags[name] ?? env[name] ?? file?.[name];
    checkSetting(name, value);
    return value;
  };
  const key = required('key', pick('key') ?? paths.key);
  const { default: deadline } = DAEMON_FLAGS['shutdown-deadline'];
  const metrics = pick('metrics');
  const publicKey = isExternalKey(key) ? paths.publicKey : `${key}.pub`;
  const chainId = pick('chain-id');
  return {
    socket: required('socket', pick('socket') ?? paths.socket),
    db: required('db', pick('db') ?? paths.db),
    key,
    publicKey: required('public-key', pick('public-key') ?? publicKey),
    forensicPublicKey: pick('forensic-public-key') ?? '',
    // No variable or file names it: it is where one action writes, the daemon must not know it.
    forensicKey: flags['forensic-key'] ?? paths.forensicKey,
    chainId: required('chain-id', chainId ?? dailyChainId(now)),
    isChainNamed: chainId !== undefined,
    issuerId: required('issuer-id', pick('issuer-id') ?? DAEMON_FLAGS['issuer-id'].default),
    verificationMethod: required(
      'verification-method',
      pick('verification-method') ?? DAEMON_FLAGS['verification-method'].default,
    ),
    parameterDisclosure: pick('parameter-disclosure') || 'off',
    responseDisclosure: pick('response-disclosure') || 'off',
    redactPatterns: pick('redact-patterns') ?? '',
    unsafeSocketPath: pick('unsafe-socket-path') ?? false,
    shutdownDeadlineMs: pick('shutdown-deadline') || deadline, // 0 asks for the default
    logFormat: (pick('log-format') ?? DAEMON_FLAGS['log-format'].default) as LogFormat,
    logLevel: (pick('log-level') ?? DAEMON_FLAGS['log-level'].default) as LogLevel,
    logFile: flags['log-file'] ?? '',
    anchorLog: pick('anchor-log') ?? '',
    newKey: flags['new-key'] ?? '',
    ...(metrics !== undefined && { metrics }),
  };
}

function checkSetting(name: keyof typeof DAEMON_FLAGS, value: unknown): void {
  const setting: SettingSpec[string] = DAEMON_FLAGS[name];
  const fault = value === undefined ? undefined : setting.check?.(value as never);
  if (fault !== undefined) throw new CodedError('CONFIG_INVALID', `${name} ${fault}`);
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
    `log_format = ${quote(config.logFormat)}`,
    `log_level = ${quote(config.logLevel)}`,
    ...(config.metrics === undefined ? [] : [`metrics = ${quote(config.metrics)}`]),
    '',
  ].join('\n');
}

/** Settings that differ, by their names in the file: those a reload applies, and the others. */
export function compareConfig(
  running: DaemonConfig,
  next: DaemonConfig,
): { readonly live: readonly string[]; readonly restart: readonly string[] } {
  const linesOf = (config: DaemonConfig) =>
    new Map(
      printConfig(config)
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(' =')), line]),
    );
  const [before, after] = [linesOf(running), linesOf(next)];
  const settings: readonly SettingSpec[string][] = Object.values(DAEMON_FLAGS);
  const changed = settings.filter(
    ({ toml }) => toml !== undefined && before.get(toml) !== after.get(toml),
  );
  const namesOf = (isLive: boolean) =>
    changed.filter(({ live }) => (live === true) === isLive).map(({ toml }) => toml as string);
  return { live: namesOf(true), restart: namesOf(false) };
}
