import { CodedError } from '../errors.ts';
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from './value.ts';

/** Go's decoder stops here; a value one level deeper is refused by every peer. */
export const MAX_JSON_DEPTH = 10_000;

/** Recursion is the fastest walk; below this depth a stack of our own takes over. */
const RECURSION_DEPTH = 256;

/** Names recur in every receipt and every call; quoting them once is a third of the work saved. */
const quotedNames = new Map<string, string>();
const MAX_QUOTED_NAMES = 4096;
const MAX_CACHED_NAME = 64;

/** Text that JSON writes as it is: ASCII but for controls, quote and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
/** For longer text the native serialiser beats the expression. */
const MAX_PLAIN_TEST = 256;

interface OpenContainer {
  /** Sorted member names of an object; undefined for an array. */
  readonly names: readonly string[] | undefined;
  readonly container: JsonArray | JsonObject;
  readonly size: number;
  next: number;
}

/**
 * Serialises a value in the JSON Canonicalization Scheme: members sorted by UTF-16 code units, no
 * whitespace, ECMAScript number format. Values from peers may nest deeper than the JavaScript stack
 * reaches; they are walked with a stack of our own.
 *
 * Lone surrogates become U+FFFD, in names and in strings, as they do in the reference's decoder.
 *
 * @param depth - Levels around it, where it is a part.
 * @throws CodedError `JSON_NUMBER_RANGE` for a number that is not finite (`1e400` decodes so),
 *   `JSON_TOO_DEEP` beyond 10,000 levels. TypeError for what is not JSON at all (`undefined`).
 * @see RFC 8785 section 3.2
 */
export function canonicalize(value: JsonValue, depth = 0): string {
  return write(value, depth);
}

function write(value: JsonValue, depth: number): string {
  if (typeof value !== 'object' || value === null) return scalar(value);
  if (depth >= RECURSION_DEPTH) return writeDeep(value, depth);
  if (!isJsonObject(value)) {
    if (value.length === 0) return '[]';
    let out = '[';
    for (let i = 0; i < value.length; i += 1) {
      out += (i === 0 ? '' : ',') + write(value[i] as JsonValue, depth + 1);
    }
    return `${out}]`;
  }
  const { names, container } = sortedMembers(value);
  let out = '{';
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i] as string;
    out += (i === 0 ? '' : ',') + quoteName(name) + write(container[name] as JsonValue, depth + 1);
  }
  return `${out}}`;
}

function writeDeep(value: JsonValue, depth: number): string {
  let out = '';
  let current: JsonValue = value;
  const open: OpenContainer[] = [];
  for (;;) {
    if (typeof current === 'object' && current !== null) {
      if (depth + open.length >= MAX_JSON_DEPTH) {
        throw new CodedError('JSON_TOO_DEEP', `JSON nested deeper than ${MAX_JSON_DEPTH} levels`);
      }
      open.push(openContainer(current));
      out += isJsonObject(current) ? '{' : '[';
    } else {
      out += scalar(current);
    }
    // Close what is complete, then step to the next member of what is not.
    let top = open.at(-1);
    while (top !== undefined && top.next === top.size) {
      out += top.names === undefined ? ']' : '}';
      open.pop();
      top = open.at(-1);
    }
    if (top === undefined) return out;
    if (top.next > 0) out += ',';
    if (top.names === undefined) {
      current = (top.container as JsonArray)[top.next] as JsonValue;
    } else {
      const name = top.names[top.next] as string;
      out += quoteName(name);
      current = (top.container as JsonObject)[name] as JsonValue;
    }
    top.next += 1;
  }
}

function openContainer(value: JsonArray | JsonObject): OpenContainer {
  if (!isJsonObject(value)) {
    return { names: undefined, container: value, size: value.length, next: 0 };
  }
  const { names, container } = sortedMembers(value);
  return { names, container, size: names.length, next: 0 };
}

/** The members in the order in which they are written, names without lone surrogates. */
export function sortedMembers(value: JsonObject): {
  readonly names: readonly string[];
  readonly container: JsonObject;
} {
  const names = Object.keys(value);
  if (areWellFormed(names)) return { names: sortNames(names), container: value };
  // Two names may become one: the later wins, as it would have in the decoder.
  const repaired = new Map(names.map((name) => [name.toWellFormed(), value[name] as JsonValue]));
  return { names: [...repaired.keys()].sort(), container: Object.fromEntries(repaired) };
}

function areWellFormed(names: readonly string[]): boolean {
  for (let i = 0; i < names.length; i += 1) {
    if (!(names[i] as string).isWellFormed()) return false;
  }
  return true;
}

/** In place. The handful of members that objects have is in order sooner this way. */
function sortNames(names: string[]): string[] {
  if (names.length > 24) return names.sort();
  for (let i = 1; i < names.length; i += 1) {
    const name = names[i] as string;
    let at = i - 1;
    while (at >= 0 && (names[at] as string) > name) {
      names[at + 1] = names[at] as string;
      at -= 1;
    }
    names[at + 1] = name;
  }
  return names;
}

/** The name with its quotes and its colon. */
function quoteName(name: string): string {
  const known = quotedNames.get(name);
  if (known !== undefined) return known;
  const quoted = `${quote(name)}:`;
  if (quotedNames.size < MAX_QUOTED_NAMES && name.length <= MAX_CACHED_NAME) {
    quotedNames.set(name, quoted);
  }
  return quoted;
}

function scalar(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) {
        throw new CodedError('JSON_NUMBER_RANGE', `number ${value} has no JSON form`);
      }
      return String(value); // -0 becomes "0"; ECMAScript's format is RFC 8785's
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      if (value === null) return 'null';
      throw new TypeError(`not a JSON value: ${typeof value}`);
  }
}

function quote(text: string): string {
  if (text.length <= MAX_PLAIN_TEST && PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
}
