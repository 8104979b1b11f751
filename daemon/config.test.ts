import { expect, test } from 'vitest';
import { printConfig, readConfig, type DaemonConfig } from './config.ts';

const NOW = new Date('2026-11-20T23:59:59.999Z');
const HOME = { platform: 'linux', home: '/home/alice', env: {} };

function configOf(args: readonly string[], env: Record<string, string> = {}): DaemonConfig {
  return readConfig(args, { ...HOME, env }, NOW).config();
}

const DATA = '/home/alice/.local/share/agent-receipts';
const DEFAULTS: DaemonConfig = {
  socket: '/run/agentreceipts/events.sock',
  db: `${DATA}/receipts.db`,
  key: `${DATA}/signing.key`,
  publicKey: `${DATA}/signing.key.pub`,
  forensicPublicKey: '',
  forensicKey: `${DATA}/forensic.key`,
  chainId: '2026-11-20',
  isChainNamed: false,
  issuerId: 'did:agent-receipts-daemon:local',
  verificationMethod: 'did:agent-receipts-daemon:local#k1',
  parameterDisclosure: 'off',
  responseDisclosure: 'off',
  redactPatterns: '',
  unsafeSocketPath: false,
  shutdownDeadlineMs: 200,
  anchorLog: '',
  newKey: '',
  logFile: '',
  logFormat: 'text',
  logLevel: 'info',
};

test('[D.config-order] readConfig() has the defaults of the protocol', () => {
  expect(configOf([])).toEqual(DEFAULTS);
});

for (const { flag, env, member } of [
  { flag: 'socket', env: 'AGENTRECEIPTS_SOCKET', member: 'socket' },
  { flag: 'db', env: 'AGENTRECEIPTS_DB', member: 'db' },
  { flag: 'key', env: 'AGENTRECEIPTS_KEY', member: 'key' },
  { flag: 'public-key', env: 'AGENTRECEIPTS_PUBLIC_KEY', member: 'publicKey' },
  { flag: 'chain-id', env: 'AGENTRECEIPTS_CHAIN_ID', member: 'chainId' },
  { flag: 'issuer-id', env: 'AGENTRECEIPTS_ISSUER_ID', member: 'issuerId' },
  {
    flag: 'forensic-public-key',
    env: 'AGENTRECEIPTS_FORENSIC_PUBLIC_KEY',
    member: 'forensicPublicKey',
  },
  {
    flag: 'parameter-disclosure',
    env: 'AGENTRECEIPTS_PARAMETER_DISCLOSURE',
    member: 'parameterDisclosure',
  },
  {
    flag: 'response-disclosure',
    env: 'AGENTRECEIPTS_RESPONSE_DISCLOSURE',
    member: 'responseDisclosure',
  },
  { flag: 'redact-patterns', env: 'AGENTRECEIPTS_REDACT_PATTERNS', member: 'redactPatterns' },
  {
    flag: 'verification-method',
    env: 'AGENTRECEIPTS_VERIFICATION_METHOD',
    member: 'verificationMethod',
  },
  { flag: 'anchor-log', env: 'AGENTRECEIPTS_ANCHOR_LOG', member: 'anchorLog' },
] as const) {
  test(`[D.config-order] -${flag} beats ${env} beats the default`, () => {
    expect(configOf([`-${flag}`, '/flag'], { [env]: '/env' })[member]).toBe('/flag');
    expect(configOf([], { [env]: '/env' })[member]).toBe('/env');
    expect(configOf([], { [env]: '' })).toEqual(DEFAULTS);
  });
}

test('[D.config-order] the forensic private key has a flag and no variable', () => {
  const env = { AGENTRECEIPTS_FORENSIC_KEY: '/env' };
  expect(configOf([], env).forensicKey).toBe(`${DATA}/forensic.key`);
  expect(configOf(['-forensic-key', '/flag'], env).forensicKey).toBe('/flag');
});

test('[D.config-order] the public key follows the key, and the daemon follows XDG', () => {
  expect(configOf(['-key', '/k']).publicKey).toBe('/k.pub');
  // An agent's key has no file beside which its public half could lie.
  expect(configOf(['-key', 'ssh-agent:me']).publicKey).toBe(DEFAULTS.publicKey);
  const env = { XDG_DATA_HOME: '/x', XDG_RUNTIME_DIR: '/run/user/1' };
  expect(configOf([], env)).toMatchObject({
    db: '/x/agent-receipts/receipts.db',
    socket: '/run/user/1/agentreceipts/events.sock',
  });
});

