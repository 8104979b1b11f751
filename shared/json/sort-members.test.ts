import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalize } from './canonical.ts';
import { scanMembersOnce } from './duplicates.ts';
import { MemberSorter } from './sort-members.ts';
import { parseJson } from './text.ts';
import { isJsonObject, type JsonObject } from './value.ts';

const sorter = new MemberSorter();

function sorted(text: string): string | undefined {
  const { bytes } = sorter.sort(text, 'proof') ?? {};
  return bytes && Buffer.from(bytes).toString();
}

function withoutProof(text: string): JsonObject {
  const { proof: _, ...rest } = parseJson(text) as JsonObject;
  return rest;
}

/** The promise: one way is the other, or says nothing; and where it answers nothing is hidden. */
function isSame(text: string): boolean {
  const found = sorted(text);
  if (found === undefined) return true;
  const { duplicate } = scanMembersOnce(Buffer.from(text));
  return duplicate === undefined && found === canonicalize(withoutProof(text));
}

const name = fc.oneof(
  fc.constantFrom('a', 'a!', 'a b', 'ab', 'proof', '', '__proto__'),
  fc.string(),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, 0, -0, 1e15, -7),
    fc.array(tie('any'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(name, tie('any'), { maxKeys: 6, noNullPrototype: true }),
})).object;

test('MemberSorter.sort() gives the canonical form of what JSON.stringify writes, or nothing', () => {
  const property = fc.property(value, (object) => isSame(JSON.stringify(object)));
  expect(fc.check(property, { numRuns: 2000 })).toMatchObject({ failed: false });
});

test('MemberSorter.sort() hides nothing in text that somebody has changed', () => {
  const pieces = ['"', ',', ':', '{', '}', '[', ']', '\\', 'a', '"a":1,', '-0', '1e3', '0.5', ' '];
  const change = fc.tuple(value, fc.nat(), fc.constantFrom(...pieces), fc.nat({ max: 3 }));
  const property = fc.property(change, ([object, place, piece, removed]) => {
    const text = JSON.stringify(object);
    const at = place % (text.length + 1);
    const changed = text.slice(0, at) + piece + text.slice(at + removed);
    try {
      if (!isJsonObject(JSON.parse(changed))) return true;
    } catch {
      return true; // a parser comes first
    }
    return isSame(changed);
  });
  expect(fc.check(property, { numRuns: 5000 })).toMatchObject({ failed: false });
});

for (const { name: what, text, want, hasNull = false } of [
  { name: 'nothing', text: '{}', want: '{}' },
  { name: 'only what is left out', text: '{"proof":{"b":1,"a":2}}', want: '{}' },
  {
    name: 'objects in arrays',
    text: '{"b":[{"d":1,"c":-12}],"a":true}',
    want: '{"a":true,"b":[{"c":-12,"d":1}]}',
  },
  {
    name: 'text beyond ASCII',
    text: '{"b":"é\u2028\u{1f600}","a":"\u007f"}',
    want: '{"a":"\u007f","b":"é\u2028\u{1f600}"}',
  },
  { name: 'a name that begins another', text: '{"a!":0,"a":0,"":0}', want: '{"":0,"a":0,"a!":0}' },
  { name: 'a null member', text: '{"a":{"b":null}}', want: '{"a":{"b":null}}', hasNull: true },
  { name: 'a null element', text: '{"a":[null]}', want: '{"a":[null]}' },
  { name: 'an inner proof', text: '{"a":{"proof":1}}', want: '{"a":{"proof":1}}' },
  { name: 'a name twice', text: '{"a":1,"a":1}', want: undefined },
  { name: 'a name twice, left out', text: '{"proof":1,"a":1,"proof":1}', want: undefined },
  { name: 'a name twice, one of them escaped', text: '{"a":1,"\\u0061":1}', want: undefined },
  { name: 'an escape', text: '{"a":"\\n"}', want: undefined },
  { name: 'a name beyond ASCII', text: '{"é":1}', want: undefined },
  { name: 'white space', text: '{"a": 1}', want: undefined },
  { name: 'a line end', text: '{"a":1}\n', want: undefined },
  { name: 'minus zero', text: '{"a":-0}', want: undefined },
  { name: 'a fraction', text: '{"a":1.0}', want: undefined },
  { name: 'an exponent', text: '{"a":1e3}', want: undefined },
  { name: 'a long number', text: '{"a":9007199254740993}', want: undefined },
  { name: 'an array', text: '[{"b":1,"a":1}]', want: undefined },
  { name: 'a deep value', text: `{"a":${'['.repeat(70)}${']'.repeat(70)}}`, want: undefined },
  {
    name: 'many members',
    text: `{${Array.from({ length: 5000 }, (_, i) => `"${i}":0`).join()}}`,
    want: undefined,
  },
  { name: 'a long text', text: `{"a":"${'x'.repeat(70_000)}"}`, want: undefined },
]) {
  test(`MemberSorter.sort() of ${what}`, () => {
    expect(sorted(text)).toBe(want);
    if (want !== undefined) expect(sorter.sort(text, 'proof')?.hasNull).toBe(hasNull);
    expect(isSame(text)).toBe(true);
  });
}
