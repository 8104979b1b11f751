import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanMembersOnce } from './duplicates.ts';
import { firstByte, hopStrings, scanElements, scanMembers, scanValue } from './scan.ts';
import { decodeUtf8, encodeUtf8, parseJson } from './text.ts';
import { isJsonObject } from './value.ts';

function accepts(read: (bytes: Uint8Array) => unknown, text: string): boolean {
  try {
    read(encodeUtf8(text));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'JSON_INVALID' });
    return false;
  }
}

function parses(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** All three entrances against `JSON.parse`, which is the judge; empty when they agree. */
function disagreements(text: string): string[] {
  const parsed = parses(text);
  const isObject = parsed !== undefined && isJsonObject(parsed.value);
  const isArray = parsed !== undefined && Array.isArray(parsed.value);
  return [
    accepts(scanValue, text) === (parsed !== undefined) ? '' : 'scanValue',
    accepts(scanMembers, text) === isObject ? '' : 'scanMembers',
    accepts(scanElements, text) === isArray ? '' : 'scanElements',
  ].filter((name) => name !== '');
}

const NASTY = [
  ['', ' ', '\ufeff{}', '{}', ' {} ', '{}{}', '{},', '[]', '[ ]', '[,]', '[1,]', '[1 2]', '[1,,2]'],
  ['{"a"}', '{"a":}', '{"a":1,}', '{,}', '{"a":1 "b":2}', '{"a"::1}', '{a:1}', "{'a':1}", '{1:1}'],
  ['{"a":1]', '[1}', '[', '{', '{"a', '{"a"', '{"a":', '{"a":1', '[[]', ']', '}', '"', ':', ','],
  [
    '0',
    '-0',
    '-',
    '+1',
    '01',
    '-01',
    '00',
    '1.',
    '.1',
    '1.e1',
    '1e',
    '1e+',
    '1E-7',
    '1e400',
    '0e0',
    '1_0',
  ],
  [
    '0x10',
    'NaN',
    'Infinity',
    '-Infinity',
    'tru',
    'true',
    'truee',
    'True',
    'nul',
    'null ',
    'falsey',
  ],
  [
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\\u00e9"',
    '"\\uD800"',
    '"\\',
    '"\\"',
    '"\\\\"',
    '"\\\'"',
    '"\\/"',
  ],
  [
    '"\u0000"',
    '"\u001f"',
    '"\t"',
    '"\n"',
    '"\u007f"',
    '"\u2028"',
    '"\u{1f600}"',
    '"\u0085"',
    '\u00a0[]',
  ],
  [
    '\u000b1',
    '\u000c1',
    '\r\n\t [ \r\n\t ] \r\n\t',
    '[1]//x',
    '/**/[]',
    '[]\u0000',
    '{"":""}',
    '[[[[]],{}]]',
  ],
  [
    '{"a":{"b":[{}]}}',
    '{"a":1}x',
    '[1]]',
    '{"a":1}}',
    '"a""b"',
    '1 2',
    '{"a" :\n1 ,"b" : 2 }',
    '[-]',
    '[1e1.5]',
  ],
].flat();

describe('the byte scanner accepts exactly what JSON.parse accepts', () => {
  test.each(NASTY)('%j', (text) => expect(disagreements(text)).toEqual([]));

  test('texts with characters dropped, doubled, swapped and strewn in', () => {
    const strewn = fc.constantFrom(
      ...Array.from('{}[]",:\\ \n0123456789.eE+-truefalsn\u0001u\u00e9'),
    );
    const edit = fc.record({
      at: fc.nat(),
      drop: fc.nat(2),
      add: fc.string({ unit: strewn, maxLength: 2 }),
    });
    const mutated = fc.tuple(fc.json({ stringUnit: 'binary' }), fc.array(edit, { maxLength: 3 }));
    fc.assert(
      fc.property(mutated, ([json, edits]) => {
        const text = edits.reduce((it, { at, drop, add }) => {
          const place = at % (it.length + 1);
          return it.slice(0, place) + add + it.slice(place + drop);
        }, json);
        expect(disagreements(text.toWellFormed())).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('texts made of nothing but syntax', () => {
    const token = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', ' ', 'null');
    fc.assert(
      fc.property(fc.string({ unit: token, maxLength: 12 }), (text) => {
        expect(disagreements(text)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('spans', () => {
  test('reproduce the raw text of every member, in order', () => {
    const spaced = fc.tuple(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      fc.nat(3),
    );
    fc.assert(
      fc.property(spaced, ([object, indent]) => {
        const bytes = encodeUtf8(JSON.stringify(object, null, indent));
        const read = scanMembers(bytes).map(({ name, start, end }) => {
          const text = decodeUtf8(bytes.subarray(start, end));
          expect(text).toBe(text.trim());
          return [name.toWellFormed(), parseJson(text)];
        });
        const parsed = Object.entries(parseJson(decodeUtf8(bytes)) as Record<string, unknown>);
        expect(read).toEqual(parsed);
      }),
    );
  });

  test('keep what decoding loses: spelling, duplicates, order of integer-like names', () => {
    const bytes = encodeUtf8('{"2": 1.50 ,"1":"\\u0041","m\\u0065":1e400,"me":[ ],"\\ud800":-0}');
    const members = scanMembers(bytes).map(({ name, start, end }) => [
      name,
      decodeUtf8(bytes.subarray(start, end)),
    ]);
    expect(members).toEqual([
      ['2', '1.50'],
      ['1', '"\\u0041"'],
      ['me', '1e400'],
      ['me', '[ ]'],
      ['\ufffd', '-0'],
    ]);
  });

  test('scanElements() and scanValue() cut exactly', () => {
    const bytes = encodeUtf8(' [ {"id": 1} ,[],"]"] ');
    const cut = scanElements(bytes).map((it) => decodeUtf8(bytes.subarray(it.start, it.end)));
    expect(cut).toEqual(['{"id": 1}', '[]', '"]"']);
    expect(scanValue(bytes)).toEqual({ start: 1, end: bytes.length - 1 });
  });

  test('firstByte() looks behind white space', () => {
    expect(firstByte(encodeUtf8(' \r\n\t{'))).toBe(0x7b);
    expect(firstByte(encodeUtf8(' \n'))).toBeUndefined();
  });
});

test('a name is read the same whatever was read before it', () => {
  const bytes = (name: string) => Buffer.from(name, 'latin1'); // beyond ASCII, no valid UTF-8
  const anyName = fc.oneof(
    fc.constantFrom('', 'a', 'name', '\\u006eame', '\\\\ame', 'n\xe1me', 'n\xe2me', 'n\xc3\xa1me'),
    fc.string({ maxLength: 40 }).map((text) => JSON.stringify(text).slice(1, -1)),
  );
  fc.assert(
    fc.property(fc.array(anyName), (names) => {
      const text = Buffer.concat(
        names.map((name) => Buffer.concat([bytes(`,"${name}":`), bytes('0')])),
      );
      const object = Buffer.concat([bytes('{'), text.subarray(1), bytes('}')]);
      const want = names.map((name) => parseJson(`"${decodeUtf8(bytes(name))}"`));
      expect(scanMembers(object).map(({ name }) => name)).toEqual(want);
    }),
  );
});

describe('depth', () => {
  const arrays = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const tooDeep = expect.objectContaining({ code: 'JSON_TOO_DEEP' });
  for (const { name, read, text } of [
    { name: 'scanValue', read: scanValue, text: arrays },
    { name: 'scanElements', read: scanElements, text: arrays },
    {
      name: 'scanMembers',
      read: scanMembers,
      text: (depth: number) => `{"a":${arrays(depth - 1)}}`,
    },
    {
      name: 'scanMembers of objects',
      read: scanMembers,
      text: (depth: number) => '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1),
    },
  ]) {
    test(`${name}() accepts 10,000 levels and refuses 10,001`, () => {
      expect(() => read(encodeUtf8(text(10_000)))).not.toThrow();
      expect(() => read(encodeUtf8(text(10_001)))).toThrow(tooDeep);
    });
  }
});

describe('scanMembersOnce()', () => {
  for (const { name, text, want } of [
    { name: 'none', text: '{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', want: undefined },
    { name: 'one at the top', text: '{"a":1,"a":1}', want: 'a' },
    { name: 'one deep inside', text: '{"x":[[{"y":{"b":1,"c":2,"b":3}}]]}', want: 'b' },
    { name: 'one behind an inner object', text: '{"a":{"b":{}},"a":0}', want: 'a' },
    { name: 'an escaped name', text: '{"method":1,"m\\u0065thod":2}', want: 'method' },
    { name: 'an escaped solidus', text: '{"a/b":1,"a\\/b":2}', want: 'a/b' },
    {
      name: 'two bad surrogates, which peers read as one name',
      text: '{"\\ud800":1,"\\udfff":2}',
      want: '\ufffd',
    },
    {
      name: 'an astral name as a pair and as itself',
      text: '{"\u{1f600}":1,"\\ud83d\\ude00":2}',
      want: '\u{1f600}',
    },
    { name: '__proto__', text: '{"__proto__":1,"__proto__":2}', want: '__proto__' },
    { name: 'the empty name', text: '{"":1,"":2}', want: '' },
    { name: 'the first of several', text: '{"x":{"b":1,"b":2},"x":1}', want: 'b' },
    { name: 'names that differ in case', text: '{"a":1,"A":2}', want: undefined },
    { name: 'a name and an equal string', text: '{"a":"a","b":["a","a"]}', want: undefined },
  ]) {
    test(`finds ${name}`, () => expect(scanMembersOnce(encodeUtf8(text)).duplicate).toBe(want));
  }

  test('finds a duplicate that is planted anywhere, and none without', () => {
    const nested = fc.tuple(
      fc.array(fc.constantFrom('[', '{"k":'), { maxLength: 8 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(nested, fc.jsonValue(), ([around, planted], value) => {
        const core = `{"p":${JSON.stringify(value)}${planted ? ',"\\u0070":0' : ''}}`;
        const close = around.map((it) => (it === '[' ? ']' : '}')).toReversed();
        const text = `{"top":${around.join('')}${core}${close.join('')}}`;
        expect(scanMembersOnce(encodeUtf8(text)).duplicate).toBe(planted ? 'p' : undefined);
      }),
    );
  });
});

test('hopStrings finds the same spans in every text that is JSON', () => {
  const texts = fc
    .jsonValue({ maxDepth: 4 })
    .map((value) => JSON.stringify({ value, tail: '\\"' }));
  const long = fc
    .array(fc.constantFrom('\\', '"', 'x'.repeat(30), '\n', 'é'), { maxLength: 40 })
    .map((parts) => JSON.stringify({ [parts.join('')]: parts.join(''), tail: 1 }));
  fc.assert(
    fc.property(fc.oneof(texts, long), (text) => {
      const bytes = encodeUtf8(text);
      expect(scanMembers(bytes, undefined, hopStrings)).toEqual(scanMembers(bytes));
    }),
    { numRuns: 1000 },
  );
});
