import {
  findNodeAtLocation,
  parse,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

const BOM = '\ufeff';
const OPTIONS = { allowTrailingComma: true } as const;

export type JsonPath = readonly (string | number)[];

/**
 * What a text says, comments and last commas allowed.
 *
 * @throws CodedError `HOOKS_CONFIG_INVALID` with line and column
 */
export function readMembers(text: string): JsonObject {
  const errors: ParseError[] = [];
  const { body } = apart(text);
  const value = parse(body, errors, OPTIONS) as JsonValue;
  const [first] = errors;
  if (first !== undefined) {
    const before = body.slice(0, first.offset).split('\n');
    const place = `${before.length}:${(before.at(-1) ?? '').length + 1}`;
    throw new CodedError('HOOKS_CONFIG_INVALID', `${place}: ${printParseErrorCode(first.error)}`);
  }
  if (isJsonObject(value)) return value;
  throw new CodedError('HOOKS_CONFIG_INVALID', 'it is not an object');
}

/**
 * The text with one more member or item, behind all others. Nothing but the new text is written, in
 * the indentation and with the line ends of the rest.
 *
 * @param path - Of the object or list.
 * @param name - Of the member; left out for an item of a list.
 */
export function insertLast(text: string, path: JsonPath, value: JsonValue, name?: string): string {
  const { bom, body } = apart(text);
  const node = nodeAt(body, path);
  const eol = body.includes('\r\n') ? '\r\n' : '\n';
  const unit = /^([\t ]+)\S/m.exec(body)?.[1] ?? '  ';
  const last = node.children?.at(-1);
  const indent = (last && ownIndent(body, last)) ?? unit.repeat(path.length + 1);
  const json = JSON.stringify(value, null, unit).replaceAll('\n', `${eol}${indent}`);
  const item = `${eol}${indent}${name === undefined ? '' : `${JSON.stringify(name)}: `}${json}`;
  if (last !== undefined) return bom + splice(body, end(last), end(last), `,${item}`);
  const outer = ownIndent(body, node.parent?.type === 'property' ? node.parent : node);
  const close = `${eol}${outer ?? unit.repeat(path.length)}`;
  return (
    bom +
    splice(
      body,
      node.offset,
      end(node),
      `${body[node.offset]}${item}${close}${body[end(node) - 1]}`,
    )
  );
}

/** The text without what stands at `path`, and without what would be empty then, but for the whole. */
export function removeAt(text: string, path: JsonPath): string {
  const { bom, body } = apart(text);
  let node = memberOf(nodeAt(body, path));
  while (node.parent?.children?.length === 1 && node.parent.parent !== undefined) {
    node = memberOf(node.parent);
  }
  const siblings = node.parent?.children ?? [];
  const at = siblings.indexOf(node);
  const [before, after] = [siblings[at - 1], siblings[at + 1]];
  if (before !== undefined) return bom + splice(body, end(before), end(node), '');
  if (after !== undefined) return bom + splice(body, node.offset, after.offset, '');
  const parent = node.parent as Node;
  return bom + splice(body, parent.offset + 1, end(parent) - 1, '');
}

/** A value together with its name, where it has one. */
function memberOf(node: Node): Node {
  return node.parent?.type === 'property' ? node.parent : node;
}

function nodeAt(body: string, path: JsonPath): Node {
  const root = parseTree(body, [], OPTIONS);
  const node = root && findNodeAtLocation(root, [...path]);
  if (node === undefined) throw new RangeError(`nothing at ${path.join('.')}`);
  return node;
}

/** What stands before a value on its line, if that is only space. */
function ownIndent(body: string, node: Node): string | undefined {
  const line = body.slice(body.lastIndexOf('\n', node.offset - 1) + 1, node.offset);
  return /^[\t ]*$/.test(line) ? line : undefined;
}

function end({ offset, length }: Node): number {
  return offset + length;
}

function splice(text: string, from: number, to: number, instead: string): string {
  return text.slice(0, from) + instead + text.slice(to);
}

function apart(text: string): { bom: string; body: string } {
  const bom = text.startsWith(BOM) ? BOM : '';
  return { bom, body: text.slice(bom.length) };
}
