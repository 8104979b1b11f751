import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './lines.ts';

const LIMIT = 12;

/** What a splitter says about chunks, as text; `!` marks a line that is too long. */
function split(chunks: readonly Buffer[], limit = LIMIT): string[] {
  const said: string[] = [];
  const handler = {
    line: (bytes: Buffer) => void said.push(bytes.toString('latin1')),
    tooLong: () => void said.push('!'),
  };
  const splitter = new LineSplitter(limit);
  for (const chunk of chunks) splitter.push(chunk, handler);
  splitter.end(handler);
  return said;
}

const text = (...chunks: string[]) => split(chunks.map((chunk) => Buffer.from(chunk, 'latin1')));

for (const { name, chunks, want } of [
  { name: 'lines', chunks: ['a\nb\n'], want: ['a\n', 'b\n'] },
  { name: 'blank lines', chunks: ['\n\n'], want: ['\n', '\n'] },
  { name: 'a line in pieces', chunks: ['a', 'b', '\n'], want: ['ab\n'] },
  { name: 'a last line without end', chunks: ['a\nb'], want: ['a\n', 'b'] },
  { name: 'CR as any other byte', chunks: ['a\rb\r\n'], want: ['a\rb\r\n'] },
  { name: 'U+2028 as any other', chunks: ['\xe2\x80\xa8\n'], want: ['\xe2\x80\xa8\n'] },
  { name: 'a line at the limit', chunks: ['0123456789a\n'], want: ['0123456789a\n'] },
  {
    name: 'a line over the limit, once',
    chunks: ['0123456789', 'abc', 'd\nx\n'],
    want: ['!', 'x\n'],
  },
  { name: 'a long line that never ends', chunks: ['0123456789abc', 'd'], want: ['!'] },
  { name: 'nothing', chunks: [], want: [] },
]) {
  test(`LineSplitter tells ${name}`, () => {
    expect(text(...chunks)).toEqual(want);
  });
}

test('LineSplitter says the same wherever the stream is cut [P3.split-utf8]', () => {
  const bytes = fc
    .array(fc.constantFrom(0x0a, 0x0a, 0x0d, 0x61, 0xc3, 0xa4, 0xe2), { maxLength: 60 })
    .map((list) => Buffer.from(list));
  const cuts = fc.array(fc.nat(60), { maxLength: 20 });
  fc.assert(
    fc.property(bytes, cuts, (whole, places) => {
      const sorted = [0, ...places.map((at) => Math.min(at, whole.length)), whole.length].sort(
        (a, b) => a - b,
      );
      const chunks = sorted.slice(1).map((end, at) => whole.subarray(sorted[at], end));
      expect(split(chunks)).toEqual(split([whole]));
      expect(split(chunks, 1000).join('')).toBe(whole.toString('latin1'));
    }),
  );
});
