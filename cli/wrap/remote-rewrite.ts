import {
  addListBehind,
  addMemberBehind,
  flowKey,
  insertMember,
  quoted,
  renameMember,
} from '../config-text/edits.ts';
import type { ConfigText, Edit, Member } from '../config-text/node.ts';
import type { ServerEntry } from './entries.ts';
import { isMap, isText, isWords, type EntryChange, type Judge } from './entry-change.ts';
import { remoteWords, type ProxyCommand } from './launch.ts';
import type { MapMember, RemoteEntry } from './remote-entry.ts';
import { writeNote } from './remote-note.ts';
import {
  changeOfSlots,
  innerText,
  listText,
  rawText,
  URL_VARIABLE,
  wordLike,
  type Slot,
} from './remote-slots.ts';

/** Makes an entry with an address one that starts the proxy with `-url` or `-url-env`. */
export function wrapRemote(
  config: ConfigText,
  entry: ServerEntry,
  remote: RemoteEntry,
  proxy: ProxyCommand,
): EntryChange {
  const { map, names, url, type, headers, bearer, variables, emptyEnv } = remote;
  const { words, args } = argumentsOf(config, entry, remote, proxy);
  const slots: Slot[] = [];
  const fill = (member: Member | undefined, slot: Omit<Slot, 'member'>) => {
    if (member !== undefined) slots.push({ member, ...slot });
  };
  const isArgv = names.type === 'local';
  const [program = '', ...more] = words;
  fill(url, {
    name: names.command,
    text: isArgv ? listText(args) : (args[0] ?? ''),
    judge: isArgv ? isWords(words) : isText(program),
  });
  fill(type, { name: 'type', text: wordLike(config, type, names.type), judge: isText(names.type) });
  fill(bearer ?? variables, { name: 'env_vars', ...handedOn(config, bearer ?? variables) });
  fill(emptyEnv, { name: 'args', text: listText(args.slice(1)), judge: isWords(more) });
  fill(headers, { name: names.env, ...environment(config, remote, headers) });
  const { isUrlHidden, env } = remote;
  if (isUrlHidden) fill(env, { name: names.env, ...environment(config, remote, env) });
  const edits: Edit[] = [];
  const added: Record<string, Judge> = {};
  if (emptyEnv === undefined && !isArgv) {
    edits.push(addListBehind(config, map, url.name, 'args', args.slice(1)));
    added['args'] = isWords(more);
  }
  if (isUrlHidden && headers === undefined && env === undefined) {
    const written = `{${flowKey(config.format, URL_VARIABLE)}${rawText(config, url.value)}}`;
    edits.push(addMemberBehind(config, map, url.name, names.env, written));
    added[names.env] = isMap([URL_VARIABLE], [url]);
  }
  return changeOfSlots(config, entry, map, slots, { edits, added });
}

/** Program and arguments, as words and as they are written. */
function argumentsOf(
  config: ConfigText,
  entry: ServerEntry,
  remote: RemoteEntry,
  proxy: ProxyCommand,
): { readonly words: readonly string[]; readonly args: readonly string[] } {
  const { url, type, headers, bearer, variables, emptyEnv, env, isUrlHidden } = remote;
  const named = (variables?.value.members ?? []).map(({ name, value }) => ({
    name,
    variable: value.kind === 'string' ? value.value : '',
  }));
  const pairs = [...variablesFor(headers), ...named];
  const empty = emptyEnv === undefined ? '{}' : rawText(config, emptyEnv.value);
  const note = writeNote({
    url: url.name,
    type: type === undefined ? undefined : innerText(config, type.value),
    headers: headers?.name,
    args: emptyEnv?.name,
    // Comments are nobody's business: with one in it the entry does not come back, and is left.
    empty: empty === '{}' || !/^\{\s*\}$/.test(empty) ? undefined : empty,
    env: isUrlHidden ? env?.name : undefined,
    variables: variables === undefined ? undefined : rawText(config, variables.value),
  });
  const own = remoteWords(proxy, entry.name, [
    ...pairs.flatMap(({ name, variable }) => ['-header-env', `${name}=${variable}`]),
    ...(bearer === undefined ? [] : ['-bearer-env', bearer.value.value]),
    '-was',
    note,
    isUrlHidden ? '-url-env' : '-url',
  ]);
  const [address, written] = isUrlHidden
    ? [URL_VARIABLE, quoted(URL_VARIABLE)]
    : [url.value.value, rawText(config, url.value)];
  return { words: [...own, address], args: [...own.map(quoted), written] };
}

interface Pair {
  readonly name: string;
  readonly variable: string;
}

/** A variable for each header, by which nothing else goes. */
function variablesFor(headers: MapMember | undefined): readonly Pair[] {
  const taken = new Set<string>();
  return (headers?.value.members ?? []).map(({ name }) => {
    const plain = `OBSIGNA_HEADER_${name.toUpperCase().replaceAll('-', '_')}`;
    let variable = plain;
    for (let i = 2; taken.has(variable); i += 1) variable = `${plain}_${i}`;
    taken.add(variable);
    return { name, variable };
  });
}

/** Headers, or an environment that was there, with the hidden address in front. */
function environment(
  config: ConfigText,
  { url, isUrlHidden, headers }: RemoteEntry,
  from: MapMember | undefined,
): Pick<Slot, 'edits' | 'judge'> {
  const members = from?.value.members ?? [];
  const names =
    from === headers
      ? variablesFor(headers).map(({ variable }) => variable)
      : members.map(({ name }) => name);
  const renamed = members.map((it, i) => renameMember(config, it, names[i] ?? ''));
  if (!isUrlHidden || from === undefined) return { edits: renamed, judge: isMap(names, members) };
  const first = insertMember(config, from.value, URL_VARIABLE, rawText(config, url.value));
  // In this order: both may be at the place of the first name.
  const edits = from === headers ? [first, ...renamed] : [first];
  return { edits, judge: isMap([URL_VARIABLE, ...names], [url, ...members]) };
}

/** For a client that hands nothing on by itself: the variables it is to hand on. */
function handedOn(config: ConfigText, member: Member | undefined): Pick<Slot, 'text' | 'judge'> {
  const value = member?.value;
  const nodes = value?.kind === 'map' ? value.members.map((it) => it.value) : value ? [value] : [];
  const words = nodes.map((it) => (it.kind === 'string' ? it.value : ''));
  return { text: listText(nodes.map((it) => rawText(config, it))), judge: isWords(words) };
}
