import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import { VERSION } from '../../shared/version.ts';
import { ServerFault, ServerSession, type Ending } from './server-session.ts';

/** What a server showed of itself. */
export interface ServerReport {
  /** `name version`, as it says itself. */
  readonly name: string;
  readonly protocolVersion: string;
  readonly instructions: string | undefined;
  /** As listed, over all pages. */
  readonly tools: readonly JsonObject[];
  /** From its start to the end of its list. */
  readonly elapsedMs: number;
  readonly noise: number;
  readonly ending: Ending;
}

/** Bad news is an answer; `lastWords` is what it wrote on standard error. */
export type ServerProbe =
  | ({ readonly ok: true } & ServerReport)
  | { readonly ok: false; readonly reason: string; readonly lastWords: string };

const LEGACY_VERSION = '2025-11-25';
const MODERN_VERSION = '2026-07-28';
const CLIENT = { name: 'obsigna-doctor', version: VERSION };
const ENVELOPE: JsonObject = {
  'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': CLIENT,
};
const METHOD_NOT_FOUND = -32601;
/** A server whose list never ends is at fault, and must not keep us. */
const MAX_PAGES = 1000;

/**
 * Starts a server, greets it, lists its tools and ends it. `initialize` comes first, because some
 * servers end at anything else; one that knows only the stateless revision answers with an error,
 * and is asked again in its own way.
 */
export async function probeServer(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<ServerProbe> {
  const startedAt = performance.now();
  const session = new ServerSession(command, env, timeoutMs);
  try {
    const greeting = await greet(session);
    const tools = await listTools(session, greeting.meta);
    const elapsedMs = Math.round(performance.now() - startedAt);
    const { noise } = session;
    const { name, protocolVersion, instructions } = greeting;
    const ending = await session.end();
    return { ok: true, name, protocolVersion, instructions, tools, elapsedMs, noise, ending };
  } catch (error) {
    await session.end();
    if (!(error instanceof ServerFault)) throw error;
    return { ok: false, reason: error.message, lastWords: session.lastWords };
  }
}

export interface ServerGreeting {
  readonly name: string;
  readonly protocolVersion: string;
  readonly instructions: string | undefined;
  /** What every request carries from here on. */
  readonly meta: JsonObject | undefined;
}

/** Greets a server in the revision that it knows. @throws ServerFault */
export async function greet(session: ServerSession): Promise<ServerGreeting> {
  const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT };
  const answer = await session.request('initialize', params);
  if (isJsonObject(answer['result'])) {
    session.notify('notifications/initialized');
    const { protocolVersion, serverInfo } = answer['result'];
    const version = typeof protocolVersion === 'string' ? protocolVersion : 'unknown';
    return greetingOf(answer['result'], serverInfo, version, undefined);
  }
  const discovered = await session.request('server/discover', { _meta: ENVELOPE });
  const { result } = discovered;
  if (!isJsonObject(result)) throw new ServerFault(`initialize: ${errorText(answer)}`);
  const meta = isJsonObject(result['_meta']) ? result['_meta'] : {};
  const info = meta['io.modelcontextprotocol/serverInfo'];
  return greetingOf(result, info, MODERN_VERSION, ENVELOPE);
}

function greetingOf(
  { instructions }: JsonObject,
  info: JsonValue | undefined,
  protocolVersion: string,
  meta: JsonObject | undefined,
): ServerGreeting {
  const { name, version } = isJsonObject(info) ? info : {};
  const parts = [name, version].filter((part) => typeof part === 'string');
  return {
    name: parts.join(' ') || 'a server without a name',
    protocolVersion,
    instructions: typeof instructions === 'string' ? instructions : undefined,
    meta,
  };
}

async function listTools(
  session: ServerSession,
  meta: JsonObject | undefined,
): Promise<readonly JsonObject[]> {
  const tools: JsonObject[] = [];
  let cursor: JsonValue | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await session.request('tools/list', {
      ...(meta !== undefined && { _meta: meta }),
      ...(cursor !== undefined && { cursor }),
    });
    const { result, error } = answer;
    if (isJsonObject(error) && error['code'] === METHOD_NOT_FOUND) return tools; // it has none
    if (!isJsonObject(result)) throw new ServerFault(`tools/list: ${errorText(answer)}`);
    if (!Array.isArray(result['tools'])) throw new ServerFault('tools/list: no list of tools');
    tools.push(...result['tools'].filter(isJsonObject));
    cursor = result['nextCursor']; // an empty one is one, too
    if (typeof cursor !== 'string') return tools;
  }
  throw new ServerFault(`tools/list: more than ${MAX_PAGES} pages`);
}

/** An error answer in one line. */
export function errorText({ error }: JsonObject): string {
  const { code, message } = isJsonObject(error) ? error : {};
  return `error ${JSON.stringify(code ?? null)}, ${JSON.stringify(message ?? '')}`;
}
