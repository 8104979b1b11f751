import { Buffer } from 'node:buffer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseRules } from '../../policy/load-rules.ts';
import { FakeDoor } from '../../test/fixtures/proxy-door.ts';
import { FakeRecorder } from '../../test/fixtures/proxy-recorder.ts';
import { Governor, type Ruling } from '../governor.ts';
import { inspectClientLine, type ToolCall } from '../inspect.ts';
import type { FinalRuling } from '../waiting-calls.ts';

const RULES = parseRules(
  `rules:
  - {name: ask, tool_pattern: "edit_*", action: pause}
  - {name: ask-more, tool_pattern: "*", min_risk_score: 70, action: pause}
  - {name: stop, tool_pattern: "drop_*", action: block}
`,
  'test',
);
const TIMEOUT_MS = 60_000;

function session({ doors = [new FakeDoor()], requireReceipt = false } = {}) {
  const recorder = new FakeRecorder({ requireReceipt });
  const log: string[] = [];
  const governor = new Governor({
    serverName: 'srv',
    rules: RULES,
    policyDigest: 'sha256:one',
    recorder,
    log: (text) => void log.push(text),
    approvals: { doors, sessionId: 'session-1', timeoutMs: TIMEOUT_MS },
  });
  const changeRules = () => governor.adopt({ rules: RULES, digest: 'sha256:two' });
  return { governor, recorder, log, changeRules, door: doors[0] as FakeDoor };
}

function toolCall(name: string, id: string, given: object = {}): ToolCall {
  const params = { name, arguments: given };
  const line = `{"id":${id},"method":"tools/call","params":${JSON.stringify(params)}}`;
  const inspection = inspectClientLine(Buffer.from(line));
  if (inspection.kind !== 'call') throw new TypeError(`no call: ${line}`);
  return inspection.call;
}

/** What became of a ruling; undefined while the call waits. */
function follow(ruling: Ruling): { current: FinalRuling | undefined } {
  const box: { current: FinalRuling | undefined } = { current: undefined };
  if (ruling.forward === 'later') ruling.whenOver(() => (box.current = ruling.settle()));
  else box.current = ruling;
  return box;
}

const turn = () => vi.advanceTimersByTimeAsync(0);

function errorOf(final: FinalRuling | undefined) {
  if (final === undefined || final.forward || final.answer === undefined) return undefined;
  const { error } = JSON.parse(final.answer.toString()) as { error: Record<string, unknown> };
  return error;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an approved call leaves once, and its receipt says who, how, when and how long [X.approvals]', async () => {
  const { governor, recorder, door, log } = session();
  const ruling = follow(governor.rule(toolCall('edit_file', '1', { path: 'a' })));
  await vi.advanceTimersByTimeAsync(1500);
  expect(ruling.current).toBeUndefined();
  expect(recorder.begun).toEqual([]);
  expect(door.answer({ reason: 'fine', digest: door.last.digest })).toBe('taken');
  await turn();
  expect(ruling.current).toEqual({ forward: true });
  governor.observe(Buffer.from('{"id":1,"result":{}}'));
  expect(recorder.reports).toMatchObject([
    {
      ending: 'answered',
      context: {
        action: 'pause',
        rule: 'ask',
        policy_digest: 'sha256:one',
        approval: {
          id: door.last.id,
          digest: door.last.digest,
          outcome: 'approved',
          by: 'ann',
          door: 'http',
          waited_ms: 1500,
          reason: 'fine',
        },
      },
    },
  ]);
  expect(log).toEqual([
    `PAUSED edit_file (rule: ask, risk: 20) \u2014 approval id: ${door.last.id}`,
    'policy_event tool="edit_file" rule="ask" risk=20 action="pause" approver="http" outcome="approved" duration_ms=1500',
    'APPROVED edit_file',
  ]);
});

for (const { name, end, status, code, message } of [
  {
    name: 'a denial',
    end: ({ door }: ReturnType<typeof session>) => void door.answer({ verdict: 'deny' }),
    status: 'denied',
    code: 'APPROVAL_DENIED',
    message: 'tool call denied by approval workflow: tool=edit_file rule=ask risk=20 approval_id=',
  },
  {
    name: 'silence',
    end: () => void vi.advanceTimersByTime(TIMEOUT_MS),
    status: 'timed_out',
    code: 'APPROVAL_TIMED_OUT',
    message:
      'tool call approval timed out after 1m0s: tool=edit_file rule=ask risk=20 approval_id=',
  },
  {
    name: "the end of the client's input",
    end: ({ governor }: ReturnType<typeof session>) => governor.clientEnded(),
    status: 'denied',
    code: 'APPROVAL_WITHDRAWN',
    message: 'tool call denied by approval workflow: ',
  },
  {
    name: 'another rules file',
    end: ({ door, changeRules }: ReturnType<typeof session>) => {
      changeRules();
      door.answer();
    },
    status: 'denied',
    code: 'APPROVAL_VOID',
    message: 'tool call denied by approval workflow: ',
  },
]) {
  test(`${name} refuses a paused call with -32002 and says ${code} [X.approvals]`, async () => {
    const all = session();
    const ruling = follow(all.governor.rule(toolCall('edit_file', '1')));
    end(all);
    await turn();
    expect(errorOf(ruling.current)).toEqual({
      code: -32002,
      message: expect.stringContaining(message),
      data: {
        approval_id: all.door.last.id,
        approval_required: true,
        approval_timeout_ms: TIMEOUT_MS,
        approval_token_required: true,
        approval_url: '',
        code,
        risk_score: 20,
        rule_name: 'ask',
        status,
        tool_name: 'edit_file',
      },
    });
    expect(all.recorder.reports).toMatchObject([{ ending: 'denied' }]);
    expect(all.recorder.begun).toEqual([]);
    expect(all.door.takenBack).toEqual([all.door.last.id]);
  });
}

