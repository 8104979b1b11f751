/**
 * A configuration file as values that know where they stand. One shape for every format, so that what
 * changes an entry does not care which one it is in. Offsets are UTF-16 units of the text without a
 * byte order mark.
 */
export type TextNode = MapNode | ListNode | StringNode | OtherNode;

interface Place {
  readonly start: number;
  readonly end: number;
  /** Why this value cannot be changed where it stands: an anchor, an alias, a name used twice. */
  readonly fixed?: string;
}

export interface MapNode extends Place {
  readonly kind: 'map';
  readonly members: readonly Member[];
  readonly style: Style;
}

export interface ListNode extends Place {
  readonly kind: 'list';
  readonly items: readonly TextNode[];
  readonly style: Style;
}

export interface StringNode extends Place {
  readonly kind: 'string';
  readonly value: string;
}

/** Numbers, truth values, nothing, dates, aliases: compared by their text, never changed. */
export interface OtherNode extends Place {
  readonly kind: 'other';
  readonly text: string;
}

export interface Member {
  readonly name: string;
  /** Start of the name as written; of `a.b.c` in TOML the start of the whole. */
  readonly keyStart: number;
  /** Start of its last part; `keyStart` everywhere but in TOML. */
  readonly nameStart: number;
  readonly keyEnd: number;
  readonly value: TextNode;
}

/** Between brackets, or one member or item on each line. */
export type Style = 'flow' | 'block';

export type Format = 'json' | 'yaml' | 'toml';

/** A file that was understood. */
export interface ConfigText {
  readonly format: Format;
  /** Without a byte order mark. */
  readonly text: string;
  readonly root: TextNode;
}

/** Replaces `text.slice(start, end)`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function memberOf(node: TextNode, name: string): Member | undefined {
  return node.kind === 'map' ? node.members.find((it) => it.name === name) : undefined;
}

/** The text of a member that holds a string. */
export function stringOf(node: TextNode, name: string): string | undefined {
  const value = memberOf(node, name)?.value;
  return value?.kind === 'string' ? value.value : undefined;
}

/** Edits must not overlap; those at one place are applied in the order given. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of sortEdits(edits)) {
    if (edit.start < at) throw new RangeError('edits overlap');
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return parts.join('') + text.slice(at);
}

export function sortEdits(edits: readonly Edit[]): readonly Edit[] {
  return edits.toSorted((a, b) => a.start - b.start);
}

/** Line and column of an offset, both from 1. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = text.indexOf('\n', start);
    if (end === -1 || end >= offset) return { line, column: offset - start + 1 };
    line += 1;
    start = end + 1;
  }
}

/** How this file ends its lines. */
export function lineEndOf(text: string): string {
  const at = text.indexOf('\n');
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n';
}
