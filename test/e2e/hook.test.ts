import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { acknowledging, FakeDaemon, type Received } from '../fixtures/daemon-fake.ts';
import { AGENT_INPUTS, type AgentInputs } from '../fixtures/hook-inputs.ts';
import { HookHome, type HookRun } from '../fixtures/run-hook.ts';

let home: HookHome;
let daemon: FakeDaemon;
let rules: string;
beforeAll(() => {
  home = new HookHome();
  rules = home.rules(`rules:
  - name: no-rm
    tool_pattern: '*'
    server_pattern: [claude-code, codex, gemini, cursor, copilot]
    when: {field: command, matches: 'rm -rf'}
    message: nothing is removed here
    action: block
  - {name: hold, tool_pattern: '*', when: {field: command, contains: deploy}, action: pause}
  - name: seldom
    tool_pattern: '*'
    when: {field: command, contains: curl}
    rate: {max: 100, per: 1h}
    action: block
`);
});
afterAll(() => home.remove());
beforeEach(async () => {
  daemon = new FakeDaemon(acknowledging(['phase']));
  await daemon.start();
});
afterEach(() => daemon.remove());

const REASON = 'blocked by policy: nothing is removed here';

function hook({ agent }: Pick<AgentInputs, 'agent'>, run: HookRun, ...more: readonly string[]) {
  const flags = ['-agent', agent, '-rules', rules, '-socket', daemon.path, ...more];
  return home.run(flags, run);
}

const only = (events: readonly Received[]) => {
  expect(events).toHaveLength(1);
  return events[0] as Received;
};

for (const inputs of AGENT_INPUTS) {
  const { agent, tool, before, after, failed, denied } = inputs;
  const withCode = (reason: string) => ({
    code: denied.code,
    signal: null,
    stdout: denied.stdout(reason),
    stderr: `${reason}\n`,
  });

  test(`${agent}: what is allowed passes in silence, announced before and told after [H.agents]`, async () => {
    const silence = { code: 0, signal: null, stdout: '', stderr: '' };
    expect(await hook(inputs, { input: before('ls') })).toEqual(silence);
    expect(await hook(inputs, { input: after('ls') })).toEqual(silence);
    const [intent, outcome] = daemon.events as [Received, Received];
    const same = { channel: agent, tool: { name: tool }, held_by: 'host' };
    expect(intent).toMatchObject({ ...same, phase: 'intent', decision: 'pending' });
    expect(intent['input']).toMatchObject({ command: 'ls' });
    expect(intent['decision_context']).toMatchObject({ action: 'pass' });
    expect(outcome).toMatchObject({ ...same, phase: 'outcome', decision: 'allowed' });
    expect(outcome['output']).toBeDefined();
    expect(outcome['error']).toBeUndefined();
    expect(outcome['session_id']).toBe(intent['session_id']);
    // The same id, or one that begins with it where the agent has none.
    expect(String(intent['call_id']).split('.')[0]).toBe(outcome['call_id']);
  });

  test(`${agent}: what a rule blocks is denied and on the record [H.agents] [P3.hook]`, async () => {
    const result = await hook(inputs, { input: before('rm -rf /') });
    expect(result).toEqual(withCode(REASON));
    const told = only(daemon.events);
    expect(told).toMatchObject({ decision: 'denied', error: REASON, tool: { name: tool } });
    expect(told).not.toHaveProperty('phase');
    expect(told['decision_context']).toMatchObject({ action: 'block', rule: 'no-rm' });
  });

  test(`${agent}: a failure is told in the agent's words [H.failures]`, async () => {
    expect(await hook(inputs, { input: failed('ls') })).toMatchObject({ code: 0, stdout: '' });
    const outcome = { phase: 'outcome', decision: 'allowed', error: inputs.failure };
    expect(only(daemon.events)).toMatchObject(outcome);
  });

  test(`${agent}: a daemon that is silent stops a call only where a receipt is required [H.fail]`, async () => {
    daemon.answer = () => undefined;
    // What happens without the flag is the same for all of them.
    const free = agent === 'codex' && (await hook(inputs, { input: before('ls') }));
    if (free !== false) {
      expect(free).toMatchObject({ code: 0, stdout: '' });
      expect(free.stderr).toContain('[DAEMON_UNREACHABLE]');
    }
    const flags = ['-require-receipt', '-deadline', '4s'];
    const bound = await hook(inputs, { input: before('ls') }, ...flags);
    expect(bound.code).toBe(denied.code);
    expect(bound.stderr).toContain('[RECEIPT_REQUIRED: DAEMON_UNREACHABLE]');
    expect(bound.stdout).toBe(denied.stdout(bound.stderr.trimEnd()));
  });

  for (const { name, input } of [
    { name: 'no JSON', input: 'rm -rf /' },
    { name: 'nothing at all', input: '' },
    { name: 'an object of nobody', input: '{"a":1}' },
    { name: 'a tool that is named twice', input: twice(before('ls')) },
  ]) {
    test(`${agent}: ${name} is denied, and passes only with -fail open [H.malformed] [P3.hook]`, async () => {
      const closed = await hook(inputs, { input });
      expect(closed).toEqual(withCode(closed.stderr.trimEnd()));
      expect(closed.stderr).toContain('[HOOK_INPUT_INVALID]');
      expect(only(daemon.events)).toMatchObject({
        decision: 'denied',
        tool: { name: '(unreadable)' },
      });
      const open = await hook(inputs, { input }, '-fail', 'open');
      expect(open).toMatchObject({ code: 0, stdout: '' });
      expect(open.stderr).toContain('[HOOK_INPUT_INVALID]');
    });
  }

  test(`${agent}: megabytes of arguments are decided, and told by their hash [H.huge]`, async () => {
    const padding = 'x'.repeat(3 * 1024 * 1024);
    const harmless = await hook(inputs, { input: before(`echo ${padding}`) });
    expect(harmless).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const digest = only(daemon.events)['input_digest'];
    expect(digest).toMatchObject({ hash: expect.stringMatching(/^sha256:/) });
    const harmful = await hook(inputs, { input: before(`echo ${padding}; rm -rf /`) });
    expect(harmful).toEqual(withCode(REASON));
  });
}

