import { addListBehind, quoted, removeMember, renameMember } from '../config-text/edits.ts';
import {
  memberOf,
  type ConfigText,
  type Edit,
  type MapNode,
  type Member,
  type TextNode,
} from '../config-text/node.ts';
import { wordsOf, type Launch, type ServerEntry } from './entries.ts';
import { isMap, isText, isWords, type EntryChange, type Judge } from './entry-change.ts';
import { remoteWords, type ProxyCommand } from './launch.ts';
import { BEARER, entryNames, VARIABLES, type RemoteEntry } from './remote-entry.ts';
import { readNote, writeNote } from './remote-note.ts';

/**
 * A member that makes room for another one in its own place. An entry with an address and one with a command
 * have the same shape, so comments, order and values stay where they are, those of headers above all.
 */
interface Slot {
  readonly member: Member;
  readonly name: string;
  /** Its new value as it is written; without it the value stays. */
  readonly text?: string;
  readonly edits?: readonly Edit[];
  readonly judge: Judge;
}

interface Other {
  readonly edits: readonly Edit[];
  readonly wanted?: EntryChange['wanted'];
}

/** Makes an entry with an address one that starts the proxy with `-url`. */
export function wrapRemote(
  config: ConfigText,
  entry: ServerEntry,
  remote: RemoteEntry,
  proxy: ProxyCommand,
): EntryChange {
  const { map, names, url, type, headers, bearer, variables, emptyEnv } = remote;
  const given = variablesFor(headers?.value.members ?? []);
  const flags = [
    ...headerFlags(remote, given),
    '-was',
    writeNote({
      url: url.name,
      type: type === undefined ? undefined : innerText(config, type.value),
      headers: headers?.name,
      args: emptyEnv?.name,
      variables: variables === undefined ? undefined : rawText(config, variables.value),
    }),
  ];
  const [program, ...own] = remoteWords(proxy, entry.name, flags);
  const args = [...own.map(quoted), rawText(config, url.value)];
  const words = [...own, url.value.value];
  const slots: Slot[] = [];
  const fill = (member: Member | undefined, slot: Omit<Slot, 'member'>) => {
    if (member !== undefined) slots.push({ member, ...slot });
  };
  const isArgv = names.type === 'local';
  const launch = isArgv
    ? { text: listText([quoted(program), ...args]), judge: isWords([program, ...words]) }
    : { text: quoted(program), judge: isText(program) };
  fill(url, { name: names.command, ...launch });
  fill(type, { name: 'type', text: wordLike(config, type, names.type), judge: isText(names.type) });
  fill(headers, { name: names.env, ...renamed(config, headers, given) });
  fill(bearer ?? variables, { name: 'env_vars', ...handedOn(config, bearer ?? variables) });
  fill(emptyEnv, { name: 'args', text: listText(args), judge: isWords(words) });
  const isAdded = emptyEnv === undefined && !isArgv;
  const other = isAdded
    ? {
        edits: [addListBehind(config, map, url.name, 'args', args)],
        wanted: { args: isWords(words) },
      }
    : { edits: [] };
  return changeOf(config, entry, map, slots, other);
}

/** Makes it one with an address again; undefined where it is not as `wrapRemote` leaves it. */
export function unwrapRemote(
  config: ConfigText,
  entry: ServerEntry,
  launch: Launch,
  was: string,
): EntryChange | undefined {
  const note = readNote(was);
  const words = wordsOf(launch);
  const items = launch.kind === 'argv' ? launch.words.items : [launch.command, ...itemsOf(launch)];
  const url = items.at(-1);
  if (note === undefined || url?.kind !== 'string' || !/^--?url$/.test(words.at(-2) ?? '')) {
    return undefined;
  }
  const { map } = launch;
  const names = entryNames(formOf(launch));
  const headers = pairsAmong(words);
  const slots: Slot[] = [];
  const others: Edit[] = [];
  let isWhole = true;
  const refill = (name: string, slot: (member: Member) => Omit<Slot, 'member'> | undefined) => {
    const member = memberOf(map, name);
    const filled = member === undefined ? undefined : slot(member);
    if (member === undefined || filled === undefined) isWhole = false;
    else slots.push({ member, ...filled });
  };
  refill(names.command, () => ({
    name: note.url,
    text: rawText(config, url),
    judge: isText(url.value),
  }));
  if (note.args !== undefined) {
    const { args } = note;
    refill('args', () => ({ name: args, text: '{}', judge: isMap([], []) }));
  } else if (launch.kind === 'split') others.push(...removeMember(config, map, 'args'));
  if (note.type !== undefined) {
    const { type } = note;
    refill('type', (it) => ({ name: 'type', text: wordLike(config, it, type), judge: isAnyText }));
  }
  if (note.headers !== undefined) {
    const { headers: name } = note;
    refill(names.env, ({ value }) => restoredHeaders(config, name, value, headers));
  }
  const bearer = words.some((word) => /^--?bearer-env$/.test(word));
  if (bearer || note.variables !== undefined) {
    refill('env_vars', ({ value }) => restoredVariables(config, value, note.variables));
  }
  return isWhole ? changeOf(config, entry, map, slots, { edits: others }) : undefined;
}

