import type { ClientFile, EntryForm } from '../clients/client.ts';
import {
  memberOf,
  positionOf,
  stringOf,
  type ConfigText,
  type ListNode,
  type MapNode,
  type StringNode,
  type TextNode,
} from '../config-text/node.ts';
import { readGovernedLaunch, type GovernedLaunch } from './launch.ts';
import { entryNames, readRemoteEntry, URLS, type RemoteEntry } from './remote-entry.ts';

/** Where command and arguments of an entry stand. */
export type Launch =
  | {
      readonly kind: 'split';
      readonly map: MapNode;
      readonly commandName: string;
      readonly command: StringNode;
      readonly args: ListNode | undefined;
    }
  | { readonly kind: 'argv'; readonly map: MapNode; readonly words: ListNode };

/** What stands in a file about one server. */
export interface ServerEntry {
  readonly name: string;
  readonly line: number;
  /** Switched off in the file: the client does not start it. */
  readonly isDisabled: boolean;
  readonly state:
    | { readonly kind: 'plain'; readonly launch: Launch }
    | { readonly kind: 'governed'; readonly launch: Launch; readonly as: GovernedLaunch }
    /** Reached by HTTP; `remote` where it can be put behind the proxy. */
    | { readonly kind: 'remote'; readonly reason: string; readonly remote?: RemoteEntry }
    /** Known for what it is, and not to be changed. */
    | { readonly kind: 'builtin' | 'unclear'; readonly reason: string };
}

const BUILT_IN = ['builtin', 'platform', 'frontend'];

/** The servers of a file, in its order; what is no entry is an entry with the reason. */
export function readEntries(config: ConfigText, file: ClientFile): readonly ServerEntry[] {
  const { servers } = file;
  return servers.flatMap((path) => {
    const inside = servers.filter((it) => it.length > path.length).map((it) => it[path.length]);
    return containersAt(config.root, path).flatMap(({ node, where }) =>
      readContainer(config, node, where, file, inside),
    );
  });
}

interface Found {
  readonly node: TextNode;
  readonly where: string;
  /** The path ends here: its next name stands there twice. */
  readonly isTwice?: true;
}

function containersAt(root: TextNode, path: readonly string[]): readonly Found[] {
  let found: readonly Found[] = [{ node: root, where: '' }];
  for (const part of path) {
    found = found.flatMap((it): Found[] => {
      const { node, where } = it;
      if (it.isTwice === true) return [it];
      if (node.kind !== 'map') return [];
      // Of a name that stands there twice nobody knows which one the client takes.
      const named = node.members.filter(({ name }) => part === '*' || name === part);
      if (part !== '*' && named.length > 1) return [{ node, where: part, isTwice: true }];
      return named.map(({ name, value }) => ({
        node: value,
        where: where === '' ? name : `${where}.${name}`,
      }));
    });
  }
  return found;
}

function readContainer(
  config: ConfigText,
  node: TextNode,
  where: string,
  file: ClientFile,
  inside: readonly (string | undefined)[],
): readonly ServerEntry[] {
  const unclear = (reason: string) => [
    entryAt(config, node, where, { kind: 'unclear', reason: `${where}: ${reason}` }),
  ];
  if (node.fixed !== undefined) return unclear(node.fixed);
  if (file.form === 'named-list') {
    if (node.kind !== 'list') return isNothing(node) ? [] : unclear('it is no list of servers');
    return node.items.map((item) =>
      readEntry(config, item, stringOf(item, 'name') ?? `${where}[]`, file),
    );
  }
  if (node.kind !== 'map') return isNothing(node) ? [] : unclear('it holds no servers by name');
  return node.members
    .filter(({ name, value }) => !inside.includes(name) || memberOf(value, 'command') !== undefined)
    .map(({ name, value }) => readEntry(config, value, name, file));
}

function isNothing(node: TextNode): boolean {
  return node.kind === 'other' && /^(?:null|~|)$/i.test(node.text);
}

function readEntry(
  config: ConfigText,
  node: TextNode,
  name: string,
  file: ClientFile,
): ServerEntry {
  return entryAt(config, node, name, stateOf(node, name, file));
}

function entryAt(
  config: ConfigText,
  node: TextNode,
  name: string,
  state: ServerEntry['state'],
): ServerEntry {
  const { line } = positionOf(config.text, node.start);
  return { name, line, isDisabled: isDisabled(node), state };
}

function isDisabled(node: TextNode): boolean {
  const says = (name: string, text: string) => {
    const value = memberOf(node, name)?.value;
    return value?.kind === 'other' && value.text.toLowerCase() === text;
  };
  return says('disabled', 'true') || says('enabled', 'false');
}

