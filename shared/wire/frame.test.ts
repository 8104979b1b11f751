import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../test/vectors/hex.ts';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from './frame.ts';

const INVALID = 'FRAME_LENGTH_INVALID';

describe('[S.frame-cuts] FrameDecoder.push()', () => {
  for (const { name, wire, want, code, isPartial = false } of [
    { name: 'a header cut in two', wire: ['0000', '0001ff'], want: ['ff'] },
    {
      name: 'a header cut in four, then silence',
      wire: ['00', '00', '00', '02'],
      want: [],
      isPartial: true,
    },
    { name: 'empty chunks anywhere', wire: ['', '0000', '', '0001', '', 'ff', ''], want: ['ff'] },
    { name: 'a body still on its way', wire: ['00000002aa'], want: [], isPartial: true },
    { name: 'two frames in one chunk', wire: ['00000001aa00000002bbcc'], want: ['aa', 'bbcc'] },
    {
      name: 'the end of one and the start of the next',
      wire: ['00000002aa', 'bb000000', '01cc'],
      want: ['aabb', 'cc'],
    },
    {
      name: 'a body of the limit',
      wire: [`000000ff${'11'.repeat(255)}`],
      want: ['11'.repeat(255)],
    },
    { name: 'a length of 0', wire: ['00000000'], want: [], code: INVALID, isPartial: true },
    {
      name: 'a length of limit + 1, before its body',
      wire: ['00000100'],
      want: [],
      code: INVALID,
      isPartial: true,
    },
    {
      name: 'the top bit, which is no sign',
      wire: ['80000001'],
      want: [],
      code: INVALID,
      isPartial: true,
    },
    {
      name: 'one good, one too long',
      wire: ['00000001aa00000100'],
      want: ['aa'],
      code: INVALID,
      isPartial: true,
    },
  ]) {
    test(`handles ${name}`, () => {
      const decoder = new FrameDecoder(255);
      const got: string[] = [];
      const feed = () => wire.forEach((w) => decoder.push(fromHex(w), (b) => got.push(toHex(b))));
      if (code === undefined) feed();
      else expect(feed).toThrow(expect.objectContaining({ code }));
      expect(got).toEqual(want);
      expect(decoder.isPartial).toBe(isPartial);
    });
  }

  test('cuts do not matter', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const stream = Buffer.concat(sent.map((body) => encodeFrame([body])));
        const cuts = [0, ...places.map((it) => it % (stream.length + 1)), stream.length];
        cuts.sort((a, b) => a - b);
        const decoder = new FrameDecoder();
        const got: string[] = [];
        for (const [i, cut] of cuts.entries()) {
          decoder.push(stream.subarray(cut, cuts[i + 1] ?? cut), (body) => got.push(toHex(body)));
        }
        expect(got).toEqual(sent.map(toHex));
        expect(decoder.isPartial).toBe(false);
      }),
    );
  });

  test('delivers no frame twice when the receiver throws', () => {
    const decoder = new FrameDecoder();
    const got: string[] = [];
    const once = () =>
      decoder.push(fromHex('00000001aa00000001bb'), () => {
        throw new Error('receiver');
      });
    expect(once).toThrow('receiver');
    decoder.push(Buffer.alloc(0), (body) => got.push(toHex(body)));
    expect(got).toEqual(['bb']);
  });

  test('stays broken after a bad length: nothing behind it can be trusted', () => {
    const decoder = new FrameDecoder();
    const bad = expect.objectContaining({ code: INVALID });
    expect(() => decoder.push(fromHex('00000000'), () => undefined)).toThrow(bad);
    expect(() => decoder.push(fromHex('00000001aa'), () => undefined)).toThrow(bad);
  });

  test('has the limit of the protocol: 1 MiB passes, one byte more does not', () => {
    const got: number[] = [];
    const push = (length: number) => {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      new FrameDecoder().push(Buffer.concat([header, Buffer.alloc(length)]), (b) =>
        got.push(b.length),
      );
    };
    push(1_048_576);
    expect(() => push(1_048_577)).toThrow(
      expect.objectContaining({ code: INVALID, message: 'frame length 1048577, limit 1048576' }),
    );
    expect(got).toEqual([MAX_FRAME_BYTES]);
  });
});

describe('encodeFrame()', () => {
  test('joins parts behind one header', () => {
    expect(toHex(encodeFrame([fromHex('aa'), fromHex(''), fromHex('bbcc')]))).toBe(
      '00000003aabbcc',
    );
  });

  for (const length of [0, 256]) {
    test(`refuses ${length} bytes`, () => {
      expect(() => encodeFrame([Buffer.alloc(length)], 255)).toThrow(
        expect.objectContaining({ code: INVALID }),
      );
    });
  }
});
