import { Buffer } from 'node:buffer';
import { ERROR_REMEDIES, type ErrorCode } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json/value.ts';

/** JSON-RPC codes that clients of the protocol know a refusal by. */
export const RPC_BLOCKED = -32001;
/** Denied by a person, or not answered in time. */
export const RPC_APPROVAL = -32002;
export const RPC_NO_APPROVER = -32003;
export const RPC_INTERNAL = -32603;
/** Ours, outside of -32768 to -32000, which belongs to JSON-RPC, to MCP and to its SDKs. */
export const RPC_RECEIPT_REQUIRED = -31001;
/** A remote server gave no answer of its own. */
export const RPC_SERVER_UNAVAILABLE = -31002;

/**
 * One line with an error answer. The id goes back as the bytes it came in: `1e2` must not return
 * as `100`. Members stand in sorted order, as peers write them.
 *
 * @param id - Text of the id; `null` answers a message whose id nobody could read.
 */
export function errorAnswer(
  id: Buffer | undefined,
  code: number,
  message: string,
  data?: JsonObject,
): Buffer {
  const error = JSON.stringify({ code, ...(data !== undefined && { data }), message });
  const idText = id ?? Buffer.from('null');
  return Buffer.concat([
    Buffer.from(`{"error":${error},"id":`),
    idText,
    Buffer.from(',"jsonrpc":"2.0"}\n'),
  ]);
}

/**
 * One line with the answers to the members of one batch: an array, also of one, because that is
 * what a client that sends arrays waits for.
 *
 * @param answers - Lines of `errorAnswer`, at least one.
 * @see JSON-RPC 2.0 section 6; docs/adr/0021
 */
export function batchAnswer(answers: readonly Buffer[]): Buffer {
  return batchLine(answers.map((line) => line.subarray(0, -1)));
}

/** One line with an array of these members, each as its own text. */
export function batchLine(members: readonly Buffer[]): Buffer {
  const joined = members.flatMap((text, index) => (index === 0 ? [text] : [COMMA, text]));
  return Buffer.concat([Buffer.from('['), ...joined, Buffer.from(']\n')]);
}

const COMMA = Buffer.from(',');

/** Data of an error of our own: a stable code, and what to do. */
export function codedData(code: ErrorCode): JsonObject {
  return { code, remedy: ERROR_REMEDIES[code] };
}
