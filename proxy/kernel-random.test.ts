import { expect, test } from 'vitest';
import { randomHex, randomUuid } from './kernel-random.ts';

test('randomUuid() has the form of version 4 and comes once', () => {
  const all = Array.from({ length: 200 }, randomUuid);
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(all.filter((uuid) => !form.test(uuid))).toEqual([]);
  expect(new Set(all).size).toBe(all.length);
});

test('randomHex() is as long as asked for and comes once', () => {
  const all = Array.from({ length: 200 }, () => randomHex(16));
  expect(all.filter((hex) => !/^[0-9a-f]{32}$/.test(hex))).toEqual([]);
  expect(new Set(all).size).toBe(all.length);
});
