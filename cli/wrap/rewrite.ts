import type { ClientFile } from '../clients/client.ts';
import {
  addListBehind,
  insertItems,
  quoted,
  removeItems,
  removeListBehind,
} from '../config-text/edits.ts';
import { applyEdits, type ConfigText, type Edit, type MapNode } from '../config-text/node.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { isSameTree } from '../config-text/same-tree.ts';
import { CodedError } from '../../shared/errors.ts';
import { readEntries, wordsOf, type Launch, type ServerEntry } from './entries.ts';
import { isDone, isText, isWords, type EntryChange } from './entry-change.ts';
import { isWrapped, ownWords, type ProxyCommand } from './launch.ts';
import { unwrapRemote } from './remote-restore.ts';
import { wrapRemote } from './remote-rewrite.ts';

/** A change of a file that was proved on its text, and not made yet. */
export interface Rewrite {
  readonly before: ConfigText;
  readonly after: ConfigText;
  readonly edits: readonly Edit[];
  /** In the order of the file. */
  readonly changed: readonly ServerEntry[];
  /** Entries that could not be changed, although nothing was seen to speak against it. */
  readonly refused: readonly Refusal[];
}

export interface Refusal {
  readonly entry: ServerEntry;
  readonly reason: string;
}

/**
 * Puts the proxy in front of `entries`. What comes out must parse, differ in command and arguments of these
 * entries only, and come back to the byte when it is unwrapped; an entry that spoils that is refused.
 */
export function wrapEntries(
  before: ConfigText,
  file: ClientFile,
  entries: readonly ServerEntry[],
  proxy: ProxyCommand,
): Rewrite {
  return rewrite(before, file, entries, (entry) => wrapOne(before, entry, proxy), true);
}

/** Takes the proxy out of `entries`: what stands behind `--`, or behind `-url`, is the server as it was. */
export function unwrapEntries(
  before: ConfigText,
  file: ClientFile,
  entries: readonly ServerEntry[],
): Rewrite {
  return rewrite(before, file, entries, (entry) => unwrapOne(before, entry), false);
}

const ENTANGLED = 'it is written in a way that cannot be changed without changing something else';
const FOREIGN = 'somebody has changed it since it was wrapped: take out what is new, and try again';

function rewrite(
  before: ConfigText,
  file: ClientFile,
  entries: readonly ServerEntry[],
  change: (entry: ServerEntry) => EntryChange | undefined,
  mustComeBack: boolean,
): Rewrite {
  const changes = entries.flatMap((entry) => change(entry) ?? []);
  const isGood = (it: EntryChange) => attempt(before, file, [it], mustComeBack) !== undefined;
  const done =
    attempt(before, file, changes, mustComeBack) ??
    // Somebody spoils it for the others: find out who, one by one.
    attempt(before, file, changes.filter(isGood), mustComeBack) ??
    unchanged(before);
  const refused = entries.filter((entry) => !done.changed.includes(entry));
  const isKnown = (entry: ServerEntry) => changes.some((it) => it.entry === entry);
  return {
    ...done,
    refused: refused.map((entry) => ({ entry, reason: isKnown(entry) ? ENTANGLED : FOREIGN })),
  };
}

function unchanged(before: ConfigText): Omit<Rewrite, 'refused'> {
  return { before, after: before, edits: [], changed: [] };
}

/** The changes made and proved, or nothing where the proof fails. */
function attempt(
  before: ConfigText,
  file: ClientFile,
  changes: readonly EntryChange[],
  mustComeBack: boolean,
): Omit<Rewrite, 'refused'> | undefined {
  const edits = changes.flatMap((it) => it.edits);
  const text = applyEdits(before.text, edits);
  const after = parseAgain(before, text);
  if (after === undefined || !isOnlyChanged(before, after, changes)) return undefined;
  if (mustComeBack && !comesBack(before, after, file, changes)) return undefined;
  return { before, after, edits, changed: changes.map((it) => it.entry) };
}

