import { Buffer, isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalHashUri } from '../crypto/canonical-hash.ts';
import { nodeSuite } from '../crypto/node-suite.ts';
import { hashUri } from '../crypto/suite.ts';
import { CodedError } from '../errors.ts';
import { canonicalPieces } from './canonical-pieces.ts';
import { scanMembersOnce } from './duplicates.ts';
import { LongStrings } from './long-strings.ts';
import { hasName } from './names.ts';
import { scanMembers } from './scan.ts';
import { canonicalizeText } from './text.ts';

const LONG = 'x'.repeat(600);

/** What came of it: a value, or the code of the error. */
function told(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

function joined(text: Uint8Array): string | undefined {
  const pieces = canonicalPieces(text);
  return pieces && Buffer.concat(pieces.map((piece) => Buffer.from(piece))).toString();
}

/** What the first scan of a message says, and what is made of a part of it then. */
function scanned(message: Buffer, strings?: LongStrings): string {
  return told(() => {
    const { members, ...found } = scanMembersOnce(message, strings?.check);
    const { start = 0, end = 0 } = members[0] ?? {};
    const part = message.subarray(start, end);
    const isText = isUtf8(part) && part[0] === 0x7b;
    const hash = canonicalHashUri(part, strings);
    return JSON.stringify([members, found, hash, isText && hasName(part, NAMES, strings?.hop)]);
  });
}
const NAMES = new Set(['a']);

/** The promise: one way is the other, or says nothing. */
function expectSame(text: Buffer): void {
  const exact = told(() => canonicalizeText(text));
  if (isUtf8(text)) expect(joined(text) ?? exact).toBe(exact);
  const padded = Buffer.concat([text, Buffer.alloc(2048, ' ')]); // shorter ones are not worth it
  const hash = told(() => hashUri(nodeSuite, canonicalizeText(padded)));
  expect(told(() => canonicalHashUri(padded))).toBe(hash);
  const message = Buffer.concat([Buffer.from('{"a":'), padded, Buffer.from('}')]);
  expect(scanned(message, new LongStrings(message))).toBe(scanned(message));
  expect(scanned(message, new LongStrings(text))).toBe(scanned(message)); // other memory: of no use
  const noted = new LongStrings(message);
  told(() => JSON.stringify(scanMembers(message, undefined, noted.note)));
  for (const part of [message, message.subarray(5, -1), message.subarray(5, -message.length / 2)]) {
    expect(told(() => canonicalHashUri(part, noted))).toBe(told(() => canonicalHashUri(part)));
  }
}

const some = (weight: number, ...texts: readonly string[]) => ({
  weight,
  arbitrary: fc.constantFrom(...texts),
});
/** Parts of strings: canonical ones, other spellings, what could pass for a mark, what is no JSON. */
const part = fc.oneof(
  some(40, LONG, 'a', '\\n', '\\"', '\\\\', '\\u001b', 'é', '\ufb33', '\u{1f600}', '\u2028', ' : '),
  some(10, '\\\\u0007', '\\u005cu0007', '\\/', '\\u001B', '\\u000a', '\\ud800', '\\ud83d\\ude00'),
  some(1, '\\u0007', '\\"\\u00070\\"', '\t', '0"', '\\', '\\x'),
);
const parts = fc.array(part, { maxLength: 3, size: 'max' }).map((all) => all.join(''));
const stringText = fc
  .tuple(parts, fc.constantFrom(LONG, LONG, ''), parts)
  .map((all) => `"${all.join('')}"`);
const nameText = fc.oneof(some(9, '"b"', '"a"', '"10"', '"9"', '"\ufb33"', '"\\u0061"'), {
  weight: 1,
  arbitrary: stringText,
});
const space = fc.constantFrom('', '', '', ' ', '\n\t');
const jsonText = fc.letrec<{ value: string; member: string }>((tie) => ({
  member: fc.tuple(nameText, space, tie('value')).map(([n, s, v]) => `${n}${s}:${s}${v}`),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 2, arbitrary: stringText },
    some(1, '1', '-0', '1.50', '1e400', '12345678901234567890', 'true', 'null', '{}', '01'),
    fc.tuple(fc.array(tie('value')), space).map(([all, s]) => `[${s}${all.join(`${s},`)}]`),
    fc.tuple(fc.array(tie('member')), space).map(([all, s]) => `{${all.join(`,${s}`)}${s}}`),
  ),
})).value;

