import { Buffer } from 'node:buffer';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeRecorder } from '../test/fixtures/proxy-recorder.ts';
import { inspectClientLine } from './inspect.ts';
import { MAX_CANCELLED, Outcomes } from './outcomes.ts';
import { readServerLine } from './server-message.ts';
import { MAX_TASKS } from './task-calls.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session of which only the ends of calls are of interest. */
function session() {
  const recorder = new FakeRecorder();
  const outcomes = new Outcomes(() => undefined);
  const client = (message: object) => {
    const inspection = inspectClientLine(Buffer.from(JSON.stringify(message)));
    if (inspection.kind === 'cancel') outcomes.cancel(inspection.requestId);
    if (inspection.kind === 'task') outcomes.follow(inspection.request);
    if (inspection.kind !== 'call') return;
    const { call } = inspection;
    const context = { action: 'pass' };
    outcomes.sent(call, recorder.begin({ tool: call.name, call, context }), context);
  };
  return {
    outcomes,
    client,
    call: (id: number | string, params: object = {}) =>
      client({ id, method: 'tools/call', params: { name: `tool ${id}`, ...params } }),
    about: (id: number, method: string, taskId = 'T') => client({ id, method, params: { taskId } }),
    cancel: (requestId: number) =>
      client({ method: 'notifications/cancelled', params: { requestId } }),
    server: (message: object | string) =>
      outcomes.observe(
        readServerLine(
          Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)),
        ),
      ),
    /** How the calls have ended, in order; a decision of `unknown` with its reason. */
    ends: () =>
      recorder.reports.map(({ tool, error, output, context }) => [
        tool,
        error?.replace('outcome unknown: ', '') ?? output,
        ...(context['note'] === undefined ? [] : [context['note']]),
      ]),
  };
}

type Session = ReturnType<typeof session>;

const RELATED = { 'io.modelcontextprotocol/related-task': { taskId: 'T' } };
const RESULT = { content: [], _meta: RELATED };
const AFTER_CANCEL = 'the client had cancelled the call before the answer came';
const OUT = ['tool 1', '{"content":[]}'];

/** A call with id 1 that was answered with task T, in the form of MCP 2025-11-25. */
function withTask(run: (it: Session) => void): (it: Session) => void {
  return (it) => {
    it.call(1, { task: { ttl: 60_000 } });
    it.server({ id: 1, result: { task: { taskId: 'T', status: 'working' } } });
    run(it);
  };
}

/** The same, in the form of the extension, where servers decide. */
function withExtensionTask(run: (it: Session) => void): (it: Session) => void {
  return (it) => {
    it.call(1);
    it.server({ id: 1, result: { resultType: 'task', taskId: 'T', status: 'working' } });
    run(it);
  };
}