test('a call whose doors all close is refused with -32003', async () => {
  const doors = [new FakeDoor('elicit'), new FakeDoor('terminal')];
  const { governor } = session({ doors });
  const ruling = follow(governor.rule(toolCall('edit_file', '1')));
  for (const door of doors) {
    expect(ruling.current).toBeUndefined();
    door.desk.closed(door.last.id, door.name);
    await turn();
  }
  expect(errorOf(ruling.current)).toMatchObject({ code: -32003, data: { code: 'NO_APPROVER' } });
});

test('a cancelled call is not sent, whatever is answered afterwards', async () => {
  const { governor, recorder, door } = session();
  const ruling = follow(governor.rule(toolCall('edit_file', '1')));
  expect(governor.cancel(Buffer.from('1'))).toBe(false);
  expect(door.answer()).toBe('APPROVAL_EXPIRED');
  await turn();
  expect(ruling.current).toEqual({ forward: false, answer: undefined });
  expect(recorder.begun).toEqual([]);
  expect(recorder.reports).toMatchObject([
    { ending: 'denied', context: { approval: { outcome: 'withdrawn' } } },
  ]);
});

test('a call that is cancelled in the moment of its approval is not announced without an end', async () => {
  const { governor, recorder, door } = session();
  const ruling = follow(governor.rule(toolCall('edit_file', '1')));
  door.answer();
  governor.cancel(Buffer.from('1'));
  await turn();
  expect(ruling.current).toEqual({ forward: false, answer: undefined });
  expect(recorder.begun).toEqual([]);
  expect(recorder.reports).toMatchObject([{ ending: 'denied' }]);
});

test('with -require-receipt an approved call still waits for its record', async () => {
  const { governor, recorder, door } = session({ requireReceipt: true });
  const kept = follow(governor.rule(toolCall('edit_file', '1')));
  door.answer();
  await turn();
  expect(kept.current).toBeUndefined();
  recorder.begun[0]?.fail(new Error('disk full'));
  await turn();
  expect(errorOf(kept.current)).toMatchObject({ code: -31001 });
  expect(recorder.reports).toMatchObject([{ ending: 'denied' }]);
});

/** Every answer that must not count, and what becomes of the call it was meant for. */
for (const { name, attempt, code } of [
  {
    name: 'the digest of other arguments',
    attempt: ({ door, governor }: ReturnType<typeof session>) => {
      const [first] = door.asked;
      follow(governor.rule(toolCall('edit_file', '2', { path: 'other' })));
      return door.answer({ digest: door.last.digest }, first);
    },
    code: 'APPROVAL_MISMATCH',
  },
  {
    name: 'the digest of another tool',
    attempt: ({ door, governor }: ReturnType<typeof session>) => {
      const [first] = door.asked;
      follow(governor.rule(toolCall('edit_other', '2', { path: 'a' })));
      return door.answer({ digest: door.last.digest }, first);
    },
    code: 'APPROVAL_MISMATCH',
  },
  {
    name: 'the digest of the same call in another session',
    attempt: ({ door }: ReturnType<typeof session>) => {
      const other = session();
      follow(other.governor.rule(toolCall('edit_file', '1', { path: 'a' })));
      return door.answer({ digest: other.door.last.digest });
    },
    code: 'APPROVAL_MISMATCH',
  },
  {
    name: 'an id of another session',
    attempt: ({ door }: ReturnType<typeof session>) => {
      const other = session();
      follow(other.governor.rule(toolCall('edit_file', '1', { path: 'a' })));
      return door.answer({}, other.door.last);
    },
    code: 'APPROVAL_UNKNOWN',
  },
  {
    name: 'an answer to a machine that slept',
    attempt: ({ door }: ReturnType<typeof session>) => {
      vi.setSystemTime(Date.now() + TIMEOUT_MS);
      return door.answer();
    },
    code: 'APPROVAL_EXPIRED',
  },
  {
    name: 'a second answer',
    attempt: ({ door }: ReturnType<typeof session>) => {
      door.answer({ verdict: 'deny' });
      return door.answer();
    },
    code: 'APPROVAL_USED',
  },
]) {
  test(`${name} lets nothing pass, and is recorded [X.approval-bound]`, async () => {
    const all = session();
    const ruling = follow(all.governor.rule(toolCall('edit_file', '1', { path: 'a' })));
    expect(attempt(all)).toBe(code);
    await turn();
    expect(ruling.current?.forward ?? false).toBe(false);
    expect(all.recorder.begun).toEqual([]);
    expect(all.recorder.statements).toMatchObject([
      {
        actionType: 'obsigna.approval_refused',
        decision: 'denied',
        context: { refused: code, approval: { by: 'ann', door: 'http' } },
      },
    ]);
  });
}

