import { spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeDaemon, type Answer } from '../fixtures/daemon-fake.ts';
import { DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';
import { bundleCli, type CliBundle } from '../fixtures/run-cli.ts';
import { FixtureStore } from '../fixtures/store.ts';

interface Row {
  readonly check: string;
  readonly status: string;
  readonly reason: string;
  readonly fix?: string;
}

const NAMES = [
  'daemon process',
  'socket',
  'emitter dial path',
  'db permissions',
  'schema/version',
  'peer credentials',
  'chain head',
  'round-trip',
  'recent outcomes',
  'daemon extensions',
  'shared uid',
  'emitter environment',
  'governed servers',
  'wrapped entries',
  'hooks',
];

let cli: CliBundle;
let home: DaemonHome;

beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  home = new DaemonHome();
});
afterEach(() => home.remove());

/** Runs without blocking, so that a daemon made of this test's own process can answer. */
async function doctor(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  onPid: (pid: number) => void = () => {},
) {
  const child = spawn(process.execPath, [cli.path, 'doctor', ...args], {
    env: { NODE_PATH: join(process.cwd(), 'node_modules'), ...home.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onPid(child.pid as number);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

async function examine(...given: Parameters<typeof doctor>) {
  const [args = [], env, onPid] = given;
  const { code, stdout } = await doctor(['-json', ...args], env, onPid);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly Row[] };
  return { code, ok, checks, row: (name: string) => checks.find(({ check }) => check === name) };
}

describe('obsigna doctor on a healthy system', () => {
  test('has no warning while the daemon runs, also with a store of its first second [C.doctor]', async () => {
    const daemon = await home.start();
    for (const round of [1, 2]) {
      const { code, ok, checks, row } = await examine(['-warn-as-error']);
      expect({ code, ok }).toEqual({ code: 0, ok: true });
      expect(checks.map(({ check }) => check)).toEqual(NAMES);
      const others = checks.filter(({ status }) => status !== 'ok');
      // Daemon and doctor are one user here, and a private runtime directory is never the default.
      expect(others).toMatchObject([
        { check: 'shared uid', status: 'note' },
        { check: 'emitter environment', status: 'note' },
        { check: 'hooks', status: 'note' },
      ]);
      expect(row('round-trip')?.reason).toMatch(
        new RegExp(`^found at seq ${round + 1} of chain .+ pid \\d+, uid \\d+, /.+`),
      );
      expect(row('chain head')?.reason).toMatch(/valid and being written; key not pinned$/);
    }
    const { code, stdout } = await doctor();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^obsigna doctor \u2014 pipeline health\n\n\[ok {2}\] daemon process {5}/,
    );
    expect(stdout).toMatch(/\n\[note\] shared uid {9}.+\n {9}fix: .+\n/);
    expect(stdout).toMatch(/\n\ndoctor: PASS \(12 ok, 0 warn, 0 fail\)\n$/);
    expect(daemon.stderr).not.toContain('error');
  });

  test('says that a stopped daemon is stopped, and nothing against its chain', async () => {
    const daemon = await home.start();
    await doctor();
    await daemon.stop();
    const { code, checks } = await examine();
    expect(code).toBe(1);
    const failed = checks.filter(({ status }) => status === 'fail' || status === 'warn');
    expect(failed.map(({ check }) => check)).toEqual(['daemon process', 'socket', 'round-trip']);
    for (const { fix } of failed) expect(fix).toBe('start the daemon: obsigna daemon run');
  });
});

describe('obsigna doctor finds, with a remedy', () => {
  const start = () => home.start();
  const sql = (statement: string) => {
    const db = new Database(home.db);
    db.exec(statement);
    db.close();
  };
  /** A chain that somebody left behind: one round trip, then the end that is asked for. */
  const afterwards = async (end: (daemon: DaemonProcess) => Promise<unknown>) => {
    const daemon = await home.start();
    await doctor();
    await end(daemon);
  };

  for (const { name, status, arrange, args = [], env = {}, reason, fix } of [
    {
      name: 'daemon process',
      status: 'fail',
      arrange: () => undefined,
      reason: /\(ENOENT\)$/,
      fix: /^start the daemon/,
    },
    {
      name: 'daemon process',
      status: 'fail',
      arrange: () => afterwards((daemon) => daemon.stop('SIGKILL')),
      reason: /\(ECONNREFUSED\)$/,
      fix: /^start the daemon/,
    },
    {
      name: 'socket',
      status: 'warn',
      arrange: async () => {
        await start();
        chmodSync(home.socket, 0o666);
      },
      reason: /mode 0666.+every user may report/,
      fix: /^chmod 0660 /,
    },
    {
      name: 'db permissions',
      status: 'fail',
      arrange: async () => {
        await start();
        chmodSync(home.db, 0o644);
      },
      reason: /mode 0644/,
      fix: /^chmod 0640 /,
    },
    {
      name: 'schema/version',
      status: 'fail',
      arrange: async () => {
        await start();
        rmSync(home.publicKey);
      },
      reason: /no public key/,
      fix: /^Point -public-key/,
    },
    {
      name: 'schema/version',
      status: 'fail',
      arrange: () => writeFileSync(home.db, 'x'.repeat(200)),
      reason: /is not an SQLite database/,
      fix: /check -db/,
    },
    {
      name: 'chain head',
      status: 'warn',
      arrange: () => afterwards((daemon) => daemon.stop('SIGKILL')),
      reason: /no daemon runs and nothing ended the chain; key not pinned$/,
      fix: /^start the daemon/,
    },
    {
      name: 'chain head',
      status: 'fail',
      arrange: async () => {
        await afterwards((daemon) => daemon.stop());
        sql("UPDATE receipts SET status = 'failure' WHERE sequence = 1");
      },
      reason: /broken at receipt 0: column status says/,
      fix: /^obsigna receipt verify -chain-id \d{4}-/,
    },
    {
      name: 'chain head', // [C.corrupt-row]: the fault is named, the other checks are made
      status: 'fail',
      arrange: async () => {
        await afterwards((daemon) => daemon.stop());
        sql("UPDATE receipts SET receipt_json = x'ff', id = NULL WHERE sequence = 1");
      },
      reason: /4 receipts, broken at receipt 0: unreadable receipt at index 0/,
      fix: /^obsigna receipt verify/,
    },
    {
      name: 'round-trip',
      status: 'warn',
      arrange: start,
      args: ['-no-roundtrip'],
      reason: /^skipped$/,
      fix: /leave out -no-roundtrip/,
    },
    {
      name: 'emitter dial path',
      status: 'warn',
      arrange: start,
      env: { AGENTRECEIPTS_SOCKET: '/run/elsewhere' },
      args: ['-socket', 'HERE'],
      reason: /^emitters dial \/run\/elsewhere/,
      fix: /^set AGENTRECEIPTS_SOCKET=/,
    },
  ]) {
    test(`${name}: ${reason.source} [C.doctor-remedies]`, async () => {
      await arrange();
      const given = args.map((it) => (it === 'HERE' ? home.socket : it));
      const { code, ok, checks, row } = await examine(given, env);
      expect(checks.map(({ check }) => check)).toEqual(NAMES);
      expect(row(name)).toMatchObject({ status, reason: expect.stringMatching(reason) });
      expect(row(name)?.fix).toMatch(fix);
      const hasFailed = checks.some((it) => it.status === 'fail');
      expect({ code, ok }).toEqual({ code: hasFailed ? 1 : 0, ok: !hasFailed });
      for (const it of checks) {
        if (it.status === 'warn' || it.status === 'fail') expect(it.fix).toMatch(/\w{5}/);
      }
      expect((await doctor([...given, '-warn-as-error'], env)).code).toBe(1);
    });
  }

  test('a store that is not the one of this daemon', async () => {
    await start();
    const other = new FixtureStore();
    try {
      const { row } = await examine(['-db', other.path]);
      expect(row('round-trip')).toMatchObject({
        status: 'fail',
        reason: expect.stringMatching(/^acknowledged as .+:2, which .+ does not have$/),
        fix: 'point -db at the store of the daemon that owns this socket',
      });
    } finally {
      other.remove();
    }
  });
});

/** Daemons that say what the test wants, in front of a store of its own. */
describe('obsigna doctor makes a round trip', () => {
  let fake: FakeDaemon;
  let store: FixtureStore;
  let pid = 0;

  beforeEach(() => {
    store = new FixtureStore();
    chmodSync(store.path, 0o640);
  });
  afterEach(async () => {
    await fake.remove();
    store.remove();
  });

  const uid = process.getuid?.() ?? 0;
  const TYPE = 'doctor.agent-receipts-doctor.roundtrip';
  /** Writes the receipt as a daemon of the plain protocol, and answers nothing. */
  const writing =
    (peer: () => Readonly<Record<string, string | number>> | undefined): Answer =>
    ({ session_id: session, hello }) => {
      if (hello !== undefined) return undefined;
      const named = peer();
      const caller = named === undefined ? {} : { peer_credential: named };
      store.append('c', {
        action: { type: TYPE, risk_level: 'low', ...caller },
        issuer: { session_id: String(session) },
      });
      return undefined;
    };
  const me = () => ({ platform: 'linux', pid, uid, gid: 0 });
  const replying =
    (reply: object | undefined): Answer =>
    ({ ack, hello }) =>
      hello === undefined
        ? reply && { ack, ...reply }
        : { ack, ok: true, hello: { version: '0.0.1' } };

  for (const { name, answer, status, reason, fix } of [
    {
      name: 'with a plain daemon that may not see executables',
      answer: writing(me),
      status: 'ok',
      reason: /^found at seq 2 of chain c .+may not see executables/,
      fix: undefined,
    },
    {
      name: 'that names another executable',
      answer: writing(() => ({ ...me(), exe_path: '/bin/sh' })),
      status: 'warn',
      reason: /but executable \/bin\/sh, this is \//,
      fix: /log of the daemon/,
    },
    {
      name: 'that names another pid',
      answer: writing(() => ({ ...me(), pid: 1 })),
      status: 'fail',
      reason: /names pid 1, uid \d+; this is pid \d+/,
      fix: /same pid and user namespace/,
    },
    {
      name: 'that names another uid',
      answer: writing(() => ({ ...me(), uid: 4242 })),
      status: 'fail',
      reason: /names pid \d+, uid 4242;/,
      fix: /same pid and user namespace/,
    },
    {
      name: 'that names no caller',
      answer: writing(() => undefined),
      status: 'fail',
      reason: /names no caller$/,
      fix: /log of the daemon/,
    },
    {
      name: 'that is refused',
      answer: replying({ ok: false, code: 'STORE_WRITE_FAILED', error: 'disk full', remedy: '' }),
      status: 'fail',
      reason: /^disk full$/,
      fix: /^Free disk space/,
    },
    {
      name: 'that is never acknowledged',
      answer: replying(undefined),
      status: 'fail',
      reason: /within 400 ms$/,
      fix: /^Start the daemon/,
    },
    {
      name: 'that leaves no receipt',
      answer: (() => undefined) as Answer,
      status: 'fail',
      reason: /^no receipt of it in .+ within 400 ms$/,
      fix: /^point -db at the store/,
    },
  ]) {
    test(`${name} [C.doctor-remedies]`, async () => {
      store.append('c');
      // A row that is no receipt does not hide the one that is looked for.
      store.append('d', { action: { type: TYPE, risk_level: 'low' } });
      store.db.exec(
        "UPDATE receipts SET chain_id = 'c', sequence = 99, receipt_json = 'x' WHERE chain_id = 'd'",
      );
      fake = new FakeDaemon(answer);
      await fake.start();
      chmodSync(fake.path, 0o660);
      const timeout = status === 'fail' ? '400ms' : '5s';
      const args = ['-socket', fake.path, '-db', store.path, '-public-key', store.publicKeyPath];
      const { row } = await examine([...args, '-roundtrip-timeout', timeout], {}, (it) => {
        pid = it;
      });
      expect(row('round-trip')).toMatchObject({ status, reason: expect.stringMatching(reason) });
      if (fix === undefined) expect(row('round-trip')?.fix).toBeUndefined();
      else expect(row('round-trip')?.fix).toMatch(fix);
    });
  }

  test('and ends with 2 for a timeout that is none', async () => {
    fake = new FakeDaemon(() => undefined);
    const { code, stderr } = await doctor(['-roundtrip-timeout', '0s']);
    expect(code).toBe(2);
    expect(stderr).toContain('  code: USAGE\n');
  });
});
