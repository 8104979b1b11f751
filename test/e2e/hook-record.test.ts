import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { REASONS } from '../../daemon/journal/abandonment.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readReports, verifyRecord, readRecord } from '../fixtures/daemon-record.ts';
import { AGENT_INPUTS, type AgentInputs } from '../fixtures/hook-inputs.ts';
import { fixtureServer, proxied, start } from '../fixtures/mcp-programs.ts';
import { HookHome } from '../fixtures/run-hook.ts';

const DIST = join(import.meta.dirname, '../../dist');
const HOST = join(import.meta.dirname, '../fixtures/hook-host.mjs');

let daemon: DaemonHome;
let home: HookHome;
beforeEach(async () => {
  daemon = new DaemonHome();
  home = new HookHome();
  await daemon.start();
});
afterEach(async () => {
  await daemon.remove();
  home.remove();
});

const inputsOf = (name: string) => AGENT_INPUTS.find(({ agent }) => agent === name) as AgentInputs;
const CLAUDE = inputsOf('claude-code');

const hook = (agent: string, input: object, ...more: readonly string[]) =>
  home.run(['-agent', agent, '-socket', daemon.socket, ...more], { input });

/** What was reported, as far as a test looks at it. */
function reports() {
  return readReports(daemon.db).map(({ receipt }) => {
    const { issuer, credentialSubject } = receipt;
    const { action, outcome, chain, correlation_id: correlation } = credentialSubject;
    const ours = issuer.runtime?.['obsigna'];
    const call = isJsonObject(ours) ? (ours['call'] as JsonObject) : undefined;
    const runtime: Readonly<Record<string, unknown>> = { ...issuer.runtime };
    return { id: receipt.id, issuer, action, outcome, chain, correlation, call, runtime };
  });
}

/** Everything but the one report. */
function report() {
  const all = reports();
  expect(all).toHaveLength(1);
  return all[0] as (typeof all)[number];
}

function verify(): { coverage: Record<string, unknown> } {
  const cli = join(DIST, 'obsigna.cjs');
  const flags = ['-db', daemon.db, '-public-key', daemon.publicKey, '-json'];
  const run = spawnSync(process.execPath, [cli, 'receipt', 'verify', ...flags], {
    encoding: 'utf8',
    env: daemon.env,
  });
  expect(run.stderr).toBe('');
  return JSON.parse(run.stdout) as { coverage: Record<string, unknown> };
}

test('two hooks make one receipt, which names host, announcer and reporter [H.one-receipt]', async () => {
  const input = { ...CLAUDE.before('ls'), agent_id: 'explore-1', agent_type: 'Explore' };
  await hook('claude-code', input);
  expect(reports()).toEqual([]);
  await hook('claude-code', { ...input, ...CLAUDE.after('ls') });
  const { issuer, action, outcome, call, chain, correlation, runtime } = report();
  expect(issuer).toMatchObject({
    name: 'Claude Code',
    session_id: '6f1c7f9a-6b0e-4e5c-9a52-7a4d1a3f0c11',
  });
  expect(action).toMatchObject({ type: 'claude-code.Bash', tool_name: 'Bash' });
  expect(outcome).toMatchObject({
    status: 'success',
    response_hash: expect.stringMatching(/^sha/),
  });
  expect(correlation).toBe('toolu_01A9bYc8dEfGhIjKlMnOpQrS');
  expect(runtime).toMatchObject({ agent_id: 'explore-1', agent_type: 'Explore' });
  expect(chain.chain_id).toMatch(/explore-1$/);
  expect(call).toMatchObject({ id: correlation, host: { pid: process.pid } });
  const began = call?.['began_by'] as JsonObject;
  // Both are the kernel's words, of two processes that are gone.
  expect(began).toMatchObject({ uid: process.getuid?.(), exe_path: process.execPath });
  expect(action.peer_credential).toMatchObject({ exe_path: process.execPath });
  expect(new Set([began['pid'], action.peer_credential?.pid, process.pid]).size).toBe(3);
  const verdicts = [...verifyRecord(readRecord(daemon.db), daemon.publicPem()).values()];
  expect(verdicts.map(({ result }) => result)).not.toContain('broken');
  expect(verify().coverage).toMatchObject({ calls: 1, outcomes_unknown: [] });
});

