import {
  ANYTHING,
  BLANKS,
  charSet,
  complement,
  DIGITS,
  foldCase,
  intersects,
  NOTHING,
  union,
  WORD,
  type CharSet,
} from './char-set.ts';

/** A pattern as a tree. Groups leave no node of their own: nothing is captured. */
export type PatternNode =
  | { readonly kind: 'char'; readonly set: CharSet }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'boundary' }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | RepeatNode;

export interface RepeatNode {
  readonly kind: 'repeat';
  readonly body: PatternNode;
  readonly min: number;
  /** `Infinity` for an open end. */
  readonly max: number;
  readonly lazy: boolean;
  /** Where the repetition sign stands, in characters from 0. */
  readonly offset: number;
}

/** What is wrong with a pattern, and where: characters from 0. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** As RE2 has it. */
const MAX_COUNT = 1000;
/** The parser recurses; nobody writes this many groups inside each other. */
const MAX_GROUPS = 50;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\x07',
};
const PERL: Readonly<Record<string, CharSet>> = { d: DIGITS, w: WORD, s: BLANKS };
/** Pairs for `charSet`: made when a pattern names one, because every agent waits for a start. */
const POSIX: Readonly<Record<string, readonly string[]>> = {
  alnum: ['09', 'AZ', 'az'],
  alpha: ['AZ', 'az'],
  ascii: ['\0\x7f'],
  blank: ['\t\t', '  '],
  cntrl: ['\0\x1f', '\x7f\x7f'],
  digit: ['09'],
  graph: ['!~'],
  lower: ['az'],
  print: [' ~'],
  punct: ['!/', ':@', '[`', '{~'],
  space: ['\t\r', '  '],
  upper: ['AZ'],
  word: ['09', 'AZ', '__', 'az'],
  xdigit: ['09', 'AF', 'af'],
};

/**
 * Reads a pattern in the syntax of RE2, as far as it is known here; what is not is an error, never
 * taken for something else.
 *
 * @throws PatternError
 */
export function parsePattern(text: string): PatternNode {
  return new PatternParser(text).parse();
}

class PatternParser {
  readonly #chars: readonly string[];
  #at = 0;
  #fold = false;
  #dotAll = false;
  #open = 0;

  constructor(text: string) {
    this.#chars = Array.from(text); // by code points, as RE2 reads it
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#chars.length) throw this.#wrong('")" without "("');
    return node;
  }

