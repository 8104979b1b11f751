import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { firstByte } from '../../shared/json/scan.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import { valuesOf, type RawHeaders } from './headers.ts';

const VERSION_HEADER = 'mcp-protocol-version';
const METHOD_HEADER = 'mcp-method';
const NAME_HEADER = 'mcp-name';
const PARAM_HEADER = 'mcp-param-';
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const OPEN_OBJECT = 0x7b;
/** What `Mcp-Name` repeats: of a tool or prompt, of a resource, of a task. */
const NAMED = ['name', 'uri', 'taskId'] as const;

/**
 * Says where headers that repeat parts of the body say something else. Whoever routes by the header
 * would take the request for another one than it is.
 *
 * @param body - A message that was understood.
 * @param schemaOf - The schema of a tool's arguments, where it is known: it says which are repeated.
 * @returns undefined where they agree, or there are none
 * @see MCP 2026-07-28, "Streamable HTTP", headers
 */
export function mirrorFault(
  headers: RawHeaders,
  body: Buffer,
  schemaOf: (tool: string) => JsonObject | undefined,
): string | undefined {
  const params = paramHeaders(headers);
  const [method, name] = [METHOD_HEADER, NAME_HEADER].map((it) => valuesOf(headers, it));
  const versions = valuesOf(headers, VERSION_HEADER);
  if (new Set(versions).size > 1) return 'MCP-Protocol-Version is sent with two values';
  const isMirrored = method?.length !== 0 || name?.length !== 0 || params.length > 0;
  // Every client sends the version; a body is read again only where it may have one too.
  if (!isMirrored && !(versions.length > 0 && body.includes(VERSION_KEY))) return undefined;
  if (firstByte(body) !== OPEN_OBJECT) {
    return isMirrored ? 'Mcp-Method and its like cannot speak for a batch' : undefined;
  }
  const message = readMessage(body);
  return (
    versionFault(versions, message) ??
    fault('Mcp-Method', method, message['method']) ??
    fault('Mcp-Name', name, nameIn(message)) ??
    paramsFault(params, message, schemaOf)
  );
}

function readMessage(body: Buffer): JsonObject {
  try {
    const message = parseJson(decodeUtf8(body));
    return isJsonObject(message) ? message : {};
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return {};
  }
}

function versionFault(versions: readonly string[], message: JsonObject): string | undefined {
  const meta = objectIn(objectIn(message, 'params'), '_meta');
  const said = meta[VERSION_KEY];
  if (versions.length === 0 || said === undefined || versions[0] === said) return undefined;
  return 'MCP-Protocol-Version is not the version in the body';
}

function nameIn(message: JsonObject): JsonValue | undefined {
  const params = objectIn(message, 'params');
  const key = NAMED.find((it) => Object.hasOwn(params, it));
  return key === undefined ? undefined : params[key];
}

function fault(
  header: string,
  values: readonly string[] = [],
  expected: JsonValue | undefined,
): string | undefined {
  if (values.every((value) => typeof expected === 'string' && isSame(value, expected)))
    return undefined;
  return `${header} is not what the body says`;
}

function paramsFault(
  params: readonly (readonly [string, string])[],
  message: JsonObject,
  schemaOf: (tool: string) => JsonObject | undefined,
): string | undefined {
  const tool = objectIn(message, 'params')['name'];
  if (params.length === 0 || message['method'] !== 'tools/call' || typeof tool !== 'string')
    return undefined;
  const schema = schemaOf(tool);
  if (schema === undefined) return undefined; // the server knows its tools, and has to look itself
  const repeated = repeatedArguments(schema, objectIn(objectIn(message, 'params'), 'arguments'));
  for (const [header, value] of params) {
    const given = repeated.get(header.slice(PARAM_HEADER.length));
    if (given === undefined) continue; // of another scheme, or for somebody else
    if (given.value === undefined || !isSame(value, textOf(given.value)))
      return `${header} is not what the body says`;
  }
  return undefined;
}

/** Arguments that headers repeat, by what follows `Mcp-Param-`, in lower case. */
export function repeatedArguments(
  schema: JsonObject,
  given: JsonObject,
): ReadonlyMap<string, { readonly value: JsonValue | undefined }> {
  const found = new Map<string, { readonly value: JsonValue | undefined }>();
  for (const [name, property] of Object.entries(objectIn(schema, 'properties'))) {
    if (!isJsonObject(property)) continue;
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    const header = property['x-mcp-header'];
    if (typeof header === 'string') found.set(header.toLowerCase(), { value });
    const inner = isJsonObject(value) ? value : {};
    for (const [key, deeper] of repeatedArguments(property, inner)) found.set(key, deeper);
  }
  return found;
}

function paramHeaders(headers: RawHeaders): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name.startsWith(PARAM_HEADER)) found.push([name, headers[at + 1] as string]);
  }
  return found;
}

/** Plain, or in base64 where it could not stand in a header. */
function isSame(value: string, expected: string): boolean {
  const [, packed] = /^=\?base64\?(.*)\?=$/i.exec(value) ?? [];
  if (packed === undefined) return value === expected;
  return Buffer.from(packed, 'base64').toString() === expected;
}

export function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function objectIn(value: JsonObject, name: string): JsonObject {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  return isJsonObject(member) ? member : {};
}
