import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasControls, isPlainText } from './byte-classes.ts';

test('hasControls() and isPlainText() say what a look at each byte says, wherever the bytes lie', () => {
  const edge = fc.constantFrom(0, 0x1f, 0x20, 0x7f, 0x80, 0xa0, 0xff);
  const byte = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0x20, max: 0x7f }) }, edge);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), fc.nat({ max: 3 }), (list, offset) => {
      const memory = new Uint8Array(offset + list.length + 3);
      const bytes = memory.subarray(offset, offset + list.length);
      bytes.set(list);
      expect(hasControls(bytes)).toBe(list.some((value) => value < 0x20));
      expect(isPlainText(bytes)).toBe(list.every((value) => value >= 0x20 && value < 0x80));
    }),
    { numRuns: 3000 },
  );
});
