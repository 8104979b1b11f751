import { describe, expect, test } from 'vitest';
import { DuplicateKeys } from './idempotency.ts';

const LINE = '(retries are legitimate; review for double-counting)';

describe('DuplicateKeys', () => {
  test('warns once per key, in the order of first sight', () => {
    const keys = new DuplicateKeys();
    for (const [index, key] of ['x', 'y', 'y', 'z', 'x'].entries()) keys.add(key, index);
    expect(keys.warnings()).toEqual([
      `duplicate idempotency_key "x" on receipts at indices 0, 4 ${LINE}`,
      `duplicate idempotency_key "y" on receipts at indices 1, 2 ${LINE}`,
    ]);
    expect(keys.isComplete).toBe(true);
  });

  test('[F.idempotency-noise] looks at every session by itself', () => {
    const keys = new DuplicateKeys();
    for (const [index, session] of ['s', 't', undefined, 's'].entries())
      keys.add('1', index, session);
    expect(keys.warnings()).toEqual([
      `duplicate idempotency_key "1" on receipts at indices 0, 3 ${LINE}`,
    ]);
  });

  test('names twenty places and counts the rest', () => {
    const keys = new DuplicateKeys();
    for (let index = 0; index < 23; index += 1) keys.add('x', index);
    expect(keys.warnings()).toEqual([
      `duplicate idempotency_key "x" on receipts at indices ${Array.from({ length: 20 }, (_, i) => i).join(', ')} and 3 more ${LINE}`,
    ]);
  });

  test('stops at 50,000 keys, says so, and goes on with those it knows', () => {
    const keys = new DuplicateKeys();
    for (let index = 0; index < 50_000; index += 1) keys.add(`k${index}`, index);
    expect(keys.isComplete).toBe(true);
    keys.add('one too many', 50_000);
    keys.add('one too many', 50_001);
    keys.add('k7', 50_002);
    expect(keys.isComplete).toBe(false);
    expect(keys.warnings()).toEqual([
      `duplicate idempotency_key "k7" on receipts at indices 7, 50002 ${LINE}`,
    ]);
  });
});
