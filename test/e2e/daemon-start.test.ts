import { Buffer } from 'node:buffer';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { generateKeyPem } from '../../shared/crypto/private-key.ts';
import { VERSION } from '../../shared/version.ts';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { outline } from '../fixtures/daemon-record.ts';

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

function makeHome(options?: { readonly init: boolean }): DaemonHome {
  const home = new DaemonHome(options);
  homes.push(home);
  return home;
}

/** Every path below `root` with its mode, size and kind: what a failed start must leave as it was. */
function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { mode, size } = lstatSync(join(root, name));
      return `${name} ${mode.toString(8)} ${(mode & 0o170000) === 0o100000 ? size : ''}`;
    })
    .sort();
}

test('[D.init] -init makes both files with exact modes and says where; a second one changes nothing', () => {
  const home = makeHome({ init: false });
  const first = home.run(['-init']);
  expect(first).toEqual({
    code: 0,
    stdout: `generated signing key: ${home.key}\npublic key: ${home.publicKey}\n`,
    stderr: '',
  });
  expect((statSync(home.key).mode & 0o777).toString(8)).toBe('600');
  expect((statSync(home.publicKey).mode & 0o777).toString(8)).toBe('644');
  expect(statSync(home.key).size).toBe(119);
  expect(statSync(home.publicKey).size).toBe(113);
  expect((statSync(home.data).mode & 0o777).toString(8)).toBe('750');
  const before = [readFileSync(home.key), readFileSync(home.publicKey)];
  const second = home.run(['-init']);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/signing\.key exists already\n {2}fix: .* \[KEY_EXISTS\]\n$/);
  expect([readFileSync(home.key), readFileSync(home.publicKey)]).toEqual(before);
});

test('[D.init] an -init that cannot write its files to the end leaves neither', async () => {
  const home = makeHome({ init: false });
  // A limit below the size of a key stands for a disk that is full half way.
  const daemon = home.launch({ flags: ['-init'], wrapper: ['prlimit', '--fsize=100'] });
  expect(await daemon.exit).toEqual({ code: 1, signal: null });
  expect(existsSync(home.key)).toBe(false);
  expect(existsSync(home.publicKey)).toBe(false);
});

for (const { name, flags, stdout } of [
  { name: 'version', flags: ['-version', '-init'], stdout: `obsigna-daemon ${VERSION}\n` },
  {
    name: 'protocol version',
    flags: ['--protocol-version', '-print-config'],
    stdout: '{"frame_version":{"min":1,"max":1}}\n',
  },
]) {
  test(`[B.bundles] the daemon prints its ${name} and ends`, () => {
    const home = makeHome({ init: false });
    expect(home.run(flags)).toEqual({ code: 0, stdout, stderr: '' });
    expect(listing(home.root)).toEqual(['run 40700 ']);
  });
}

test('[B.bundles] [P8.usage] -h prints usage and exits 0; an unknown flag exits 1 and is named', () => {
  const home = makeHome({ init: false });
  const help = home.run(['-h']);
  expect(help.code).toBe(0);
  expect(help.stdout).toMatch(/^Usage: obsigna-daemon \[flags\]\n/);
  const unknown = home.run(['-sockett', 'x']);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toMatch(/^obsigna-daemon: flag provided but not defined: -sockett\n/);
});

test('[D.config-order] --print-config shows flag over variable over default', () => {
  const home = makeHome({ init: false });
  const flags = ['--print-config', '-socket', '/run/flag.sock', '-shutdown-deadline', '1.5s'];
  const env = {
    AGENTRECEIPTS_SOCKET: '/run/variable.sock',
    AGENTRECEIPTS_DB: '/variable "quoted".db',
    AGENTRECEIPTS_CHAIN_ID: 'c',
    AGENTRECEIPTS_KEY: '',
    AGENTRECEIPTS_UNSAFE_SOCKET_PATH: 'T',
  };
  const { code, stdout } = home.run(flags, env);
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    'socket = "/run/flag.sock"',
    'db = "/variable \\"quoted\\".db"',
    `key = "${home.key}"`,
    `public_key = "${home.publicKey}"`,
    'forensic_public_key = ""',
    'chain_id = "c"',
    'issuer_id = "did:agent-receipts-daemon:local"',
    'verification_method = "did:agent-receipts-daemon:local#k1"',
    'parameter_disclosure = "off"',
    'response_disclosure = "off"',
    'redact_patterns = ""',
    'unsafe_socket_path = true',
    'shutdown_deadline = "1.5s"',
    'log_format = "text"',
    'log_level = "info"',
    '',
  ]);
});

