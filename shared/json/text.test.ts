import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../test/vectors/hex.ts';
import { canonicalizeText, decodeUtf8, encodeUtf8, parseJson } from './text.ts';

const BAD = '\ufffd';

describe('[S.canonical-traps] decodeUtf8()', () => {
  test('undoes encodeUtf8()', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  // One U+FFFD per bad byte, as in Go; a lenient TextDecoder writes fewer for a cut sequence.
  for (const { name, hex, want } of [
    { name: 'a stray continuation', hex: '618062', want: `a${BAD}b` },
    { name: 'two of three bytes, then a letter', hex: 'e28261', want: `${BAD}${BAD}a` },
    { name: 'three of four bytes at the end', hex: 'f09f98', want: BAD.repeat(3) },
    { name: 'a lead before a whole character', hex: 'e2e282ac', want: `${BAD}\u20ac` },
    { name: 'an overlong solidus', hex: 'c0af', want: BAD.repeat(2) },
    { name: 'an overlong three-byte form', hex: 'e08080', want: BAD.repeat(3) },
    { name: 'an overlong four-byte form', hex: 'f08fbfbf', want: BAD.repeat(4) },
    { name: 'a surrogate', hex: 'eda080', want: BAD.repeat(3) },
    { name: 'a pair of surrogates', hex: 'eda0bdedb880', want: BAD.repeat(6) },
    { name: 'a code point beyond U+10FFFF', hex: 'f4908080', want: BAD.repeat(4) },
    { name: 'bytes that never occur', hex: 'fffe', want: BAD.repeat(2) },
    { name: 'a byte order mark', hex: 'efbbbf31', want: '\ufeff1' },
    {
      name: 'the last code points of each length',
      hex: '7fdfbfefbfbff48fbfbf80',
      want: `\u007f\u07ff\uffff\u{10ffff}${BAD}`,
    },
    { name: 'nothing', hex: '', want: '' },
  ]) {
    test(`reads ${name}`, () => expect(decodeUtf8(fromHex(hex))).toBe(want));
  }

  test('replaces exactly the bytes that belong to no valid sequence', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const model = (bytes: Uint8Array): string => {
      for (const length of [1, 2, 3, 4].filter((it) => it <= bytes.length)) {
        try {
          return strict.decode(bytes.subarray(0, length)) + model(bytes.subarray(length));
        } catch {
          continue;
        }
      }
      return bytes.length === 0 ? '' : BAD + model(bytes.subarray(1));
    };
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xe2, 0x82, 0xac, 0xed, 0xf0, 0x9f, 0xf4));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 24 }), (bytes) => {
        expect(decodeUtf8(Uint8Array.from(bytes))).toBe(model(Uint8Array.from(bytes)));
      }),
    );
  });

  test('reads a megabyte of bad bytes in a moment: a frame of them must not stall the daemon', () => {
    const started = performance.now();
    expect(decodeUtf8(new Uint8Array(1_000_000).fill(0x80))).toBe(BAD.repeat(1_000_000));
    expect(performance.now() - started).toBeLessThan(1_000); // one exception per byte took 3,400
  });
});

describe('[S.canonical-traps] parseJson()', () => {
  for (const { name, text, want } of [
    { name: 'a lone escape', text: '"\\ud800"', want: BAD },
    { name: 'upper-case hex', text: '"\\uD8Ff x"', want: `${BAD} x` },
    { name: 'a pair', text: '"\\ud83d\\ude00"', want: '\u{1f600}' },
    {
      name: 'a high escape before a pair',
      text: '"\\ud800\\ud83d\\ude00"',
      want: `${BAD}\u{1f600}`,
    },
    { name: 'low before high', text: '"\\ude00\\ud83d"', want: BAD + BAD },
    { name: 'a high escape before another escape', text: '"\\ud83d\\n"', want: `${BAD}\n` },
    { name: 'an escaped backslash, which is no escape', text: '"\\\\ud800"', want: '\\ud800' },
    { name: 'a backslash and a real one', text: '"\\\\\\ud800"', want: `\\${BAD}` },
    {
      name: 'names that become one: the last wins',
      text: '{"\\ud800":1,"a":2,"\\udfff":3}',
      want: { [BAD]: 3, a: 2 },
    },
    {
      name: 'duplicate names: the last wins',
      text: '{"a":{"b":1},"a":{"c":2}}',
      want: { a: { c: 2 } },
    },
  ]) {
    test(`reads ${name}`, () => expect(parseJson(text)).toEqual(want));
  }

  for (const text of [
    '',
    'secret-token-123',
    '{"password":"hunter2",}',
    '"hunter2',
    'x position 42',
  ]) {
    test(`refuses ${JSON.stringify(text)} without quoting it`, () => {
      const refusal = expect.objectContaining({
        code: 'JSON_INVALID',
        message: expect.stringMatching(/^not JSON( at offset \d+)?$/),
      });
      expect(() => parseJson(text)).toThrow(refusal);
    });
  }

  test('takes the offset from the parser, never from the text', () => {
    expect(() => parseJson('x position 42')).toThrow(
      expect.objectContaining({ message: 'not JSON' }),
    );
  });
});

test('[S.canonical-traps] canonicalizeText() hashes the bytes a peer hashes', () => {
  const input = Buffer.concat([Buffer.from('{"b":1e2,"a":"'), fromHex('e282'), Buffer.from('<"}')]);
  expect(canonicalizeText(input)).toBe(`{"a":"${BAD}${BAD}<","b":100}`);
});
