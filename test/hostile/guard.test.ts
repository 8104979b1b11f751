import { expect, test } from 'vitest';
import { guard } from './guard.ts';
import { findCalls } from './lax-reader.ts';
import { HOSTILE_LINES } from './lines.ts';

for (const { name, bytes, answered, passes = '' } of HOSTILE_LINES) {
  test(`nothing of ${name} passes [P3.corpus]`, () => {
    const guarded = guard(bytes());
    expect(findCalls(guarded.passed)).toEqual([]);
    expect(guarded.passed.toString()).toBe(passes);
    expect(answered.filter((id) => !guarded.answered.includes(id))).toEqual([]);
    if (answered.length === 0) expect(guarded.answered).toEqual([]);
  });
}
