import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { everythingServer, fixtureServer, program } from '../fixtures/mcp-programs.ts';

interface Row {
  readonly check: string;
  readonly status: string;
  readonly reason: string;
  readonly fix?: string;
}

let home: DaemonHome;
let bin: string;

beforeEach(() => {
  home = new DaemonHome();
  bin = join(home.root, 'bin');
  mkdirSync(bin);
  symlinkSync(program('mcp-proxy'), join(bin, 'mcp-proxy'));
});
afterEach(() => home.remove());

async function proxy(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(bin, 'mcp-proxy'), ...args], {
    env: { ...home.env, PATH: `${bin}:${process.env['PATH']}`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

async function examine(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await proxy(['doctor', '-json', ...args], env);
  const report = JSON.parse(stdout) as { healthy: boolean; checks: readonly Row[] };
  const row = (name: string) => report.checks.find(({ check }) => check === name);
  return { code, stderr, report, row };
}

const LIVES = [
  'program',
  'rules',
  'approvals',
  'daemon process',
  'daemon extensions',
  'emitter environment',
  'server command',
  'server start',
  'tool names',
  'server output',
  'server end',
  'drift',
];

describe('mcp-proxy doctor', () => {
  test('has no warning on a default installation [X.doctor] [X.doctor-server]', async () => {
    await home.start();
    const { code, stderr, report } = await examine(['-warn-as-error', '--', ...everythingServer()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(report.checks.map(({ check }) => check)).toEqual(LIVES);
    expect(report.checks.filter(({ status }) => !['ok', 'note'].includes(status))).toEqual([]);
    expect(report).toMatchObject({
      rules_path: '(built-in defaults)',
      total_rules: 6,
      enabled_rules: 6,
      pause_rules: ['pause_high_risk'],
      block_rules: ['block_destructive_ops'],
      approver_url: '',
      approver_reachable: 'not_configured',
      issues: [],
      healthy: true,
    });
    const { code: again, stdout } = await proxy(['doctor', '--', ...everythingServer()]);
    expect(again).toBe(0);
    expect(stdout).toMatch(/^mcp-proxy doctor \u2014 .+\n\n\[ok {2}\] program {12}\//);
    expect(stdout).toMatch(/\n\ndoctor: PASS \(\d+ ok, 0 warn, 0 fail\)\n$/);
  });

  test('names what is missing, and what to do about it [X.doctor]', async () => {
    const { code, report, row } = await examine(['-require-receipt', '--', 'no-such-server']);
    expect({ code, healthy: report.healthy }).toEqual({ code: 1, healthy: false });
    expect(row('daemon process')).toMatchObject({
      status: 'fail',
      fix: 'start the daemon: obsigna daemon run',
    });
    expect(row('required receipts')?.status).toBe('fail');
    expect(row('server command')).toMatchObject({
      status: 'fail',
      reason: 'no-such-server is not on the PATH',
    });
    const failed = report.checks.filter(({ status }) => status === 'fail');
    for (const { fix } of failed) expect(fix).toMatch(/.+/);
    expect(report).toMatchObject({
      issues: failed.map(({ check, reason }) => `${check}: ${reason}`),
    });
  });

  test('gives the server what a client would give it, and no more [X.doctor-server]', async () => {
    const server = [
      process.execPath,
      '-e',
      'console.error(process.env.API_KEY ?? "no key"); process.exit(1)',
    ];
    const env = { API_KEY: 'in the shell' };
    const plain = await examine(['-socket', '', '--', ...server], env);
    expect(plain.row('server start')?.reason).toMatch(/exit code 1 .+; its last words: no key$/);
    expect(plain.row('server start')?.fix).toMatch(/-env here$/);
    const named = await examine(['-socket', '', '-env', 'API_KEY', '--', ...server], env);
    expect(named.row('server start')?.reason).toMatch(/last words: in the shell$/);
  });

  test('reads its flags as the proxy does, and shows its own help', async () => {
    const wrong = await proxy(['doctor', '-nonsense']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toMatch(/not defined: -nonsense\n\nUsage: mcp-proxy doctor/);
    const operator = await proxy(['doctor', '-operator-name', 'me']);
    expect(operator).toMatchObject({ code: 2, stdout: '' });
    expect(operator.stderr).toMatch(/-operator-name needs -operator-id/);
    expect(await proxy(['doctor', '-h'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('mcp-proxy init', () => {
  const entryOf = (stdout: string) =>
    (JSON.parse(stdout) as { mcpServers: Record<string, { command: string; args: string[] }> })
      .mcpServers;

  test('writes what a proxy can start with, for its user alone [X.init]', async () => {
    const data = join(home.root, 'fresh');
    const env = { XDG_DATA_HOME: data };
    const server = fixtureServer('mcp-stateless-server.mjs');
    const made = await proxy(['init', '-name', 'files', '--', ...server], env);
    expect(made.code).toBe(0);
    const folder = join(data, 'agent-receipts');
    const rules = join(folder, 'rules.yaml');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(rules).mode & 0o777).toBe(0o600);
    const { files } = entryOf(made.stdout);
    expect(files).toEqual({
      command: join(bin, 'mcp-proxy'),
      args: ['-name', 'files', '-rules', rules, '--', ...server],
    });
    await home.start();
    const { code, row } = await examine(['-warn-as-error', ...(files?.args ?? [])], env);
    expect({ code, rules: row('rules')?.status }).toEqual({ code: 0, rules: 'ok' });
    expect(row('server start')?.reason).toMatch(/^modern 1 lists 2 tools/);
  });

  test('leaves a file as it is, whatever stands in it [X.init]', async () => {
    const rules = join(home.root, 'mine.yaml');
    writeFileSync(rules, 'rules: [{name: mine, action: block}]\n', { mode: 0o640 });
    const { code, stdout, stderr } = await proxy(['init', '-rules', rules, '-http-port', '7778']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/mine\.yaml exists and stays as it is\n/);
    expect(readFileSync(rules, 'utf8')).toBe('rules: [{name: mine, action: block}]\n');
    expect(statSync(rules).mode & 0o777).toBe(0o640);
    expect(entryOf(stdout)['default']?.args).toEqual([
      '-name',
      'default',
      '-rules',
      rules,
      '-http',
      '127.0.0.1:7778',
      '--',
      'YOUR_MCP_SERVER_COMMAND',
      'AND_ITS_ARGS',
    ]);
  });

  for (const { args, code, says } of [
    { args: ['-name', 'a b'], code: 2, says: /1 to 64 of/ },
    { args: ['-http-port', '70000'], code: 2, says: /1 to 65535/ },
    { args: ['-http-port', '1', '-no-approval'], code: 2, says: /exclude each other/ },
    {
      args: ['-rules', '/dev/null/x/rules.yaml'],
      code: 1,
      says: /cannot write .+ \[STARTER_NOT_WRITTEN\]/s,
    },
  ]) {
    test(`refuses ${args.join(' ')} with ${code}, and prints no entry`, async () => {
      const refused = await proxy(['init', ...args]);
      expect(refused).toMatchObject({ code, stdout: '' });
      expect(refused.stderr).toMatch(says);
      expect(existsSync(join(home.data, 'rules.yaml'))).toBe(false);
    });
  }
});
