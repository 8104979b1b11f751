import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import { isOurs, type HookAgent } from './agents.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import type { ConfigText } from '../config-text/node.ts';
import { insertLast, readMembers, removeAt, type JsonPath } from './json-text.ts';

/**
 * The agent's configuration with our hook in it, once, with this command. Only our entries change:
 * comments, order, indentation and line ends stay.
 *
 * @param text - The file's text; empty for a file that does not exist.
 * @throws CodedError `CLIENT_FILE_INVALID`
 */
export function withHooks(text: string, agent: HookAgent, command: string): string {
  let result = withoutHooks(text, agent);
  if (result.trim() === '') result = `${JSON.stringify(agent.head, null, 2)}\n`;
  for (const [name, value] of Object.entries(agent.head)) {
    const config = read(result);
    if (readMembers(config)[name] === undefined) result = insertLast(config, [], value, name);
  }
  for (const { event, entry } of agent.places) {
    const config = read(result);
    if (readMembers(config)['hooks'] === undefined) {
      result = insertLast(config, [], { [event]: [entry(command)] }, 'hooks');
      continue;
    }
    const list = hooksOf(config)[event];
    if (list === undefined) result = insertLast(config, ['hooks'], [entry(command)], event);
    else if (Array.isArray(list)) result = insertLast(config, ['hooks', event], entry(command));
    else throw invalid(`"hooks.${event}" is not a list`);
  }
  return checked(text, result, agent);
}

/**
 * The configuration without any entry of ours, and without what they leave empty.
 *
 * @throws CodedError `CLIENT_FILE_INVALID`
 */
export function withoutHooks(text: string, agent: HookAgent): string {
  if (text.trim() === '') return text;
  let result = text;
  for (;;) {
    const config = read(result);
    const path = findOurs(hooksOf(config));
    if (path === undefined) return checked(text, result, agent);
    result = removeAt(config, path);
  }
}

/** The commands of ours that a configuration holds. */
export function hooksIn(text: string): readonly string[] {
  if (text.trim() === '') return [];
  const found: string[] = [];
  walk(hooksOf(read(text)), ['hooks'], (command) => void found.push(command));
  return found;
}

/** Whether nothing is left that somebody would miss. */
export function isBare(text: string, agent: HookAgent): boolean {
  return JSON.stringify(readMembers(read(text))) === JSON.stringify(agent.head);
}

/** Where the first entry of ours is: a hook in a group, the whole group if it is alone, or an entry. */
function findOurs(hooks: JsonObject): JsonPath | undefined {
  let first: JsonPath | undefined;
  walk(hooks, ['hooks'], (_, path, group) => {
    first ??= group !== undefined && group.length === 1 ? path.slice(0, -2) : path;
  });
  return first;
}

type Visit = (command: string, path: JsonPath, group: readonly JsonValue[] | undefined) => void;

function walk(hooks: JsonObject, root: JsonPath, visit: Visit): void {
  for (const [event, list] of Object.entries(hooks)) {
    if (!Array.isArray(list)) continue;
    for (const [at, entry] of (list as readonly JsonValue[]).entries()) {
      if (!isJsonObject(entry)) continue;
      const path = [...root, event, at];
      if (isOurs(entry['command'])) visit(entry['command'] as string, path, undefined);
      const group = entry['hooks'];
      if (!Array.isArray(group)) continue;
      for (const [index, hook] of (group as readonly JsonValue[]).entries()) {
        if (!isJsonObject(hook) || !isOurs(hook['command'])) continue;
        visit(hook['command'] as string, [...path, 'hooks', index], group as readonly JsonValue[]);
      }
    }
  }
}

/** JSON as these agents read it: with comments, and commas behind the last item. */
function read(text: string): ConfigText {
  return parseConfig('json', text, '');
}

function hooksOf(config: ConfigText): JsonObject {
  const { hooks = {} } = readMembers(config);
  if (!isJsonObject(hooks)) throw invalid('"hooks" is not an object');
  return hooks;
}

/** Whatever the editor did: everything that is not ours must mean what it meant. */
function checked(before: string, after: string, { head }: HookAgent): string {
  const rest = (text: string) => {
    const members = text.trim() === '' ? head : readMembers(read(text));
    return JSON.stringify({ ...head, ...members, hooks: foreign(members['hooks'] ?? {}) });
  };
  if (rest(before) === rest(after)) return after;
  throw new CodedError('INTERNAL', 'the edit would have changed more than our hooks');
}

/** Without our hooks, and without what is empty then. */
function foreign(value: JsonValue): JsonValue | undefined {
  if (Array.isArray(value)) {
    const kept = (value as readonly JsonValue[]).flatMap((it) => {
      const rest = foreign(it);
      return rest === undefined ? [] : [rest];
    });
    return kept.length === 0 ? undefined : kept;
  }
  if (!isJsonObject(value)) return value;
  if (isOurs(value['command'])) return undefined;
  const members = Object.entries(value).map(([name, it]) => [name, foreign(it)] as const);
  // A group whose hooks were all ours goes with them.
  if (members.some(([name, it]) => name === 'hooks' && it === undefined)) return undefined;
  return Object.fromEntries(members.filter(([, it]) => it !== undefined)) as JsonObject;
}

function invalid(what: string): CodedError {
  return new CodedError('CLIENT_FILE_INVALID', what);
}
