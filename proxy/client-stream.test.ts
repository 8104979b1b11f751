import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRules } from '../policy/load-rules.ts';
import { CodedError } from '../shared/errors.ts';
import { FakeRecorder, type Begun } from '../test/fixtures/proxy-recorder.ts';
import { ClientStream, MAX_CLIENT_LINE_BYTES } from './client-stream.ts';
import { Governor } from './governor.ts';

const RULES = parseRules('rules: [{name: no_b, tool_pattern: b, action: block}]', 'test');

interface Answered {
  readonly id: unknown;
  readonly error: { readonly code: number; readonly data?: unknown };
}

function client(recorder = new FakeRecorder()) {
  const forwarded: Buffer[] = [];
  const lines: string[] = [];
  const events: string[] = [];
  /** For everything that was forwarded: whether its calls had been announced by then. */
  const announced: boolean[] = [];
  const governor = new Governor({
    serverName: 's',
    rules: RULES,
    policyDigest: 'sha256:0',
    recorder,
    log: () => undefined,
  });
  const stream = new ClientStream({
    governor,
    forward: (bytes) => {
      const calls = String(bytes).split('"tools/call"').length - 1;
      announced.push(recorder.begun.length >= calls);
      forwarded.push(bytes);
    },
    answer: (line) => {
      // The report leaves before the answer.
      expect(recorder.reports).not.toEqual([]);
      lines.push(String(line));
    },
    settle: () => undefined,
    hold: (isFull) => void events.push(isFull ? 'hold' : 'read on'),
    finished: () => void events.push('finished'),
  });
  return {
    governor,
    stream,
    events,
    announced,
    lines,
    recorder,
    answers: () => lines.flatMap((line) => JSON.parse(line) as Answered | Answered[]),
    sent: () => Buffer.concat(forwarded).toString(),
  };
}

const call = (id: string, tool: string) =>
  `{"id": ${id},"method":"tools/call","params":{"name":"${tool}"}}`;

for (const { name, line, sent, codes } of [
  { name: 'a call that passes', line: `${call('1', 'a')}\r\n`, sent: 'same', codes: {} },
  { name: 'a call that is blocked', line: `${call('1', 'b')}\n`, sent: '', codes: { 1: -32001 } },
  {
    name: 'a blocked call without id [P3.missing-id]',
    line: '{"method":"tools/call","params":{"name":"b"}}\n',
    sent: '',
    codes: {},
  },
  {
    name: 'a blocked call with a null id [P3.null-id]',
    line: `${call('null', 'b')}\n`,
    sent: '',
    codes: { null: -32001 },
  },
  {
    name: 'a batch that passes',
    line: `[ ${call('1', 'a')} , {"id":2,"method":"ping"} ] \n`,
    sent: 'same',
    codes: {},
  },
  {
    name: 'a batch with one blocked call [P3.batch]',
    line: `[ ${call('1', 'a')} ,\t${call('2', 'b')}, {"id" :3,"method":"ping"} ]\n`,
    sent: `[${call('1', 'a')},{"id" :3,"method":"ping"}]\n`,
    codes: { 2: -32001 },
  },
  {
    name: 'a batch of blocked calls only [P3.batch]',
    line: `[${call('1', 'b')},${call('"x"', 'b')}]\n`,
    sent: '',
    codes: { 1: -32001, x: -32001 },
  },
  {
    name: 'a batch with a member that nobody understands',
    line: `[${call('1', 'a')},[${call('2', 'b')}],{"id":3,"Method":"tools/call"}]\n`,
    sent: `[${call('1', 'a')}]\n`,
    codes: { null: -32600, 3: -32600 },
  },
  { name: 'a line that is no JSON', line: 'junk\n', sent: '', codes: { null: -32700 } },
]) {
  test(`ClientStream handles ${name}`, () => {
    const { stream, answers, events, sent: got } = client();
    stream.push(Buffer.from(line));
    stream.end();
    expect(got()).toBe(sent === 'same' ? line : sent);
    expect(events).toEqual(['finished']);
    const codesById = Object.fromEntries(
      answers().map(({ id, error }) => [String(id), error.code]),
    );
    expect(codesById).toEqual(codes);
  });
}