for (const { name, args, env = {}, want } of [
  { name: 'flag', args: ['-unsafe-socket-path'], want: true },
  { name: 'flag off', args: ['-unsafe-socket-path=false'], env: 'true', want: false },
  { name: 'variable', args: [], env: 'T', want: true },
  { name: 'variable off', args: [], env: '0', want: false },
]) {
  test(`[D.config-order] unsafe_socket_path by ${name}`, () => {
    const variables = typeof env === 'string' ? { AGENTRECEIPTS_UNSAFE_SOCKET_PATH: env } : env;
    expect(configOf(args, variables).unsafeSocketPath).toBe(want);
  });
}

for (const { text, ms } of [
  { text: '1.5s', ms: 1500 },
  { text: '0', ms: 200 },
  { text: '2m', ms: 120_000 },
]) {
  test(`-shutdown-deadline ${text} is ${ms} ms`, () => {
    expect(configOf(['-shutdown-deadline', text]).shutdownDeadlineMs).toBe(ms);
  });
}

for (const { name, args, env = {}, home = '/home/alice', code, says } of [
  { name: 'an unknown flag', args: ['-x'], code: 'USAGE', says: /not defined: -x/ },
  { name: 'a flag without value', args: ['-db'], code: 'USAGE', says: /needs an argument: -db/ },
  { name: 'a stray word', args: ['run', '-db', 'x'], code: 'USAGE', says: /argument "run"/ },
  {
    name: 'a boolean variable that is none',
    args: [],
    env: { AGENTRECEIPTS_UNSAFE_SOCKET_PATH: 'yes' },
    code: 'USAGE',
    says: /AGENTRECEIPTS_UNSAFE_SOCKET_PATH/,
  },
  {
    name: 'a negative deadline',
    args: ['-shutdown-deadline=-1ms'],
    code: 'CONFIG_INVALID',
    says: /-1ms is negative/,
  },
  { name: 'no home', args: [], home: '', code: 'CONFIG_INVALID', says: /is required/ },
  { name: 'an empty chain id', args: ['-chain-id='], code: 'CONFIG_INVALID', says: /chain-id/ },
]) {
  test(`[P8.usage] readConfig() refuses ${name}`, () => {
    const read = () => readConfig(args, { platform: 'linux', home, env }, NOW).config();
    expect(read).toThrow(expect.objectContaining({ code }));
    expect(read).toThrow(says);
  });
}

for (const { args, want } of [
  { args: [], want: 'run' },
  { args: ['-print-config', '-init'], want: 'init' },
  { args: ['-init-forensic-key', '-init'], want: 'init' },
  { args: ['-print-config', '-init-forensic-key'], want: 'init-forensic-key' },
  { args: ['-init', '-protocol-version'], want: 'protocol-version' },
  { args: ['-protocol-version', '-version'], want: 'version' },
  { args: ['-init=false'], want: 'run' },
  { args: ['--help', 'whatever'], want: 'help' },
]) {
  test(`the action of ${args.join(' ') || 'nothing'} is ${want}`, () => {
    expect(readConfig(args, HOME, NOW).action).toBe(want);
  });
}

test('[P8.usage] a root chain cannot have the name of a sub-agent', () => {
  expect(() => configOf(['-chain-id', 'a/agent/b'])).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});

test('printConfig() keeps the order of lines and quotes strings', () => {
  const text = printConfig({ ...DEFAULTS, chainId: 'a"b\\c\n', shutdownDeadlineMs: 60_000 });
  expect(text).toBe(`socket = "/run/agentreceipts/events.sock"
db = "${DATA}/receipts.db"
key = "${DATA}/signing.key"
public_key = "${DATA}/signing.key.pub"
forensic_public_key = ""
chain_id = "a\\"b\\\\c\\n"
issuer_id = "did:agent-receipts-daemon:local"
verification_method = "did:agent-receipts-daemon:local#k1"
parameter_disclosure = "off"
response_disclosure = "off"
redact_patterns = ""
unsafe_socket_path = false
shutdown_deadline = "1m0s"
log_format = "text"
log_level = "info"
`);
});
