import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  array,
  assert,
  boolean,
  constantFrom,
  dictionary,
  integer,
  oneof,
  property,
  string,
  stringMatching,
} from 'fast-check';
import { stringify } from 'smol-toml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareConfig, DAEMON_FLAGS, readConfig, type DaemonConfig } from './config.ts';
import { parseConfig } from './config-file.ts';
import { locateKeys } from './toml-keys.ts';

const NOW = new Date('2026-11-20T23:59:59.999Z');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string | Uint8Array, name = 'daemon.toml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function read(args: readonly string[], env: Record<string, string> = {}): DaemonConfig {
  return readConfig(args, { platform: 'linux', home: '/home/alice', env }, NOW).config();
}

for (const { name, text, values } of [
  { name: 'nothing', text: '', values: {} },
  { name: 'a string', text: "db = 'C:\\x'", values: { db: 'C:\\x' } },
  { name: 'a quoted key', text: '"issuer_id" = "did:a"', values: { 'issuer-id': 'did:a' } },
  {
    name: 'a boolean',
    text: 'unsafe_socket_path=true # yes',
    values: { 'unsafe-socket-path': true },
  },
  {
    name: 'paths that may be none',
    text: 'forensic_public_key = ""\nredact_patterns = "/p"',
    values: { 'forensic-public-key': '', 'redact-patterns': '/p' },
  },
  {
    name: 'a disclosure policy as text, truth value or array',
    text: 'parameter_disclosure = ["a.b", "c.d"]\nresponse_disclosure = true',
    values: { 'parameter-disclosure': 'a.b,c.d', 'response-disclosure': 'all' },
  },
  { name: 'a duration', text: 'shutdown_deadline = "1.5s"', values: { 'shutdown-deadline': 1500 } },
  {
    name: 'several, with comments and a string of several lines',
    text: '# x = 1\ndb = """a\\"""" # ]\r\n\n  key = "k"\nlog_level = "debug"',
    values: { db: 'a"', key: 'k', 'log-level': 'debug' },
  },
]) {
  test(`[D.config-file] parseConfig() reads ${name}`, () => {
    expect(parseConfig(DAEMON_FLAGS, 'f', text)).toEqual(values);
  });
}

for (const { name, text, says } of [
  {
    name: 'an unknown key',
    text: '\n  sockett = "x"',
    says: '2:3: unknown key "sockett"; did you mean "socket"?',
  },
  {
    name: 'a key like none',
    text: 'colour = 1',
    says: '1:1: unknown key "colour"; known are socket, db, key,',
  },
  { name: 'a table', text: 'db = "x"\n[daemon]\nkey = "k"', says: '2:2: unknown key "daemon"' },
  {
    name: 'a known word as a table',
    text: '[ socket ]\nx = 1',
    says: '1:3: socket is a table, expected a string',
  },
  {
    name: 'an array of tables',
    text: '[[metrics]]',
    says: '1:3: metrics is an array, expected a string',
  },
  {
    name: 'a dotted key',
    text: 'socket.path = "x"',
    says: '1:1: socket is a table, expected a string',
  },
  { name: 'an action', text: 'init = true', says: '1:1: unknown key "init"' },
  {
    name: 'a flag spelling',
    text: 'chain-id = "x"',
    says: '1:1: unknown key "chain-id"; did you mean "chain_id"?',
  },
  { name: 'a prototype', text: '__proto__ = 1', says: '1:1: unknown key "__proto__"' },
  { name: 'a number for a string', text: 'db = 1', says: '1:1: db is 1, expected a string' },
  {
    name: 'text for a boolean',
    text: 'unsafe_socket_path = "true"',
    says: '1:1: unsafe_socket_path is "true", expected true or false',
  },
  {
    name: 'a number for a duration',
    text: 'shutdown_deadline = 200',
    says: '1:1: shutdown_deadline is 200, expected a duration',
  },
  {
    name: 'a duration without unit',
    text: 'shutdown_deadline = "200"',
    says: '1:1: shutdown_deadline: missing unit',
  },
  {
    name: 'a negative duration',
    text: 'shutdown_deadline = "-1s"',
    says: '1:1: shutdown_deadline -1s is negative',
  },
  { name: 'an empty string', text: 'key = ""', says: '1:1: key is empty' },
  {
    name: 'an unknown level',
    text: 'log_level = "warning"',
    says: '1:1: log_level is "warning", expected debug or info or warn or error',
  },
  {
    name: 'metrics for everybody',
    text: 'metrics = "0.0.0.0:9100"',
    says: '1:1: metrics is "0.0.0.0:9100": only loopback is allowed',
  },
  {
    name: 'metrics at a name',
    text: 'metrics = "localhost:9100"',
    says: '1:1: metrics is "localhost:9100": only loopback',
  },
  {
    name: 'metrics at no port',
    text: 'metrics = "127.0.0.1:70000"',
    says: '1:1: metrics is "127.0.0.1:70000": there is no port',
  },
  {
    name: 'metrics at a relative path',
    text: 'metrics = "unix:x"',
    says: '1:1: metrics is "unix:x": the path is not absolute',
  },
  { name: 'a duplicate key', text: 'db = "a"\ndb = "b"', says: '2:1: duplicate key' },
  { name: 'no value', text: 'db =', says: '1:5: ' },
  { name: 'an open string', text: 'key = "a"\ndb = "x', says: '2:6: unfinished string' },
  {
    name: 'an unknown key after an array with brackets in strings',
    text: 'db = "]"\nx = ["#", "[", """\n]"""]\ny = 1',
    says: '2:1: unknown key "x"',
  },
]) {
  test(`[P8.config-position] parseConfig() refuses ${name}`, () => {
    const parse = () => parseConfig(DAEMON_FLAGS, 'f.toml', text);
    expect(parse).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(parse).toThrow(`f.toml:${says}`);
  });
}