test('ClientStream rules on a last line without newline and passes it without one', () => {
  const { stream, answers, sent } = client();
  stream.push(Buffer.from(`${call('1', 'b')}\n${call('2', 'a')}`));
  stream.end();
  expect(sent()).toBe(call('2', 'a'));
  expect(answers().map(({ id }) => id)).toEqual([1]);
});

test('ClientStream announces calls before a byte of them leaves [P1.intent-first]', () => {
  const { stream, recorder, announced } = client();
  stream.push(Buffer.from(`${call('1', 'a')}\n[${call('2', 'a')},${call('3', 'a')}]\n`));
  expect(announced).toEqual([true, true]);
  expect(recorder.begun).toHaveLength(3);
  expect(recorder.reports).toEqual([]);
});

test('ClientStream answers what it refuses of a batch with one array, also one [P3.batch]', () => {
  const { stream, lines } = client();
  stream.push(
    Buffer.from(`[${call('1', 'b')},${call('1e2', 'b')},{"ID":3}]\n[${call('4', 'b')}]\n`),
  );
  stream.push(Buffer.from(`${call('5', 'b')}\n[${call('6', 'b')}\n`));
  const ids = lines.map((line) =>
    [line[0], ...line.matchAll(/"id":([^,]+)/g)].map((it) => it?.[1] ?? it),
  );
  expect(ids).toEqual([
    ['[', '1', '1e2', 'null'],
    ['[', '4'],
    ['{', '5'],
    ['{', 'null'],
  ]);
});

test('ClientStream refuses a line over the limit once, and goes on behind it', () => {
  const { stream, answers, sent } = client();
  const chunk = Buffer.alloc(16 * 1024 * 1024, ' ');
  for (let bytes = 0; bytes <= MAX_CLIENT_LINE_BYTES; bytes += chunk.length) stream.push(chunk);
  stream.push(Buffer.from(`${call('1', 'a')}\n{"method":"ping"}\n`));
  stream.end();
  expect(sent()).toBe('{"method":"ping"}\n');
  expect(answers()).toMatchObject([{ id: null, error: { code: -32600 } }]);
});

