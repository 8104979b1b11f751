import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ANYTHING,
  complement,
  foldCase,
  charSet,
  intersects,
  union,
  type CharSet,
} from './char-set.ts';
import { compilePattern } from './compile-pattern.ts';
import { checkPatternCost, MAX_STEPS } from './pattern-cost.ts';
import { parsePattern, PatternError, type PatternNode } from './pattern-syntax.ts';

// pattern, then texts it hides and texts it leaves alone; as RE2 reads it
const READ: readonly [pattern: string, hit: readonly string[], miss: readonly string[]][] = [
  ['corp_[a-z0-9]{4}', ['corp_ab12'], ['corp_ab1', 'Corp_ab12']],
  ['(?i)corp_[a-z]{2}', ['CORP_aB', 'corp_AB'], ['corp-ab']],
  ['(?i:A)b', ['ab', 'Ab'], ['aB']],
  ['a(?i)b', ['ab', 'aB'], ['Ab']],
  ['(?i)[^b]c', ['aC', 'xc'], ['bC', 'BC']],
  ['(?i)[K-L]', ['k', 'l', '\u212a'], ['m']],
  ['a(?:(?i)b|c)d', ['aBd', 'aCd', 'acd'], ['aBD']],
  ['(?P<name>x)(?<other>y)', ['xy'], ['x']],
  ['a.c', ['abc', 'a\u{1f600}c'], ['a\nc']],
  ['(?s)a.c', ['a\nc'], ['ac']],
  ['^ab$', ['ab'], ['xab', 'ab\nab']],
  ['\\Aab\\z', ['ab'], ['abx']],
  ['\\bkey-[a-z]+\\b', ['key-abc'], ['xkey-abc']],
  ['\\d\\w\\s', ['1_ ', '9a\f'], ['1_\v', 'a_ ', '1_\u00a0', '\u0661_ ']],
  ['[\\d.]x', ['1x', '.x'], ['ax']],
  ['\\D\\W\\S', ['a--'], ['1--', 'aa-']],
  ['[[:alpha:]][[:^digit:]]', ['ab'], ['a1', '1a']],
  ['[]a]b', [']b', 'ab'], ['b']],
  ['[^]a]b', ['xb'], [']b', 'ab']],
  ['[a-]b', ['-b', 'ab'], ['cb']],
  ['[\\]\\\\]b', [']b', '\\b'], ['b']],
  ['\\x41\\x{1F600}\\t\\a', ['A\u{1f600}\t\x07'], []],
  ['a\\.b\\/\\-c', ['a.b/-c'], ['axb/-c']],
  ['x(?:ab|cd|ef){2}', ['xabcd', 'xefef'], ['xab']],
  ['foo|foobar', ['foo'], ['fo']],
  ['a{2}b{1,2}c{3,}', ['aabccc', 'aabbcccc'], ['abccc', 'aabcc']],
  ['#[a-z]*?!', ['#ab!'], ['#ab']],
  ['\u00e9t\u00e9', ['\u00e9t\u00e9'], ['ete']],
];
for (const [pattern, hit, miss] of READ) {
  test(`[D.redaction-custom] compilePattern(${pattern}) means what RE2 means`, () => {
    const expression = compilePattern(pattern);
    const isFound = (text: string) => text.search(expression) !== -1;
    expect({ hit: hit.filter(isFound), miss: miss.filter(isFound) }).toEqual({ hit, miss: [] });
  });
}

