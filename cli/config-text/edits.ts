import {
  lineEndOf,
  type ConfigText,
  type Edit,
  type ListNode,
  type MapNode,
  type Member,
} from './node.ts';

/**
 * Changes of a text that leave everything else as it is, in pairs that undo each other: what
 * `insertItems` and `addListBehind` put in, `removeItems` and `removeListBehind` take out to the byte.
 */

/** A string as every one of the formats understands it. */
export function quoted(value: string): string {
  // TOML alone forbids this character; an escape means the same in all three.
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}

/** Puts items, as they are to be written, in front of those of a list, in the way these stand there. */
export function insertItems({ text }: ConfigText, list: ListNode, items: readonly string[]): Edit {
  const [first] = list.items;
  if (first === undefined) {
    const at = list.start + 1;
    return { start: at, end: at, text: items.join(', ') };
  }
  const separator = separatorOf(text, list);
  const inserted = items.map((item) => item + separator).join('');
  return { start: first.start, end: first.start, text: inserted };
}

/** Takes the first `count` items out. */
export function removeItems({ text }: ConfigText, list: ListNode, count: number): Edit {
  const start = list.items[0]?.start ?? list.end;
  const next = list.items[count];
  if (next !== undefined) return { start, end: next.start, text: '' };
  if (list.style === 'block') return { start: list.start, end: list.end, text: '[]' };
  const last = list.items.at(-1)?.end ?? start;
  const [comma = ''] = /^\s*,/.exec(text.slice(last, list.end)) ?? [];
  return { start, end: last + comma.length, text: '' };
}

/** What stands between two items: as between the first two, or as in front of the only one. */
function separatorOf(text: string, { items, style }: ListNode): string {
  const [first, second] = items;
  const at = first?.start ?? 0;
  if (style === 'block') {
    const line = text.lastIndexOf('\n', at - 1) + 1;
    const lead = text.slice(line, at);
    const dash = lead.lastIndexOf('-');
    return `${lineEndOf(text)}${' '.repeat(Math.max(dash, 0))}${lead.slice(Math.max(dash, 0))}`;
  }
  const between = second === undefined ? '' : text.slice(first?.end, second.start);
  if (/^,\s*$/.test(between)) return between;
  const own = /\r?\n[ \t]*$/.exec(text.slice(0, at));
  return own === null ? ', ' : `,${own[0]}`;
}

/** Adds a list as a member, right behind the member `after`, in the way that one stands there. */
export function addListBehind(
  config: ConfigText,
  map: MapNode,
  after: string,
  name: string,
  items: readonly string[],
): Edit {
  return addMemberBehind(config, map, after, name, `[${items.join(', ')}]`);
}

