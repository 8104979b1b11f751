import {
  applyEdits,
  lineEndOf,
  memberOf,
  type ConfigText,
  type MapNode,
  type TextNode,
} from '../config-text/node.ts';
import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

export type JsonPath = readonly (string | number)[];

/**
 * What a configuration says.
 *
 * @throws CodedError `CLIENT_FILE_INVALID` for what is no object
 */
export function readMembers({ root }: ConfigText): JsonObject {
  const value = valueOf(root);
  if (isJsonObject(value)) return value;
  throw new CodedError('CLIENT_FILE_INVALID', 'it is not an object');
}

function valueOf(node: TextNode): JsonValue {
  switch (node.kind) {
    case 'string':
      return node.value;
    case 'other':
      return JSON.parse(node.text) as JsonValue;
    case 'list':
      return node.items.map(valueOf);
    case 'map': {
      const names = new Set(node.members.map(({ name }) => name));
      if (names.size < node.members.length) {
        throw new CodedError('CLIENT_FILE_INVALID', 'a name stands twice in one object');
      }
      // No literal: "__proto__" is a name like any other here.
      return Object.fromEntries(node.members.map((it) => [it.name, valueOf(it.value)]));
    }
  }
}

/**
 * The text with one more member or item, behind all others. Nothing but the new text is written, in
 * the indentation and with the line ends of the rest.
 *
 * @param path - Of the object or list.
 * @param name - Of the member; left out for an item of a list.
 */
export function insertLast(
  config: ConfigText,
  path: JsonPath,
  value: JsonValue,
  name?: string,
): string {
  const { text } = config;
  const [place] = trail(config, path).slice(-1);
  if (place === undefined) throw new RangeError(`nothing at ${path.join('.')}`);
  const children = childrenOf(place.node);
  const eol = lineEndOf(text);
  const unit = /^([\t ]+)\S/m.exec(text)?.[1] ?? '  ';
  const last = children.at(-1);
  const indent = (last && ownIndent(text, last.start)) ?? unit.repeat(path.length + 1);
  const json = JSON.stringify(value, null, unit).replaceAll('\n', `${eol}${indent}`);
  const item = `${eol}${indent}${name === undefined ? '' : `${JSON.stringify(name)}: `}${json}`;
  if (last !== undefined) {
    return applyEdits(text, [{ start: last.end, end: last.end, text: `,${item}` }]);
  }
  const { start, end } = place.node;
  const close = `${eol}${ownIndent(text, place.start) ?? unit.repeat(path.length)}`;
  return applyEdits(text, [{ start: start + 1, end: end - 1, text: `${item}${close}` }]);
}

/** The text without what stands at `path`, and without what would be empty then, but for the whole. */
export function removeAt(config: ConfigText, path: JsonPath): string {
  const { text } = config;
  const places = trail(config, path);
  let depth = places.length - 1;
  while (depth > 1 && childrenOf((places[depth - 1] as Child).node).length === 1) depth -= 1;
  const [parent, child] = [places[depth - 1] as Child, places[depth] as Child];
  const siblings = childrenOf(parent.node);
  const at = siblings.findIndex(({ start }) => start === child.start);
  const [before, after] = [siblings[at - 1], siblings[at + 1]];
  if (before !== undefined) return without(text, before.end, child.end);
  if (after !== undefined) return without(text, child.start, after.start);
  return without(text, parent.node.start + 1, parent.node.end - 1);
}

/** A value with its name, where it has one. */
interface Child {
  readonly start: number;
  readonly end: number;
  readonly node: TextNode;
}

/** The whole, and what each step of the path leads to. */
function trail({ root }: ConfigText, path: JsonPath): readonly Child[] {
  const places: Child[] = [{ start: root.start, end: root.end, node: root }];
  for (const step of path) {
    const { node } = places.at(-1) as Child;
    const found = typeof step === 'number' ? childrenOf(node)[step] : named(node, step);
    if (found === undefined) throw new RangeError(`nothing at ${path.join('.')}`);
    places.push(found);
  }
  return places;
}

function named(node: TextNode, name: string): Child | undefined {
  const member = memberOf(node, name);
  return member && { start: member.keyStart, end: member.value.end, node: member.value };
}

function childrenOf(node: TextNode): readonly Child[] {
  if (node.kind === 'list')
    return node.items.map((it) => ({ start: it.start, end: it.end, node: it }));
  if (node.kind !== 'map') return [];
  return node.members.map(({ keyStart, value }: MapNode['members'][number]) => ({
    start: keyStart,
    end: value.end,
    node: value,
  }));
}

/** What stands before a value on its line, if that is only space. */
function ownIndent(text: string, at: number): string | undefined {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  return /^[\t ]*$/.test(line) ? line : undefined;
}

function without(text: string, start: number, end: number): string {
  return applyEdits(text, [{ start, end, text: '' }]);
}
