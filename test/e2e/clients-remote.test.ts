import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { parse as parseToml } from 'smol-toml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOldStream, startSessions } from '../fixtures/http-servers.ts';

const CLI = join(import.meta.dirname, '../../dist/obsigna.cjs');
const SECRET = 'Bearer s3cr3t, with "quotes" and ${no} variable';

let home: string;
let rules: string;

beforeEach(() => {
  home = mkdtempSync(join(realpathSync(tmpdir()), 'obsigna-remote-'));
  rules = put(
    'rules.yaml',
    'rules:\n  - {name: no-notes, tool_pattern: edit_note, action: block}\n',
  );
});
afterEach(() => rmSync(home, { recursive: true }));

function put(name: string, text: string): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function obsigna(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: home },
  });
  return { code: status, stdout, stderr };
}

interface Started {
  readonly command: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
  /** Codex: names of variables that it hands on. */
  readonly env_vars?: readonly string[];
}

/** Calls a tool that is allowed and one that is not, as the client would that has this entry. */
async function use(entry: Started, surroundings: Readonly<Record<string, string>> = {}) {
  expect(JSON.stringify([entry.command, entry.args])).not.toContain('s3cr3t');
  const handed = (entry.env_vars ?? []).map((name) => [name, surroundings[name] ?? ''] as const);
  const env = { HOME: home, PATH: '/nonexistent', ...Object.fromEntries(handed), ...entry.env };
  const { command, args } = entry;
  const transport = new StdioClientTransport({ command, args, env, stderr: 'ignore' });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  try {
    const echo = await client.callTool({ name: 'echo' });
    expect(echo.content).toEqual([{ type: 'text', text: 'echo' }]);
    await expect(client.callTool({ name: 'edit_note' })).rejects.toMatchObject({ code: -32001 });
  } finally {
    await client.close();
  }
}

test('remote entries of Claude Code are governed with their headers, and come back to the byte [C.wrap-remote] [C.unwrap]', async () => {
  const url = await startSessions({ required: { authorization: SECRET, 'x-team': 'blue' } });
  const old = await startOldStream({ authorization: SECRET });
  const headers = { Authorization: SECRET, 'X-Team': 'blue' };
  const tickets = { type: 'http', url, headers, timeout: 9000 };
  const legacy = { type: 'sse', url: old, headers: { Authorization: SECRET } };
  const keyed = { url: `${url}?api_key=s3cr3t`, headers, type: 'http' };
  const servers = { tickets, legacy, keyed };
  const text = JSON.stringify({ numStartups: 1, mcpServers: servers }, undefined, 2);
  const path = put('.claude.json', text);

  const unasked = obsigna('wrap', '-rules', rules);
  expect(unasked.stdout).toMatch(/skipped {3}tickets: it is on this machine.+ \(-remote wraps it/);
  expect(readFileSync(path, 'utf8')).toBe(text);

  const dry = obsigna('wrap', '-rules', rules, '-remote', '-dry-run');
  const done = obsigna('wrap', '-rules', rules, '-remote');
  expect(done).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('tickets: it is on this machine') as string,
  });
  expect(dry.stdout + dry.stderr + done.stdout + done.stderr).not.toContain('s3cr3t');
  const { mcpServers } = JSON.parse(readFileSync(path, 'utf8')) as {
    mcpServers: Record<keyof typeof servers, Started & { type: string; timeout: number }>;
  };
  expect(mcpServers.tickets).toMatchObject({ type: 'stdio', timeout: 9000 });
  await use(mcpServers.tickets);
  await use(mcpServers.legacy);
  await use(mcpServers.keyed);

  expect(obsigna('status').stdout).toContain('\n3 of 3 configured servers governed\n');
  expect(obsigna('unwrap').stdout).toContain('same bytes');
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('remote entries of Codex are governed with headers, tokens and variables, and come back to the byte [C.wrap-remote] [C.unwrap]', async () => {
  const url = await startSessions({ required: { authorization: 'Bearer s3cr3t', 'x-key': 'k' } });
  const text = [
    '# of this user',
    '[mcp_servers.static]',
    `url = "${url}" # the endpoint`,
    'tool_timeout_sec = 20.5',
    '[mcp_servers.static.http_headers]',
    'Authorization = "Bearer s3cr3t" # by hand',
    "X-Key = 'k'",
    '',
    '[mcp_servers.token]',
    'bearer_token_env_var = "MY_TOKEN"',
    'http_headers = { "X-Key" = "k" }',
    `url = '${url}'`,
    '',
    '[mcp_servers.named]',
    `url = "${url}"`,
    'env_http_headers = { Authorization = "MY_HEADER", "X-Key" = "MY_KEY" }',
  ].join('\r\n');
  const path = put('.codex/config.toml', text);
  const names = 'static,token,named';
  expect(obsigna('wrap', '-rules', rules, '-server', names).code).toBe(0);
  const { mcp_servers: servers } = parseToml(readFileSync(path, 'utf8')) as unknown as {
    mcp_servers: Record<'static' | 'token' | 'named', Started>;
  };
  await use(servers.static);
  await use(servers.token, { MY_TOKEN: 's3cr3t' });
  await use(servers.named, { MY_HEADER: 'Bearer s3cr3t', MY_KEY: 'k' });

  expect(obsigna('unwrap', '-client', 'codex').stdout).toContain('same bytes');
  expect(readFileSync(path, 'utf8')).toBe(text);
});