/** One member twice: a hook that reads the first and an agent that runs the second. */
function twice(event: object): string {
  const [name = ''] = Object.keys(event).filter((it) => /^tool_?name$/i.test(it));
  return JSON.stringify(event).replace('{', `{${JSON.stringify(name)}:"Read",`);
}

const [CLAUDE] = AGENT_INPUTS as [AgentInputs];

test('more input than anybody reads is denied without waiting for its end [H.huge]', async () => {
  const chunk = Buffer.alloc(33 * 1024 * 1024, 0x20);
  const result = await hook(CLAUDE, { input: chunk, staysOpen: true });
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('[HOOK_INPUT_TOO_LARGE]');
});

test('an input that never ends is denied when time is over [H.deadline]', async () => {
  const input = '{"hook_event_name":"PreToolUse"';
  const closed = await hook(CLAUDE, { input, staysOpen: true }, '-deadline', '300ms');
  expect(closed).toMatchObject({ code: 2, stdout: '' });
  expect(closed.stderr).toContain('[HOOK_TIMED_OUT]');
  const flags = ['-deadline', '300ms', '-fail', 'open'];
  expect(await hook(CLAUDE, { input, staysOpen: true }, ...flags)).toMatchObject({ code: 0 });
});

test('a signal is a denial, not the exit code of a signal [H.exit-codes]', async () => {
  daemon.answer = () => undefined;
  let child: ChildProcess | undefined;
  const run = { input: CLAUDE.before('ls'), started: (it: ChildProcess) => void (child = it) };
  const result = hook(CLAUDE, run, '-deadline', '1m');
  await daemon.received(1); // it waits for the answer now
  child?.kill('SIGTERM');
  const { code, stderr } = await result;
  expect(code).toBe(2);
  expect(stderr).toContain('[HOOK_INTERRUPTED]');
});

