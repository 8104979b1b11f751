import { isMap, isScalar, isSeq, Scalar, type Node } from 'yaml';
import { suggestWord } from '../suggest.ts';
import type { YamlSource } from './yaml-source.ts';

/** A member of a map: its name, where that stands, and the value with aliases followed. */
export type Member = { readonly name: string; readonly key: Node; readonly value: Node };
export type Members = ReadonlyMap<string, Member>;

/** The members of a map whose keys are known; every other key is a problem. */
export function readMap(
  source: YamlSource,
  writtenMap: Node,
  what: string,
  known: readonly string[],
): Members | undefined {
  const node = source.follow(writtenMap);
  if (!isMap(node)) {
    source.report(
      writtenMap,
      `${what} must be a map, found ${describe(node)}`,
      `write "key: value" lines; known keys: ${known.join(', ')}`,
    );
    return undefined;
  }
  const members = new Map<string, Member>();
  for (const pair of node.items) {
    const written = pair.key as Node;
    const key = source.follow(written);
    if (!isString(key)) {
      const remedy = `known keys: ${known.join(', ')}`;
      source.report(written, `a key must be text, found ${describe(key)}`, remedy);
      continue;
    }
    const name = key.value;
    if (!known.includes(name)) {
      const meant = suggestWord(name, known);
      const remedy =
        meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${meant}"?`;
      source.report(written, `unknown key ${quote(name)}`, remedy);
      continue;
    }
    const earlier = members.get(name);
    if (earlier !== undefined) {
      const line = source.lineOf(earlier.key);
      source.report(written, `key "${name}" is set already on line ${line}`, 'remove one of them');
      continue;
    }
    // In `{name}` the key has no value, not even an empty one.
    const value = pair.value === null ? new Scalar(null) : source.follow(pair.value as Node);
    members.set(name, { name, key: written, value });
  }
  return members;
}

export function readText(source: YamlSource, member: Member | undefined): string | undefined {
  if (member === undefined) return undefined;
  if (isString(member.value)) return member.value.value;
  wrongType(
    source,
    member,
    `"${member.name}" must be text`,
    'write text, in quotes where YAML would read something else',
  );
  return undefined;
}

/** A value that is missing altogether is reported at its key: there is nothing else to point at. */
export function wrongType(
  source: YamlSource,
  member: Member,
  message: string,
  remedy: string,
): void {
  const at = isEmpty(member.value) ? member.key : member.value;
  source.report(at, `${message}, found ${describe(member.value)}`, remedy);
}

export function describe(node: Node): string {
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'a map';
  if (isEmpty(node)) return 'nothing';
  if (isString(node)) return `the text ${quote(node.value)}`;
  return isScalar(node) ? `the value ${String(node.value)}` : 'something else';
}

export function isString(node: Node): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string';
}

export function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null;
}

/** Quoted for one line of a terminal: escaped, and not longer than a line. */
export function quote(text: string): string {
  const limit = 60;
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}...` : text);
}