test('locateKeys() finds what the parser found, wherever values hold brackets and line ends', () => {
  const value = oneof(
    string({ unit: constantFrom('"', "'", '#', '[', ']', '{', '}', '\n', '\\', '=', 'a') }),
    integer(),
    boolean(),
    array(string()),
    dictionary(stringMatching(/^[a-z]{1,3}$/), string()),
  );
  const document = dictionary(stringMatching(/^[a-z_-]{1,8}$/), value);
  assert(
    property(document, (table) => {
      const keys = new Set(locateKeys(stringify(table)).map(({ key }) => key));
      expect([...keys].sort()).toEqual(Object.keys(table).sort());
    }),
  );
});

test('[D.config-order] flag beats variable beats file beats default', () => {
  const path = write('db = "/file"\nshutdown_deadline = "3s"\nunsafe_socket_path = true\n');
  const env = { AGENTRECEIPTS_CONFIG: path };
  const inFile = { db: '/file', shutdownDeadlineMs: 3000, unsafeSocketPath: true };
  expect(read([], env)).toMatchObject({ ...inFile, chainId: '2026-11-20' });
  expect(read(['--config', path])).toMatchObject(inFile);
  expect(read([], { ...env, AGENTRECEIPTS_DB: '/env' }).db).toBe('/env');
  expect(read(['-db=/flag'], { ...env, AGENTRECEIPTS_DB: '/env' }).db).toBe('/flag');
  expect(read(['-unsafe-socket-path=false'], env).unsafeSocketPath).toBe(false);
  // The flag also wins over the variable that names the file.
  expect(read(['-config', write('db = "/other"', 'other.toml')], env).db).toBe('/other');
});

test('[D.config-file] the default file is read where there is one, and may be missing', () => {
  const xdg = { XDG_DATA_HOME: join(folder, 'xdg') };
  expect(read([], xdg).shutdownDeadlineMs).toBe(200);
});

for (const { name, args, says } of [
  {
    name: 'a missing file that was named',
    args: () => ['-config', join(folder, 'no.toml')],
    says: 'no such file',
  },
  { name: 'an empty path', args: () => ['-config='], says: 'config is empty' },
  { name: 'a directory', args: () => ['-config', folder], says: 'not a regular file' },
  {
    name: 'text that is not UTF-8',
    args: () => ['-config', write(Uint8Array.of(0x64, 0xff), 'bad.toml')],
    says: 'bad.toml',
  },
]) {
  test(`[D.config-file] readConfig() refuses ${name}`, () => {
    expect(() => read(args())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => read(args())).toThrow(says);
  });
}

test('compareConfig() tells what a reload applies from what needs a restart', () => {
  const before = read([]);
  const after = read([
    '-log-level=warn',
    '-shutdown-deadline=1s',
    '-db=/x',
    '-metrics=127.0.0.1:1',
  ]);
  expect(compareConfig(before, before)).toEqual({ live: [], restart: [] });
  expect(compareConfig(before, after)).toEqual({
    live: ['shutdown_deadline', 'log_level'],
    restart: ['db', 'metrics'],
  });
});

for (const [value, says] of [
  ['["all"]', 'parameter_disclosure is an array, expected a string'],
  ['["a,b"]', 'parameter_disclosure is an array, expected a string'],
  ['[1]', 'parameter_disclosure is an array, expected a string'],
  ['1', 'parameter_disclosure is 1, expected a string'],
  ['[]', 'parameter_disclosure is empty; leave the line out for the default'],
  ['"a,all"', 'parameter_disclosure "all" cannot stand in a list'],
] as const) {
  test(`[D.config-file] parseConfig() refuses the disclosure policy ${value}`, () => {
    expect(() => parseConfig(DAEMON_FLAGS, 'f', `parameter_disclosure = ${value}`)).toThrow(
      `f:1:1: ${says}`,
    );
  });
}