const REFUSED: readonly [pattern: string, offset: number, says: RegExp][] = [
  ['a(?=b)', 1, /look-around is not possible/],
  ['a(?!b)', 1, /look-around/],
  ['(?<=a)b', 0, /look-around/],
  ['(?<!a)b', 0, /look-around/],
  ['(a)\\1', 3, /back-references are not possible/],
  ['(?P<x>a)\\k<x>', 8, /back-references/],
  ['(?>a+)b', 0, /atomic groups/],
  ['(?m)^a', 0, /flag "m" is not possible/],
  ['(?U)a', 0, /flag "U"/],
  ['\\pL', 0, /Unicode classes/],
  ['\\Bx', 0, /unknown escape "\\B"/],
  ['\\Qx\\E', 0, /unknown escape "\\Q"/],
  ['a\\', 1, /nothing behind/],
  ['(a', 0, /"\(" without "\)"/],
  ['a)', 1, /"\)" without "\("/],
  ['[a', 0, /"\[" without "\]"/],
  ['[z-a]', 1, /backwards/],
  ['[\\d-z]', 1, /a range needs a character/],
  ['[[:nope:]]', 1, /unknown class/],
  ['*a', 0, /nothing before "\*"/],
  ['a**', 2, /two repetitions/],
  ['a++', 2, /two repetitions/],
  ['a{2}{3}', 4, /begins no repetition/],
  ['a{', 1, /begins no repetition/],
  ['a{3,2}', 1, /is empty/],
  ['a{1001}', 1, /more than 1000/],
  ['\\b*a', 2, /a position cannot be repeated/],
  ['\\xzz', 0, /without a code/],
  ['(?i)\u00e9', 4, /beyond ASCII/],
  ['(?x', 0, /unknown kind of group/],
  ['', 0, /matches the empty text/],
  ['a*', 0, /matches the empty text/],
  ['a?|b', 0, /matches the empty text/],
  ['\\b', 0, /matches the empty text/],
  // What a hostile text could keep busy.
  ['(a+)+b', 4, /without limit inside a repetition/],
  ['x(?:[a-z]+-)*y', 12, /without limit inside a repetition/],
  ['x(?:a|ab|b)*!', 11, /can match in several ways/],
  ['x(?:a?)*b', 7, /what can be empty/],
  ['x[a-z]+[a-z0-9]+!', 6, /what follows can begin with what is repeated/],
  ['x.*y', 2, /what follows can begin/],
  ['[a-z]+@', 5, /many attempts can repeat over the same text/],
  ['-[a-z-]+!', 7, /many attempts/],
  ['x[a-z]+$', 6, /many attempts/],
  ['[a-z]{1,100}[a-z]{1,100}!', 0, /up to \d+ steps/],
  ['(?:a|a){30}b', 0, /billions of steps/],
  ['(?:a?){30}a{30}', 0, /steps/],
  ['x{1000}y{1000}', 0, /up to 2002 steps/],
  [`${'('.repeat(60)}a${')'.repeat(60)}`, 50, /too many groups/],
  ['a'.repeat(501), 0, /longer than 500/],
];
for (const [pattern, offset, says] of REFUSED) {
  test(`[D.redaction-custom] compilePattern() refuses ${pattern.slice(0, 40) || 'nothing'}`, () => {
    const compile = () => compilePattern(pattern);
    expect(compile).toThrow(PatternError);
    expect(compile).toThrow(says);
    expect(compile).toThrow(expect.objectContaining({ offset }));
  });
}

for (const pattern of [
  'corp_[A-Za-z0-9]{32,}',
  'Bearer[\\t ]+[A-Za-z0-9._-]{20,}',
  '#[a-z]+-[a-z]+!',
  '://[^:/@]+:[^/@]+@',
  '(?:secret|session)_[a-z]{1,64}',
  'tok_(?:[a-z]{4}-){3}[a-z]{4}',
  'id=[0-9]+(?:,[0-9]+)?',
  '\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b',
  'key-[a-z]+\\b',
  '^[a-z]+$',
  '^(?:ls|cat)(?: [a-z./ -]*)?$',
]) {
  test(`[D.redaction-custom] compilePattern() takes ${pattern}`, () => {
    expect(compilePattern(pattern)).toBeInstanceOf(RegExp);
  });
}

