import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DAEMON_BUNDLE, DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

function makeHome(): DaemonHome {
  const home = new DaemonHome();
  homes.push(home);
  return home;
}

function configure(home: DaemonHome, text: string): void {
  writeFileSync(join(home.data, 'daemon.toml'), text);
}

async function reload(daemon: DaemonProcess): Promise<string> {
  const before = daemon.stderr.length;
  daemon.kill('SIGHUP');
  await expect.poll(() => daemon.stderr.slice(before)).toContain('reload: ');
  return daemon.stderr.slice(before);
}

test('[D.config-file] daemon.toml is in force, and --print-config prints one that means the same', async () => {
  const home = makeHome();
  configure(home, 'chain_id = "from the file"\nlog_format = "json"\n');
  const printed = home.run(['-print-config']);
  expect(printed.stdout).toContain('chain_id = "from the file"\n');
  configure(home, printed.stdout);
  expect(home.run(['-print-config'])).toEqual(printed);
  await home.start();
  const { chain_id: chainId } = await (await RawClient.connect(home.socket)).ask({ ack: 1 });
  expect(chainId).toBe('from the file');
});

test('[D.logs] every line of a daemon that logs JSON is JSON, the reason of a failed start too', async () => {
  const home = makeHome();
  configure(home, 'log_format = "json"\nlog_level = "debug"\n');
  const daemon = await home.start();
  const client = await RawClient.connect(home.socket);
  client.send({ v: '9' });
  await client.ask({ ack: 1 });
  const second = home.run([]);
  await daemon.stop();
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const said = lines(daemon.stderr);
  expect(said).toContainEqual(
    expect.objectContaining({ level: 'debug', msg: `connection from pid ${process.pid}` }),
  );
  expect(said).toContainEqual(
    expect.objectContaining({ level: 'error', code: 'FRAME_INVALID', pid: process.pid }),
  );
  expect(said.at(-1)).toMatchObject({ level: 'info', msg: 'obsigna-daemon shutdown complete' });
  expect(lines(second.stderr)).toEqual([expect.objectContaining({ code: 'DAEMON_RUNNING' })]);
});

test('[D.reload] SIGHUP applies what can change, names what cannot, and keeps the old when broken', async () => {
  const home = makeHome();
  const daemon = await home.start();
  configure(home, 'log_level = "warn"\nshutdown_deadline = "3s"\ndb = "/elsewhere"\n');
  const first = await reload(daemon);
  expect(first).toMatch(
    /reload: applied shutdown_deadline, log_level\n.*level=warn reload: db changed/,
  );
  configure(home, 'log_level = "info"\nlog_levle = "x"\n');
  const broken = await reload(daemon);
  expect(broken).toMatch(
    /^obsigna-daemon \S+ \S+ level=error reload: .*daemon\.toml:2:1: unknown key "log_levle"; did you mean "log_level"\?; the old settings stay in force\n$/,
  );
  // Still at warn: nothing below it is logged, the last lines of a stop neither.
  expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(daemon.stderr).not.toContain('shutdown complete');
});