function changeOf(
  config: ConfigText,
  entry: ServerEntry,
  map: MapNode,
  slots: readonly Slot[],
  { edits, wanted = {} }: Other,
): EntryChange {
  const changed = slots.flatMap(({ member, name, text, edits: inside = [] }) => [
    ...(name === member.name ? [] : [renameMember(config, member, name)]),
    ...(text === undefined ? [] : [replace(member.value, text)]),
    ...inside,
  ]);
  return {
    entry,
    map,
    edits: [...changed, ...edits],
    touched: ['args', ...slots.flatMap(({ member, name }) => [member.name, name])],
    wanted: { ...Object.fromEntries(slots.map(({ name, judge }) => [name, judge])), ...wanted },
  };
}

interface Pair {
  readonly name: string;
  readonly variable: string;
}

/** A variable for each header, by which nothing else goes. */
function variablesFor(headers: readonly Member[]): readonly Pair[] {
  const taken = new Set<string>();
  return headers.map(({ name }) => {
    const plain = `OBSIGNA_HEADER_${name.toUpperCase().replaceAll('-', '_')}`;
    let variable = plain;
    for (let i = 2; taken.has(variable); i += 1) variable = `${plain}_${i}`;
    taken.add(variable);
    return { name, variable };
  });
}

function headerFlags(
  { bearer, variables }: RemoteEntry,
  given: readonly Pair[],
): readonly string[] {
  const named = (variables?.value.members ?? []).map(({ name, value }) => ({
    name,
    variable: value.kind === 'string' ? value.value : '',
  }));
  return [
    ...[...given, ...named].flatMap(({ name, variable }) => ['-header-env', `${name}=${variable}`]),
    ...(bearer === undefined ? [] : ['-bearer-env', bearer.value.value]),
  ];
}

function pairsAmong(words: readonly string[]): readonly Pair[] {
  return words.flatMap((word, i) => {
    if (!/^--?header-env$/.test(words[i - 1] ?? '')) return [];
    const [name = '', variable = ''] = word.split('=');
    return [{ name, variable }];
  });
}

/** The same values under other names. */
function renamed(
  config: ConfigText,
  headers: Member | undefined,
  pairs: readonly Pair[],
): Pick<Slot, 'edits' | 'judge'> {
  const members = headers?.value.kind === 'map' ? headers.value.members : [];
  const names = pairs.map(({ variable }) => variable);
  const edits = members.map((it, i) => renameMember(config, it, names[i] ?? ''));
  return { edits, judge: isMap(names, members) };
}

function restoredHeaders(
  config: ConfigText,
  name: string,
  env: TextNode,
  pairs: readonly Pair[],
): Omit<Slot, 'member'> | undefined {
  if (env.kind !== 'map') return undefined;
  const names = env.members.map((it) => pairs.find(({ variable }) => variable === it.name)?.name);
  // Somebody's own variable would be sent to the server as a header.
  if (names.includes(undefined)) return undefined;
  const known = names as readonly string[];
  const edits = env.members.map((it, i) => renameMember(config, it, known[i] ?? ''));
  return { name, edits, judge: isMap(known, env.members) };
}

/** A client that hands nothing on by itself: the variables it is to hand on. */
function handedOn(config: ConfigText, member: Member | undefined): Pick<Slot, 'text' | 'judge'> {
  const value = member?.value;
  const nodes = value?.kind === 'map' ? value.members.map((it) => it.value) : value ? [value] : [];
  const words = nodes.map((it) => (it.kind === 'string' ? it.value : ''));
  return { text: listText(nodes.map((it) => rawText(config, it))), judge: isWords(words) };
}

function restoredVariables(
  config: ConfigText,
  value: TextNode,
  variables: string | undefined,
): Omit<Slot, 'member'> | undefined {
  if (variables !== undefined) {
    return { name: VARIABLES, text: variables, judge: (it) => it?.kind === 'map' };
  }
  const [item, ...more] = value.kind === 'list' ? value.items : [];
  if (item?.kind !== 'string' || more.length > 0) return undefined;
  return { name: BEARER, text: rawText(config, item), judge: isText(item.value) };
}

const isAnyText: Judge = (value) => value?.kind === 'string';

function itemsOf({ args }: Launch & { readonly kind: 'split' }): readonly TextNode[] {
  return args?.items ?? [];
}

function formOf(launch: Launch): 'argv' | 'goose' | 'standard' {
  if (launch.kind === 'argv') return 'argv';
  return launch.commandName === 'cmd' ? 'goose' : 'standard';
}

function replace({ start, end }: TextNode, text: string): Edit {
  return { start, end, text };
}

function listText(items: readonly string[]): string {
  return `[${items.join(', ')}]`;
}

function rawText({ text }: ConfigText, { start, end }: TextNode): string {
  return text.slice(start, end);
}

/** Without its quotes. */
function innerText(config: ConfigText, node: TextNode): string {
  return rawText(config, node).replace(/^(["'])(.*)\1$/, '$2');
}

/** A word in the quotes that stand there. */
function wordLike(config: ConfigText, member: Member | undefined, word: string): string {
  const raw = member === undefined ? '' : rawText(config, member.value);
  const [, quote = ''] = /^(["']).*\1$/.exec(raw) ?? [];
  return `${quote}${word}${quote}`;
}
