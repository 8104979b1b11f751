import { expect, test } from 'vitest';
import type { JsonObject } from '../../shared/json/value.ts';
import { approvalRows } from './approval-rows.ts';

const APPROVED: JsonObject = {
  id: 'a',
  outcome: 'approved',
  by: 'did:user:ann',
  door: 'terminal',
  waited_ms: 8120,
  reason: 'fine',
};

for (const { name, approval, want } of [
  {
    name: 'an approval',
    approval: APPROVED,
    want: [
      ['Approval', 'approved by did:user:ann (terminal) after 8.12s: fine'],
      ['Approval details', '{"id":"a"}'],
    ],
  },
  {
    name: 'silence',
    approval: { outcome: 'timed_out', waited_ms: 60_000 },
    want: [['Approval', 'timed out after 1m0s']],
  },
  { name: 'another shape', approval: { ...APPROVED, by: { pid: 1 } }, want: undefined },
  { name: 'no object', approval: 'approved', want: undefined },
]) {
  test(`approvalRows() shows ${name}, and leaves nothing out`, () => {
    expect(approvalRows(approval)).toEqual(want);
  });
}