test('a daemon says at its end how many receipts it wrote in how many commits', async () => {
  const home = makeHome();
  const daemon = await home.start();
  const client = await RawClient.connect(home.socket);
  for (const ack of [1, 2, 3]) await client.ask({ ack });
  await daemon.stop();
  // The start, three reports and the end in one commit each; stop and end of the chain are two.
  expect(daemon.stderr).toContain(' level=info stats: receipts=6 commits=5\n');
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(options: object): Promise<Answer> {
  const request = get({ agent: false, ...options });
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

test('[D.metrics] counters tell what happened, on a Unix socket that only the group may open', async () => {
  const home = makeHome();
  const socketPath = join(home.root, 'run/metrics.sock');
  const daemon = await home.start({
    flags: ['-metrics', `unix:${socketPath}`, '-chain-id', 'c"\\'],
  });
  expect((statSync(socketPath).mode & 0o777).toString(8)).toBe('660');
  const client = await RawClient.connect(home.socket);
  client.send({ v: '9' });
  await client.ask({ ack: 1 });
  await client.ask({ ack: 2, decision: 'denied' });
  await client.ask({ ack: 3, drop_count: 5 });
  const { status, headers, body } = await ask({ socketPath, path: '/metrics' });
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  for (const line of [
    'obsigna_receipts_total{status="success"} 5',
    'obsigna_receipts_total{status="failure"} 1',
    'obsigna_commits_total 4',
    'obsigna_commit_duration_seconds_bucket{le="+Inf"} 4',
    'obsigna_commit_duration_seconds_count 4',
    'obsigna_queue_frames 0',
    'obsigna_connections 1',
    'obsigna_connections_total 1',
    'obsigna_frames_refused_total{code="FRAME_INVALID"} 1',
    'obsigna_events_dropped_total 5',
    'obsigna_frames_lost_total 1',
    'obsigna_chain_last_sequence{chain="c\\"\\\\"} 6',
  ]) {
    expect(body).toContain(`\n${line}\n`);
  }
  expect(await ask({ socketPath, path: '/healthz' })).toMatchObject({
    status: 200,
    body: '{"status":"ok"}\n',
  });
  expect((await ask({ socketPath, path: '/' })).status).toBe(404);
  expect((await ask({ socketPath, path: '/metrics', method: 'POST' })).status).toBe(405);
  await daemon.stop();
  expect(existsSync(socketPath)).toBe(false);
});

test('[D.metrics] a loopback port answers loopback names only, and is off without being asked for', async () => {
  const home = makeHome();
  const daemon = await home.start({ flags: ['-metrics', '127.0.0.1:0'] });
  const port = Number(/serving metrics at 127\.0\.0\.1:(\d+)/.exec(daemon.stderr)?.[1]);
  const at = { host: '127.0.0.1', port, path: '/healthz' };
  expect((await ask(at)).status).toBe(200);
  expect((await ask({ ...at, headers: { host: 'evil.example' } })).status).toBe(403);
  // The port is taken: the second start refuses, and takes its own store back.
  const other = makeHome();
  const refused = other.run(['-metrics', `127.0.0.1:${port}`]);
  expect(refused.stderr).toMatch(/EADDRINUSE.*\n.*\[METRICS_UNAVAILABLE\]/);
  expect(existsSync(other.db)).toBe(false);
  const plain = await other.start();
  expect(plain.stderr).not.toContain('metrics');
});

test('[D.metrics] health is 503 from a failed commit to the next good one', async () => {
  const home = makeHome();
  const socketPath = join(home.root, 'run/metrics.sock');
  const flags = ['-metrics', `unix:${socketPath}`];
  const { pid } = await home.start({ flags, wrapper: ['prlimit', '--fsize=150000:unlimited'] });
  const client = await RawClient.connect(home.socket);
  let ok = true;
  for (let ack = 1; ok && ack < 100; ack += 1) ({ ok } = await client.ask({ ack }));
  expect(ok).toBe(false);
  expect(await ask({ socketPath, path: '/healthz' })).toMatchObject({
    status: 503,
    body: '{"status":"failing","reason":"the last commit failed"}\n',
  });
  spawnSync('prlimit', ['--pid', String(pid), '--fsize=unlimited']);
  expect((await client.ask({ ack: 100 })).ok).toBe(true);
  expect((await ask({ socketPath, path: '/healthz' })).status).toBe(200);
});

test.skipIf(process.platform !== 'linux').each(['path', 'abstract'])(
  '[D.notify] a service manager with a socket of the kind %s hears of each step',
  async (kind) => {
    const home = makeHome();
    const inbox = kind === 'path' ? join(home.root, 'run/notify') : `@obsigna ${process.pid}`;
    const script = join(import.meta.dirname, '../fixtures/daemon-supervisor.py');
    const args = [script, inbox, '40000', process.execPath, DAEMON_BUNDLE];
    const manager = spawn('python3', args, { env: home.env, stdio: ['pipe', 'pipe', 'ignore'] });
    let told = '';
    manager.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
    const exit = once(manager, 'close');
    await expect.poll(() => told).toMatch(/^READY=1\|STATUS=listening on .*events\.sock, chain /);
    await expect.poll(() => told.match(/^WATCHDOG=1$/gm)?.length ?? 0).toBeGreaterThan(2);
    manager.stdin.write('SIGHUP\n');
    await expect
      .poll(() => told)
      .toMatch(/\nRELOADING=1\|MONOTONIC_USEC=\d+\n(WATCHDOG=1\n)*READY=1\|/);
    manager.stdin.write('SIGTERM\n');
    expect((await exit)[0]).toBe(0);
    expect(told).toMatch(/\nSTOPPING=1\|STATUS=.+\n(WATCHDOG=1\n)*$/);
  },
);

test.skipIf(process.platform !== 'linux')(
  '[D.notify] a manager that hung up costs one warning and nothing else',
  async () => {
    const home = makeHome();
    const daemon = await home.start({
      env: { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '2000' },
    });
    expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(daemon.stderr.match(/NOTIFY_SOCKET/g)).toHaveLength(1);
  },
);

const hasMounts =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

// As root too: a bind mount refuses everybody, a mode only others.
test.skipIf(!hasMounts)(
  '[D.failed-start-clean] a read-only disk is refused with a remedy',
  async () => {
    const home = makeHome();
    const first = await home.start();
    await (await RawClient.connect(home.socket)).ask({ ack: 1 });
    await first.stop();
    const script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"';
    const daemon = home.launch({ wrapper: ['unshare', '-m', 'sh', '-c', script, 'sh', home.data] });
    expect(await daemon.exit).toEqual({ code: 1, signal: null });
    expect(daemon.stderr).toMatch(
      /receipts\.db: .*read-only file system.*\n {2}fix: .*remount.*\[STORE_READ_ONLY\]\n$/i,
    );
  },
);
