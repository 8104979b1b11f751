import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { OpenCalls } from './open-calls.ts';

function open(calls: OpenCalls, tool: string, id: string | undefined): void {
  const call = {
    name: tool,
    id: id === undefined ? undefined : Buffer.from(id),
    arguments: undefined,
    toolUseId: undefined,
  };
  calls.add({ call, tool, context: {}, cancelled: false, ambiguous: false });
}

for (const { request, answer, same } of [
  { request: '1', answer: '1', same: true },
  { request: '1e2', answer: '100', same: true },
  { request: '1.0', answer: '1', same: true },
  { request: '-0', answer: '0', same: true },
  { request: '0', answer: '-0.0', same: true },
  { request: '-5', answer: '-5', same: true },
  { request: '1.5', answer: '15e-1', same: true },
  { request: '"a"', answer: '"\\u0061"', same: true },
  { request: '9007199254740993', answer: '9007199254740993', same: true },
  { request: 'null', answer: 'null', same: true },
  { request: '"1"', answer: '1', same: false },
  { request: '1', answer: '"1"', same: false },
  { request: '9007199254740993', answer: '9007199254740992', same: false },
  { request: '"null"', answer: 'null', same: false },
  { request: 'null', answer: '0', same: false },
  // No call has such an id; an answer with one belongs to none, also not to the call with null.
  { request: 'null', answer: 'true', same: false },
  { request: 'null', answer: '{}', same: false },
  { request: '"A"', answer: '"a"', same: false },
  { request: '"__proto__"', answer: '"constructor"', same: false },
]) {
  test(`OpenCalls: id ${request} ${same ? 'is' : 'is not'} answered by ${answer}`, () => {
    const calls = new OpenCalls();
    open(calls, 'tool', request);
    expect(calls.take(Buffer.from(answer))?.tool).toBe(same ? 'tool' : undefined);
    expect(calls.count).toBe(same ? 0 : 1);
  });
}

test('OpenCalls keeps calls with one id apart, in order, and says so [P3.duplicate-id]', () => {
  const calls = new OpenCalls();
  open(calls, 'first', '7');
  open(calls, 'second', '7.0');
  open(calls, 'alone', '8');
  const take = (id: string) => {
    const taken = calls.take(Buffer.from(id));
    return taken && { tool: taken.tool, ambiguous: taken.ambiguous };
  };
  expect(take('7')).toEqual({ tool: 'first', ambiguous: true });
  expect(take('7')).toEqual({ tool: 'second', ambiguous: true });
  expect(take('7')).toBeUndefined();
  expect(take('8')).toEqual({ tool: 'alone', ambiguous: false });
  open(calls, 'again', '7');
  expect(take('7')).toEqual({ tool: 'again', ambiguous: false });
  expect(calls.count).toBe(0);
});

test('OpenCalls marks a cancelled call and keeps it open', () => {
  const calls = new OpenCalls();
  open(calls, 'a', '1');
  open(calls, 'b', '2');
  calls.cancel(Buffer.from('1'));
  calls.cancel(Buffer.from('"2"'));
  expect(calls.takeAll().map(({ tool, cancelled }) => [tool, cancelled])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  expect(calls.count).toBe(0);
});

test('OpenCalls gives up a call without id at once', () => {
  const calls = new OpenCalls();
  open(calls, 'a', undefined);
  open(calls, 'b', '1');
  expect(calls.takeUnanswerable().map(({ tool }) => tool)).toEqual(['a']);
  expect(calls.takeUnanswerable()).toEqual([]);
  expect(calls.count).toBe(1);
});

test('OpenCalls does not hold on to the chunk that a small call came in', () => {
  const chunk = Buffer.alloc(64 * 1024, '1');
  const calls = new OpenCalls();
  const call = {
    name: 'a',
    id: chunk.subarray(0, 1),
    arguments: chunk.subarray(1, 9),
    toolUseId: undefined,
  };
  calls.add({ call, tool: 'a', context: {}, cancelled: false, ambiguous: false });
  chunk.fill('x');
  expect(calls.take(Buffer.from('1'))?.call.arguments?.toString()).toBe('11111111');
});