describe('[S.canonical-traps] canonicalPieces()', () => {
  test('is what canonicalizeText() says, or says nothing', () => {
    let known = 0;
    fc.assert(
      fc.property(jsonText, stringText, space, (json, string, around) => {
        const text = Buffer.from(`[${around}${json}${around},${string}]`);
        expectSame(text);
        if (canonicalPieces(text) !== undefined) known += 1;
      }),
      { numRuns: 1500 },
    );
    expect(known).toBeGreaterThan(200); // else nothing was compared
  });

  test('says nothing wrong about a text with a byte that was changed', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\,:{}[]u07 \n')));
    const text = Buffer.from(`{"b":"${LONG}\\n","a":["${LONG}é",{"c":"\\"${LONG}"}],"d":-1.5}`);
    const at = fc.oneof(
      fc.nat(text.length - 1),
      fc.constantFrom(...[...text.keys()].filter((index) => text[index] !== 0x78)),
    );
    fc.assert(
      fc.property(at, byte, (index, value) => {
        const changed = Buffer.from(text);
        changed[index] = value;
        expectSame(changed);
        expect(canonicalPieces(text)).toBeDefined(); // unchanged, it is no vacuous example
      }),
      { numRuns: 1500 },
    );
  });

  for (const { name, text, views } of [
    {
      name: 'a file in arguments',
      text: `{"path":"p","content":"${LONG}\\n\\"${LONG}"}`,
      views: 1,
    },
    { name: 'two results, one with controls', text: `["${LONG}\\u001b[0m", "${LONG}"]`, views: 2 },
    { name: 'a long name', text: `{"${LONG}" : "${LONG}"}`, views: 1 },
    { name: 'an escape with another spelling', text: `["${LONG}\\/","${LONG}"]`, views: 1 },
    { name: 'a member that stands twice', text: `{"a":"${LONG}1","a":"${LONG}2"}`, views: 1 },
    { name: 'a text that could be a mark', text: `["\\u00070","${LONG}"]`, views: undefined },
    { name: 'short strings only', text: `["${'y'.repeat(300)}","a"]`, views: undefined },
    { name: 'a control character', text: `["${LONG}\t"]`, views: undefined },
    { name: 'no end of a string', text: `["${LONG}`, views: undefined },
  ]) {
    test(`leaves ${views ?? 'no'} strings as they are in ${name}`, () => {
      const bytes = Buffer.from(text);
      const pieces = canonicalPieces(bytes);
      expect(pieces?.filter((piece) => typeof piece !== 'string').length).toBe(views);
      expectSame(bytes);
    });
  }

  test('views are views, however the text lies in memory', () => {
    const around = Buffer.alloc(4096);
    for (let offset = 0; offset < 5; offset += 1) {
      for (const end of ['', '1', '12', '123', '\u0001', '1\u0001']) {
        const text = around.subarray(offset, offset + around.write(`"${LONG}${end}"`, offset));
        const bytes = canonicalPieces(text)?.find((piece) => typeof piece !== 'string');
        expect((bytes as Buffer | undefined)?.buffer).toBe(
          end.includes('\u0001') ? undefined : around.buffer,
        );
        expectSame(text);
      }
    }
  });
});

test('[S.canonical-traps] canonicalPieces() knows the one spelling of each escape', () => {
  for (let code = 0; code < 0x80; code += 1) {
    const hex = code.toString(16).padStart(4, '0');
    const letter = String.fromCharCode(code);
    const spellings = new Set([`\\u${hex}`, `\\u${hex.toUpperCase()}`, `\\${letter}`, letter]);
    for (const spelling of spellings) {
      const text = Buffer.from(`["${LONG}${spelling}${LONG}"]`);
      const canonical = told(() => canonicalizeText(text));
      const isView = canonicalPieces(text)?.length === 3;
      expect([spelling, isView]).toEqual([spelling, canonical === String(text)]);
    }
  }
});
