import { array, assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet, type NumberRange } from './number-set.ts';

const numbersOf = (ranges: readonly NumberRange[]) =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

test('NumberSet knows what it was given, and what is missing below, in any order', () => {
  assert(
    property(array(integer({ min: 1, max: 40 })), (numbers) => {
      const set = new NumberSet(100);
      const model = new Set<number>();
      for (const number of numbers) {
        expect(set.has(number)).toBe(model.has(number));
        expect(set.add(number)).toBe(true);
        model.add(number);
      }
      const largest = Math.max(0, ...model);
      const missing = Array.from({ length: largest }, (_, i) => i + 1).filter((n) => !model.has(n));
      expect(numbersOf(set.holes())).toEqual(missing);
      expect(set.lowest).toBe(model.size === 0 ? undefined : Math.min(...model));
    }),
  );
});

test('NumberSet takes no more stretches than it may, and goes on with those it has', () => {
  const set = new NumberSet(2);
  expect([1, 3, 5].map((number) => set.add(number))).toEqual([true, true, false]);
  expect(set.has(5)).toBe(false);
  expect([2, 4, 6].map((number) => set.add(number))).toEqual([true, true, true]);
  expect(set.holes()).toEqual([[5, 5]]);
});
