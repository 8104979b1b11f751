import { expect, test } from 'vitest';
import type { ReceiptStore } from '../store/receipt-store.ts';
import { RecordedCalls } from './recorded-calls.ts';

test('RecordedCalls remembers the youngest 16,384, and not many more', () => {
  const calls = new RecordedCalls({ newestCalls: () => [] } as unknown as ReceiptStore);
  const call = (sequence: number) => ({ chainId: 'c', sequence, isPending: false });
  const COUNT = 50_000;
  for (let at = 0; at < COUNT; at += 1) {
    calls.add(`key ${at}`, call(at));
    calls.add('told again', call(at)); // each time the youngest
  }
  const known = Array.from({ length: COUNT }, (_, at) => at).filter(
    (at) => calls.find(`key ${at}`, true) !== undefined,
  );
  expect(known.at(0)).toBe(COUNT - known.length); // none is missing in between
  expect(known.length).toBeGreaterThanOrEqual(16_383);
  expect(known.length).toBeLessThanOrEqual(16_384 + 4096);
  expect(calls.find('told again', false)).toEqual(call(COUNT - 1));
});
