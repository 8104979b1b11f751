import { removeMember, renameMember } from '../config-text/edits.ts';
import {
  memberOf,
  type ConfigText,
  type Edit,
  type MapNode,
  type Member,
  type TextNode,
} from '../config-text/node.ts';
import { wordsOf, type Launch, type ServerEntry } from './entries.ts';
import { isMap, isText, type EntryChange, type Judge } from './entry-change.ts';
import { BEARER, entryNames, VARIABLES } from './remote-entry.ts';
import { readNote, type RemoteNote } from './remote-note.ts';
import { changeOfSlots, rawText, wordLike, type Slot } from './remote-slots.ts';

/** What an entry that `wrapRemote` has written says, or what is left of it. */
interface Wrapped {
  readonly config: ConfigText;
  readonly map: MapNode;
  readonly words: readonly string[];
  /** The member of the environment that has the address, where it is hidden. */
  readonly hidden: string | undefined;
  readonly note: RemoteNote;
}

type Filling = Omit<Slot, 'member'>;

/** Makes it one with an address again; undefined where it is not as `wrapRemote` leaves it. */
export function unwrapRemote(
  config: ConfigText,
  entry: ServerEntry,
  launch: Launch,
  was: string,
): EntryChange | undefined {
  const note = readNote(was);
  const words = wordsOf(launch);
  const [flag = '', last = ''] = words.slice(-2);
  if (note === undefined || !/^--?url(?:-env)?$/.test(flag)) return undefined;
  const { map } = launch;
  const names = entryNames(formOf(launch));
  const hidden = flag.endsWith('-env') ? last : undefined;
  const wrapped: Wrapped = { config, map, words, hidden, note };
  const env = memberOf(map, names.env)?.value;
  const list = launch.kind === 'argv' ? launch.words : launch.args;
  const url = hidden === undefined ? list?.items.at(-1) : env && memberOf(env, hidden)?.value;
  if (url?.kind !== 'string') return undefined;

  const slots: Slot[] = [];
  const removed: string[] = [];
  let isWhole = true;
  const refill = (name: string, fill: (member: Member) => Filling | undefined) => {
    const member = memberOf(map, name);
    const filling = member === undefined ? undefined : fill(member);
    if (member === undefined || filling === undefined) isWhole = false;
    else slots.push({ member, ...filling });
  };
  const address = { text: rawText(config, url), judge: isText(url.value) };
  refill(names.command, () => ({ name: note.url, ...address }));
  if (note.args !== undefined) {
    const { args, empty = '{}' } = note;
    refill('args', () => ({ name: args, text: empty, judge: isMap([], []) }));
  } else if (launch.kind === 'split') removed.push('args');
  if (note.type !== undefined) {
    const { type } = note;
    refill('type', (it) => ({ name: 'type', text: wordLike(config, it, type), judge: isAnyText }));
  }
  if (note.headers !== undefined || note.env !== undefined) {
    refill(names.env, ({ value }) => environment(wrapped, value));
  } else if (hidden !== undefined) {
    // Ours, unless somebody has put more into it.
    if (env?.kind === 'map' && env.members.length === 1) removed.push(names.env);
    else isWhole = false;
  }
  const isHanded = note.variables !== undefined || words.some((it) => /^--?bearer-env$/.test(it));
  if (isHanded) refill('env_vars', ({ value }) => variables(wrapped, value));
  if (!isWhole) return undefined;
  const edits = removed.flatMap((name) => removeMember(config, map, name));
  return changeOfSlots(config, entry, map, slots, { edits, gone: removed });
}

/** The headers, or the environment that was there, without the address. */
function environment({ config, words, hidden, note }: Wrapped, env: TextNode): Filling | undefined {
  if (env.kind !== 'map') return undefined;
  const edits: Edit[] = hidden === undefined ? [] : [...removeMember(config, env, hidden)];
  const members = env.members.filter(({ name }) => name !== hidden);
  if (note.headers === undefined) {
    const names = members.map(({ name }) => name);
    return { name: note.env ?? '', edits, judge: isMap(names, members) };
  }
  const pairs = headersAmong(words);
  const names: string[] = [];
  for (const member of members) {
    const name = pairs.get(member.name);
    // Somebody's own variable would be sent to the server as a header.
    if (name === undefined) return undefined;
    names.push(name);
    edits.push(renameMember(config, member, name));
  }
  return { name: note.headers, edits, judge: isMap(names, members) };
}

/** Headers by the variables that have their values. */
function headersAmong(words: readonly string[]): ReadonlyMap<string, string> {
  const pairs = words.filter((_, i) => /^--?header-env$/.test(words[i - 1] ?? ''));
  return new Map(
    pairs.map((pair) => {
      const [name = '', variable = ''] = pair.split('=');
      return [variable, name];
    }),
  );
}

function variables({ config, note }: Wrapped, value: TextNode): Filling | undefined {
  if (note.variables !== undefined) {
    return { name: VARIABLES, text: note.variables, judge: (it) => it?.kind === 'map' };
  }
  const [item, ...more] = value.kind === 'list' ? value.items : [];
  if (item?.kind !== 'string' || more.length > 0) return undefined;
  return { name: BEARER, text: rawText(config, item), judge: isText(item.value) };
}

const isAnyText: Judge = (value) => value?.kind === 'string';

function formOf(launch: Launch): 'argv' | 'goose' | 'standard' {
  if (launch.kind === 'argv') return 'argv';
  return launch.commandName === 'cmd' ? 'goose' : 'standard';
}
