import type { ClientFile, EntryForm } from '../clients/client.ts';
import { isOwnHeader } from '../../shared/own-header.ts';
import type { MapNode, Member, StringNode, TextNode } from '../config-text/node.ts';
import { looksSecret } from './mask.ts';

/** A remote server whose entry can become one that starts the proxy with `-url`. */
export interface RemoteEntry {
  readonly map: MapNode;
  readonly names: EntryNames;
  readonly url: TextMember;
  /** The address goes into the environment too: it holds a variable, or may hold a credential. */
  readonly isUrlHidden: boolean;
  readonly type?: TextMember | undefined;
  /** Headers with their values; these move to the environment as they are written. */
  readonly headers?: MapMember | undefined;
  /** The name of a variable that has a bearer token: Codex. */
  readonly bearer?: TextMember | undefined;
  /** Headers with the names of variables: Codex. */
  readonly variables?: MapMember | undefined;
  /** An environment with nothing in it, which is in the way of one that has something. */
  readonly emptyEnv?: Member | undefined;
  /** An environment that the hidden address goes into. */
  readonly env?: MapMember | undefined;
  /** Why it is changed only when somebody asks for it. */
  readonly doubt?: string;
}

export type TextMember = Member & { readonly value: StringNode };
export type MapMember = Member & { readonly value: MapNode };

/** What an entry calls the parts of a server that is a process. */
export interface EntryNames {
  readonly command: string;
  readonly env: string;
  readonly type: string;
}