test('[D.modes] socket, lock, database and directories have their modes whatever the umask', async () => {
  const home = makeHome();
  await home.start({ wrapper: ['sh', '-c', 'umask 0; exec "$@"', 'sh'] });
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect(mode(home.socket)).toBe('660');
  expect(mode(home.socketDirectory)).toBe('750');
  expect(mode(home.db)).toBe('640');
  expect(mode(`${home.db}-wal`)).toBe('640');
  expect(mode(`${home.db}-shm`)).toBe('640');
  expect(mode(home.lock)).toBe('600');
  expect(mode(home.publicKey)).toBe('644');
});

test('[D.modes] looser modes of an existing database and public key are tightened', async () => {
  const home = makeHome();
  const first = await home.start();
  await (await RawClient.connect(home.socket)).ask({ ack: 1 });
  await first.stop('SIGKILL'); // leaves the sidecar files
  for (const path of [home.db, `${home.db}-wal`, `${home.db}-shm`]) chmodSync(path, 0o666);
  chmodSync(home.publicKey, 0o600);
  await home.start();
  for (const path of [home.db, `${home.db}-wal`, `${home.db}-shm`]) {
    expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
  }
  expect((statSync(home.publicKey).mode & 0o777).toString(8)).toBe('644');
});

test('the public key is published when it is absent, and the daemon says so', async () => {
  const home = makeHome();
  const published = home.publicPem();
  rmSync(home.publicKey);
  const daemon = await home.start();
  expect(home.publicPem()).toBe(published);
  expect(daemon.stderr).toMatch(
    /^obsigna-daemon \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6} published public key to /,
  );
  expect(daemon.stderr).toContain('loaded chain ');
});

interface FailedStart {
  readonly name: string;
  readonly prepare: (home: DaemonHome) => unknown;
  readonly flags?: (home: DaemonHome) => readonly string[];
  readonly code: string;
  readonly says: RegExp;
}

