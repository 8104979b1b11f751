import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { findCalls } from './lax-reader.ts';
import { HOSTILE_LINES } from './lines.ts';

test('the hostile lines are many, and each has a name of its own', () => {
  const names = new Set(HOSTILE_LINES.map(({ name }) => name));
  expect(names.size).toBe(HOSTILE_LINES.length);
  expect(names.size).toBeGreaterThanOrEqual(300);
});

// Without this the corpus could go blunt: lines in which nobody sees a call prove nothing.
for (const { name, bytes, isNoCall } of HOSTILE_LINES) {
  test(`a forgiving server sees ${isNoCall ? 'no call' : 'a call'} in ${name}`, () => {
    expect(findCalls(bytes()).length > 0).toBe(isNoCall !== true);
  });
}

for (const line of [
  '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  '{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call"}}',
  '{"method":"tools/list","params":{"method":"tools/call"}}',
  '[{"method":"ping"},"tools/call"]',
  '"tools/call"',
  '',
]) {
  test(`a forgiving server sees no call in ${line}`, () => {
    expect(findCalls(Buffer.from(`${line}\n`))).toEqual([]);
  });
}
