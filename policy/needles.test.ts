import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Needles } from './needles.ts';

const WORDS = ['sk-', 'xox', 'ignore', 'ignored', 'do not', ' tool', '   '.repeat(4), '\\u0'];

for (const { text, want } of [
  { text: '', want: false },
  { text: 'sk', want: false },
  { text: 'sk-', want: true },
  { text: 'SK-1', want: true },
  { text: 'please iGNORE this', want: true },
  { text: 'ignor', want: false },
  { text: 'ss sk sk- ', want: true },
  { text: `${' '.repeat(11)}x${' '.repeat(11)}`, want: false },
  { text: `x${' '.repeat(12)}`, want: true },
  { text: 'a\\u0041', want: true },
  { text: 'a\\n0', want: false },
]) {
  test(`Needles.standIn(${JSON.stringify(text)}) is ${want}`, () => {
    expect(new Needles(WORDS).standIn(Buffer.from(text))).toBe(want);
  });
}

test('Needles.standIn() finds what a search for each of them finds, wherever it stands', () => {
  const letter = fc.constantFrom(...'skxoignretdul- \\0SKXOIG\n'.split(''));
  const text = fc.string({ unit: letter, maxLength: 60 });
  const needle = fc.string({
    unit: fc.constantFrom(...'skxoig- \\0'.split('')),
    minLength: 3,
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, fc.array(needle, { maxLength: 6 }), (where, needles) => {
      const want = needles.some((word) => where.toLowerCase().includes(word));
      expect(new Needles(needles).standIn(Buffer.from(where))).toBe(want);
    }),
    { numRuns: 2000 },
  );
});

test('Needles refuses one that is shorter than what it looks at', () => {
  expect(() => new Needles(['ab'])).toThrow(RangeError);
});