test('two doors at once: the first answer counts, the other is told and recorded [X.approval-bound]', async () => {
  const doors = [new FakeDoor('http'), new FakeDoor('terminal')];
  const { governor, recorder } = session({ doors });
  const ruling = follow(governor.rule(toolCall('edit_file', '1')));
  const [http, terminal] = doors as [FakeDoor, FakeDoor];
  expect(terminal.last).toBe(http.last);
  expect(terminal.answer({ verdict: 'deny' })).toBe('taken');
  expect(http.answer()).toBe('APPROVAL_USED');
  await turn();
  expect(errorOf(ruling.current)).toMatchObject({ data: { code: 'APPROVAL_DENIED' } });
  expect(http.takenBack).toEqual([http.last.id]);
  expect(recorder.reports).toMatchObject([{ context: { approval: { door: 'terminal' } } }]);
  expect(recorder.statements).toMatchObject([{ context: { refused: 'APPROVAL_USED' } }]);
});

test('refused answers do not write receipts without end', () => {
  const { recorder, door } = session();
  for (let i = 0; i < 300; i += 1) door.desk.turnedAway('http', 'wrong token');
  expect(recorder.statements.length).toBe(100);
  expect(recorder.statements.at(-1)).toMatchObject({ context: { more_not_recorded: true } });
});

test('a grant for a call lets this exact call pass for ten minutes [X.grants]', async () => {
  const { governor, recorder, door } = session();
  follow(governor.rule(toolCall('edit_file', '1', { a: 1, b: 2 })));
  door.answer({ grant: 'call' });
  await turn();
  expect(recorder.statements).toMatchObject([
    { actionType: 'obsigna.approval_granted', context: { grant: { scope: 'call' } } },
  ]);
  expect(governor.rule(toolCall('edit_file', '2', { b: 2, a: 1 }))).toEqual({ forward: true });
  expect(recorder.begun.at(-1)?.record.context).toMatchObject({
    approval: { outcome: 'approved', by: 'ann', grant_scope: 'call' },
  });
  expect(governor.rule(toolCall('edit_file', '3', { a: 1, b: 3 })).forward).toBe('later');
  expect(governor.rule(toolCall('mcp__srv__edit_file', '4', { a: 1, b: 2 })).forward).toBe('later');
  vi.advanceTimersByTime(600_000);
  expect(governor.rule(toolCall('edit_file', '5', { a: 1, b: 2 })).forward).toBe('later');
});

test('a grant for a tool ends with the rules, and covers neither more risk nor another rule [X.grants]', async () => {
  const { governor, door, changeRules } = session();
  follow(governor.rule(toolCall('edit_file', '1', { a: 1 })));
  door.answer({ grant: 'session' });
  await turn();
  expect(governor.rule(toolCall('edit_file', '2', { a: 2 }))).toEqual({ forward: true });
  // +30 for SQL that changes everything: the same rule, and more than the person was shown.
  expect(governor.rule(toolCall('edit_file', '3', { sql: 'drop table x' })).forward).toBe('later');
  expect(governor.rule(toolCall('edit_other', '4', { a: 1 })).forward).toBe('later');
  changeRules();
  expect(governor.rule(toolCall('edit_file', '5', { a: 2 })).forward).toBe('later');
});

test('a denial grants nothing, and a grant opens no blocked tool', async () => {
  const { governor, recorder, door } = session();
  follow(governor.rule(toolCall('edit_file', '1')));
  door.answer({ verdict: 'deny', grant: 'session' });
  await turn();
  expect(recorder.statements).toEqual([]);
  expect(governor.rule(toolCall('edit_file', '2')).forward).toBe('later');
  expect(errorOf(follow(governor.rule(toolCall('drop_table', '3'))).current)?.['code']).toBe(
    -32001,
  );
});

test('more questions than a person can look at are refused, and nothing stops being read', () => {
  const { governor, door } = session();
  const rulings = Array.from({ length: 300 }, (_, i) =>
    follow(governor.rule(toolCall('edit_file', String(i)))),
  );
  expect(door.asked.length).toBe(256);
  expect(errorOf(rulings.at(-1)?.current)).toMatchObject({
    code: -32003,
    data: { code: 'TOO_MANY_APPROVALS', status: 'no_approver' },
  });
  const large = follow(governor.rule(toolCall('edit_file', '"big"', { a: 'x'.repeat(9_000_000) })));
  expect(errorOf(large.current)).toMatchObject({ data: { code: 'TOO_MANY_APPROVALS' } });
});
