/** A set of code points as sorted ranges that neither overlap nor touch; both ends belong to it. */
export type CharSet = readonly (readonly [first: number, last: number])[];

const LAST = 0x10ffff;

export const NOTHING: CharSet = [];
export const ANYTHING: CharSet = [[0, LAST]];
export const DIGITS = charSet('09');
export const WORD = charSet('09', 'AZ', '__', 'az');
/** What `\s` is in RE2: fewer than in JavaScript. */
export const BLANKS = charSet('\t\n', '\f\r', '  ');

/** Ranges given as pairs of characters. */
export function charSet(...pairs: readonly string[]): CharSet {
  return union(
    ...pairs.map((pair): CharSet => {
      const [first = '', last = first] = pair;
      return [[first.codePointAt(0) as number, last.codePointAt(0) as number]];
    }),
  );
}

export function union(...sets: readonly CharSet[]): CharSet {
  const out: [number, number][] = [];
  for (const [first, last] of sets.flat().toSorted(([a], [b]) => a - b)) {
    const top = out.at(-1);
    if (top !== undefined && first <= top[1] + 1) top[1] = Math.max(top[1], last);
    else out.push([first, last]);
  }
  return out;
}

export function complement(set: CharSet): CharSet {
  const out: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

export function intersects(a: CharSet, b: CharSet): boolean {
  return a.some(([first, last]) => b.some(([from, to]) => first <= to && from <= last));
}

export function isSubset(a: CharSet, b: CharSet): boolean {
  return !intersects(a, complement(b));
}

/** Both cases of every ASCII letter, and the two signs beyond ASCII that fold to one. */
export function foldCase(set: CharSet): CharSet {
  const folded: [number, number][] = [];
  for (let letter = 0x61; letter <= 0x7a; letter += 1) {
    const forms: CharSet[] = [[[letter, letter]], [[letter - 0x20, letter - 0x20]]];
    if (letter === 0x6b) forms.push([[0x212a, 0x212a]]); // Kelvin
    if (letter === 0x73) forms.push([[0x17f, 0x17f]]); // long s
    const all = union(...forms);
    if (intersects(set, all)) folded.push(...all.map(([a, b]): [number, number] => [a, b]));
  }
  return union(set, folded);
}

/** As a class of a JavaScript expression with the flag `u`. */
export function classSource(set: CharSet): string {
  const code = (point: number) => `\\u{${point.toString(16)}}`;
  const ranges = set.map(([first, last]) =>
    first === last ? code(first) : `${code(first)}-${code(last)}`,
  );
  return `[${ranges.join('')}]`;
}
