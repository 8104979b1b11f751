import { hash } from 'node:crypto';
import { canonicalize } from '../../shared/json/canonical.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

/** One state of something that is pinned. */
export interface Version {
  /** `sha256:` over the canonical form of the whole, behind a text that names the formula. */
  readonly digest: string;
  /** When this state was seen first. RFC 3339, UTC. */
  readonly at: string;
  /** What it said; null where it is too long to be kept. The digest is of all of it. */
  readonly content: JsonValue;
}

/** Longer contents are known by their digest only: a server must not fill the disk. */
const MAX_CONTENT = 64 * 1024;

/**
 * The state of a tool as the server lists it: all of its members, because a model or a client may
 * read any of them.
 *
 * @throws CodedError `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` for a tool without a canonical form
 */
export function toolVersion(tool: JsonObject, at: string): Version {
  return version('tool', tool, at);
}

/** The state of a server's instructions; null for a server without any. */
export function instructionsVersion(text: string | null, at: string): Version {
  return version('instructions', text, at);
}

/**
 * The command that starts a server. The digest is of the list, so that no argument with a blank in
 * it can pass for two; what is kept is a text without values that may be secrets.
 */
export function launchVersion(argv: readonly string[], at: string): Version {
  const { digest } = version('launch', argv, at);
  return { digest, at, content: argv.map(shownArgument) };
}

function version(what: string, content: JsonValue, at: string): Version {
  const text = canonicalize(content);
  const digest = `sha256:${hash('sha256', `obsigna/pin/${what}/1\n${text}`, 'hex')}`;
  return { digest, at, content: text.length > MAX_CONTENT ? null : content };
}

/** The names of the members in which two states of a tool differ, sorted. */
export function changedMembers(before: JsonValue, after: JsonValue): readonly string[] {
  if (!isJsonObject(before) || !isJsonObject(after)) return [];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => textOf(before, name) !== textOf(after, name)).sort();
}

function textOf(object: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return value === undefined ? undefined : canonicalize(value);
}

const HIDDEN = '[redacted]';
const SECRET_NAME = /token|secret|password|passwd|credential|auth|api[-_]?key|private/i;

/** An argument as it may be kept and shown: values that may be secrets are left out. */
function shownArgument(argument: string, at: number, argv: readonly string[]): string {
  const flag = argv[at - 1] ?? '';
  if (flag.startsWith('-') && SECRET_NAME.test(flag) && !flag.includes('=')) return HIDDEN;
  const [, name = '', value = ''] = /^([\w.-]{1,64})=(.*)$/s.exec(argument) ?? [];
  // Named values are settings, of which no list of names can say which are secret.
  if (name !== '') return value === '' ? argument : `${name}=${HIDDEN}`;
  const url = /^([a-z][a-z0-9+.-]{1,20}:\/\/)[^/@\s]*@(.*)$/is.exec(argument);
  const shown = url === null ? argument : `${url[1]}${HIDDEN}@${url[2]}`;
  const query = shown.startsWith('http') ? shown.indexOf('?') : -1;
  if (query !== -1) return `${shown.slice(0, query)}?${HIDDEN}`;
  return looksRandom(shown) ? HIDDEN : shown;
}

/** Long, without the marks of a path or a package name, with letters and digits mixed. */
function looksRandom(text: string): boolean {
  if (text.length < 20 || !/^[\w+=-]+$/.test(text)) return false;
  return /\d/.test(text) && /[a-z]/i.test(text);
}
