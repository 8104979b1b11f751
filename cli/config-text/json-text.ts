import { TextFault } from './text-fault.ts';
import type { Member, TextNode } from './node.ts';

/** Deeper than any client nests, and far from the end of the stack. */
const MAX_DEPTH = 500;
/** Characters of a number or a bare word. */
const WORD = /[-+.\w]*/y;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/**
 * JSON with what editors tolerate: comments, and commas behind the last item. Written here because
 * members must say where they stand, names used twice must be noticed, and the file stays text.
 *
 * @throws TextFault with the offset of what is wrong
 */
export function parseJsonText(text: string): TextNode {
  const reader = new JsonReader(text);
  return reader.document();
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): TextNode {
    this.#skip();
    const root = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fault('expected the end of the file');
    return root;
  }

  #value(depth: number): TextNode {
    if (depth > MAX_DEPTH) throw this.#fault('nested too deeply');
    switch (this.#text[this.#at]) {
      case '{':
        return this.#map(depth);
      case '[':
        return this.#list(depth);
      case '"': {
        const start = this.#at;
        return { kind: 'string', value: this.#string(), start, end: this.#at };
      }
      default:
        return this.#word();
    }
  }

  #map(depth: number): TextNode {
    const start = this.#at;
    const members: Member[] = [];
    const seen = new Set<string>();
    let twice: string | undefined;
    this.#items('}', () => {
      if (this.#text[this.#at] !== '"') throw this.#fault('expected a name in double quotes');
      const keyStart = this.#at;
      const name = this.#string();
      const keyEnd = this.#at;
      this.#skip();
      if (this.#text[this.#at] !== ':') throw this.#fault('expected a colon');
      this.#at += 1;
      this.#skip();
      if (seen.has(name)) twice ??= name;
      seen.add(name);
      members.push({ name, keyStart, nameStart: keyStart, keyEnd, value: this.#value(depth + 1) });
    });
    return {
      kind: 'map',
      members,
      style: 'flow',
      start,
      end: this.#at,
      ...(twice !== undefined && { fixed: `the name ${JSON.stringify(twice)} stands there twice` }),
    };
  }

  #list(depth: number): TextNode {
    const start = this.#at;
    const items: TextNode[] = [];
    this.#items(']', () => items.push(this.#value(depth + 1)));
    return { kind: 'list', items, style: 'flow', start, end: this.#at };
  }

  /** From an opening bracket to behind the closing one, which `close` is. */
  #items(close: string, read: () => void): void {
    this.#at += 1;
    this.#skip();
    while (this.#text[this.#at] !== close) {
      read();
      this.#skip();
      const next = this.#text[this.#at];
      if (next === ',') {
        this.#at += 1;
        this.#skip();
      } else if (next !== close) {
        throw this.#fault(`expected a comma or ${close}`);
      }
    }
    this.#at += 1;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let isPlain = true;
    for (let at = start + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return isPlain ? text.slice(start + 1, at) : this.#decode(start);
      }
      if (code < 0x20) throw this.#fault('control character in a string', at);
      if (code === 0x5c) {
        isPlain = false;
        at += 1;
      }
    }
    throw this.#fault('this string never ends', start);
  }

  #decode(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      throw this.#fault('wrong escape in a string', start); // the cause would quote the string
    }
  }

  #word(): TextNode {
    const start = this.#at;
    WORD.lastIndex = start;
    const text = WORD.exec(this.#text)?.[0] ?? '';
    const isKnown = text === 'true' || text === 'false' || text === 'null' || NUMBER.test(text);
    if (!isKnown) throw this.#fault('expected a value', start);
    this.#at = start + text.length;
    return { kind: 'other', text, start, end: this.#at };
  }

  /** White space and comments. */
  #skip(): void {
    const text = this.#text;
    for (;;) {
      const char = text[this.#at];
      if (char === ' ' || char === '\n' || char === '\t' || char === '\r') this.#at += 1;
      else if (char !== '/') return;
      else if (text[this.#at + 1] === '/') this.#jump('\n', text.length);
      else if (text[this.#at + 1] === '*') this.#jump('*/', undefined);
      else throw this.#fault('expected a value or a comment');
    }
  }

  #jump(mark: string, otherwise: number | undefined): void {
    const found = this.#text.indexOf(mark, this.#at + 2);
    const end = found === -1 ? otherwise : found + mark.length;
    if (end === undefined) throw this.#fault('this comment never ends');
    this.#at = end;
  }

  #fault(what: string, at = this.#at): TextFault {
    return new TextFault(what, at);
  }
}
