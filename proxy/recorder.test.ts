import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import type { ActionReport } from '../emitter/report.ts';
import { emittingRecorder, type CallRecord } from './recorder.ts';

function reported(ending: 'denied' | 'answered' | 'unknown', record: Partial<CallRecord>) {
  const reports: ActionReport[] = [];
  const emitter = { emit: (report: ActionReport) => void reports.push(report) };
  const recorder = emittingRecorder(emitter as never, 'srv', 'session');
  recorder[ending]({ tool: 'read', call: undefined, context: { action: 'pass' }, ...record });
  return reports;
}

const CALL = {
  name: 'mcp__srv__read',
  id: Buffer.from('1e2'),
  arguments: Buffer.from('{"a":1.0}'),
  toolUseId: 'toolu_1',
};

test('emittingRecorder() reports a call in the members that daemons know', () => {
  const [report] = reported('answered', { call: CALL, output: Buffer.from('{"b":2}') });
  expect(report).toEqual({
    channel: 'mcp',
    tool: { server: 'srv', name: 'read' },
    decision: 'allowed',
    decisionContext: { action: 'pass' },
    input: CALL.arguments,
    output: Buffer.from('{"b":2}'),
    idempotencyKey: 'session/1e2',
    correlationId: 'toolu_1',
  });
});

for (const { ending, error, decision } of [
  { ending: 'denied', error: 'no', decision: 'denied' },
  { ending: 'unknown', error: 'outcome unknown: x', decision: 'pending' },
  { ending: 'answered', error: Buffer.from('{"code":-1}'), decision: 'allowed' },
] as const) {
  test(`emittingRecorder() reports ${ending} as ${decision} with the error`, () => {
    expect(reported(ending, { error })).toMatchObject([{ decision, error: String(error) }]);
  });
}

test('emittingRecorder() never loses a report for the name of a tool', () => {
  expect(reported('denied', { tool: '' })[0]?.tool.name).toBe('(empty)');
  const name = reported('denied', { tool: '\u{1f600}'.repeat(500_000) })[0]?.tool.name ?? '';
  expect(name.length).toBeLessThan(2000);
  expect(name.isWellFormed()).toBe(true);
  expect(name).toMatch(/ \[cut, sha256:[0-9a-f]{64}\]$/);
});
