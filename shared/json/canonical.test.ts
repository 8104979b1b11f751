import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalize } from './canonical.ts';
import { canonicalBytes } from './canonical-bytes.ts';
import { parseJson } from './text.ts';
import type { JsonValue } from './value.ts';

/** RFC 8785 as one would write it on a napkin: recursive, and right for what a stack can hold. */
function naive(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(naive).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Record<string, JsonValue>);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, it]) => `${JSON.stringify(name)}:${naive(it)}`).join(',')}}`;
}

const nastyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '10', '9', '-1', '', '\u20ac', '\ufb33'),
);
const anyJson = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value')),
    fc.dictionary(nastyName, tie('value')),
  ),
})).value;

describe('[S.canonical-traps] canonicalize()', () => {
  test('agrees with the naive model', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalize(value)).toBe(naive(value));
      }),
    );
  });

  test('has the same form in bytes, also of what is large, deep or not plain', () => {
    const inside = (value: JsonValue, depth: number): JsonValue =>
      depth === 0 ? value : [inside(value, depth - 1)];
    const wrapped = fc
      .tuple(anyJson, fc.constantFrom(0, 1, 62, 63, 64, 400))
      .map((it) => inside(...it));
    const long = fc.string({ unit: 'binary', minLength: 200, maxLength: 40_000 });
    fc.assert(
      fc.property(fc.oneof(anyJson, wrapped, long), (value) => {
        const bytes = canonicalBytes(value);
        expect(Buffer.from(bytes).toString()).toBe(canonicalize(value));
      }),
    );
  });

  test('counts levels in bytes as in text', () => {
    const nested = (levels: number) => parseJson('['.repeat(levels) + ']'.repeat(levels));
    expect(canonicalBytes(nested(10_000))).toHaveLength(20_000);
    const tooDeep = expect.objectContaining({ code: 'JSON_TOO_DEEP' });
    expect(() => canonicalBytes(nested(10_001))).toThrow(tooDeep);
  });

  test('is a fixed point: its text parses and canonicalises to itself', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const once = canonicalize(value);
        expect(canonicalize(parseJson(once))).toBe(once);
      }),
    );
  });

  for (const { name, value, want } of [
    { name: 'minus zero', value: [-0], want: '[0]' },
    {
      name: 'the number formats of ECMAScript',
      value: [1e21, 1e-7, 5e-324, 1e20],
      want: '[1e+21,1e-7,5e-324,100000000000000000000]',
    },
    { name: 'integers beyond 2^53', value: 2 ** 53 + 1, want: '9007199254740992' },
    { name: 'a lone high surrogate', value: '\ud800', want: '"\ufffd"' },
    { name: 'a lone low surrogate between letters', value: 'a\udc00b', want: '"a\ufffdb"' },
    { name: 'surrogates in the wrong order', value: '\udc00\ud800', want: '"\ufffd\ufffd"' },
    { name: 'a pair', value: '\ud83d\ude00', want: '"\u{1f600}"' },
    { name: 'a lone surrogate in a name', value: { '\ud800': 1 }, want: '{"\ufffd":1}' },
    {
      name: 'two names that become one: the later wins',
      value: { '\ud800': 1, '\udc00': 2 },
      want: '{"\ufffd":2}',
    },
    {
      name: 'integer-like names in text order',
      value: { 10: 0, 9: 0, a: 0 },
      want: '{"10":0,"9":0,"a":0}',
    },
    {
      name: 'UTF-16 order, not code point order',
      value: { '\ufb33': 1, '\u{1f600}': 2 },
      want: '{"\u{1f600}":2,"\ufb33":1}',
    },
    {
      name: 'controls, DEL, solidus, separators, HTML',
      value: '\u0000\b\t\n\u000b\f\r\u001f\u007f/\u2028\u2029<>&"\\',
      want: '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u007f/\u2028\u2029<>&\\"\\\\"',
    },
    { name: 'empty containers', value: [{}, [], ''], want: '[{},[],""]' },
  ] satisfies { name: string; value: JsonValue; want: string }[]) {
    test(`handles ${name}`, () => expect(canonicalize(value)).toBe(want));
  }

  test('keeps __proto__ as an ordinary member, sorted and alive', () => {
    const value = parseJson('{"b":1,"__proto__":{"x":[]},"a":2}');
    expect(canonicalize(value)).toBe('{"__proto__":{"x":[]},"a":2,"b":1}');
    expect(canonicalize(parseJson('{"\\ud800":1,"__proto__":2}'))).toBe(
      '{"__proto__":2,"\ufffd":1}',
    );
  });

  for (const { name, number } of [
    { name: 'Infinity', number: Infinity },
    { name: 'NaN', number: NaN },
    { name: '1e400', number: parseJson('1e400') },
    { name: '-1e400', number: parseJson('-1e400') },
  ]) {
    test(`refuses ${name}`, () => {
      expect(() => canonicalize({ a: [number] })).toThrow(
        expect.objectContaining({ code: 'JSON_NUMBER_RANGE' }),
      );
    });
  }

  for (const { kind, open, core, close } of [
    { kind: 'arrays', open: '[', core: '[]', close: ']' },
    { kind: 'objects', open: '{"a":', core: '{}', close: '}' },
  ]) {
    const nested = (depth: number) => open.repeat(depth - 1) + core + close.repeat(depth - 1);
    test(`accepts 10,000 levels of ${kind} and refuses 10,001`, () => {
      const deepest = nested(10_000);
      expect(canonicalize(parseJson(deepest))).toBe(deepest);
      expect(() => canonicalize(parseJson(nested(10_001)))).toThrow(
        expect.objectContaining({ code: 'JSON_TOO_DEEP' }),
      );
    });
  }

  for (const value of [undefined, 1n, Symbol('x'), () => 1]) {
    test(`throws a TypeError for a ${typeof value}: a mistake of ours, not of a peer`, () => {
      expect(() => canonicalize([value as unknown as JsonValue])).toThrow(TypeError);
    });
  }
});