const FAILED_STARTS: readonly FailedStart[] = [
  {
    name: 'no key',
    prepare: ({ key, publicKey }) => [key, publicKey].forEach((path) => rmSync(path)),
    code: 'KEY_MISSING',
    says: /no signing key at/,
  },
  {
    name: 'a key others can read',
    prepare: ({ key }) => chmodSync(key, 0o640),
    code: 'KEY_UNSAFE',
    says: /mode 0640/,
  },
  {
    name: 'a socket where others can write',
    prepare: () => undefined,
    flags: ({ root }) => ['-socket', join(root, 'elsewhere/x.sock')],
    code: 'SOCKET_PATH_UNSAFE',
    says: /outside the directories/,
  },
  {
    name: 'a TCP address, which no flag allows',
    prepare: () => undefined,
    flags: () => ['-socket', 'tcp://127.0.0.1:1', '-unsafe-socket-path'],
    code: 'SOCKET_PATH_INVALID',
    says: /network address/,
  },
  {
    name: 'a socket path that is too long',
    prepare: () => undefined,
    flags: ({ root }) => ['-socket', join(root, 'run', 'x'.repeat(100))],
    code: 'SOCKET_PATH_INVALID',
    says: /limit is 107/,
  },
  {
    name: 'a file where the socket goes',
    prepare: ({ socket }) => {
      mkdirSync(dirname(socket));
      writeFileSync(socket, 'precious');
    },
    code: 'SOCKET_IN_USE',
    says: /not a socket/,
  },
  {
    name: "a file where the socket's directory goes",
    prepare: ({ root }) => writeFileSync(join(root, 'run/agentreceipts'), ''),
    flags: () => ['-unsafe-socket-path'],
    code: 'SOCKET_PATH_INVALID',
    says: /cannot listen on/,
  },
  {
    name: "another key's public half",
    prepare: ({ publicKey }) => writeFileSync(publicKey, generateKeyPem().publicPem),
    code: 'KEY_MISMATCH',
    says: /another public key/,
  },
  {
    name: 'a public key that is a link',
    prepare: ({ publicKey, root }) => {
      rmSync(publicKey);
      symlinkSync(join(root, 'target'), publicKey);
    },
    code: 'KEY_UNSAFE',
    says: /not a regular file/,
  },
  {
    name: 'a public key that cannot be published',
    prepare: ({ publicKey, root }) => {
      rmSync(publicKey);
      writeFileSync(join(root, 'file'), '');
    },
    flags: ({ root }) => ['-public-key', join(root, 'file/key.pub')],
    code: 'KEY_UNSAFE',
    says: /key\.pub/,
  },
  {
    name: 'a database that is a link',
    prepare: ({ db, root }) => symlinkSync(join(root, 'target'), db),
    code: 'STORE_UNSAFE',
    says: /not a regular file/,
  },
  {
    name: 'a database that is none',
    prepare: ({ db }) => {
      writeFileSync(db, Buffer.alloc(8192, 'no database '));
      chmodSync(db, 0o640);
    },
    code: 'STORE_INVALID',
    says: /not a database/,
  },
  {
    name: 'a database in a file',
    prepare: ({ root }) => writeFileSync(join(root, 'file'), ''),
    flags: ({ root }) => ['-db', join(root, 'file/receipts.db')],
    code: 'STORE_UNAVAILABLE',
    says: /file/,
  },
  {
    name: 'a mistake in the configuration file',
    prepare: ({ data }) => writeFileSync(join(data, 'daemon.toml'), 'db = "x"\nsokcet = "y"\n'),
    code: 'CONFIG_INVALID',
    says: /daemon\.toml:2:1: unknown key "sokcet"; did you mean "socket"\?/,
  },
  {
    name: 'a stray word',
    prepare: () => undefined,
    flags: () => ['start'],
    code: 'USAGE',
    says: /unexpected argument "start"/,
  },
  {
    name: 'a negative deadline',
    prepare: () => undefined,
    flags: () => ['-shutdown-deadline', '-1s'],
    code: 'CONFIG_INVALID',
    says: /negative/,
  },
];
for (const { name, prepare, flags, code, says } of FAILED_STARTS) {
  test(`[D.failed-start-clean] ${name}: ${code}, and everything is as it was`, () => {
    const home = makeHome();
    prepare(home);
    const before = listing(home.root);
    const { code: status, stdout, stderr } = home.run(flags?.(home) ?? []);
    expect(stderr).toContain(`[${code}]`);
    expect(stderr).toMatch(says);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(listing(home.root)).toEqual(before);
  });
}

test('[D.failed-start-clean] a refused start makes no data directory', () => {
  const home = makeHome({ init: false });
  home.run([]);
  expect(listing(home.root)).toEqual(['run 40700 ']);
});

for (const { name, sql, code } of [
  {
    name: '[D.newer-store] a store of a newer version',
    sql: "UPDATE obsigna_meta SET value = '99' WHERE name = 'schema'",
    code: 'STORE_NEWER',
  },
  {
    name: '[D.tail-verified] a tail with a changed byte',
    sql: "UPDATE receipts SET receipt_json = replace(receipt_json, 'create_issue', 'create_issuE')",
    code: 'CHAIN_TAIL_INVALID',
  },
  {
    name: '[D.tail-verified] a tail that is not JSON',
    sql: "UPDATE receipts SET receipt_json = '{'",
    code: 'CHAIN_TAIL_INVALID',
  },
]) {
  test(`[D.failed-start-clean] ${name} is refused, and the store stays untouched`, async () => {
    const home = makeHome();
    const first = await home.start();
    await (await RawClient.connect(home.socket)).ask({ ack: 1 });
    await first.stop('SIGKILL');
    rmSync(home.lock);
    rmSync(home.socket);
    const db = new Database(home.db);
    db.exec(sql);
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    const before = listing(home.root);
    const bytes = readFileSync(home.db);
    const { code: status, stderr } = home.run([]);
    expect(stderr).toContain(`[${code}]`);
    expect(status).toBe(1);
    expect(listing(home.root)).toEqual(before);
    expect(readFileSync(home.db).equals(bytes)).toBe(true);
  });
}