function stateOf(node: TextNode, name: string, file: ClientFile): ServerEntry['state'] {
  const { form = 'standard' } = file;
  const unclear = (reason: string) => ({ kind: 'unclear', reason }) as const;
  if (node.kind !== 'map') return unclear(node.fixed ?? 'it is no entry with members');
  if (node.fixed !== undefined) return unclear(node.fixed);
  if (name === '') return unclear('its name is empty');
  const { command: commandName } = entryNames(form);
  const url = URLS.find((it) => memberOf(node, it) !== undefined);
  const command = memberOf(node, commandName)?.value;
  if (command === undefined) return withoutCommand(node, url, file);
  if (url !== undefined) return unclear(`it has both ${commandName} and ${url}`);
  const launch =
    form === 'zed' && command.kind === 'map'
      ? splitLaunch(command, 'path')
      : form === 'argv'
        ? argvLaunch(node, command)
        : splitLaunch(node, commandName);
  if (typeof launch === 'string') return unclear(launch);
  const words = wordsOf(launch);
  const as = readGovernedLaunch(words);
  if (as !== undefined) return { kind: 'governed', launch, as };
  const trouble = troubleWith(words[0] ?? '', form);
  return trouble === undefined ? { kind: 'plain', launch } : unclear(trouble);
}

function withoutCommand(
  node: MapNode,
  url: string | undefined,
  file: ClientFile,
): ServerEntry['state'] {
  const type = stringOf(node, 'type') ?? '';
  if (url !== undefined) {
    const remote = readRemoteEntry(node, file);
    if (typeof remote === 'string') return { kind: 'remote', reason: remote };
    const { doubt } = remote;
    const reason = doubt === undefined ? 'not wrapped' : `${doubt} (-remote wraps it all the same)`;
    return { kind: 'remote', reason, remote };
  }
  if (BUILT_IN.includes(type)) return { kind: 'builtin', reason: 'it runs inside the client' };
  return { kind: 'unclear', reason: `it has no ${entryNames(file.form ?? 'standard').command}` };
}

/** The launch, or why there is none to be seen. */
function splitLaunch(map: MapNode, commandName: string): Launch | string {
  if (map.fixed !== undefined) return map.fixed;
  const command = memberOf(map, commandName)?.value;
  const args = memberOf(map, 'args')?.value;
  if (command?.kind !== 'string') return `${commandName}: ${command?.fixed ?? 'it is no text'}`;
  if (command.fixed !== undefined) return `${commandName}: ${command.fixed}`;
  if (args === undefined) return { kind: 'split', map, commandName, command, args };
  const trouble = troubleWithList(args, 'args');
  if (args.kind !== 'list') return trouble ?? 'args: it is no list';
  return trouble ?? { kind: 'split', map, commandName, command, args };
}

function argvLaunch(map: MapNode, words: TextNode): Launch | string {
  const trouble = troubleWithList(words, 'command');
  if (trouble !== undefined || words.kind !== 'list') return trouble ?? 'command: it is no list';
  return words.items.length === 0 ? 'command: it is empty' : { kind: 'argv', map, words };
}

function troubleWithList(node: TextNode, name: string): string | undefined {
  if (node.fixed !== undefined) return `${name}: ${node.fixed}`;
  if (node.kind !== 'list') return `${name}: it is no list`;
  const isOdd = node.items.some((it) => it.kind === 'map' || it.kind === 'list');
  return isOdd ? `${name}: it holds more than words` : undefined;
}

/** Command and arguments as the file has them; what is no text is its spelling. */
export function wordsOf(launch: Launch): readonly string[] {
  const items = launch.kind === 'argv' ? launch.words.items : (launch.args?.items ?? []);
  const words = items.map((it) => (it.kind === 'string' ? it.value : textOf(it)));
  return launch.kind === 'argv' ? words : [launch.command.value, ...words];
}

function textOf(node: TextNode): string {
  return node.kind === 'other' ? node.text : '';
}

/**
 * What only the client can make sense of: behind the proxy nobody would split a line into words, or
 * put a home directory in the place of `~`.
 */
function troubleWith(command: string, form: EntryForm): string | undefined {
  const { command: name } = entryNames(form);
  if (command.trim() === '') return `${name}: it is empty`;
  if (command.startsWith('~')) return `${name} begins with ~: write the whole path`;
  const isPath = /^(?:[/$.]|[A-Za-z]:[\\/])/.test(command);
  if (!isPath && /\s/.test(command)) {
    return `${name} is a whole line: write the program alone, and its arguments into args`;
  }
  return undefined;
}