test('a call is open while its host lives, not its hook, and pending then [H.pending] [P1.hook]', async () => {
  const command = `'${process.execPath}' '${join(DIST, 'obsigna-hook.cjs')}' -agent claude-code -socket '${daemon.socket}'`;
  const host = spawn(process.execPath, [HOST, command, JSON.stringify(CLAUDE.before('ls'))], {
    env: { PATH: process.env['PATH'], HOME: home.root },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = (await once(host.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe('ended 0\n');
    // Somebody else's outcome ends nothing that this host holds.
    await hook('claude-code', CLAUDE.after('ls'));
    expect(report().call).toMatchObject({ intent: 'missing', host: { pid: process.pid } });
  } finally {
    host.kill('SIGKILL');
  }
  await expect.poll(() => reports().length, { timeout: 20_000 }).toBe(2);
  const pending = reports().find(({ outcome }) => outcome.status === 'pending');
  expect(pending?.outcome.error).toBe(REASONS.hostEnded);
  expect(pending?.call).toMatchObject({ closed_by: 'daemon', host: { pid: host.pid } });
});

test('a result behind a restart completes what was told as pending [H.late]', async () => {
  await hook('claude-code', CLAUDE.before('ls'));
  await daemon.restart();
  await hook('claude-code', CLAUDE.after('ls'));
  const [pending, done] = reports();
  expect(pending?.outcome).toEqual({ status: 'pending', error: REASONS.daemonStopped });
  expect(done?.call).toMatchObject({ completes: pending?.id });
  expect(verify().coverage).toMatchObject({ calls: 1, outcomes_known_later: 1 });
});

test('agents without ids: the same call twice at once is two receipts [H.no-id]', async () => {
  const { before, after } = inputsOf('gemini');
  await hook('gemini', before('ls'));
  await hook('gemini', before('ls'));
  await hook('gemini', after('ls'));
  await hook('gemini', after('ls'));
  const calls = reports();
  expect(calls.map(({ outcome }) => outcome.status)).toEqual(['success', 'success']);
  expect(calls.map(({ call }) => call?.['intent'])).toEqual([undefined, undefined]);
  expect(new Set(calls.map(({ call }) => call?.['id'])).size).toBe(2);
});

test('arguments that changed on the way are recorded as they ran [H.changed]', async () => {
  await hook('claude-code', CLAUDE.before('ls'));
  await hook('claude-code', CLAUDE.after('ls -l'));
  const { action, call } = report();
  expect(call?.['announced']).toMatch(/^sha256:/);
  expect(action.parameters_hash).not.toBe(call?.['announced']);
});

test('a call that hook and proxy tell of is counted once [H.once]', async () => {
  const server = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');
  const input = { ...CLAUDE.before(''), tool_name: 'mcp__box__look', tool_input: { n: 1 } };
  await hook('claude-code', input);
  const proxy = start(proxied(server, ['-name', 'box', '-socket', daemon.socket]), daemon.env);
  const params = { name: 'look', arguments: { n: 1 } };
  proxy.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })}\n`);
  proxy.end();
  await proxy.exit;
  const ended = {
    ...input,
    ...CLAUDE.after(''),
    tool_name: 'mcp__box__look',
    tool_input: { n: 1 },
  };
  await hook('claude-code', ended);
  const [seen, told] = reports();
  expect(seen?.action).toMatchObject({ type: 'mcp.box.look' });
  expect(told?.call).toMatchObject({ same_as: seen?.id });
  expect(verify().coverage).toMatchObject({ calls: 1, told_twice: 1 });
});

test('a hook that is installed twice tells once; what runs behind a denial is told [H.twice]', async () => {
  const call = (id: string, event: object) => ({ ...event, tool_use_id: id });
  for (const event of [CLAUDE.before('ls'), CLAUDE.after('ls')]) {
    const input = call('toolu_1', event);
    await Promise.all([hook('claude-code', input), hook('claude-code', input)]);
  }
  expect(report().outcome.status).toBe('success');
  const rules = home.rules('rules: [{name: no, tool_pattern: "*", action: block}]\n');
  await hook('claude-code', call('toolu_2', CLAUDE.before('rm')), '-rules', rules);
  await hook('claude-code', call('toolu_2', CLAUDE.after('rm')));
  expect(reports().map(({ outcome }) => outcome.status)).toEqual(['success', 'failure', 'success']);
});

test('a paused call is answered at a terminal [H.pause]', async () => {
  const rules = home.rules('rules: [{name: hold, tool_pattern: "*", action: pause}]\n');
  const codex = inputsOf('codex');
  const cli = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(DIST, 'obsigna.cjs'), 'approvals', ...args], {
      encoding: 'utf8',
      env: daemon.env,
    });
  const asks = hook('codex', codex.before('ls'), '-rules', rules);
  const listed = () => JSON.parse(cli('list', '-json').stdout) as unknown;
  await expect.poll(() => asksOf(listed()).length, { timeout: 20_000 }).toBe(1);
  const [id = ''] = asksOf(listed());
  expect(cli('approve', id).status).toBe(0);
  expect(await asks).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  await hook('codex', codex.after('ls'));
  const { issuer } = report();
  const ours = issuer.runtime?.['obsigna'] as JsonObject;
  const approval = { outcome: 'approved', door: 'terminal', peer: { uid: process.getuid?.() } };
  expect(ours['decision']).toMatchObject({ action: 'pause', rule: 'hold', approval });
});

function asksOf(answer: unknown): string[] {
  const list = isJsonObject(answer) ? Object.values(answer).find(Array.isArray) : answer;
  return (list as { id: string }[]).map(({ id }) => id);
}
