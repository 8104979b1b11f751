import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { foldCase } from '../fold.ts';

/** A malformed path. `offset` counts characters from the start, from 0. */
export class PathError extends SyntaxError {
  override readonly name = 'PathError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'item'; readonly index: number }
  | { readonly kind: 'items' } // [*] every item of a list
  | { readonly kind: 'members' } // * every member of an object, every item of a list
  | { readonly kind: 'anywhere' }; // ** the value itself and everything in it

/** Finds values in arguments. Made by `compilePath`. */
export interface ArgumentPath {
  /** As written: paths of the same text find the same. */
  readonly text: string;
  /** Every value the path leads to, as many times as it does. Bounded by the size of `root`. */
  find(root: JsonValue): readonly JsonValue[];
}

/**
 * Compiles `a.b`, `items[*].price`, `list[0]`, `*`, `**.url` or `a["b.c"]`.
 *
 * Names are compared without case: servers written in Go take `Amount` for `amount`, and a rule that
 * does not would be walked around.
 *
 * @throws PathError
 */
export function compilePath(text: string): ArgumentPath {
  const segments = parsePath(text);
  return {
    text,
    find: (root) => {
      let found: readonly JsonValue[] = [root];
      for (const segment of segments) {
        const [first] = found;
        if (first === undefined) return found;
        found =
          found.length === 1
            ? step(segment, first)
            : found.flatMap((value) => step(segment, value));
      }
      return found;
    },
  };
}

function parsePath(text: string): readonly Segment[] {
  const segments: Segment[] = [];
  const token = /\.?(?:(\*\*)|(\*)|([^.*[\]"]+))|\[(?:(\*)|(\d{1,9})|("(?:[^"\\]|\\.)*"))\]/y;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    const isFirst = at === 0;
    const hasDot = match?.[0].startsWith('.') === true;
    const isBracket = match?.[0].startsWith('[') === true;
    if (match === null) throw new PathError('a name, "*", "**", "[*]" or "[0]" is expected', at);
    if (hasDot && isFirst) throw new PathError('it begins with a dot', at);
    if (!hasDot && !isFirst && !isBracket) throw new PathError('a dot is missing', at);
    const [, anywhere, members, name, items, index, quoted] = match;
    if (anywhere !== undefined) {
      if (segments.some(({ kind }) => kind === 'anywhere')) {
        throw new PathError('"**" may stand once', at);
      }
      segments.push({ kind: 'anywhere' });
    } else if (members !== undefined) segments.push({ kind: 'members' });
    else if (items !== undefined) segments.push({ kind: 'items' });
    else if (index !== undefined) segments.push({ kind: 'item', index: Number(index) });
    else if (quoted !== undefined) segments.push(nameOf(unquote(quoted, at)));
    else segments.push(nameOf(name ?? ''));
  }
  if (segments.length === 0) throw new PathError('it is empty', 0);
  return segments;
}

function nameOf(name: string): Segment {
  return { kind: 'name', name: foldCase(name) };
}

function unquote(quoted: string, at: number): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new PathError('the name in quotes is not a JSON string', at + 1);
  }
}

function step(segment: Segment, value: JsonValue): readonly JsonValue[] {
  if (segment.kind === 'anywhere') return everythingIn(value);
  if (typeof value !== 'object' || value === null) return [];
  if (isList(value)) {
    if (segment.kind === 'items' || segment.kind === 'members') return value;
    const item = segment.kind === 'item' ? value[segment.index] : undefined;
    return item === undefined ? [] : [item];
  }
  if (segment.kind === 'members') return Object.values(value);
  return segment.kind === 'name' ? membersNamed(value, segment.name) : [];
}

/** More than one where spellings differ in case only: whichever the server takes is looked at. */
function membersNamed(value: JsonObject, name: string): readonly JsonValue[] {
  const found: JsonValue[] = [];
  // Own members only: nothing is looked up through a prototype.
  for (const key of Object.keys(value)) {
    if (key === name || (couldFoldTo(key, name) && foldCase(key) === name)) {
      found.push(value[key] as JsonValue);
    }
  }
  return found;
}

/** Folding keeps the number of code points, and a code point has one or two units. */
function couldFoldTo(key: string, name: string): boolean {
  return key.length <= 2 * name.length && name.length <= 2 * key.length;
}

/** The stack is our own: arguments may be nested deeper than the engine's. */
function everythingIn(root: JsonValue): readonly JsonValue[] {
  const found: JsonValue[] = [];
  const open: JsonValue[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    found.push(value);
    if (typeof value !== 'object' || value === null) continue;
    const inside = isList(value) ? value : Object.values(value);
    // Not `push(...inside)`: a list may have more items than a call has arguments.
    for (const item of inside) open.push(item);
  }
  return found;
}

/** `Array.isArray` does not narrow a read-only array away from an object. */
function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
