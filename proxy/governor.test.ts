import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RuleSet } from '../policy/rule.ts';
import { parseRules } from '../policy/load-rules.ts';
import { FakeRecorder } from '../test/fixtures/proxy-recorder.ts';
import { Governor } from './governor.ts';
import { inspectClientLine, type ToolCall } from './inspect.ts';
import { MAX_OPEN_CALLS } from './open-requests.ts';

const RULES = parseRules(
  `rules:
  - {name: no_deletes, description: "Nothing is deleted", tool_pattern: "delete_*", action: block}
  - {name: ask, tool_pattern: "edit_*", action: pause}
  - {name: note, tool_pattern: "send_*", action: flag}
`,
  'test',
);

function governed(rules: RuleSet = RULES, recorder = new FakeRecorder()) {
  const log: string[] = [];
  const governor = new Governor({
    serverName: 'srv',
    rules,
    policyDigest: 'sha256:d',
    recorder,
    log: (text) => void log.push(text),
  });
  return { governor, recorder, records: recorder.reports, log };
}

function toolCall(name: string, id: string | undefined, given = '{}'): ToolCall {
  const member = id === undefined ? '' : `"id":${id},`;
  const params = `{"name":${JSON.stringify(name)},"arguments":${given}}`;
  const line = Buffer.from(`{${member}"method":"tools/call","params":${params}}`);
  const inspection = inspectClientLine(line);
  if (inspection.kind !== 'call') throw new TypeError(`no call: ${String(line)}`);
  return inspection.call;
}

test('Governor blocks with -32001, reports and logs it [X.errors]', () => {
  const { governor, records, log } = governed();
  const ruling = governor.rule(toolCall('mcp__srv__delete_file', '"7"'));
  expect(ruling).toMatchObject({ forward: false });
  expect(String('answer' in ruling && ruling.answer)).toBe(
    '{"error":{"code":-32001,"message":"blocked by policy: Nothing is deleted"},"id":"7","jsonrpc":"2.0"}\n',
  );
  expect(records).toMatchObject([
    {
      ending: 'denied',
      tool: 'delete_file',
      error: 'blocked by policy: Nothing is deleted',
      context: {
        action: 'block',
        rule: 'no_deletes',
        policy_digest: 'sha256:d',
        risk: { score: 40 },
      },
    },
  ]);
  expect(log).toEqual([
    'BLOCKED delete_file (rule: no_deletes, risk: 40)',
    'policy_event tool="delete_file" rule="no_deletes" risk=40 action="block" approver="NONE" outcome="blocked" duration_ms=0',
  ]);
});

test('Governor decides megabytes of arguments as it decides a few bytes [R.score]', () => {
  const text = JSON.stringify('x'.repeat(100_000));
  for (const [given, score] of [
    [`{"text":${text},"note":"drop t"}`, 0],
    [`{"text":${text},"Query":"drop t"}`, 30],
    [`{"text":${text},"a":[{"\\u0073ql":"drop t"}]}`, 30],
  ] as const) {
    const { governor, records } = governed();
    governor.rule(toolCall('get_rows', '1', given));
    governor.end('over');
    expect(records).toMatchObject([{ context: { risk: { score } } }]);
  }
});

test('Governor refuses a paused call with -32003 and its data [X.errors]', () => {
  const { governor, records, log } = governed();
  const ruling = governor.rule(toolCall('edit_file', '1'));
  const answer = JSON.parse(String('answer' in ruling && ruling.answer));
  expect(answer).toEqual({
    jsonrpc: '2.0',
    id: 1,
    error: {
      code: -32003,
      message:
        'tool call rejected: no approver configured for pause rule "ask" (pass -http=ADDR to ' +
        'enable, or -http=none to acknowledge): tool=edit_file risk=20',
      data: {
        approval_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        approval_required: true,
        approval_timeout_ms: 60_000,
        approval_token_required: true,
        approval_url: '',
        code: 'NO_APPROVER',
        risk_score: 20,
        rule_name: 'ask',
        status: 'no_approver',
        tool_name: 'edit_file',
      },
    },
  });
  const id = answer.error.data.approval_id;
  expect(log).toEqual([
    `PAUSED edit_file (rule: ask, risk: 20) \u2014 approval id: ${id}`,
    'policy_event tool="edit_file" rule="ask" risk=20 action="pause" approver="NONE" outcome="no_approver" duration_ms=0',
    'DENIED edit_file (no_approver)',
  ]);
  expect(records).toMatchObject([{ ending: 'denied', context: { action: 'pause', rule: 'ask' } }]);
});

test('Governor logs a flag and lets the call go', () => {
  const { governor, records, log } = governed();
  expect(governor.rule(toolCall('send_mail', '1'))).toEqual({ forward: true });
  expect(log).toEqual(['FLAGGED send_mail (rule: note, risk: 25)']);
  governor.observe(Buffer.from('{"id":1,"result":{"ok":true}}\n'));
  expect(records).toMatchObject([{ ending: 'answered', context: { action: 'flag' } }]);
  expect(String(records[0]?.output)).toBe('{"ok":true}');
});