/** The same with a value as it is to be written. */
export function addMemberBehind(
  { format, text }: ConfigText,
  map: MapNode,
  after: string,
  name: string,
  written: string,
): Edit {
  const member = map.members.find((it) => it.name === after);
  if (member === undefined) throw new RangeError(`no member ${after}`);
  const { keyStart, nameStart, keyEnd, value } = member;
  const key = `${text.slice(keyStart, nameStart)}${format === 'json' ? quoted(name) : name}`;
  const list = `${key}${text.slice(keyEnd, value.start)}${written}`;
  const [lead = ''] = /(?:\r?\n)?[ \t]*$/.exec(text.slice(0, keyStart)) ?? [];
  if (map.style === 'flow') {
    const gap = lead === '' && /[{,]$/.test(text.slice(0, keyStart)) ? '' : lead || ' ';
    return { start: value.end, end: value.end, text: `,${gap}${list}` };
  }
  const line = text.indexOf('\n', value.end);
  const end = line === -1 ? text.length : line - (text[line - 1] === '\r' ? 1 : 0);
  return { start: end, end, text: `${lineEndOf(text)}${indentOf(text, keyStart)}${list}` };
}

/** As many columns as stand in front of a name, a dash among them counted as a space. */
function indentOf(text: string, keyStart: number): string {
  const lead = text.slice(text.lastIndexOf('\n', keyStart - 1) + 1, keyStart);
  return lead.replaceAll(/[^\t]/g, ' ');
}

/**
 * Takes the list `name` out again where it stands as `addListBehind` has put it; somewhere else it is
 * left, and empty, which means the same and disturbs nothing around it.
 */
export function removeListBehind(
  { text }: ConfigText,
  map: MapNode,
  after: string,
  name: string,
): Edit {
  const at = map.members.findIndex((it) => it.name === name);
  const member = map.members[at];
  if (member === undefined) throw new RangeError(`no member ${name}`);
  const { value, keyStart } = member;
  const before = map.members[at - 1];
  if (map.style === 'flow' && before?.name === after) {
    const isNext = /^\s*,\s*$/.test(text.slice(before.value.end, keyStart));
    if (isNext) return { start: before.value.end, end: value.end, text: '' };
  }
  const line = /\r?\n[ \t]*$/.exec(text.slice(0, keyStart));
  if (map.style === 'block' && before !== undefined && line !== null) {
    return { start: line.index, end: value.end, text: '' };
  }
  return { start: value.start, end: value.end, text: '[]' };
}

/** Puts a member in front of those of a map, in the way these stand there; `removeMember` takes it out. */
export function insertMember(
  { format, text }: ConfigText,
  map: MapNode,
  name: string,
  written: string,
): Edit {
  const [first, second] = map.members;
  if (first === undefined) {
    const at = map.start + 1;
    return { start: at, end: at, text: `${flowKey(format, name)}${written}` };
  }
  const { keyStart, nameStart, keyEnd, value } = first;
  const [, quote = ''] = /^(["']).*\1$/s.exec(text.slice(nameStart, keyEnd)) ?? [];
  const key = `${text.slice(keyStart, nameStart)}${quote}${name}${quote}`;
  const member = `${key}${text.slice(keyEnd, value.start)}${written}`;
  const between = text.slice(value.end, second?.keyStart ?? value.end);
  const [own] = /\r?\n[ \t]*$/.exec(text.slice(0, keyStart)) ?? [];
  const comma = /^,\s*$/.test(between) ? between : own === undefined ? ', ' : `,${own}`;
  const line = `${lineEndOf(text)}${indentOf(text, keyStart)}`;
  const separator = map.style === 'flow' ? comma : line;
  return { start: keyStart, end: keyStart, text: `${member}${separator}` };
}

/** A name in front of its value in a map between brackets. */
export function flowKey(format: ConfigText['format'], name: string): string {
  if (format === 'json') return `${quoted(name)}: `;
  return format === 'toml' ? `${name} = ` : `${name}: `;
}

/** Another name for a member, in the quotes that stand there, if any do. */
export function renameMember(
  { text }: ConfigText,
  { nameStart, keyEnd }: Member,
  name: string,
): Edit {
  const [, quote = ''] = /^(["']).*\1$/s.exec(text.slice(nameStart, keyEnd)) ?? [];
  return { start: nameStart, end: keyEnd, text: `${quote}${name}${quote}` };
}

/** Takes a member out, with the comma or the line that is its own; nothing where that is not clear. */
export function removeMember({ text }: ConfigText, map: MapNode, name: string): readonly Edit[] {
  const at = map.members.findIndex((it) => it.name === name);
  const [before, member, next] = [map.members[at - 1], map.members[at], map.members[at + 1]];
  if (member === undefined) return [];
  const { keyStart, value } = member;
  const isComma = (from: number, to: number) => /^\s*,\s*$/.test(text.slice(from, to));
  if (map.style === 'flow') {
    if (before !== undefined && isComma(before.value.end, keyStart)) {
      return [{ start: before.value.end, end: value.end, text: '' }];
    }
    if (map.members.length === 1) return [{ start: keyStart, end: value.end, text: '' }];
    const isFirst = next !== undefined && isComma(value.end, next.keyStart);
    return isFirst ? [{ start: keyStart, end: next.keyStart, text: '' }] : [];
  }
  const line = /\r?\n[ \t]*$/.exec(text.slice(0, keyStart));
  return line === null ? [] : [{ start: line.index, end: value.end, text: '' }];
}
