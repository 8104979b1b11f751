import type { Edit, MapNode, Member, TextNode } from '../config-text/node.ts';
import { haveSameMembers, isSameTree, type Exception } from '../config-text/same-tree.ts';
import type { ServerEntry } from './entries.ts';

/** Judges a value, or that there is none. */
export type Judge = (value: TextNode | undefined) => boolean;

/** What is to become of one entry. */
export interface EntryChange {
  readonly entry: ServerEntry;
  /** Where the members that change stand. */
  readonly map: MapNode;
  readonly edits: readonly Edit[];
  /** Members that may differ, before or afterwards. */
  readonly touched: readonly string[];
  /** What must stand there of these afterwards; nothing of what is not named here. */
  readonly wanted: Readonly<Record<string, Judge>>;
}

/** Whether a map is what a change was to make of it, and nothing else has become different. */
export function isDone(
  { touched, wanted }: EntryChange,
  was: MapNode,
  is: MapNode,
  exception: Exception,
): boolean {
  const found = is.members.filter(({ name }) => touched.includes(name));
  const names = found.map(({ name }) => name);
  return (
    haveSameMembers(was, is, exception, touched) &&
    found.every(({ name }, i) => Object.hasOwn(wanted, name) && names.indexOf(name) === i) &&
    Object.entries(wanted).every(([name, judge]) => judge(found[names.indexOf(name)]?.value))
  );
}

export function isText(text: string): Judge {
  return (value) => value?.kind === 'string' && value.value === text;
}

/** Whether a list holds these words; what is no text counts as it is spelt. No list holds none. */
export function isWords(words: readonly string[]): Judge {
  return (value) =>
    (value === undefined && words.length === 0) ||
    (value?.kind === 'list' &&
      value.items.length === words.length &&
      value.items.every((it, i) => words[i] === wordOf(it)));
}

/** Whether a map holds the values of `members` under these names, in this order. */
export function isMap(names: readonly string[], members: readonly Member[]): Judge {
  return (value) =>
    value?.kind === 'map' &&
    value.members.length === members.length &&
    value.members.every((it, i) => {
      const other = members[i];
      return (
        it.name === names[i] &&
        other !== undefined &&
        isSameTree(other.value, it.value, () => undefined)
      );
    });
}

function wordOf(node: TextNode): string {
  if (node.kind === 'string') return node.value;
  return node.kind === 'other' ? node.text : '';
}
