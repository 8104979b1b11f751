import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { firstByte, hopStrings, scanMembers } from '../../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject } from '../../shared/json/value.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LINE_END = Buffer.from('\n');

/**
 * A text of the server as one line: line breaks become blanks. Valid JSON has them between values
 * only.
 *
 * @returns undefined for what is no message: white space, a page in HTML
 */
export function asLine(text: Buffer): Buffer | undefined {
  const marked = text.subarray(0, 3).equals(BYTE_ORDER_MARK);
  const plain = marked ? text.subarray(3) : text;
  const first = firstByte(plain);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return undefined;
  const line = Buffer.concat([plain, LINE_END]);
  if (!plain.includes(LF) && !plain.includes(CR)) return line;
  for (let at = 0; at < plain.length; at += 1) {
    if (line[at] === LF || line[at] === CR) line[at] = SPACE;
  }
  return line;
}

/** An error of the server that nobody is named in, with its original text. */
export interface ServerError {
  readonly error: Buffer;
  readonly code: unknown;
  readonly id: Buffer | undefined;
}

/** The JSON-RPC error that a body consists of; undefined where it is anything else. */
export function readError(body: Buffer): ServerError | undefined {
  try {
    if (firstByte(body) !== OPEN_OBJECT) return undefined;
    const members = scanMembers(body, undefined, hopStrings);
    const text = (name: string) => {
      const member = members.findLast((candidate) => candidate.name === name);
      return member === undefined ? undefined : body.subarray(member.start, member.end);
    };
    const error = text('error');
    const value = error === undefined ? undefined : parseJson(decodeUtf8(error));
    // `{"error":"invalid_token"}` is of OAuth, and no answer to a request.
    if (error === undefined || !isJsonObject(value) || typeof value['code'] !== 'number')
      return undefined;
    const id = text('id');
    return { error, code: value['code'], id: id?.equals(NULL) === true ? undefined : id };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}

const NULL = Buffer.from('null');

/** The same error as the answer to a request. */
export function errorFor(id: Buffer, error: Buffer): Buffer {
  const parts = ['{"error":', error, ',"id":', id, ',"jsonrpc":"2.0"}'];
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** The version that an answer to `initialize` settles on. */
export function negotiatedVersion(result: Buffer): string | undefined {
  const value = parseJson(decodeUtf8(result));
  const version = isJsonObject(value) ? value['protocolVersion'] : undefined;
  return typeof version === 'string' && /^[\x21-\x7e]+$/.test(version) ? version : undefined;
}
