import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { everythingServer } from '../fixtures/mcp-programs.ts';

const CLI = join(import.meta.dirname, '../../dist/obsigna.cjs');
const RULES = 'rules:\n  - {name: no-env, tool_pattern: get-env, action: block}\n';

let home: string;
let cursor: string;
let original: string;

beforeEach(() => {
  home = mkdtempSync(join(realpathSync(tmpdir()), 'obsigna home '));
  cursor = join(home, '.cursor', 'mcp.json');
  const [command, ...args] = everythingServer();
  const files = { command, args, env: { TOKEN: 's3cr3t-value' } };
  const headers = { Authorization: 'Bearer h3ader' };
  const remote = { url: 'https://mcp.example/', headers, auth: {} };
  original = `// of this user\r\n${JSON.stringify({ mcpServers: { files, remote } }, undefined, '\t')}`;
  put(cursor, original);
});
afterEach(() => rmSync(home, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function obsigna(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: home, ...env },
  });
  return { code: status, stdout, stderr };
}

interface StatusAnswer {
  readonly governed: number;
  readonly configured: number;
  readonly servers: readonly { readonly server: string; readonly standing: string }[];
}

function survey(...args: readonly string[]): StatusAnswer & { readonly code: number | null } {
  const { code, stdout } = obsigna(['status', '-json', ...args]);
  return { code, ...(JSON.parse(stdout) as StatusAnswer) };
}

test('a wrapped server starts without a PATH, is governed, and comes back to the byte [C.wrap] [C.unwrap]', async () => {
  const rules = join(home, 'rules.yaml');
  put(rules, RULES);
  const dry = obsigna(['wrap', '-rules', rules, '-dry-run']);
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('+++ ') as string });
  expect(readFileSync(cursor, 'utf8')).toBe(original);
  expect(existsSync(join(home, '.local'))).toBe(false);

  const done = obsigna(['wrap', '--rules', rules]);
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/wrapped {3}files\n {2}skipped {3}remote: its auth is for a client/);
  expect(done.stderr).toMatch(/Cursor may take ".+ .+" apart at its spaces/);
  for (const { stdout, stderr } of [dry, done]) {
    expect(stdout + stderr).not.toMatch(/s3cr3t|h3ader/);
  }

  // As a client does it that was started from a desktop.
  const text = readFileSync(cursor, 'utf8').split('\r\n')[1] ?? '';
  const { mcpServers } = JSON.parse(text) as {
    mcpServers: { files: { command: string; args: string[] } };
  };
  const { command, args } = mcpServers.files;
  const env = { HOME: home, PATH: '/nonexistent' };
  const transport = new StdioClientTransport({ command, args, env, stderr: 'ignore' });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  try {
    const sum = await client.callTool({ name: 'get-sum', arguments: { a: 2, b: 3 } });
    expect(sum.content).toEqual([{ type: 'text', text: 'The sum of 2 and 3 is 5.' }]);
    await expect(client.callTool({ name: 'get-env' })).rejects.toMatchObject({ code: -32001 });
  } finally {
    await client.close();
  }

  expect(obsigna(['wrap']).stdout).toMatch(/already {3}files[^]+nothing wrapped/);
  const undone = obsigna(['unwrap', '-client', 'cursor']);
  expect(undone).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('same bytes') as string,
  });
  expect(readFileSync(cursor, 'utf8')).toBe(original);
});

test('one broken file keeps no other from being wrapped, and is not touched [C.wrap-broken]', () => {
  const broken = join(home, '.codex', 'config.toml');
  put(broken, '[mcp_servers.a]\ncommand = s3cr3t\n');
  const { code, stdout, stderr } = obsigna(['wrap']);
  expect(code).toBe(1);
  expect(stdout).toContain('1 server in 1 file wrapped');
  expect(stdout).toMatch(/config\.toml:2:11: not TOML: .+\n +fix: .+\n +code: CLIENT_FILE_INVALID/);
  expect(stdout + stderr).not.toContain('s3cr3t');
  expect(readFileSync(broken, 'utf8')).toBe('[mcp_servers.a]\ncommand = s3cr3t\n');
});

