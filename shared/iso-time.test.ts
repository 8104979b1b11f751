import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTime } from './iso-time.ts';

test('isoTime() writes every time as toISOString() does', () => {
  const near = fc.date({
    min: new Date('1970-01-01'),
    max: new Date('2100-01-01'),
    noInvalidDate: true,
  });
  const any = fc.date({ noInvalidDate: true });
  fc.assert(
    fc.property(fc.oneof(near, any), (date) => {
      expect(isoTime(date)).toBe(date.toISOString());
    }),
    { numRuns: 2000 },
  );
  expect(isoTime(new Date('2026-01-02T03:04:05.006Z'))).toBe('2026-01-02T03:04:05.006Z');
  expect(() => isoTime(new Date(Number.NaN))).toThrow(RangeError);
});
