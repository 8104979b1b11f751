import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import {
  firstByte,
  hopStrings,
  scanElements,
  scanMembers,
  type Member,
} from '../../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';

/** What a line of the client is, as far as its way over HTTP is concerned. */
export interface ClientLine {
  /** The message, without its line end. */
  readonly body: Buffer;
  /** Of a single message; undefined for answers, batches and what is no message. */
  readonly method: string | undefined;
  /** What the server is asked, by text of the id. Several in a batch. */
  readonly requests: readonly { readonly id: Buffer; readonly method: string }[];
  /** The version it names itself: since 2026-07-28 every request does. */
  readonly version: string | undefined;
  /** Decoded, where it names a version or cancels: headers are made of it. */
  readonly params: JsonObject;
}

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const LINE_ENDS = [0x0a, 0x0d];
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
export const CANCELLED = 'notifications/cancelled';
export const INITIALIZE = 'initialize';
export const INITIALIZED = 'notifications/initialized';

/**
 * Reads a line that was let through.
 *
 * @returns undefined for white space, which is no message
 */
export function readClientLine(line: Buffer): ClientLine | undefined {
  let end = line.length;
  while (end > 0 && LINE_ENDS.includes(line[end - 1] as number)) end -= 1;
  // A copy: a request may stay open for hours, and must not hold on to the chunk it came in.
  const body = Buffer.from(line.subarray(0, end));
  const first = firstByte(body);
  if (first === undefined) return undefined;
  const nothing = { body, method: undefined, version: undefined, params: {} };
  try {
    if (first === OPEN_OBJECT) return readMessage(body);
    if (first !== OPEN_ARRAY) return { ...nothing, requests: [] };
    const requests = scanElements(body, hopStrings).flatMap(({ start, end: stop }) => {
      const element = body.subarray(start, stop);
      return element[0] === OPEN_OBJECT ? readMessage(element).requests : [];
    });
    return { ...nothing, requests };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { ...nothing, requests: [] }; // the server may say what it thinks of it
  }
}

function readMessage(body: Buffer): ClientLine {
  const members = scanMembers(body, undefined, hopStrings);
  const method = methodOf(textOf(body, members, 'method'));
  const id = textOf(body, members, 'id');
  const requests = method === undefined || id === undefined ? [] : [{ id, method }];
  const isReadOn = method === CANCELLED || body.includes(VERSION_KEY);
  const params = isReadOn ? objectOf(textOf(body, members, 'params')) : {};
  const meta = params['_meta'];
  const version = isJsonObject(meta) ? meta[VERSION_KEY] : undefined;
  return {
    body,
    method,
    requests,
    params,
    version: typeof version === 'string' ? version : undefined,
  };
}

/** The last of several, as most readers do. */
function textOf(body: Buffer, members: readonly Member[], name: string): Buffer | undefined {
  const member = members.findLast((candidate) => candidate.name === name);
  return member === undefined ? undefined : body.subarray(member.start, member.end);
}

function methodOf(text: Buffer | undefined): string | undefined {
  const method = text === undefined ? undefined : parseJson(decodeUtf8(text));
  return typeof method === 'string' ? method : undefined;
}

function objectOf(text: Buffer | undefined): JsonObject {
  const value = text === undefined ? undefined : parseJson(decodeUtf8(text));
  return isJsonObject(value) ? value : {};
}
