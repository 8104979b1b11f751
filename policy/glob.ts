import { foldCase } from './fold.ts';

/** A compiled pattern. Matching never throws and never looks at the pattern's text again. */
export interface Glob {
  /** Whether the whole of `text` matches, upper and lower case alike. */
  matches(text: string): boolean;
  /** The same for a text that many patterns are asked about. */
  matchesFolded(text: FoldedText): boolean;
}

/** Made by `foldText`: code points in lower case. */
export type FoldedText = readonly string[];

export function foldText(text: string): FoldedText {
  return Array.from(foldCase(text));
}

/** A malformed pattern. `offset` counts code points from the start of the pattern, from 0. */
export class GlobError extends SyntaxError {
  override readonly name = 'GlobError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

type Range = readonly [low: string, high: string];

type Token =
  | { kind: 'run' } // * any characters except the separator, also none
  | { kind: 'one' } // ? one character except the separator
  | { kind: 'literal'; character: string }
  | { kind: 'class'; negated: boolean; ranges: readonly Range[] };

const SEPARATOR = '/';

/**
 * Compiles a pattern with the semantics of Go's `filepath.Match` on lower-cased input: `*`, `?`,
 * `[a-z]`, `[^x]`, `\` escapes, and a match is always of the whole text. A class, unlike `*` and
 * `?`, may match the separator; that is Go's behaviour too.
 *
 * Go finds most malformed patterns only while it matches; a rule with one is silently dead there.
 * Here the same patterns are refused up front, so that no rule can look alive and be dead.
 *
 * @throws GlobError for exactly the patterns Go calls `ErrBadPattern`.
 */
export function compileGlob(pattern: string): Glob {
  const tokens = parsePattern(foldText(pattern));
  return {
    matches: (text) => matchTokens(tokens, foldText(text)),
    matchesFolded: (text) => matchTokens(tokens, text),
  };
}

function parsePattern(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] ?? '';
    if (character === '*') {
      // Adjacent stars mean one star.
      if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
      at += 1;
    } else if (character === '?') {
      tokens.push({ kind: 'one' });
      at += 1;
    } else if (character === '[') {
      const parsed = parseClass(pattern, at);
      tokens.push(parsed.token);
      at = parsed.end;
    } else if (character === '\\') {
      const escaped = pattern[at + 1];
      if (escaped === undefined) throw new GlobError('nothing follows the backslash', at);
      tokens.push({ kind: 'literal', character: escaped });
      at += 2;
    } else {
      tokens.push({ kind: 'literal', character });
      at += 1;
    }
  }
  return tokens;
}

/** Reads the class whose `[` is at `start`; `end` is the offset behind its `]`. */
function parseClass(pattern: readonly string[], start: number): { token: Token; end: number } {
  let at = start + 1;
  const negated = pattern[at] === '^';
  if (negated) at += 1;

  const member = (): string => {
    const first = pattern[at];
    if (first === ']') {
      throw new GlobError('"]" must be written "\\]" where a class expects a character', at);
    }
    if (first === '-') {
      throw new GlobError('"-" must be written "\\-" where a class expects a character', at);
    }
    if (first === '\\') at += 1;
    const character = pattern[at];
    at += 1;
    // A class needs its "]", so the pattern cannot end with a member of one.
    if (character === undefined || at >= pattern.length) {
      throw new GlobError('the class that begins here has no "]"', start);
    }
    return character;
  };

  const ranges: Range[] = [];
  while (ranges.length === 0 || pattern[at] !== ']') {
    const low = member();
    let high = low;
    if (pattern[at] === '-') {
      at += 1;
      high = member();
    }
    ranges.push([low, high]);
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 };
}

/**
 * Walks text and tokens side by side; on a mismatch the latest star takes one character more.
 * Earlier stars are never reopened (Go does not either), so the cost is bounded by the product of
 * the two lengths, whatever the pattern.
 */
function matchTokens(tokens: readonly Token[], text: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let star: { token: number; at: number } | undefined;
  while (at < text.length || token < tokens.length) {
    const current = tokens[token];
    const character = text[at];
    if (current?.kind === 'run') {
      token += 1;
      star = { token, at };
    } else if (current !== undefined && character !== undefined && accepts(current, character)) {
      token += 1;
      at += 1;
    } else {
      const next = star === undefined ? undefined : text[star.at];
      if (star === undefined || next === undefined || next === SEPARATOR) return false;
      star.at += 1;
      token = star.token;
      at = star.at;
    }
  }
  return true;
}

function accepts(token: Exclude<Token, { kind: 'run' }>, character: string): boolean {
  if (token.kind === 'one') return character !== SEPARATOR;
  if (token.kind === 'literal') return character === token.character;
  return token.ranges.some((range) => within(range, character)) !== token.negated;
}

/** Compares by code point: comparing the strings would order by UTF-16 unit. */
function within([low, high]: Range, character: string): boolean {
  const point = codePoint(character);
  return codePoint(low) <= point && point <= codePoint(high);
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}