test('Governor lets no tool name write a log line of its own', () => {
  const { governor, log } = governed();
  governor.rule(toolCall('delete_\u009b2J\nBLOCKED nothing\u202e', '1'));
  expect(log.join('')).not.toMatch(/[\n\u009b\u202e]/);
});

test('Governor says what is known about a call that nobody answered', () => {
  const { governor, records } = governed();
  governor.rule(toolCall('read', '1'));
  governor.rule(toolCall('read', '2'));
  governor.cancel(Buffer.from('2'));
  governor.rule(toolCall('read', undefined));
  governor.end('the server ended (exit code 7)');
  governor.end('twice');
  expect(records.map(({ ending, error }) => [ending, error])).toEqual([
    ['unknown', 'outcome unknown: the call was sent without an id, so no answer can come'],
    ['unknown', 'outcome unknown: the server ended (exit code 7) before an answer was seen'],
    [
      'unknown',
      'outcome unknown: cancelled by the client; the server ended (exit code 7) before an answer was seen',
    ],
  ]);
});

test('Governor takes no guess for certain when ids are used twice [P3.duplicate-id]', () => {
  const { governor, records } = governed();
  governor.rule(toolCall('read', '1', '{"a":1}'));
  governor.rule(toolCall('read', '1', '{"a":2}'));
  governor.observe(Buffer.from('{"id":1,"result":"x"}'));
  governor.observe(Buffer.from('{"id":1,"error":{"code":5}}'));
  governor.observe(Buffer.from('{"id":1,"result":"third"}'));
  expect(
    records.map(({ call, output, error, context }) => [
      String(call?.arguments),
      output?.toString(),
      error?.toString(),
      typeof context['note'],
    ]),
  ).toEqual([
    ['{"a":1}', '"x"', undefined, 'string'],
    ['{"a":2}', undefined, '{"code":5}', 'string'],
  ]);
});

test('Governor decides each of two calls with one id by itself [P3.duplicate-id]', () => {
  const { governor } = governed();
  expect(governor.rule(toolCall('read', '1')).forward).toBe(true);
  expect(governor.rule(toolCall('delete_x', '1')).forward).toBe(false);
  expect(governor.rule(toolCall('read', '1')).forward).toBe(true);
});

test('Governor refuses a call when it could not keep track of it', () => {
  const { governor, records } = governed();
  for (let id = 0; id < MAX_OPEN_CALLS; id += 1) governor.rule(toolCall('read', `${id}`));
  const ruling = governor.rule(toolCall('read', '"more"'));
  expect(ruling.forward).toBe(false);
  expect(JSON.parse(String('answer' in ruling && ruling.answer))).toMatchObject({
    id: 'more',
    error: { code: -32603, data: { code: 'TOO_MANY_OPEN_CALLS' } },
  });
  expect(records).toMatchObject([{ ending: 'denied', tool: 'read' }]);
  governor.observe(Buffer.from('{"id":3,"result":{}}'));
  expect(governor.rule(toolCall('read', '3')).forward).toBe(true);
});

test('Governor does not let a call through that policy fails on', () => {
  const broken = new Proxy(RULES, {
    get: (rules, name) => {
      if (name === 'compiled') throw new Error('broken');
      return Reflect.get(rules, name) as unknown;
    },
  });
  const { governor, records } = governed(broken);
  expect(governor.rule(toolCall('read', '1')).forward).toBe(false);
  expect(records).toMatchObject([{ ending: 'denied', context: { refused: 'INTERNAL' } }]);
});

const TOOLS = ['read', 'delete_file', 'edit_file', 'send_mail'];
const IDS = ['1', '1.0', '"1"', '2', '1e2', '100', 'null', '-0', undefined];
const event = fc.oneof(
  fc.record({
    kind: fc.constant('call' as const),
    tool: fc.constantFrom(...TOOLS),
    id: fc.constantFrom(...IDS),
  }),
  fc.record({
    kind: fc.constantFrom('result' as const, 'error' as const, 'cancel' as const),
    id: fc.constantFrom(...IDS.filter((id) => id !== undefined), '7', 'true'),
  }),
);

test('Governor reports every call exactly once, whatever happens to it [P1.outcome-frame]', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const { governor, records } = governed();
      const calls = new Map<string, { forward: unknown; tool: string }>();
      for (const [number, it] of events.entries()) {
        if (it.kind === 'call') {
          // The number in the arguments tells the calls apart where ids do not.
          const given = `{"n":${number}}`;
          const { forward } = governor.rule(toolCall(it.tool, it.id, given));
          calls.set(given, { forward, tool: it.tool });
        } else if (it.kind === 'cancel') {
          governor.cancel(Buffer.from(it.id));
        } else {
          governor.observe(Buffer.from(`{"id":${it.id},"${it.kind}":{}}\n`));
        }
      }
      governor.end('end');
      expect(governor.hasOpenCalls).toBe(false);
      const reported = records.map(({ call }) => String(call?.arguments)).sort();
      expect(reported).toEqual([...calls.keys()].sort());
      for (const { call, tool, ending } of records) {
        const made = calls.get(String(call?.arguments));
        expect(tool).toBe(made?.tool);
        expect(ending === 'denied').toBe(made?.forward === false);
      }
    }),
  );
});

