import { parse } from 'smol-toml';
import type { Member, TextNode } from './node.ts';

interface OpenMap {
  readonly kind: 'map';
  readonly members: OpenMember[];
  style: 'flow' | 'block';
  readonly start: number;
  end: number;
}
interface OpenList {
  readonly kind: 'list';
  readonly items: OpenNode[];
  readonly style: 'flow' | 'block';
  readonly start: number;
  readonly end: number;
}
type OpenNode = OpenMap | OpenList | Exclude<TextNode, { kind: 'map' | 'list' }>;
type OpenMember = Omit<Member, 'value'> & { readonly value: OpenNode };

interface Key {
  readonly parts: readonly string[];
  readonly start: number;
  readonly lastStart: number;
  readonly end: number;
}

const BARE = /[A-Za-z0-9_-]+/y;
const SPACE = /[ \t]*/y;
const BLANK = /(?:[ \t\r\n]|#[^\n]*)*/y;
const OTHER = /[^,\]}#\r\n]*/y;

/** Finds where things stand in a text that is TOML: whoever calls has had it parsed. */
export class TomlScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): TextNode {
    const root: OpenMap = { kind: 'map', members: [], style: 'block', start: 0, end: 0 };
    let table = root;
    for (;;) {
      this.#skip(BLANK);
      if (this.#at >= this.#text.length) return { ...root, end: this.#text.length };
      if (this.#text[this.#at] === '[') table = this.#header(root);
      else this.#assignment(table, 'block');
    }
  }

  /** `[a.b]` opens a table, `[[a.b]]` one more of a list. */
  #header(root: OpenMap): OpenMap {
    const isList = this.#text.startsWith('[[', this.#at);
    this.#at += isList ? 2 : 1;
    this.#skip(SPACE);
    const key = this.#key();
    this.#at += isList ? 2 : 1;
    const last = key.parts.length - 1;
    let map = root;
    for (const [i, part] of key.parts.entries()) {
      map = isList && i === last ? this.#append(map, part, key) : this.#descend(map, part, key);
    }
    return map;
  }

  #assignment(table: OpenMap, style: 'flow' | 'block'): void {
    const key = this.#key();
    this.#at += 1; // the equals sign
    this.#skip(SPACE);
    const value = this.#value();
    let map = table;
    for (const part of key.parts.slice(0, -1)) map = this.#descend(map, part, key);
    map.style = style;
    map.members.push(memberAt(key, key.parts.at(-1) ?? '', value));
  }

  #descend(map: OpenMap, name: string, key: Key): OpenMap {
    const found = map.members.find((it) => it.name === name)?.value;
    if (found?.kind === 'map') return found;
    if (found?.kind === 'list') {
      const last = found.items.at(-1);
      if (last?.kind === 'map') return last;
    }
    return this.#open(map, name, key);
  }

  #append(map: OpenMap, name: string, key: Key): OpenMap {
    const found = map.members.find((it) => it.name === name)?.value;
    const table: OpenMap = emptyMap(key);
    if (found?.kind === 'list') found.items.push(table);
    else {
      const place = { start: key.start, end: key.end };
      const list: OpenList = { kind: 'list', items: [table], style: 'block', ...place };
      map.members.push(memberAt(key, name, list));
    }
    return table;
  }

  #open(map: OpenMap, name: string, key: Key): OpenMap {
    const made = emptyMap(key);
    map.members.push(memberAt(key, name, made));
    return made;
  }

  #key(): Key {
    const start = this.#at;
    const parts: string[] = [];
    for (;;) {
      const lastStart = this.#at;
      const quote = this.#text[this.#at];
      parts.push(quote === '"' || quote === "'" ? this.#string() : this.#skip(BARE));
      const end = this.#at;
      this.#skip(SPACE);
      if (this.#text[this.#at] !== '.') return { parts, start, lastStart, end };
      this.#at += 1;
      this.#skip(SPACE);
    }
  }

  #value(): OpenNode {
    const start = this.#at;
    switch (this.#text[start]) {
      case '"':
      case "'":
        return { kind: 'string', value: this.#string(), start, end: this.#at };
      case '[': {
        const items: OpenNode[] = [];
        this.#items(']', () => items.push(this.#value()));
        return { kind: 'list', items, style: 'flow', start, end: this.#at };
      }
      case '{': {
        const map: OpenMap = { kind: 'map', members: [], style: 'flow', start, end: start };
        this.#items('}', () => this.#assignment(map, 'flow'));
        map.end = this.#at;
        return map;
      }
      default: {
        const text = this.#skip(OTHER).trimEnd();
        this.#at = start + text.length;
        return { kind: 'other', text, start, end: this.#at };
      }
    }
  }

  #items(close: string, read: () => void): void {
    this.#at += 1;
    this.#skip(BLANK);
    while (this.#at < this.#text.length && this.#text[this.#at] !== close) {
      read();
      this.#skip(BLANK);
      if (this.#text[this.#at] === ',') this.#at += 1;
      this.#skip(BLANK);
    }
    this.#at += 1;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    const quote = text[start] as string;
    const mark = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
    let at = start + mark.length;
    while (at < text.length && !text.startsWith(mark, at)) {
      at += quote === '"' && text[at] === '\\' ? 2 : 1;
    }
    at += mark.length;
    // A text over lines may end with one or two quotes of its own.
    while (mark.length === 3 && text[at] === quote) at += 1;
    this.#at = at;
    const raw = text.slice(start, at);
    if (mark.length === 1 && !(quote === '"' && raw.includes('\\'))) return raw.slice(1, -1);
    const { v } = parse(`v = ${raw}`);
    return typeof v === 'string' ? v : '';
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [matched = ''] = pattern.exec(this.#text) ?? [];
    this.#at += matched.length;
    return matched;
  }
}

function emptyMap({ start, end }: Key): OpenMap {
  return { kind: 'map', members: [], style: 'block', start, end };
}

function memberAt(key: Key, name: string, value: OpenNode): OpenMember {
  return { name, keyStart: key.start, nameStart: key.lastStart, keyEnd: key.end, value };
}