test('wrap takes the rules that init writes, and refuses rules that would stop every server', () => {
  const rules = join(home, '.local/share/agent-receipts/rules.yaml');
  put(rules, RULES.replace('block', 'blok'));
  const refused = obsigna(['wrap']);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('code: RULES_INVALID') as string,
  });
  expect(readFileSync(cursor, 'utf8')).toBe(original);
  put(rules, RULES);
  expect(obsigna(['wrap']).code).toBe(0);
  expect(survey().servers).toContainEqual(
    expect.objectContaining({ server: 'files', reason: `by ${rules}` }),
  );
  for (const { args, code, says } of [
    { args: ['-client', 'curser'], code: 2, says: 'did you mean cursor?' },
    { args: ['-server', 'nope'], code: 1, says: 'code: SERVER_UNKNOWN' },
    { args: ['-scope', 'all'], code: 2, says: 'expected user or project' },
    { args: ['-rules', join(home, 'absent')], code: 2, says: 'code: RULES_UNREADABLE' },
  ]) {
    expect(obsigna(['wrap', ...args])).toMatchObject({
      code,
      stderr: expect.stringContaining(says) as string,
    });
  }
});

test('status says what is governed, what is not, and why; doctor shows drift [C.status] [C.drift]', () => {
  const rules = join(home, 'rules.yaml');
  put(rules, RULES);
  put(
    join(home, '.mcp.json'),
    '{"mcpServers": {"shared": {"command": "npx"}, "off": {"command": "x", "disabled": true}}}',
  );
  const standing = () => Object.fromEntries(survey().servers.map((it) => [it.server, it.standing]));
  const drift = (check: string) => {
    const { stdout } = obsigna(['doctor', '-json', '-no-roundtrip']);
    const { checks } = JSON.parse(stdout) as { checks: readonly { check: string }[] };
    return checks.find((it) => it.check === check);
  };
  expect(survey()).toMatchObject({ code: 1, governed: 0, configured: 3 });
  expect(standing()).toEqual({ files: 'open', remote: 'remote', shared: 'open', off: 'disabled' });
  expect(drift('governed servers')).toMatchObject({
    status: 'warn',
    reason: expect.stringMatching(/^0 of 3 configured servers governed; not: /) as string,
    fix: 'obsigna wrap',
  });

  expect(obsigna(['wrap', '-rules', rules, '-server', 'shared,files']).code).toBe(0);
  expect(standing()).toEqual({
    files: 'governed',
    remote: 'remote',
    shared: 'governed',
    off: 'disabled',
  });
  expect(drift('governed servers')).toMatchObject({ status: 'note' });
  expect(drift('wrapped entries')).toMatchObject({ status: 'ok' });
  expect(obsigna(['status', '-client', 'claude-code'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('\n1 of 1 configured server governed\n') as string,
  });

  rmSync(rules);
  expect(standing()).toMatchObject({ files: 'broken', shared: 'broken' });
  expect(drift('wrapped entries')).toMatchObject({
    status: 'fail',
    reason: expect.stringMatching(/files .+ cannot start: its rules file .+rules\.yaml/) as string,
  });
});

test('wrap names a socket that would not be found, and status -sign makes its statement a receipt [C.status-signed]', async () => {
  const daemonHome = new DaemonHome();
  const daemon = await daemonHome.start();
  try {
    const XDG_DATA_HOME = dirname(daemonHome.data);
    const env = { ...daemonHome.env, HOME: home, XDG_DATA_HOME } as Record<string, string>;
    obsigna(['wrap'], env);
    // Clients do not hand on XDG_RUNTIME_DIR, by which this daemon is found.
    expect(readFileSync(cursor, 'utf8')).toContain(JSON.stringify(daemonHome.socket));
    const { code, stdout } = obsigna(['status', '--sign'], env);
    expect(code).toBe(1); // one of two
    const [, seq = ''] = /^receipt \S+:(\d+) sha256:[0-9a-f]{64}$/m.exec(stdout) ?? [];
    const shown = obsigna(['receipt', 'show', seq], env);
    expect(shown.stdout).toMatch(/Statement: +1 of 2 configured servers governed\n/);
    expect(shown.stdout).toContain('obsigna.servers.surveyed');
    expect(obsigna(['verify'], env).code).toBe(0);
  } finally {
    await daemon.stop();
    await daemonHome.remove();
  }
  const { code, stderr } = obsigna(['status', '-sign', '-socket', join(home, 'nobody')]);
  expect(code).toBe(2);
  expect(stderr).toContain('code: DAEMON_UNREACHABLE');
});
