import { canonicalize } from '../../shared/json/canonical.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import { printable } from '../proxy-log.ts';
import { isDifferent, type Entry, type PinRecord } from './pin-record.ts';
import { changedMembers } from './tool-pin.ts';

/** One difference between what was accepted and what was seen last. */
export interface Change {
  readonly what: 'tool' | 'instructions' | 'launch';
  /** Of the tool; empty for what a server has one of. */
  readonly name: string;
  readonly kind: 'new' | 'changed' | 'gone';
  /** Since when. */
  readonly at: string;
  /** What would be accepted; absent for what is gone. */
  readonly digest?: string;
  readonly members: readonly MemberChange[];
}

export interface MemberChange {
  readonly member: string;
  readonly before: JsonValue;
  readonly after: JsonValue;
}

/** Everything of a server that is not as it was accepted: first the server, then its tools. */
export function changesOf({ launch, instructions, tools }: PinRecord): readonly Change[] {
  return [
    ...changeOf('launch', '', launch),
    ...changeOf('instructions', '', instructions),
    ...[...tools].flatMap(([name, entry]) => changeOf('tool', name, entry)),
  ];
}

function changeOf(what: Change['what'], name: string, entry: Entry | undefined): readonly Change[] {
  if (entry === undefined || !isDifferent(entry)) return [];
  const { pinned, seen, gone } = entry;
  if (gone !== undefined) return [{ what, name, kind: 'gone', at: gone, members: [] }];
  if (seen === undefined) return [];
  const { at, digest, content } = seen;
  const members = membersOf(pinned?.content, content);
  return [{ what, name, kind: pinned === undefined ? 'new' : 'changed', at, digest, members }];
}

function membersOf(before: JsonValue = null, after: JsonValue): readonly MemberChange[] {
  if (!isJsonObject(after)) return [{ member: '', before, after }];
  const old = isJsonObject(before) ? before : {};
  const of = (object: typeof old, name: string) =>
    Object.hasOwn(object, name) ? (object[name] ?? null) : null;
  return changedMembers(old, after).map((member) => ({
    member,
    before: of(old, member),
    after: of(after, member),
  }));
}

const SIGNS = { new: '+', changed: '~', gone: '-' } as const;
const WORDS = {
  new: 'new since',
  changed: 'changed, seen first',
  gone: 'not listed since',
} as const;

/** A change for a person. What a server wrote cannot drive the terminal or look like our words. */
export function changeLines({ what, name, kind, at, members }: Change): readonly string[] {
  const title = what === 'tool' ? printable(name) : `(${what})`;
  return [
    `  ${SIGNS[kind]} ${title}: ${WORDS[kind]} ${at}`,
    ...members.flatMap(({ member, before, after }) => [
      ...(member === '' ? [] : [`      ${printable(member)}`]),
      ...(before === null ? [] : [`      - ${shown(before)}`]),
      ...(after === null ? [] : [`      + ${shown(after)}`]),
    ]),
  ];
}

const MAX_SHOWN = 2000;

function shown(value: JsonValue): string {
  const text = typeof value === 'string' ? value : canonicalize(value);
  const pieces = text.slice(0, MAX_SHOWN).match(/[^]{1,300}/gu) ?? [];
  return pieces.map(printable).join('') + (text.length > MAX_SHOWN ? '...' : '');
}
