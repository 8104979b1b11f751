import { renameMember } from '../config-text/edits.ts';
import type { ConfigText, Edit, MapNode, Member, TextNode } from '../config-text/node.ts';
import type { ServerEntry } from './entries.ts';
import type { EntryChange, Judge } from './entry-change.ts';

/**
 * A member that makes room for another one in its own place. An entry with an address and one with a command
 * have the same shape, so comments, order and values stay where they are, those of headers above all.
 */
export interface Slot {
  readonly member: Member;
  readonly name: string;
  /** Its new value as it is written; without it the value stays. */
  readonly text?: string;
  /** Changes inside of a value that stays. */
  readonly edits?: readonly Edit[];
  readonly judge: Judge;
}

/** Members that take nobody's place, or that nobody takes the place of. */
export interface Others {
  readonly edits: readonly Edit[];
  readonly added?: EntryChange['wanted'];
  readonly gone?: readonly string[];
}

export const URL_VARIABLE = 'OBSIGNA_URL';

export function changeOfSlots(
  config: ConfigText,
  entry: ServerEntry,
  map: MapNode,
  slots: readonly Slot[],
  { edits, added = {}, gone = [] }: Others,
): EntryChange {
  const changed = slots.flatMap(({ member, name, text, edits: inside = [] }) => [
    ...(name === member.name ? [] : [renameMember(config, member, name)]),
    ...(text === undefined ? [] : [replace(member.value, text)]),
    ...inside,
  ]);
  const names = slots.flatMap(({ member, name }) => [member.name, name]);
  return {
    entry,
    map,
    edits: [...changed, ...edits],
    touched: [...names, ...Object.keys(added), ...gone],
    wanted: { ...Object.fromEntries(slots.map(({ name, judge }) => [name, judge])), ...added },
  };
}

function replace({ start, end }: TextNode, text: string): Edit {
  return { start, end, text };
}

export function listText(items: readonly string[]): string {
  return `[${items.join(', ')}]`;
}

export function rawText({ text }: ConfigText, { start, end }: TextNode): string {
  return text.slice(start, end);
}

/** Without its quotes. */
export function innerText(config: ConfigText, node: TextNode): string {
  return rawText(config, node).replace(/^(["'])(.*)\1$/, '$2');
}

/** A word in the quotes that stand there. */
export function wordLike(config: ConfigText, member: Member | undefined, word: string): string {
  const raw = member === undefined ? '' : rawText(config, member.value);
  const [, quote = ''] = /^(["']).*\1$/.exec(raw) ?? [];
  return `${quote}${word}${quote}`;
}
