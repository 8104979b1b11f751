import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DaemonHome, DaemonProcess } from '../fixtures/daemon-process.ts';

const DIST = join(import.meta.dirname, '../../dist');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna l '));
  cpSync(join(DIST, 'code'), join(folder, 'code'), { recursive: true });
  for (const name of ['mcp-proxy.cjs', 'obsigna-hook.cjs', 'obsigna-daemon.cjs']) {
    cpSync(join(DIST, name), join(folder, name));
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A session that is one line long; what comes out is what went in. */
function serve(uid?: number, flags: readonly string[] = []) {
  const args = [join(folder, 'mcp-proxy.cjs'), '-socket', '', '-pins', '', ...flags, '--', 'cat'];
  const run = spawnSync(process.execPath, args, {
    input: '{"jsonrpc":"2.0"}\n',
    encoding: 'utf8',
    ...(uid !== undefined && { uid, gid: uid }),
  });
  expect(run).toMatchObject({ status: 0, stdout: '{"jsonrpc":"2.0"}\n' });
  return run;
}

const cached = () =>
  existsSync(join(folder, 'cache'))
    ? readdirSync(join(folder, 'cache')).map((name) => join(folder, 'cache', name))
    : [];

test('what was compiled is kept by the first start, and left alone by the second [X.launcher]', () => {
  serve();
  const [file = '', ...others] = cached();
  expect(others).toEqual([]);
  expect(file).toMatch(/\/mcp-proxy\.cjs-[0-9a-f]{16}-v[\d.]+-\w+$/);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  const { mtimeNs } = statSync(file, { bigint: true });
  serve();
  expect(statSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs);
});

test('what only a rules file needs is compiled and kept apart [X.launcher] [P7.start-lazy]', () => {
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, 'rules: [{name: a, tool_pattern: x, action: block}]\n');
  serve();
  expect(cached().length).toBe(1);
  serve(undefined, ['-rules', file]);
  expect(cached().some((path) => path.includes('/cache/rules.cjs-'))).toBe(true);
  writeFileSync(file, 'rules: [{name: a, acton: block}]\n');
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'mcp-proxy.cjs'), '-rules', file, '--', 'cat'],
    { encoding: 'utf8' },
  );
  // An error of the other file is one of ours, with its remedy, and no server has started.
  expect(status).toBe(1);
  expect(stderr).toContain(':1:19');
  expect(stderr).toContain('[RULES_INVALID]');
});

test('a cache that is cut, foreign or of other code costs time and nothing else [X.launcher]', () => {
  serve();
  const [file = ''] = cached();
  const whole = readFileSync(file);
  for (const bytes of [Buffer.alloc(0), Buffer.from('x'), whole.subarray(0, whole.length / 2)]) {
    writeFileSync(file, bytes);
    serve();
    expect(readFileSync(file).length).toBeGreaterThan(whole.length / 2);
  }
});

test('a cache that others may write to is not run [X.launcher]', () => {
  serve();
  const [file = ''] = cached();
  chmodSync(file, 0o666);
  serve();
  // Read as if it were not there: a new one takes its place.
  expect(statSync(file).mode & 0o777).toBe(0o644);
});

test.skipIf(process.getuid?.() !== 0)(
  'a folder that is not to be written to is not [X.launcher]',
  () => {
    chmodSync(folder, 0o755);
    serve(65_534);
    expect(cached()).toEqual([]);
  },
);

test('commands beside the usual work leave no cache [X.launcher]', () => {
  for (const name of ['mcp-proxy.cjs', 'obsigna-hook.cjs', 'obsigna-daemon.cjs']) {
    const { status } = spawnSync(process.execPath, [join(folder, name), '--version']);
    expect(status).toBe(0);
  }
  expect(cached()).toEqual([]);
});

test('a daemon keeps its code when it has started, for every user, and for the next one [X.launcher]', async () => {
  symlinkSync(join(DIST, '../node_modules'), join(folder, 'node_modules'));
  const home = new DaemonHome();
  const start = () =>
    new DaemonProcess([process.execPath, join(folder, 'obsigna-daemon.cjs')], home.env);
  let daemon = start();
  try {
    await daemon.said('listening on');
    await expect.poll(cached, { timeout: 30_000 }).toEqual([expect.stringMatching(/-[\w]+$/)]);
    const [file = ''] = cached();
    const { mtimeNs } = statSync(file, { bigint: true });
    expect(statSync(file).mode & 0o777).toBe(0o644); // its own files are 0640
    expect(statSync(join(folder, 'cache')).mode & 0o777).toBe(0o755);
    await daemon.stop();
    daemon = start();
    await daemon.said('listening on');
    await daemon.stop();
    expect(statSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs); // taken as it was
  } finally {
    daemon.kill('SIGKILL');
    await daemon.exit;
    await home.remove();
  }
});