test('rules that cannot be read or are wrong deny, and are told [H.fail] [P3.hook]', async () => {
  const wrong = home.rules('rules: [{nam: x}]\n');
  const broken = await hook(CLAUDE, { input: CLAUDE.before('ls') }, '-rules', wrong);
  expect(broken).toMatchObject({ code: 2, stdout: '' });
  expect(broken.stderr).toContain('[RULES_INVALID]');
  const gone = await hook(CLAUDE, { input: CLAUDE.before('ls') }, '-rules', '/nonexistent');
  expect(gone.stderr).toContain('[RULES_UNREADABLE]');
  expect(daemon.events).toMatchObject([
    { decision: 'denied', decision_context: { refused: 'RULES_INVALID' } },
    { decision: 'denied', decision_context: { refused: 'RULES_UNREADABLE' } },
  ]);
});

test('a pause is put to the agent that can ask, and denied elsewhere without an answer [H.pause]', async () => {
  const asked = await hook(CLAUDE, { input: CLAUDE.before('deploy') });
  expect(asked).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(asked.stdout)).toMatchObject({
    hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'ask' },
  });
  const context = { action: 'pause', rule: 'hold', asked: 'agent' };
  expect(daemon.events.at(-1)).toMatchObject({ phase: 'intent', decision_context: context });
  // This daemon knows no approvals.
  const codex = AGENT_INPUTS.find(({ agent }) => agent === 'codex') as AgentInputs;
  const alone = await hook(codex, { input: codex.before('deploy') });
  expect(alone).toMatchObject({ code: 2, stdout: '' });
  expect(alone.stderr).toContain('paused by policy: hold: nobody can be asked');
  const told = daemon.events.at(-1);
  expect(told).toMatchObject({ decision: 'denied', decision_context: { approval: {} } });
});

test('a rule that counts is taken to hold, and says so [H.history]', async () => {
  const { code, stderr } = await hook(CLAUDE, { input: CLAUDE.before('curl x') });
  expect(code).toBe(2);
  expect(stderr).toContain('seldom; a hook does not know earlier calls');
});

test('MCP tools are left to the proxy, decided, or skipped [H.mcp]', async () => {
  const input = { ...CLAUDE.before('rm -rf /'), tool_name: 'mcp__box__sh' };
  expect(await hook(CLAUDE, { input })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(only(daemon.events)['decision_context']).toEqual({ action: 'pass', left_to: 'proxy' });
  expect(await hook(CLAUDE, { input }, '-mcp', 'skip')).toMatchObject({ code: 0 });
  expect(daemon.events).toHaveLength(1);
  const box = home.rules(
    'rules: [{name: box, server_pattern: box, tool_pattern: sh, action: block}]',
  );
  const decided = await hook(CLAUDE, { input }, '-mcp', 'decide', '-rules', box);
  expect(decided).toMatchObject({ code: 2 });
});

test('reports without a daemon are counted, and told by the next hook [H.lost] [P1.hook]', async () => {
  await daemon.stop();
  expect(await hook(CLAUDE, { input: CLAUDE.before('ls') })).toMatchObject({ code: 0 });
  expect(await hook(CLAUDE, { input: CLAUDE.after('ls') })).toMatchObject({ code: 0 });
  expect(await hook(CLAUDE, { input: CLAUDE.before('rm -rf /') })).toMatchObject({ code: 2 });
  // What is announced and not told is told again by its outcome: two are lost, not three.
  expect(readFileSync(home.lostFile, 'utf8')).toHaveLength(2);
  await daemon.start();
  await hook(CLAUDE, { input: CLAUDE.before('ls') });
  expect(only(daemon.events)['drop_count']).toBe(2);
  await hook(CLAUDE, { input: CLAUDE.after('ls') });
  expect(daemon.events.at(-1)).not.toHaveProperty('drop_count');
});

test('wrong flags deny, help and version do not [H.exit-codes]', async () => {
  expect(await home.run(['-agent', 'nobody'])).toMatchObject({ code: 2, stdout: '' });
  expect(await home.run([])).toMatchObject({ code: 2, stdout: '' });
  expect(await home.run(['-agent', 'codex', '-approve', 'agent'])).toMatchObject({ code: 2 });
  expect((await home.run(['-h'])).stdout).toContain('Usage: obsigna-hook -agent NAME');
  expect(await home.run(['-version'])).toMatchObject({ code: 0 });
});
