import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import type { OutcomeReport } from '../emitter/open-report.ts';
import type { ActionReport } from '../emitter/report.ts';
import { emittingRecorder, type OpenRecord } from './recorder.ts';

const CALL = {
  name: 'mcp__srv__read',
  id: Buffer.from('1e2'),
  arguments: Buffer.from('{"a":1.0}'),
  toolUseId: 'toolu_1',
  wantsTask: false,
};
const RECORD = { tool: 'read', call: CALL, context: { action: 'pass' } };

/** What the emitter is told, in order. */
function recording({ requireReceipt = false } = {}) {
  const told: (ActionReport | OutcomeReport | number)[] = [];
  const open = { end: (outcome: OutcomeReport) => void told.push(outcome) };
  const emitter = {
    emit: (report: ActionReport) => void told.push(report),
    begin: (report: ActionReport) => {
      told.push(report);
      return open;
    },
    beginConfirmed: (report: ActionReport, timeoutMs: number) => {
      told.push(report, timeoutMs);
      return { open, durable: Promise.resolve() };
    },
  };
  const options = { serverName: 'srv', sessionId: 'session', requireReceipt };
  return { told, recorder: emittingRecorder(emitter as never, options) };
}

test('emittingRecorder() announces a call in the members that daemons know', () => {
  const { told, recorder } = recording();
  expect(recorder.begin(RECORD).durable).toBeUndefined();
  expect(told).toEqual([
    {
      channel: 'mcp',
      tool: { server: 'srv', name: 'read' },
      decision: 'allowed',
      decisionContext: { action: 'pass' },
      input: CALL.arguments,
      idempotencyKey: 'session/1e2',
      correlationId: 'toolu_1',
    },
  ]);
});

const note = { action: 'pass', note: 'n' };
for (const { name, end, want } of [
  {
    name: 'an answer',
    end: (open: OpenRecord) => open.answered({ output: Buffer.from('{"b":2}') }),
    want: { output: Buffer.from('{"b":2}') },
  },
  {
    name: 'an error answer with a note',
    end: (open: OpenRecord) => open.answered({ error: Buffer.from('{"code":-1}'), context: note }),
    want: { error: '{"code":-1}', decisionContext: note },
  },
  {
    name: 'an outcome that nobody saw',
    end: (open: OpenRecord) => open.unknown('outcome unknown: x', note),
    want: { decision: 'pending', error: 'outcome unknown: x', decisionContext: note },
  },
  {
    name: 'a call that did not leave after all',
    end: (open: OpenRecord) => open.denied('cancelled'),
    want: { decision: 'denied', error: 'cancelled' },
  },
]) {
  test(`emittingRecorder() ends a call with ${name}`, () => {
    const { told, recorder } = recording();
    end(recorder.begin(RECORD));
    expect(told.slice(1)).toEqual([want]);
  });
}

test('emittingRecorder() waits for the daemon where a receipt is required', async () => {
  const { told, recorder } = recording({ requireReceipt: true });
  await recorder.begin(RECORD).durable;
  expect(told[1]).toBe(5000);
});

test('emittingRecorder() never loses a report for the name of a tool', () => {
  const nameOf = (tool: string) => {
    const { told, recorder } = recording();
    recorder.denied({ ...RECORD, tool }, 'no');
    expect(told).toMatchObject([{ decision: 'denied', error: 'no' }]);
    return (told[0] as ActionReport).tool.name;
  };
  expect(nameOf('')).toBe('(empty)');
  const name = nameOf('\u{1f600}'.repeat(500_000));
  expect(name.length).toBeLessThan(2000);
  expect(name.isWellFormed()).toBe(true);
  expect(name).toMatch(/ \[cut, sha256:[0-9a-f]{64}\]$/);
});