export const URLS = ['url', 'serverUrl', 'httpUrl', 'uri'];
const HEADERS = ['headers', 'http_headers'];
export const BEARER = 'bearer_token_env_var';
export const VARIABLES = 'env_http_headers';
const TYPE = /^(?:http|sse|remote|streamable[-_]?http)$/i;
/** Members that say how the client connects or signs in: none of that would reach through the proxy. */
const OF_CLIENT = /auth|headersHelper|apiKey|requestOptions|transport|scopes|socket|tls|^bearer_/i;
/** `?apiKey=...`: what a server wants there instead of a header. A random path may be a tenant's alone. */
const KEY_IN_QUERY = /[?&][^=&#]*(?:key|token|secret)=[^&#]/i;
const VARIABLE = /[$]|\{(?:env|file):/;

export function entryNames(form: EntryForm): EntryNames {
  if (form === 'goose') return { command: 'cmd', env: 'envs', type: 'stdio' };
  if (form === 'argv') return { command: 'command', env: 'environment', type: 'local' };
  return { command: 'command', env: 'env', type: 'stdio' };
}

/** @returns what can be wrapped, or why it cannot */
export function readRemoteEntry(map: MapNode, file: ClientFile): RemoteEntry | string {
  const names = entryNames(file.form ?? 'standard');
  const member = (name: string) => map.members.find((it) => it.name === name);
  const [url, otherUrl] = URLS.flatMap((name) => member(name) ?? []);
  const [headers, otherHeaders] = HEADERS.flatMap((name) => member(name) ?? []);
  const bearer = member(BEARER);
  const variables = member(VARIABLES);
  const pairs = [
    [otherUrl, url],
    [otherHeaders, headers],
    [variables, bearer],
  ] as const;
  for (const [one, other] of pairs) {
    if (one !== undefined && other !== undefined)
      return `it has both ${other.name} and ${one.name}`;
  }
  const foreign = map.members.find(({ name }) => OF_CLIENT.test(name) && name !== BEARER);
  if (foreign !== undefined) return `its ${foreign.name} is for a client that connects by itself`;
  if (url === undefined) return 'it has no address';
  const type = member('type');
  const env = member(names.env);
  const trouble =
    troubleWithText(url, type, bearer) ??
    troubleWithUrl(url as TextMember, file) ??
    troubleWithType(type as TextMember | undefined) ??
    troubleWithHeaders(headers, file) ??
    troubleWithVariables(bearer as TextMember | undefined, variables) ??
    troubleWithEnv(env, headers, file);
  if (trouble !== undefined) return trouble;
  const parts = {
    url: url as TextMember,
    type: type as TextMember | undefined,
    headers: headers as MapMember | undefined,
    bearer: bearer as TextMember | undefined,
    variables: variables as MapMember | undefined,
  };
  const doubt = doubtAbout(parts);
  const address = parts.url.value.value;
  const isUrlHidden = VARIABLE.test(address) || looksSecret(address);
  const emptyEnv = headers === undefined ? undefined : env;
  const kept = headers === undefined ? (env as MapMember | undefined) : undefined;
  const all = { map, names, isUrlHidden, ...parts, emptyEnv, env: kept };
  return { ...all, ...(doubt !== undefined && { doubt }) };
}

function troubleWithText(...members: readonly (Member | undefined)[]): string | undefined {
  for (const it of members) {
    if (it === undefined) continue;
    const { name, value } = it;
    if (value.fixed !== undefined) return `${name}: ${value.fixed}`;
    if (value.kind !== 'string') return `${name}: it is no text`;
  }
  return undefined;
}

function troubleWithUrl({ name, value: { value } }: TextMember, file: ClientFile) {
  if (/\/\/[^/?#]*@/.test(value)) return `its ${name} has a password in it: send it as a header`;
  if (VARIABLE.test(value)) {
    return file.headersDiffer === true ? differing(name) : undefined;
  }
  const isHttp = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  return isHttp ? undefined : `its ${name} is no address of http: or https:`;
}

function troubleWithType(type: TextMember | undefined): string | undefined {
  if (type === undefined || TYPE.test(type.value.value)) return undefined;
  return `its type is ${JSON.stringify(type.value.value)}, which -url does not speak`;
}

function troubleWithVariables(
  bearer: TextMember | undefined,
  variables: Member | undefined,
): string | undefined {
  if (bearer !== undefined && !/^\w+$/.test(bearer.value.value)) return `${BEARER}: no variable`;
  if (variables?.value.kind === 'map' && variables.value.style !== 'flow') {
    return `${VARIABLES}: write it on one line, as { "Name" = "VARIABLE" }`;
  }
  return troubleWithHeaders(variables, undefined);
}

/** @param file - Where the values are those of headers; without it they are names of variables. */
function troubleWithHeaders(
  headers: Member | undefined,
  file: ClientFile | undefined,
): string | undefined {
  if (headers === undefined) return undefined;
  const { name: where, value: map } = headers;
  if (map.fixed !== undefined) return `${where}: ${map.fixed}`;
  if (map.kind !== 'map') return `${where}: they are no names with values`;
  for (const { name, value } of map.members) {
    const trouble = troubleWithHeader(name, value, file);
    if (trouble !== undefined) return `${where}: ${trouble}`;
  }
  return undefined;
}

function troubleWithHeader(
  name: string,
  value: TextNode,
  file: ClientFile | undefined,
): string | undefined {
  if (!/^[\w-]+$/.test(name)) return 'a name is none of a header';
  if (isOwnHeader(name)) return `${name} belongs to HTTP or MCP: take it out of the entry`;
  if (value.kind !== 'string') return `the value of ${name} is no text`;
  if (value.fixed !== undefined) return `${name}: ${value.fixed}`;
  if (file === undefined) {
    return /^\w+$/.test(value.value) ? undefined : `${name} names no variable`;
  }
  if (!/^[\x20-\x7e\t\x80-\xff]+$/.test(value.value)) {
    return `the value of ${name} is empty, or holds what no header can`;
  }
  const isFilled = file.headersDiffer === true && VARIABLE.test(value.value);
  return isFilled ? differing(name) : undefined;
}

function differing(name: string): string {
  return `${name} has a variable in it, which this client may not put in the same way into the environment`;
}

function troubleWithEnv(
  env: Member | undefined,
  headers: Member | undefined,
  { form }: ClientFile,
): string | undefined {
  if (env === undefined) return undefined;
  const { name, value } = env;
  if (value.fixed !== undefined) return `${name}: ${value.fixed}`;
  if (headers === undefined) return value.kind === 'map' ? undefined : `${name}: it is no map`;
  // Arguments take the place of an empty environment, and headers become the new one.
  const isFree = value.kind === 'map' && value.style === 'flow' && value.members.length === 0;
  return isFree && form !== 'argv' ? undefined : `it has both ${headers.name} and ${name}`;
}

function doubtAbout({
  url,
  headers,
  bearer,
  variables,
}: Pick<RemoteEntry, 'url' | 'headers' | 'bearer' | 'variables'>): string | undefined {
  const { value } = url.value;
  const host = URL.canParse(value) ? new URL(value).hostname : '';
  if (/^(?:localhost|0\.0\.0\.0|\[::1?\]|127\.[\d.]+)$/.test(host)) {
    return 'it is on this machine, where it may be mcp-proxy serve-http itself';
  }
  const count = [headers, variables].reduce((sum, it) => sum + (it?.value.members.length ?? 0), 0);
  if (bearer !== undefined || count > 0 || KEY_IN_QUERY.test(value)) return undefined;
  return 'it has no header: where the client signs in itself (OAuth), that does not reach through; mcp-proxy serve-http keeps it';
}
