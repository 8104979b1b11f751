import type { Buffer } from 'node:buffer';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import { isJsonObject, type JsonValue } from '../shared/json/value.ts';

const META_KEY = 'io.modelcontextprotocol/clientInfo';
/** Longer descriptions of oneself are not read. */
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

  get info(): ClientInfo | undefined {
    return this.#info;
  }

  /** @param params - Of `initialize`. */
  introduced(params: JsonValue): void {
    this.#info ??= infoIn(memberOf(params, 'clientInfo'));
  }

  /** @param meta - Text of a request's `_meta`, scanned before. */
  calls(meta: Buffer | undefined): void {
    if (this.#info !== undefined || meta === undefined || meta.length > MAX_BYTES) return;
    if (!meta.includes('lientInfo')) return;
    this.#info = infoIn(memberOf(parseJson(decodeUtf8(meta)), META_KEY));
  }
}

function infoIn(info: JsonValue | undefined): ClientInfo | undefined {
  const name = memberOf(info, 'name');
  return typeof name === 'string' ? { name } : undefined;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
