/** Where a statement of a TOML document starts. */
export interface KeyPlace {
  /** The first part of the key, or of the name in a table header, without quotes. */
  readonly key: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
}

/**
 * Finds every key on the top level of a TOML document, which the parser gives no positions for. The
 * document must have been parsed before: what is no TOML gets places that mean nothing, but an end.
 *
 * @see TOML 1.0.0, "Keys", "Table"
 */
export function locateKeys(text: string): readonly KeyPlace[] {
  const places: KeyPlace[] = [];
  let inTable = false;
  for (let at = skipBlank(text, 0); at < text.length; at = skipBlank(text, at)) {
    const isHeader = text[at] === '[';
    const start = isHeader ? skipBrackets(text, at) : at;
    if (isHeader || !inTable) places.push({ key: keyAt(text, start), ...positionOf(text, start) });
    inTable ||= isHeader;
    at = Math.max(endOfStatement(text, at), at + 1);
  }
  return places;
}

export function positionOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
}

function skipBlank(text: string, from: number): number {
  const blank = /(?:\s|#[^\n]*)*/y;
  blank.lastIndex = from;
  blank.exec(text);
  return blank.lastIndex;
}

function skipBrackets(text: string, from: number): number {
  const brackets = /\[\[?[ \t]*/y;
  brackets.lastIndex = from;
  brackets.exec(text);
  return brackets.lastIndex;
}

function keyAt(text: string, at: number): string {
  const key = /"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([A-Za-z0-9_-]+)/y;
  key.lastIndex = at;
  const [, basic, literal, bare] = key.exec(text) ?? [];
  return basic ?? literal ?? bare ?? '';
}

/** The first line end that is neither inside a string nor inside brackets. */
function endOfStatement(text: string, from: number): number {
  const token =
    /"""(?:\\[^]|[^\\])*?"{3,5}|'''[^]*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[[\]{}]|\n/g;
  token.lastIndex = from;
  let depth = 0;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [word] = found;
    if (word === '[' || word === '{') depth += 1;
    else if (word === ']' || word === '}') depth -= 1;
    else if (word === '\n' && depth === 0) return found.index;
  }
  return text.length;
}