test('[D.single-instance] [D.failed-start-clean] a second daemon names the first and takes nothing away', async () => {
  const home = makeHome();
  const first = await home.start();
  const before = listing(home.root);
  const second = home.run([]);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`another daemon (pid ${first.pid}) owns this store`);
  // The same socket with a store of its own.
  const third = home.run(['-db', join(home.root, 'other/receipts.db')]);
  expect(third.code).toBe(1);
  expect(third.stderr).toContain(`another daemon is already listening on ${home.socket}`);
  // The same store on a socket of its own.
  const fourth = home.run(['-socket', join(home.root, 'run/other.sock')]);
  expect(fourth.stderr).toContain(`another daemon (pid ${first.pid}) owns this store`);
  expect(listing(home.root)).toEqual(before);
  expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
});

test('[D.single-instance] of many daemons started at once exactly one runs, and it can be reached', async () => {
  const home = makeHome();
  await (await home.start()).stop('SIGKILL'); // leaves a dead socket and a lock file behind
  const daemons = Array.from({ length: 6 }, () => home.launch());
  const ends = daemons.map((daemon) => daemon.exit.then(() => daemon));
  const ready = Promise.any(
    daemons.map(async (daemon) => {
      await daemon.said('obsigna-daemon listening on');
      return daemon;
    }),
  );
  const winner = await ready;
  const losers = ends.filter((_, at) => daemons[at] !== winner);
  for (const loser of await Promise.all(losers)) {
    expect(loser.stderr).toMatch(/\[DAEMON_RUNNING\]/);
  }
  expect(winner.hasEnded).toBe(false);
  expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
});

test('[D.single-instance] a stale socket and a stale lock file are replaced', async () => {
  const home = makeHome();
  await (await home.start()).stop('SIGKILL');
  expect(existsSync(home.socket)).toBe(true);
  expect(existsSync(home.lock)).toBe(true);
  const second = await home.start();
  expect(readFileSync(home.lock, 'utf8')).toBe(`${second.pid}\n`);
  expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
});

test('[D.single-instance] a living socket of another program is left alone', async () => {
  const home = makeHome();
  mkdirSync(home.socketDirectory);
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(home.socket, resolve));
  const before = listing(home.root);
  const daemon = home.launch();
  expect(await daemon.exit).toEqual({ code: 1, signal: null });
  expect(daemon.stderr).toContain('[DAEMON_RUNNING]');
  expect(listing(home.root)).toEqual(before);
  await new Promise((resolve) => server.close(resolve));
});

test('[D.socket-policy] -unsafe-socket-path listens anywhere, with a warning', async () => {
  const home = makeHome();
  const path = join(home.root, 'elsewhere/x.sock');
  const daemon = await home.start({ flags: ['-socket', path, '-unsafe-socket-path'] });
  expect(daemon.stderr).toMatch(/level=warn unsafe socket path: /);
  expect((await (await RawClient.connect(path)).ask({ ack: 1 })).ok).toBe(true);
});

test('a store of the name `:memory:` is a file', async () => {
  const home = makeHome();
  const daemon = await home.start({
    flags: ['-db', ':memory:', '-chain-id', 'c'],
    wrapper: ['env', '-C', home.root],
  });
  await (await RawClient.connect(home.socket)).ask({ ack: 1 });
  await daemon.stop();
  expect(outline(join(home.root, ':memory:'), home.publicPem())).toEqual(['c: 1 valid complete']);
});