describe('a call that was answered with a task [P1.task-result]', () => {
  for (const { name, run, want } of [
    {
      name: 'ends with what tasks/result brings',
      run: withTask((it) => {
        it.about(2, 'tasks/get');
        it.server({ id: 2, result: { taskId: 'T', status: 'completed' } });
        it.about(3, 'tasks/result');
        it.server({ id: 3, result: RESULT });
        it.about(4, 'tasks/result');
        it.server({ id: 4, result: RESULT });
      }),
      want: [['tool 1', JSON.stringify(RESULT)]],
    },
    {
      name: 'ends with the error that tasks/result brings',
      run: withTask((it) => {
        it.about(3, 'tasks/result');
        it.server({ id: 3, error: { code: -32000 } });
      }),
      want: [['tool 1', '{"code":-32000}']],
    },
    {
      name: 'believes invalid params of a task that failed, and takes them for its own otherwise',
      run: withTask((it) => {
        it.about(3, 'tasks/result');
        it.server({ id: 3, error: { code: -32602 } });
        it.server({
          method: 'notifications/tasks/status',
          params: { taskId: 'T', status: 'failed' },
        });
        it.about(4, 'tasks/result');
        it.server({ id: 4, error: { code: -32602, message: 'second' } });
      }),
      want: [['tool 1', '{"code":-32602,"message":"second"}']],
    },
    {
      name: 'is told with its last status where nobody fetched it',
      run: withTask((it) => {
        it.about(2, 'tasks/get');
        it.server({ id: 2, result: { taskId: 'T', status: 'input_required\n' } });
        it.outcomes.end('the server ended');
      }),
      want: [
        [
          'tool 1',
          'no result of task "T" (last status: input_required\\u{a}) was fetched; the server ended',
        ],
      ],
    },
    {
      name: 'finds a result by its link when the request was cancelled',
      run: withTask((it) => {
        it.about(3, 'tasks/result');
        it.cancel(3);
        it.server({ id: 3, result: RESULT });
      }),
      want: [['tool 1', JSON.stringify(RESULT)]],
    },
    {
      name: 'gets its result with tasks/get of the extension',
      run: withExtensionTask((it) => {
        it.about(2, 'tasks/get');
        it.server({ id: 2, result: { taskId: 'T', status: 'working', result: {} } });
        it.about(3, 'tasks/update');
        it.server({
          id: 3,
          result: { taskId: 'T', status: 'completed', result: { content: [] } },
        });
      }),
      want: [OUT],
    },
    {
      name: 'gets its error with tasks/get of the extension',
      run: withExtensionTask((it) => {
        it.about(2, 'tasks/get');
        it.server({ id: 2, result: { taskId: 'T', status: 'failed', error: { code: 5 } } });
      }),
      want: [['tool 1', '{"code":5}']],
    },
    {
      name: 'gets its result with a notification of the extension',
      run: withExtensionTask((it) => {
        it.server({
          method: 'notifications/tasks',
          params: { taskId: 'T', status: 'completed', result: { content: [] } },
        });
      }),
      want: [OUT],
    },
    {
      name: 'is told a minute after tasks/cancel, and once more when the result comes',
      run: withTask((it) => {
        it.about(2, 'tasks/cancel');
        it.server({ id: 2, result: { taskId: 'T', status: 'cancelled' } });
        vi.advanceTimersByTime(60_000);
        it.about(3, 'tasks/result');
        it.server({ id: 3, result: { content: [] } });
        it.outcomes.end('end');
      }),
      want: [
        [
          'tool 1',
          'cancelled by the client; no result of task "T" (last status: cancelled) was seen within 60 s',
        ],
        [...OUT, AFTER_CANCEL],
      ],
    },
    {
      name: 'keeps to its own task',
      run: withTask((it) => {
        it.about(2, 'tasks/result', 'another');
        it.server({ id: 2, result: { content: 'another' } });
        it.server({ id: 9, method: 'tasks/get', params: { taskId: 'T' } }); // ids of its own
        it.about(9, 'tasks/get');
        it.server({ method: 'notifications/tasks', params: { taskId: 'U', status: 'completed' } });
        it.server({ id: 9, result: 'junk' });
        it.server({ id: 8, result: { _meta: { 'io.modelcontextprotocol/related-task': 0 } } });
        it.outcomes.end('end');
      }),
      want: [['tool 1', 'no result of task "T" (last status: working) was fetched; end']],
    },
  ]) {
    test(`Outcomes: a call with a task ${name}`, () => {
      const it = session();
      run(it);
      expect(it.ends()).toEqual(want);
      expect(it.outcomes.isEmpty).toBe(true);
    });
  }

  test('is no task when it only looks like one', () => {
    const it = session();
    const looks = { task: { taskId: 'T' }, structuredContent: { taskId: 'T' } };
    it.call(1);
    it.server({ id: 1, result: looks });
    it.call(2, { task: {} });
    it.server({ id: 2, result: { task: { taskId: 7 } } });
    // A client would take this for a result: to call it a task would hide what it says.
    const both = { resultType: 'task', taskId: 'T', content: ['secret'] };
    it.call(3);
    it.server({ id: 3, result: both });
    expect(it.ends()).toEqual([
      ['tool 1', JSON.stringify(looks)],
      ['tool 2', '{"task":{"taskId":7}}'],
      ['tool 3', JSON.stringify(both)],
    ]);
  });

  test('is given up, and told, when a server makes up too many tasks', () => {
    const it = session();
    for (let id = 0; id <= MAX_TASKS; id += 1) {
      it.call(id);
      it.server({ id, result: { resultType: 'task', taskId: `T${id}`, status: 'working' } });
    }
    expect(it.outcomes.openCount).toBe(0);
    expect(it.ends()).toEqual([
      [
        'tool 0',
        `no result of task "T0" (last status: working) was fetched; ${MAX_TASKS} newer tasks are open`,
      ],
    ]);
    it.outcomes.end('end');
    expect(it.ends()).toHaveLength(MAX_TASKS + 1);
  });
});

