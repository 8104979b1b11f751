import type { Buffer } from 'node:buffer';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import { isJsonObject, type JsonValue } from '../shared/json/value.ts';

const META_KEY = 'io.modelcontextprotocol/clientInfo';
/** A client introduces itself first. Whoever does not by then is not waited for. */
const MAX_LINES = 50;
const MAX_BYTES = 256 * 1024;

export interface ClientInfo {
  readonly name: string;
}

/**
 * How the client calls itself: in `initialize`, or since 2026-07-28 in the `_meta` of a request. A claim,
 * as everything a client says; the first one counts, so that a rule is not talked round later.
 */
export class ClientName {
  #info: ClientInfo | undefined;
  #lines = 0;

  get info(): ClientInfo | undefined {
    return this.#info;
  }

  /** Looks at a line of the client, as long as the name is not known. */
  hear(line: Buffer): void {
    if (this.#info !== undefined || this.#lines >= MAX_LINES) return;
    this.#lines += 1;
    if (line.length > MAX_BYTES || !line.includes('lientInfo')) return;
    try {
      this.#info = infoIn(parseJson(decodeUtf8(line)));
    } catch {
      // What is no JSON is refused elsewhere.
    }
  }
}

function infoIn(message: JsonValue): ClientInfo | undefined {
  const params = memberOf(message, 'params');
  const info = memberOf(params, 'clientInfo') ?? memberOf(memberOf(params, '_meta'), META_KEY);
  const name = memberOf(info, 'name');
  return typeof name === 'string' ? { name } : undefined;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
