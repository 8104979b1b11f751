import type { MapNode, TextNode } from './node.ts';

/** Compares two maps at the same place; undefined where the usual comparison applies. */
export type Exception = (before: MapNode, after: MapNode) => boolean | undefined;

/**
 * Whether two texts mean the same but for the maps that `exception` judges. This is how a change is
 * proved before it is written: parse what came out, and nothing else may differ.
 */
export function isSameTree(before: TextNode, after: TextNode, exception: Exception): boolean {
  if (before.kind === 'map') {
    if (after.kind !== 'map') return false;
    return exception(before, after) ?? haveSameMembers(before, after, exception);
  }
  if (before.kind === 'list') {
    return (
      after.kind === 'list' &&
      before.items.length === after.items.length &&
      before.items.every((item, i) => isSameTree(item, after.items[i] as TextNode, exception))
    );
  }
  if (before.kind === 'string') return after.kind === 'string' && before.value === after.value;
  return after.kind === 'other' && before.text === after.text;
}

/** Names in their order, and what they hold; those in `without` are not looked at. */
export function haveSameMembers(
  before: MapNode,
  after: MapNode,
  exception: Exception,
  without: readonly string[] = [],
): boolean {
  const left = before.members.filter(({ name }) => !without.includes(name));
  const right = after.members.filter(({ name }) => !without.includes(name));
  return (
    left.length === right.length &&
    left.every(({ name, value }, i) => {
      const other = right[i];
      return other?.name === name && isSameTree(value, other.value, exception);
    })
  );
}
