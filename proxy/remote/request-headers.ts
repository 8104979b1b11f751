import { Buffer } from 'node:buffer';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import type { RawHeaders } from '../http/headers.ts';
import { objectIn, repeatedArguments, textOf } from '../http/mirrored-headers.ts';
import type { ClientLine } from './client-line.ts';

export type SchemaOf = (tool: string) => JsonObject | undefined;

/** Which member of `params` names what a method is about. */
const NAMES: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/**
 * The headers in which a request of the stateless revision repeats its body.
 *
 * @param version - The one that the body names.
 * @param schemaOf - The schema of a tool's arguments: it says which of them are repeated.
 * @see MCP 2026-07-28, "Streamable HTTP", headers
 */
export function mirroredHeaders(
  { method = '', params }: Pick<ClientLine, 'method' | 'params'>,
  version: string,
  schemaOf: SchemaOf,
): RawHeaders {
  const headers = ['MCP-Protocol-Version', headerText(version), 'Mcp-Method', headerText(method)];
  const key = Object.hasOwn(NAMES, method) ? NAMES[method] : undefined;
  const name = key === undefined ? undefined : params[key];
  if (typeof name !== 'string') return headers;
  headers.push('Mcp-Name', headerText(name));
  const schema = method === 'tools/call' ? schemaOf(name) : undefined;
  if (schema === undefined) return headers;
  for (const [header, { value }] of repeatedArguments(schema, objectIn(params, 'arguments'))) {
    if (isRepeated(value) && TOKEN.test(header)) {
      headers.push(`Mcp-Param-${header}`, headerText(textOf(value)));
    }
  }
  return headers;
}

/** What a name of a header may consist of. */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function isRepeated(value: JsonValue | undefined): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** As it is where a header can hold it, packed where it could not or where it looks packed. */
function headerText(text: string): string {
  const isPlain = /^(?! )[\x20-\x7e]*(?<! )$/.test(text) && !/^=\?base64\?/i.test(text);
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}
