import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob, GlobError } from './glob.ts';

// What Go's path/filepath.Match answers on a Unix system, on lower-cased input.
describe('Glob.matches() agrees with filepath.Match [R.globs]', () => {
  for (const [pattern, text, want] of [
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['*', 'a/b', false],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['**a**', 'xay', true],
    ['*x', 'xxx', true],
    ['?', 'a', true],
    ['?', '', false],
    ['?', '/', false],
    ['a?b', 'a/b', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['ab[^e-g]', 'ab', false],
    ['[d-a]', 'b', false], // an upside-down range holds nothing
    ['[^d-a]', 'b', true],
    ['a[^a]b', 'a/b', true], // a class may match the separator
    ['[/]', '/', true],
    ['*[^x]*b', 'a/b', false], // earlier stars are not reopened
    ['[*]', '*', true],
    ['[*]', 'a', false],
    ['[[]', '[', true],
    ['a]', 'a]', true], // "]" outside a class is itself
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', '-', true],
    ['[\\-x]', 'a', false],
    ['[!a]', '!', true], // only "^" negates
    ['a???b', 'a☺b', false],
    ['a?b', 'a☺b', true],
    ['a?b', 'a🙂b', true], // one code point, two UTF-16 units
    ['[☺-🙂]', '☻', true],
    ['[a-ζ]*', 'α', true],
    ['DELETE_*', 'delete_file', true],
    ['delete_*', 'Delete_File', true],
    ['[A-C]', 'b', true],
    ['*config*', 'UPDATE_CONFİG', true], // U+0130 folds to "i", alone
    ['*σ', 'ΑΣ', true], // a final sigma folds like any other
    ['ΑΣ*', 'ασβ', true],
  ] as const) {
    test(`${pattern} on ${text}: ${want}`, () => {
      expect(compileGlob(pattern).matches(text)).toBe(want);
    });
  }
});

describe('compileGlob() refuses what Go calls ErrBadPattern, and says where', () => {
  for (const [pattern, offset] of [
    ['[', 0],
    ['[^', 0],
    ['[a', 0],
    ['ab[a', 2],
    ['[^bc', 0],
    ['[a-', 0],
    ['[a-b', 0],
    ['[\\', 0],
    ['[\\a', 0],
    ['[]', 1],
    ['[^]', 2],
    ['[]a]', 1],
    ['[^]a]', 2],
    ['[-]', 1],
    ['[-a]', 1],
    ['[^-a]', 2],
    ['[a-]', 3],
    ['[x-]', 3],
    ['[a-b-c]', 4],
    ['[a--]', 3],
    ['\\', 0],
    ['ab\\', 2],
    ['🙂\\', 1], // code points, not UTF-16 units
    ['a/b[', 3],
    ['*[]', 2],
  ] as const) {
    test(`${pattern} at ${offset}`, () => {
      const compile = () => compileGlob(pattern);
      expect(compile).toThrow(GlobError);
      expect(compile).toThrow(expect.objectContaining({ offset }));
    });
  }
});

describe('Glob properties', () => {
  const patternText = fc.string({ unit: fc.constantFrom(...Array.from('ab/*?[]^-\\🙂İ')) });

  test('a pattern is refused with a GlobError inside it, or matches without throwing', () => {
    fc.assert(
      fc.property(patternText, fc.string({ unit: 'binary' }), (pattern, text) => {
        try {
          expect(typeof compileGlob(pattern).matches(text)).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(GlobError);
          const { offset } = error as GlobError;
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThan(Array.from(pattern).length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('an escaped text matches exactly itself', () => {
    const escape = (text: string) =>
      Array.from(text)
        .map((character) => `\\${character}`)
        .join('');
    const anyText = fc.string({ unit: fc.constantFrom(...Array.from('aA*?[]\\/-^🙂')) });
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const glob = compileGlob(escape(text));
        expect(glob.matches(text)).toBe(true);
        expect(glob.matches(other)).toBe(other.toLowerCase() === text.toLowerCase());
      }),
    );
  });

  test('without classes and escapes it agrees with the obvious regular expression', () => {
    const simple = fc.string({ unit: fc.constantFrom(...Array.from('ab/*?')), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom(...Array.from('ab/')), maxLength: 8 });
    fc.assert(
      fc.property(simple, text, (pattern, value) => {
        const source = pattern.replaceAll('?', '[^/]').replaceAll('*', '[^/]*');
        expect(compileGlob(pattern).matches(value)).toBe(new RegExp(`^${source}$`).test(value));
      }),
      { numRuns: 5000 },
    );
  });

  test('a pattern made to explode stays within the product of the lengths', () => {
    const glob = compileGlob(`${'a*'.repeat(200)}b`);
    const start = performance.now();
    expect(glob.matches('a'.repeat(20_000))).toBe(false);
    // Backtracking into every star would take longer than the universe has had.
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