const node = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('a', 'b', '[ab]', '[^a]', '.', 'c', '\\b', '$', '^'),
    fc.tuple(tie('node'), tie('node')).map((parts) => parts.join('')),
    fc.tuple(tie('node'), tie('node')).map((parts) => `(?:${parts.join('|')})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?', '+?'))
      .map(([body, sign]) => `(?:${body})${sign}`),
  ),
})).node;

/** Steps of a matcher that goes back as engines do, over all attempts on a text that never ends well. */
function countSteps(pattern: PatternNode, text: string): number {
  let steps = 0;
  const isWord = (char: string | undefined) => char !== undefined && /\w/.test(char);
  const run = (it: PatternNode, at: number, next: (at: number) => number): number => {
    steps += 1;
    if (steps > 50_000_000) throw new Error(`more than ${steps} steps`);
    switch (it.kind) {
      case 'char': {
        const code = text.charCodeAt(at);
        return it.set.some(([a, b]) => a <= code && code <= b) ? next(at + 1) : -1;
      }
      case 'assert': {
        const holds = {
          start: at === 0,
          end: at === text.length,
          boundary: isWord(text[at - 1]) !== isWord(text[at]),
        }[it.what];
        return holds ? next(at) : -1;
      }
      case 'sequence': {
        const from = (index: number, here: number): number => {
          const item = it.items[index];
          return item === undefined ? next(here) : run(item, here, (to) => from(index + 1, to));
        };
        return from(0, at);
      }
      case 'choice':
        for (const option of it.options) {
          const end = run(option, at, next);
          if (end !== -1) return end;
        }
        return -1;
      case 'repeat': {
        const round = (count: number, here: number): number => {
          const more = () =>
            count < it.max
              ? run(it.body, here, (to) =>
                  to === here && count >= it.min ? -1 : round(count + 1, to),
                )
              : -1;
          if (count < it.min) return more();
          const first = it.lazy ? next(here) : more();
          if (first !== -1) return first;
          return it.lazy ? more() : next(here);
        };
        return round(0, at);
      }
    }
  };
  for (let at = 0; at < text.length;) {
    const end = run(pattern, at, (to) => to);
    at = end > at ? end : at + 1;
  }
  return steps;
}

test('[D.redaction-custom] what checkPatternCost() lets through is linear in every text', () => {
  let taken = 0;
  const unit = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(node, unit, unit, (source, head, repeated) => {
      let pattern: PatternNode;
      try {
        pattern = parsePattern(source);
        checkPatternCost(pattern);
      } catch (error) {
        if (error instanceof PatternError) return;
        throw error;
      }
      taken += 1;
      const text = (count: number) => head + repeated.repeat(count);
      const [short, long] = [countSteps(pattern, text(16)), countSteps(pattern, text(128))];
      // Eight times the text: 64 times the steps would be the square.
      expect(long).toBeLessThan(16 * short + 400);
    }),
    { numRuns: 4000 },
  );
  expect(taken).toBeGreaterThan(500);
});

test('[D.redaction-custom] the matcher of this test does see a square', () => {
  const pattern = parsePattern('[ab]+c');
  const [short, long] = [16, 128].map((count) => countSteps(pattern, 'ab'.repeat(count))) as [
    number,
    number,
  ];
  expect(long).toBeGreaterThan(40 * short);
});

test('a class and its complement share nothing and are everything', () => {
  const pair = fc.tuple(fc.nat(0x10ffff), fc.nat(0x10ffff));
  const set = fc.array(pair.map(([a, b]): CharSet => [[Math.min(a, b), Math.max(a, b)]]));
  fc.assert(
    fc.property(set, (sets) => {
      const all = union(...sets);
      expect(intersects(all, complement(all))).toBe(false);
      expect(union(all, complement(all))).toEqual(ANYTHING);
    }),
  );
  expect(intersects(foldCase(charSet('k')), charSet('K', '\u212a'))).toBe(true);
  expect(MAX_STEPS).toBe(1000);
});