function parseAgain({ format }: ConfigText, text: string): ConfigText | undefined {
  try {
    return parseConfig(format, text, '');
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

function isOnlyChanged(
  before: ConfigText,
  after: ConfigText,
  changes: readonly EntryChange[],
): boolean {
  const byMap = new Map<MapNode, EntryChange>(changes.map((it) => [it.map, it]));
  const judge = (was: MapNode, is: MapNode): boolean | undefined => {
    const change = byMap.get(was);
    return change === undefined ? undefined : isDone(change, was, is, judge);
  };
  return isSameTree(before.root, after.root, judge);
}

/** Whether taking out what was put in gives the very text from before. */
function comesBack(
  before: ConfigText,
  after: ConfigText,
  file: ClientFile,
  changes: readonly EntryChange[],
): boolean {
  // The same entries in the same order, as was just proved.
  const was = readEntries(before, file);
  const is = readEntries(after, file);
  const maps = new Set(changes.map(({ map }) => map));
  const edits = is.flatMap((entry, i) => {
    const map = mapOf(was[i] ?? entry);
    return map !== undefined && maps.has(map) ? (unwrapOne(after, entry)?.edits ?? []) : [];
  });
  // An entry that had a proxy of ours already is held against what it was without it.
  const earlier = changes.flatMap(({ entry }) => unwrapOne(before, entry)?.edits ?? []);
  const bare = applyEdits(before.text, earlier);
  return was.length === is.length && applyEdits(after.text, edits) === bare;
}

function mapOf({ state }: ServerEntry): MapNode | undefined {
  if ('launch' in state) return state.launch.map;
  return state.kind === 'remote' ? state.remote?.map : undefined;
}

function wrapOne(
  config: ConfigText,
  entry: ServerEntry,
  proxy: ProxyCommand,
): EntryChange | undefined {
  const { state } = entry;
  if (state.kind === 'governed') return renewOne(config, entry, proxy);
  if (state.kind === 'remote') {
    return state.remote === undefined ? undefined : wrapRemote(config, entry, state.remote, proxy);
  }
  if (state.kind !== 'plain') return undefined;
  const { launch } = state;
  const hadNoArgs = launch.kind === 'split' && launch.args === undefined;
  const [program, ...args] = ownWords(proxy, entry.name, hadNoArgs);
  const words = [program, ...args, ...wordsOf(launch)];
  const own = args.map(quoted);
  if (launch.kind === 'argv') {
    const edits = [insertItems(config, launch.words, [quoted(program), ...own])];
    return changeOf(entry, launch, edits, words);
  }
  const { map, commandName, command, args: list } = launch;
  // As it is written: quotes, escapes and all, so that it can go back.
  const moved = [...own, config.text.slice(command.start, command.end)];
  const edits = [
    { start: command.start, end: command.end, text: quoted(program) },
    list === undefined
      ? addListBehind(config, map, commandName, 'args', moved)
      : insertItems(config, list, moved),
  ];
  return changeOf(entry, launch, edits, words);
}

/** @param words - What the entry must start afterwards. */
function changeOf(
  entry: ServerEntry,
  launch: Launch,
  edits: readonly Edit[],
  words: readonly string[],
): EntryChange {
  const { map } = launch;
  if (launch.kind === 'argv') {
    return { entry, map, edits, touched: ['command'], wanted: { command: isWords(words) } };
  }
  const { commandName } = launch;
  const [command = '', ...args] = words;
  const touched = [commandName, 'args'];
  const wanted = { [commandName]: isText(command), args: isWords(args) };
  return { entry, map, edits, touched, wanted };
}

/** Another path for the proxy; every flag that stands behind it stays. */
function renewOne(
  config: ConfigText,
  entry: ServerEntry,
  proxy: ProxyCommand,
): EntryChange | undefined {
  if (entry.state.kind !== 'governed' || !isWrapped(entry.state.as)) return undefined;
  const { launch, as } = entry.state;
  const pathWords = as.node === undefined ? 1 : 2;
  const paths = [proxy.program, ...(proxy.script === undefined ? [] : [proxy.script])];
  const words = [...paths, ...wordsOf(launch).slice(pathWords)];
  const list = launch.kind === 'argv' ? launch.words : launch.args;
  if (list === undefined) return undefined;
  const inList = launch.kind === 'argv' ? paths : paths.slice(1);
  const gone = launch.kind === 'argv' ? pathWords : pathWords - 1;
  const { start, text } = insertItems(config, list, inList.map(quoted));
  const edits = [{ start, end: list.items[gone]?.start ?? start, text }];
  if (launch.kind === 'argv') return changeOf(entry, launch, edits, words);
  const { command } = launch;
  edits.unshift({ start: command.start, end: command.end, text: quoted(proxy.program) });
  return changeOf(entry, launch, edits, words);
}

function unwrapOne(config: ConfigText, entry: ServerEntry): EntryChange | undefined {
  if (entry.state.kind !== 'governed' || !isWrapped(entry.state.as)) return undefined;
  const { launch, as } = entry.state;
  if (as.was !== undefined) return unwrapRemote(config, entry, launch, as.was);
  const words = wordsOf(launch).slice(as.ownWords);
  if (launch.kind === 'argv') {
    return changeOf(entry, launch, [removeItems(config, launch.words, as.ownWords)], words);
  }
  const { map, commandName, command, args } = launch;
  const original = args?.items[as.ownWords - 1];
  if (args === undefined || original?.kind !== 'string') return undefined;
  const isAlone = args.items.length === as.ownWords && as.hadNoArgs;
  const edits = [
    {
      start: command.start,
      end: command.end,
      text: config.text.slice(original.start, original.end),
    },
    isAlone
      ? removeListBehind(config, map, commandName, 'args')
      : removeItems(config, args, as.ownWords),
  ];
  return changeOf(entry, launch, edits, words);
}