test('Governor never decides by a mixture of two files [R.reload]', () => {
  // Each file blocks what the other pauses, under names of its own.
  const file = (mark: string, first: string, second: string) =>
    parseRules(
      `rules:
  - {name: ${mark}1, tool_pattern: "x*", action: ${first}}
  - {name: ${mark}2, tool_pattern: "*y", action: ${second}}
`,
      mark,
    );
  const [a, b] = [file('a', 'block', 'pause'), file('b', 'pause', 'block')];
  const step = fc.constantFrom(
    'a' as const,
    'b' as const,
    'xy' as const,
    'x' as const,
    'y' as const,
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { governor, records } = governed(a);
      governor.adopt({ rules: a, digest: 'a' });
      let current = 'a';
      const wanted: string[] = [];
      for (const it of steps) {
        if (it === 'a' || it === 'b') {
          current = it;
          governor.adopt({ rules: it === 'a' ? a : b, digest: it });
          continue;
        }
        governor.rule(toolCall(it, '1'));
        wanted.push(current);
      }
      expect(records.map(({ context }) => context['policy_digest'])).toEqual(wanted);
      for (const { context } of records) {
        const names = [context['rule'], context['matched']].flat() as (string | undefined)[];
        for (const name of names) {
          expect(name?.charAt(0) ?? current).toBe(
            name === undefined ? current : context['policy_digest'],
          );
        }
      }
    }),
  );
});

test('Governor tells rules who calls, and the agent what to do instead [R.conditions]', () => {
  const rules = parseRules(
    `rules: [{name: r, client_pattern: "claude*", message: Not here, hint: Use git, action: block}]`,
    'test',
  );
  const { governor, records } = governed(rules);
  expect(governor.rule(toolCall('x', '1')).forward).toBe(true);
  for (const name of ['claude-code', 'other']) {
    const params = `{"clientInfo":{"name":"${name}"}}`;
    const line = Buffer.from(`{"method":"initialize","id":0,"params":${params}}`);
    const inspection = inspectClientLine(line);
    if (inspection.kind === 'survey') governor.watch(inspection);
  }
  const ruling = governor.rule(toolCall('x', '2'));
  expect(String('answer' in ruling && ruling.answer)).toContain(
    '"message":"blocked by policy: Not here. Instead: Use git"',
  );
  expect(records.at(-1)?.context).toMatchObject({ reasons: ['client matches "claude*"'] });
});

test('Governor tells what stands in a result, and knows it at the next call [X.text-checks]', () => {
  const { governor, records } = governed();
  governor.rule(toolCall('read_page', '1'));
  const text = 'ok \\u200b AKIAABCDEFGHIJKLMNOP';
  governor.observe(
    Buffer.from(`{"id":1,"result":{"content":[{"type":"text","text":"${text}"}]}}\n`),
  );
  const found = [
    { code: 'hidden_in_result', text: 'characters of no width', points: 0 },
    { code: 'secret_in_result', text: 'an access key of AWS', points: 0 },
  ];
  expect(records[0]?.context).toMatchObject({ action: 'pass', result_findings: found });
  governor.rule(toolCall('delete_it', '2'));
  const heard = found.map((one) => ({
    ...one,
    text: `an earlier result of read_page: ${one.text}`,
  }));
  expect(records[1]?.context).toMatchObject({ action: 'block', findings: heard });
  governor.rule(toolCall('read_page', '3'));
  governor.observe(Buffer.from(`{"id":3,"result":{"x":"${'y'.repeat(200_000)}"}}\n`));
  expect(records[2]?.context).toMatchObject({ result_bytes_checked: 32_768 });
});

test('Governor does not hold on to the chunk that a small call came in', () => {
  const { governor, records } = governed(parseRules('rules: []', 'test'));
  const chunk = Buffer.alloc(64 * 1024, '1');
  const call = toolCall('a', '1');
  governor.rule({ ...call, id: chunk.subarray(0, 1), arguments: chunk.subarray(1, 9) });
  chunk.fill('x');
  governor.observe(Buffer.from('{"id":1,"result":{}}'));
  expect(records[0]?.call?.arguments?.toString()).toBe('11111111');
});

test('Governor records what a server asks by the rules in force [R.reload]', () => {
  const { governor, records } = governed(parseRules('rules: []', 'test'));
  const rules = parseRules(
    'rules: [{name: seen, tool_pattern: "sampling/*", action: flag}]',
    'test',
  );
  governor.adopt({ rules, digest: 'two' });
  governor.observe(Buffer.from('{"id":1,"method":"sampling/createMessage","params":{}}'));
  governor.end('the server ended');
  expect(records[0]?.context).toMatchObject({ rule: 'seen', policy_digest: 'two' });
});