describe('Outcomes: a call that the client has cancelled [P1.late-result]', () => {
  test('is answered all the same, and the record says so', () => {
    const it = session();
    it.call(1);
    it.cancel(1);
    it.server({ id: 1, result: { content: [] } });
    vi.advanceTimersByTime(100_000);
    expect(it.ends()).toEqual([[...OUT, AFTER_CANCEL]]);
  });

  test('is told as unknown after a minute, and its result later', () => {
    const it = session();
    it.call(1);
    it.cancel(1);
    it.cancel(1);
    vi.advanceTimersByTime(60_000);
    expect(it.outcomes.openCount).toBe(0);
    expect(it.outcomes.isEmpty).toBe(false);
    it.server({ id: 1, result: { content: [] } });
    it.server({ id: 1, result: { content: [] } });
    expect(it.ends()).toEqual([
      ['tool 1', 'cancelled by the client; no answer within 60 s'],
      [...OUT, AFTER_CANCEL],
    ]);
  });

  test('does not use up the room for open calls', () => {
    const it = session();
    for (let id = 0; id <= MAX_CANCELLED; id += 1) {
      it.call(id);
      it.cancel(id);
    }
    expect(it.outcomes.openCount).toBe(MAX_CANCELLED);
    expect(it.ends()).toEqual([
      [
        'tool 0',
        `cancelled by the client; no answer yet, and ${MAX_CANCELLED} newer calls are cancelled`,
      ],
    ]);
    it.server({ id: 1, result: { content: [] } });
    it.call('next');
    it.outcomes.end('end');
    expect(it.ends()).toHaveLength(MAX_CANCELLED + 2);
  });

  test('becomes a task first, and is told a minute after that', () => {
    const it = session();
    it.call(1);
    it.cancel(1);
    vi.advanceTimersByTime(30_000);
    it.server({ id: 1, result: { resultType: 'task', taskId: 'T', status: 'working' } });
    vi.advanceTimersByTime(59_000);
    expect(it.ends()).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(it.ends()).toMatchObject([['tool 1', expect.stringContaining('task "T"')]]);
  });

  test('is told once when the session ends before or after that', () => {
    const it = session();
    it.call(1);
    it.cancel(1);
    vi.advanceTimersByTime(60_000);
    it.call(2);
    it.cancel(2);
    it.outcomes.end('the server ended');
    vi.advanceTimersByTime(100_000);
    expect(it.ends()).toEqual([
      ['tool 1', 'cancelled by the client; no answer within 60 s'],
      ['tool 2', 'cancelled by the client; the server ended before an answer was seen'],
    ]);
  });
});

test('Outcomes survives an id that is no JSON', () => {
  const it = session();
  it.call('x');
  it.server('{"id":"\\x","result":1}');
  it.server('{"id":"x","result":1}');
  expect(it.ends()).toEqual([['tool x', '1']]);
});
