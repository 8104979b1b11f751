import { expect, test } from 'vitest';
import { compare, percentile } from './percentiles.ts';

test('percentile() is the nearest rank', () => {
  const values = Array.from({ length: 200 }, (_, i) => i + 1);
  expect([50, 95, 99, 100].map((at) => percentile(values, at))).toEqual([100, 190, 198, 200]);
  expect(percentile([7], 50)).toBe(7);
});

test('compare() sets each round against its own, and the slow round moves no ratio', () => {
  const { direct, ratios } = compare(
    [
      [3, 1, 2],
      [30, 10, 20],
      [1, 2, 3],
    ],
    [
      [6, 2, 4],
      [60, 20, 40],
      [3, 6, 9],
    ],
  );
  expect(direct).toEqual([1, 1, 2, 2, 3, 3, 10, 20, 30]);
  expect(ratios.p50).toEqual({ median: 2, low: 2, high: 3 });
});
