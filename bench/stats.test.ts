import { expect, test } from 'vitest';
import { atLeast, atMost, judge, ratioRow } from './row.ts';
import { median, quantile } from './stats.ts';

for (const { name, values, q, want } of [
  { name: 'one value', values: [7], q: 0.99, want: 7 },
  { name: 'the middle of an even number', values: [4, 1, 3, 2], q: 0.5, want: 2.5 },
  { name: 'a place between two values', values: [0, 10, 20, 30], q: 0.9, want: 27 },
  { name: 'numbers, not their texts', values: [9, 10, 100], q: 0.5, want: 10 },
]) {
  test(`quantile() finds ${name}`, () => {
    expect(quantile(values, q)).toBeCloseTo(want);
  });
}

test('median() of nothing is not a number, never zero', () => {
  expect(median([])).toBeNaN();
});

test('ratioRow() takes the median of the rounds, so that one disturbed round does not decide', () => {
  const rounds = [
    { floor: 100, measured: 120 },
    { floor: 300, measured: 330 }, // both sides slow: the ratio stays
    { floor: 100, measured: 900 }, // only one side: an outlier
  ];
  const spec = { row: 'a call', basis: 'wall', unit: 'ns', floorName: 'floor' } as const;
  const row = ratioRow({ ...spec, budget: atMost(1.25) }, rounds);
  expect(row).toMatchObject({ value: 1.2, outcome: 'ok', spread: [1.1, 9], rounds: 3 });
});

for (const { budget, value, want } of [
  { budget: atMost(1.5), value: 1.5, want: 'ok' },
  { budget: atMost(1.5), value: 1.51, want: 'over' },
  { budget: atLeast(0.4), value: 0.4, want: 'ok' },
  { budget: atLeast(0.4), value: 0.39, want: 'over' },
  { budget: atMost(1.5), value: Number.NaN, want: 'over' }, // no figure is never a good one
  { budget: undefined, value: 99, want: 'info' },
]) {
  test(`judge() of ${value} against ${budget?.sense ?? 'no'} ${budget?.limit ?? 'budget'}`, () => {
    expect(judge(budget, value)).toBe(want);
  });
}
