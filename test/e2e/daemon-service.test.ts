import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { renderPlist } from '../../cli/daemon/render.ts';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DAEMON_BUNDLE, DaemonHome } from '../fixtures/daemon-process.ts';

const DIST = dirname(DAEMON_BUNDLE);
const OBSIGNA = join(DIST, 'obsigna.cjs');

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) {
    obsigna(home, ['daemon', 'stop']);
    await home.remove();
  }
});

function makeHome(options?: { readonly init: boolean }): DaemonHome {
  const home = new DaemonHome(options);
  homes.push(home);
  return home;
}

function obsigna(
  home: DaemonHome,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [OBSIGNA, ...args], {
    env: { ...home.env, ...env },
    encoding: 'utf8',
    cwd: home.root,
  });
  return { code: status, stdout, stderr };
}

/** A service manager that writes down what it is told. */
function fakeManager(home: DaemonHome): { env: Record<string, string>; told: () => string[] } {
  const bin = join(home.root, 'bin');
  const log = join(home.root, 'told');
  mkdirSync(bin);
  for (const name of ['systemctl', 'journalctl', 'systemd-sysusers']) {
    const path = join(bin, name);
    const answer = name === 'systemctl' ? 'case "$*" in *is-active*) echo active;; esac' : ':';
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> "${log}"\n${answer}\n`);
    chmodSync(path, 0o755);
  }
  return {
    env: { PATH: `${bin}:${process.env['PATH']}` },
    told: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

test('[C.daemon] start, status, reload, logs and stop of a plain process, each of them twice', async () => {
  const home = makeHome();
  const before = obsigna(home, ['daemon', 'status', '-json']);
  expect(before.code).toBe(1);
  expect(JSON.parse(before.stdout)).toEqual({
    running: false,
    pid: null,
    socket: home.socket,
    socket_answers: false,
    db: home.db,
    service: null,
    service_state: null,
  });
  const started = obsigna(home, ['daemon', 'start']);
  expect(started).toMatchObject({ code: 0, stderr: '' });
  const pid = Number(/^started \(pid (\d+)\); log: /.exec(started.stdout)?.[1]);
  expect(readFileSync(home.lock, 'utf8')).toBe(`${pid}\n`);
  expect(obsigna(home, ['daemon', 'start']).stdout).toBe(`already running (pid ${pid})\n`);
  const status = obsigna(home, ['daemon', 'status']);
  expect(status).toEqual({
    code: 0,
    stdout: `daemon:  running, pid ${pid}\nsocket:  ${home.socket} (answers)\nstore:   ${home.db}\nservice: none installed\n`,
    stderr: '',
  });
  writeFileSync(join(home.data, 'daemon.toml'), 'shutdown_deadline = "3s"\n');
  expect(obsigna(home, ['daemon', 'reload']).code).toBe(0);
  await expect
    .poll(() => obsigna(home, ['daemon', 'logs', '-n', '1']).stdout)
    .toMatch(/ reload: applied shutdown_deadline\n$/);
  // [D.roll]
  expect(obsigna(home, ['daemon', 'roll']).stdout).toMatch(
    /^asked \(pid \d+\) to begin a new chain;/,
  );
  await expect
    .poll(() => obsigna(home, ['daemon', 'logs', '-n', '1']).stdout)
    .toMatch(/ began chain \d{4}-\d\d-\d\d-2 \(request\)\n$/);
  expect((await (await RawClient.connect(home.socket)).ask({ ack: 1 })).ok).toBe(true);
  expect(obsigna(home, ['daemon', 'stop']).stdout).toBe(`stopped (pid ${pid})\n`);
  expect(obsigna(home, ['daemon', 'stop'])).toEqual({
    code: 0,
    stdout: 'not running\n',
    stderr: '',
  });
  for (const verb of ['reload', 'roll']) expect(obsigna(home, ['daemon', verb]).code).toBe(1);
  expect(obsigna(home, ['daemon', 'logs', '-n', '1']).stdout).toContain('shutdown complete');
});

test('[D.log-rotation] a log that is full is moved aside, and last words go to the one in use', async () => {
  const home = makeHome();
  const log = join(home.data, 'daemon.log');
  writeFileSync(log, 'x'.repeat(10 * 1024 * 1024 - 1));
  appendFileSync(log, '\n');
  const { stdout } = obsigna(home, ['daemon', 'start']);
  const pid = Number(/^started \(pid (\d+)\)/.exec(stdout)?.[1]);
  expect(statSync(`${log}.1`).size).toBe(10 * 1024 * 1024);
  expect(readFileSync(log, 'utf8')).toContain(' obsigna-daemon listening on ');
  if (isLinux) expect(readlinkSync(`/proc/${pid}/fd/2`)).toBe(log);
  // Moved away by somebody else, and told so.
  renameSync(log, `${log}.0`);
  obsigna(home, ['daemon', 'reload']);
  await expect
    .poll(() => existsSync(log) && readFileSync(log, 'utf8'))
    .toContain('reload: nothing');
  if (isLinux) expect(readlinkSync(`/proc/${pid}/fd/2`)).toBe(log);
  obsigna(home, ['daemon', 'stop']);
  expect(readFileSync(log, 'utf8')).toContain('shutdown complete');
});

test('[D.log-rotation] a start that fails says why where it was started, and in its log', () => {
  const home = makeHome();
  const log = join(home.root, 'x.log');
  writeFileSync(home.publicKey, 'nonsense');
  const { code, stderr } = home.run(['-log-file', log]);
  expect(code).toBe(1);
  expect(readFileSync(log, 'utf8')).toBe(stderr);
  expect(stderr).toMatch(/\n {2}fix: /);
});

test('[C.daemon] a pid in a lock file that a dead daemon left is nobody', async () => {
  const home = makeHome();
  const daemon = await home.start();
  await daemon.stop('SIGKILL');
  // A stranger who got the pid: signalling it would be the worst that can happen.
  writeFileSync(home.lock, `${process.pid}\n`);
  expect(obsigna(home, ['daemon', 'status']).code).toBe(1);
  expect(obsigna(home, ['daemon', 'stop']).stdout).toBe('not running\n');
});

test('[C.daemon] a daemon that cannot start says why, through start too', () => {
  const home = makeHome({ init: false });
  const { code, stderr } = obsigna(home, ['daemon', 'start']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^obsigna-daemon: no signing key at .*\n.*KEY_MISSING\]\nobsigna daemon start: the daemon did not start/,
  );
});

test('[C.daemon] run hands on arguments, signals and the exit code', async () => {
  const home = makeHome();
  expect(obsigna(home, ['daemon', 'run', '-version']).stdout).toMatch(/^obsigna-daemon \d/);
  expect(obsigna(home, ['daemon', 'run', '-nonsense'])).toMatchObject({ code: 1 });
  const child = spawn(process.execPath, [OBSIGNA, 'daemon', 'run'], { env: home.env });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await expect.poll(() => said).toContain('listening on');
  child.kill('SIGHUP');
  await expect.poll(() => said).toContain('reload: nothing to apply');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(said).toContain('shutdown complete');
});

test('[C.daemon] without a daemon to be found the remedy is named', () => {
  const home = makeHome();
  const alone = join(home.root, 'obsigna.cjs');
  writeFileSync(alone, readFileSync(OBSIGNA));
  const modules = join(DIST, '../node_modules');
  const run = (path: string) =>
    spawnSync(process.execPath, [alone, 'daemon', 'run', '-version'], {
      env: { ...home.env, PATH: path, NODE_PATH: modules },
      encoding: 'utf8',
    });
  expect(run('/nowhere').stderr).toContain('PROGRAM_MISSING');
  const bin = join(home.root, 'bin');
  mkdirSync(bin);
  symlinkSync(DAEMON_BUNDLE, join(bin, 'obsigna-daemon'));
  expect(run(bin).stdout).toMatch(/^obsigna-daemon \d/);
});

const isLinux = process.platform === 'linux';

test.skipIf(!isLinux)(
  '[D.units] [C.daemon] install renders a unit, twice the same, and the verbs ask its manager',
  () => {
    const home = makeHome();
    const { env, told } = fakeManager(home);
    const unit = join(home.root, '.config/systemd/user/obsigna-daemon.service');
    const config = join(home.root, '100% daemon.toml');
    const install = ['daemon', 'install', '-config', config];
    const first = obsigna(home, install, env);
    expect(first).toEqual({
      code: 0,
      stdout: `wrote ${unit}\nenabled obsigna-daemon.service\nstart it with: obsigna daemon start\nundo with: obsigna daemon uninstall\n`,
      stderr: '',
    });
    const text = readFileSync(unit, 'utf8');
    expect(text).toContain(
      `\nExecStart="${process.execPath}" "${DAEMON_BUNDLE}" "-config=${config.replace('%', '%%')}"\n`,
    );
    expect(obsigna(home, install, env).stdout).toContain(`unchanged ${unit}\n`);
    for (const verb of ['start', 'stop', 'reload', 'roll']) obsigna(home, ['daemon', verb], env);
    obsigna(home, ['daemon', 'logs', '-n', '3'], env);
    expect(obsigna(home, ['daemon', 'status'], env).stdout).toContain(
      'service: systemd user unit, active\n',
    );
    const undo = obsigna(home, ['daemon', 'uninstall'], env);
    expect(undo.stdout).toBe(`removed ${unit}\nkeys and receipts were kept\n`);
    expect(existsSync(home.key)).toBe(true);
    expect(obsigna(home, ['daemon', 'uninstall'], env).stdout).toMatch(/^not installed/);
    const unitName = 'obsigna-daemon.service';
    expect(told()).toEqual([
      'systemctl --user daemon-reload',
      `systemctl --user enable ${unitName}`,
      'systemctl --user daemon-reload',
      `systemctl --user enable ${unitName}`,
      `systemctl --user start ${unitName}`,
      `systemctl --user stop ${unitName}`,
      `systemctl --user reload ${unitName}`,
      `systemctl --user kill --signal=SIGUSR2 ${unitName}`,
      `journalctl --user -u ${unitName} -n 3 --no-pager`,
      `systemctl --user is-active ${unitName}`,
      `systemctl --user disable --now ${unitName}`,
    ]);
  },
);

test.skipIf(!isLinux)(
  'install says what the service does not inherit, and what a manager refused',
  () => {
    const home = makeHome();
    const { env } = fakeManager(home);
    const unseen = obsigna(home, ['daemon', 'install'], { ...env, XDG_DATA_HOME: '/x' });
    expect(unseen.stderr).toBe(
      'warning: the service does not have XDG_DATA_HOME: put paths into daemon.toml\n',
    );
    writeFileSync(join(home.root, 'bin/systemctl'), '#!/bin/sh\nexit 5\n');
    const refused = obsigna(home, ['daemon', 'start'], env);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /systemctl --user start obsigna-daemon\.service: ended with 5\n/,
    );
    rmSync(join(home.root, '.config'), { recursive: true });
  },
);

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

for (const { kind, flags, scope, file } of [
  { kind: 'user', flags: [], scope: ['--user'], file: '.config/systemd/user' },
  { kind: 'system', flags: ['-system'], scope: ['--system'], file: '/etc/systemd/system' },
]) {
  test.skipIf(!hasAnalyze)(
    `[D.units] systemd-analyze verify has nothing to say about the ${kind} unit`,
    () => {
      const home = makeHome();
      const root = join(home.root, 'package');
      const installed = obsigna(home, ['daemon', 'install', '-root', root, ...flags]);
      expect(installed).toMatchObject({ code: 0, stderr: '' });
      const folder = file.startsWith('/') ? file : join(home.root, file);
      const unit = join(root, folder, 'obsigna-daemon.service');
      // The user need not exist here; everything else is judged.
      const text = readFileSync(unit, 'utf8').replaceAll(
        '=agentreceipts\nGroup=agentreceipts',
        '=nobody',
      );
      writeFileSync(unit, text);
      const { status, stdout, stderr } = spawnSync(
        'systemd-analyze',
        [...scope, '--man=no', '--recursive-errors=no', 'verify', unit],
        { encoding: 'utf8', env: { ...home.env, SYSTEMD_LOG_LEVEL: 'warning' } },
      );
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );
}

test.skipIf(!hasAnalyze)(
  '[D.units] systemd-analyze security rates the system unit as well protected',
  () => {
    const home = makeHome();
    const root = join(home.root, 'package');
    obsigna(home, ['daemon', 'install', '-root', root, '-system']);
    const unit = join(root, 'etc/systemd/system/obsigna-daemon.service');
    const { stdout } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', unit],
      {
        encoding: 'utf8',
      },
    );
    const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeLessThanOrEqual(1.6);
  },
);

test('[D.units] the property list parses, and holds the command word for word', () => {
  const script = [
    'import json, plistlib, sys',
    'print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))',
  ].join('\n');
  const template = readFileSync(join(DIST, '../launchd/ai.obsigna.daemon.plist'), 'utf8');
  const command = ['/a & b/node', '/<c>/daemon.cjs'] as const;
  const plist = renderPlist(template, { command, flags: ['-config=/x'], log: '/l' });
  const { stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: plist,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    Label: 'ai.obsigna.daemon',
    ProgramArguments: [...command, '-log-file=/l', '-config=/x'],
    StandardErrorPath: '/l',
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false, Crashed: true },
    Umask: 0o027,
  });
});

for (const { name, prepare, made } of [
  { name: 'nothing is there', prepare: () => undefined, made: true },
  {
    name: 'an empty database is there',
    prepare: ({ data, db }: DaemonHome) => {
      mkdirSync(data, { recursive: true });
      const store = new Database(db);
      store.exec('CREATE TABLE receipts (id TEXT)');
      store.close();
    },
    made: true,
  },
  {
    name: 'a database of no bytes is there',
    prepare: ({ data, db }: DaemonHome) => {
      mkdirSync(data, { recursive: true });
      writeFileSync(db, '');
    },
    made: true,
  },
  { name: 'a key is there', prepare: (home: DaemonHome) => void home.run(['-init']), made: false },
]) {
  // A start without a key may have left a database behind; that must not hinder the first key.
  test(`[D.init-if-missing] ${name}: ${made ? 'a key is made' : 'nothing happens'}`, () => {
    const home = makeHome({ init: false });
    prepare(home);
    const before = existsSync(home.key) ? readFileSync(home.key, 'utf8') : undefined;
    const { code, stdout, stderr } = home.run(['-init-if-missing']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      made ? `generated signing key: ${home.key}\npublic key: ${home.publicKey}\n` : '',
    );
    if (before !== undefined) expect(readFileSync(home.key, 'utf8')).toBe(before);
  });
}

test('[D.init-if-missing] a key that is gone while receipts are there is lost, not missing', async () => {
  const home = makeHome();
  const daemon = await home.start();
  await (await RawClient.connect(home.socket)).ask({ ack: 1 });
  await daemon.stop();
  rmSync(home.key);
  const { code, stderr } = home.run(['-init-if-missing']);
  expect(code).toBe(1);
  expect(stderr).toContain('[KEY_LOST]');
  expect(existsSync(home.key)).toBe(false);
});