  #choice(): PatternNode {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] as PatternNode) : { kind: 'choice', options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')';) {
      const atom = this.#atom();
      if (atom !== undefined) items.push(this.#repeated(atom));
      next = this.#peek();
    }
    return items.length === 1 ? (items[0] as PatternNode) : { kind: 'sequence', items };
  }

  /** Nothing for `(?i)`, which only changes how the rest is read. */
  #atom(): PatternNode | undefined {
    const offset = this.#at;
    const next = this.#next();
    switch (next) {
      case '(':
        return this.#group(offset);
      case '[':
        return { kind: 'char', set: this.#class(offset) };
      case '.':
        return { kind: 'char', set: this.#dotAll ? ANYTHING : complement(charSet('\n')) };
      case '^':
        return { kind: 'assert', what: 'start' };
      case '$':
        return { kind: 'assert', what: 'end' };
      case '*':
      case '+':
      case '?':
        throw this.#wrong(`nothing before "${next}" to repeat`, offset);
      case '{':
        throw this.#wrong('"{" begins no repetition; write \\{ for the character', offset);
      case '\\':
        return this.#escape(offset);
      default:
        return { kind: 'char', set: this.#folded(charSet(next ?? ''), offset) };
    }
  }

  #group(offset: number): PatternNode | undefined {
    this.#open += 1;
    if (this.#open > MAX_GROUPS) throw this.#wrong('too many groups inside each other', offset);
    const before = { fold: this.#fold, dotAll: this.#dotAll };
    if (this.#take('?') && this.#flagsOnly(offset)) {
      this.#open -= 1;
      return undefined;
    }
    const node = this.#choice();
    if (!this.#take(')')) throw this.#wrong('"(" without ")"', offset);
    this.#open -= 1;
    ({ fold: this.#fold, dotAll: this.#dotAll } = before);
    return node;
  }

  /** Behind `(?`: true for `(?i)`, false when the body of a group follows. */
  #flagsOnly(offset: number): boolean {
    const rest = this.#chars.slice(this.#at, this.#at + 80).join('');
    if (/^<?[=!]/.test(rest)) throw this.#wrong('look-around is not possible', offset);
    if (rest.startsWith('>')) throw this.#wrong('atomic groups are not possible', offset);
    const name = /^P?<[A-Za-z_]\w*>/.exec(rest)?.[0];
    if (name !== undefined) {
      this.#at += name.length;
      return false;
    }
    const [all, on, off, end] = /^([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/.exec(rest) ?? [];
    if (all === undefined) throw this.#wrong('unknown kind of group', offset);
    for (const flag of `${on}${off ?? ''}`) {
      if (flag !== 'i' && flag !== 's') throw this.#wrong(`flag "${flag}" is not possible`, offset);
    }
    for (const [flags, value] of [[on ?? '', true] as const, [off ?? '', false] as const]) {
      if (flags.includes('i')) this.#fold = value;
      if (flags.includes('s')) this.#dotAll = value;
    }
    this.#at += all.length;
    return end === ')';
  }

  #repeated(body: PatternNode): PatternNode {
    const offset = this.#at;
    const range = this.#quantifier();
    if (range === undefined) return body;
    if (body.kind === 'assert') throw this.#wrong('a position cannot be repeated', offset);
    const [min, max] = range;
    const lazy = this.#take('?');
    const behind = this.#peek();
    if (behind === '*' || behind === '+' || behind === '?') {
      throw this.#wrong('two repetitions of the same thing', this.#at);
    }
    return { kind: 'repeat', body, min, max, lazy, offset };
  }

  #quantifier(): readonly [min: number, max: number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    if (this.#peek() !== '{') return undefined;
    const rest = this.#chars.slice(this.#at, this.#at + 12).join('');
    const [all, low, comma, high] = /^\{(\d+)(,?)(\d*)\}/.exec(rest) ?? [];
    if (all === undefined || (comma === '' && high !== '')) return undefined;
    const min = Number(low);
    const open = comma === ',' && high === '';
    const max = open ? Infinity : comma === '' ? min : Number(high);
    if (max < min) throw this.#wrong(`{${min},${max}} is empty`);
    if (Math.max(min, open ? 0 : max) > MAX_COUNT) {
      throw this.#wrong(`more than ${MAX_COUNT} repetitions`);
    }
    this.#at += all.length;
    return [min, max];
  }

  #escape(offset: number): PatternNode {
    const next = this.#peek();
    if (next === 'b') {
      this.#at += 1;
      return { kind: 'assert', what: 'boundary' };
    }
    if (next === 'A' || next === 'z') {
      this.#at += 1;
      return { kind: 'assert', what: next === 'A' ? 'start' : 'end' };
    }
    const { set, single } = this.#escaped(offset);
    return { kind: 'char', set: single ? this.#folded(set, offset) : set };
  }

  /** Behind a backslash, inside a class and outside. Only a single character knows upper case. */
  #escaped(offset: number): { readonly set: CharSet; readonly single: boolean } {
    const next = this.#next();
    if (next === undefined) throw this.#wrong('nothing behind "\\"', offset);
    const perl = PERL[next.toLowerCase()];
    if (perl !== undefined) {
      return { set: next === next.toLowerCase() ? perl : complement(perl), single: false };
    }
    if (next === 'x') return { set: charSet(this.#hex(offset)), single: true };
    const control = ESCAPES[next];
    if (control !== undefined) return { set: charSet(control), single: true };
    if (/[1-9k]/.test(next)) throw this.#wrong('back-references are not possible', offset);
    if (next === 'p' || next === 'P') throw this.#wrong('Unicode classes are not possible', offset);
    if (/\w/.test(next)) throw this.#wrong(`unknown escape "\\${next}"`, offset);
    return { set: charSet(next), single: true };
  }

  #hex(offset: number): string {
    const rest = this.#chars.slice(this.#at, this.#at + 10).join('');
    const [all, short, long] = /^(?:([\da-fA-F]{2})|\{([\da-fA-F]{1,6})\})/.exec(rest) ?? [];
    const code = Number.parseInt(short ?? long ?? '', 16);
    if (all === undefined || code > 0x10ffff) throw this.#wrong('\\x without a code', offset);
    this.#at += all.length;
    return String.fromCodePoint(code);
  }

  #folded(set: CharSet, offset: number): CharSet {
    if (!this.#fold) return set;
    const letters = complement(charSet('\0\x7f'));
    // Beyond ASCII, upper and lower case are a table of their own; half of it would leak.
    if (intersects(set, letters)) throw this.#wrong('(?i) with characters beyond ASCII', offset);
    return foldCase(set);
  }

  #class(offset: number): CharSet {
    const negated = this.#take('^');
    let set = NOTHING;
    for (let first = true; ; first = false) {
      const at = this.#at;
      const next = this.#next();
      if (next === undefined) throw this.#wrong('"[" without "]"', offset);
      if (next === ']' && !first) break;
      set = union(set, this.#classItem(next, at));
    }
    return negated ? complement(set) : set;
  }

  #classItem(next: string, offset: number): CharSet {
    if (next === '[' && this.#peek() === ':') return this.#folded(this.#posix(offset), offset);
    const low = this.#classCharacter(next, offset);
    const isRange = this.#peek() === '-' && (this.#chars[this.#at + 1] ?? ']') !== ']';
    if (!isRange) return low.single ? this.#folded(low.set, offset) : low.set;
    this.#at += 1;
    const high = this.#classCharacter(this.#next() as string, this.#at);
    const [from, to] = [low.set[0]?.[0], high.set[0]?.[0]];
    if (!low.single || !high.single || from === undefined || to === undefined) {
      throw this.#wrong('a range needs a character on both sides', offset);
    }
    if (from > to) throw this.#wrong('a range that runs backwards', offset);
    return this.#folded([[from, to]], offset);
  }

  #classCharacter(next: string, offset: number) {
    return next === '\\' ? this.#escaped(offset) : { set: charSet(next), single: true };
  }

  #posix(offset: number): CharSet {
    const rest = this.#chars.slice(this.#at, this.#at + 12).join('');
    const [all, not, name = ''] = /^:(\^?)([a-z]+):\]/.exec(rest) ?? [];
    const pairs = Object.hasOwn(POSIX, name) ? POSIX[name] : undefined;
    if (all === undefined || pairs === undefined) throw this.#wrong('unknown class', offset);
    const set = charSet(...pairs);
    this.#at += all.length;
    return not === '^' ? complement(set) : set;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    this.#at += 1;
    return this.#chars[this.#at - 1];
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #wrong(message: string, offset = this.#at): PatternError {
    return new PatternError(message, offset);
  }
}