describe('ClientStream, where calls wait for their receipts', () => {
  const PING = '{"id":9,"method":"ping"}\n';
  const cancel = (id: string) =>
    `{"method":"notifications/cancelled","params":{"requestId":${id}}}\n`;

  function waiting() {
    const started = client(new FakeRecorder({ requireReceipt: true }));
    const { stream, recorder } = started;
    return {
      ...started,
      push: (text: string) => stream.push(Buffer.from(text)),
      begun: (index: number) => recorder.begun[index] as Begun,
      endings: () => recorder.reports.map(({ ending, error }) => [ending, error]),
    };
  }

  test('a call leaves once it is recorded, and nothing waits behind it [P1.require-receipt] [X.waiting]', async () => {
    const { push, sent, begun, governor } = waiting();
    push(`${call('1', 'a')}\n${call('2', 'a')}\r\n${PING}`);
    expect(sent()).toBe(PING);
    expect(governor.hasOpenCalls).toBe(false);
    begun(0).acknowledge();
    begun(1).acknowledge();
    await turn();
    expect(sent()).toBe(`${PING}${call('1', 'a')}\n${call('2', 'a')}\r\n`);
    expect(governor.hasOpenCalls).toBe(true);
  });

  test('a call that is not recorded is refused with -31001 [P1.require-receipt]', async () => {
    const { push, sent, begun, answers, recorder } = waiting();
    push(`${call('1', 'a')}\n`);
    begun(0).fail(new CodedError('STORE_WRITE_FAILED', 'disk full'));
    await turn();
    expect(sent()).toBe('');
    expect(answers()).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -31001,
          message: 'no receipt can be promised for this call: disk full',
          data: {
            cause: 'STORE_WRITE_FAILED',
            code: 'RECEIPT_REQUIRED',
            remedy: expect.stringContaining('-require-receipt'),
          },
        },
      },
    ]);
    expect(recorder.reports).toMatchObject([
      { ending: 'denied', began: begun(0), error: expect.stringContaining('disk full') },
    ]);
  });

  test('a cancelled call is withdrawn: nobody hears of it but the record [X.waiting]', async () => {
    const { push, sent, begun, answers, endings } = waiting();
    push(`${call('1', 'a')}\n${call('"1"', 'a')}\n${cancel('1')}${cancel('7')}`);
    begun(0).acknowledge();
    await turn();
    expect(sent()).toBe(cancel('7'));
    expect(answers()).toEqual([]);
    expect(endings()).toEqual([['denied', 'cancelled before it was sent']]);
  });

  test('a batch waits for all of its calls and leaves as one line [P3.batch]', async () => {
    const { push, sent, begun, lines, endings } = waiting();
    const batch = `[ ${call('1', 'a')},${call('2', 'b')}, ${call('3', 'a')},${call('4', 'a')}]`;
    push(`${batch}\n${call('5', 'a')}\n`);
    begun(0).acknowledge();
    await turn();
    push(cancel('1')); // recorded, and not sent yet
    begun(1).fail(new CodedError('FRAME_DROPPED', 'too much'));
    await turn();
    expect([sent(), lines]).toEqual(['', []]);
    begun(2).acknowledge();
    begun(3).acknowledge();
    await turn();
    expect(sent()).toBe(`[${call('4', 'a')}]\n${call('5', 'a')}\n`);
    expect(lines.map((line) => (JSON.parse(line) as Answered[]).map(({ id }) => id))).toEqual([
      [2, 3],
    ]);
    expect(endings().map(([ending]) => ending)).toEqual(['denied', 'denied', 'denied']);
  });

  test('the end of the input is passed on behind the last call that waits', async () => {
    const { push, stream, events, begun, sent } = waiting();
    push(`${call('1', 'a')}\n${call('2', 'a')}`);
    stream.end();
    begun(0).acknowledge();
    await turn();
    expect(events).toEqual([]);
    begun(1).fail(new Error('x'));
    await turn();
    expect(sent()).toBe(`${call('1', 'a')}\n`);
    expect(events).toEqual(['finished']);
  });

  test('when the session ends, what waits is recorded as not sent', async () => {
    const { push, begun, governor, sent, answers, endings } = waiting();
    push(`${call('1', 'a')}\n`);
    governor.end('the server ended');
    begun(0).acknowledge();
    await turn();
    expect([sent(), answers()]).toEqual(['', []]);
    expect(endings()).toEqual([['denied', 'not sent: the server ended']]);
  });

  for (const { name, line, count } of [
    { name: 'calls', line: `${call('1', 'a')}\n`, count: 1024 },
    { name: 'bytes', line: `${call('1', `a${' '.repeat(9_000_000)}`)}\n`, count: 2 },
  ]) {
    test(`no more is read when too many ${name} wait [X.waiting]`, async () => {
      const { push, events, begun } = waiting();
      for (let pushed = 1; pushed < count; pushed += 1) push(line);
      expect(events).toEqual([]);
      push(line);
      expect(events).toEqual(['hold']);
      begun(0).acknowledge();
      await turn();
      expect(events).toEqual(['hold', 'read on']);
    });
  }

  const step = fc.oneof(
    fc.record({ kind: fc.constant('line' as const), tools: fc.array(fc.constantFrom('a', 'b')) }),
    fc.record({ kind: fc.constant('acknowledge' as const), which: fc.nat(30) }),
    fc.record({ kind: fc.constant('fail' as const), which: fc.nat(30) }),
    fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(30) }),
    fc.constant({ kind: 'turn' as const }),
  );

  test('every call leaves or is denied, and is told once, whatever comes between [P1.outcome-frame]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { push, sent, begun, recorder, governor, stream, events } = waiting();
        let made = 0;
        for (const it of steps) {
          if (it.kind === 'turn') await turn();
          else if (it.kind === 'cancel') push(cancel(`${it.which}`));
          else if (it.kind === 'acknowledge') begun(it.which)?.acknowledge();
          else if (it.kind === 'fail') begun(it.which)?.fail(new Error('x'));
          else if (it.kind === 'line') {
            const calls = it.tools.map((tool) => call(`${made++}`, tool));
            push(calls.length === 1 ? `${calls[0]}\n` : `[${calls.join(',')}]\n`);
          }
        }
        stream.end();
        await turn();
        governor.end('end');
        await turn();
        expect(events).toEqual(['finished']);
        expect(recorder.reports).toHaveLength(made);
        for (const { call: told, ending, began } of recorder.reports) {
          const hasLeft = sent().includes(`"id": ${String(told?.id)},"method":"tools/call"`);
          expect(ending).toBe(hasLeft ? 'unknown' : 'denied');
          if (hasLeft) expect(began).toBeDefined();
        }
      }),
    );
  });
});
