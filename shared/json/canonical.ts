import { CodedError } from '../errors.ts';
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from './value.ts';

/** Go's decoder stops here; a value one level deeper is refused by every peer. */
export const MAX_JSON_DEPTH = 10_000;

interface OpenContainer {
  /** Sorted member names of an object; undefined for an array. */
  readonly names: readonly string[] | undefined;
  readonly container: JsonArray | JsonObject;
  readonly size: number;
  next: number;
}

/**
 * Serialises a value in the JSON Canonicalization Scheme: members sorted by UTF-16 code units, no
 * whitespace, ECMAScript number format. Walks with a stack of its own, because values from peers
 * may nest deeper than the JavaScript stack reaches.
 *
 * Lone surrogates become U+FFFD, in names and in strings, as they do in the reference's decoder.
 *
 * @throws CodedError `JSON_NUMBER_RANGE` for a number that is not finite (`1e400` decodes so),
 *   `JSON_TOO_DEEP` beyond 10,000 levels. TypeError for what is not JSON at all (`undefined`).
 * @see RFC 8785 section 3.2
 */
export function canonicalize(value: JsonValue): string {
  let out = '';
  let current: JsonValue = value;
  const open: OpenContainer[] = [];
  for (;;) {
    if (typeof current === 'object' && current !== null) {
      if (open.length >= MAX_JSON_DEPTH) {
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
      out += quote(name) + ':';
      current = (top.container as JsonObject)[name] as JsonValue;
    }
    top.next += 1;
  }
}

function openContainer(value: JsonArray | JsonObject): OpenContainer {
  if (!isJsonObject(value)) {
    return { names: undefined, container: value, size: value.length, next: 0 };
  }
  const names = Object.keys(value);
  if (names.every((name) => name.isWellFormed())) {
    names.sort();
    return { names, container: value, size: names.length, next: 0 };
  }
  // Two names may become one: the later wins, as it would have in the decoder.
  const repaired = new Map(names.map((name) => [name.toWellFormed(), value[name] as JsonValue]));
  const container = Object.fromEntries(repaired);
  return { names: [...repaired.keys()].sort(), container, size: repaired.size, next: 0 };
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
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
}
