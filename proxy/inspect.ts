import { Buffer, isUtf8 } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { scanMembersOnce, type ScannedMembers } from '../shared/json/duplicates.ts';
import { LongStrings } from '../shared/json/long-strings.ts';
import {
  firstByte,
  scanElements,
  hopStrings,
  scanMembers,
  scanValue,
  type Member,
} from '../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import { quoted } from '../shared/quoted.ts';
import { ambiguousName, spellings } from './spellings.ts';

/** A tool call, found in the bytes of a message. Spans are its original text. */
export interface ToolCall {
  /** Exactly as the client spelled it, prefix and all. */
  readonly name: string;
  /** Text of the id; undefined for a call that wants no answer. */
  readonly id: Buffer | undefined;
  /** Text of the arguments object; undefined when absent or null. */
  readonly arguments: Buffer | undefined;
  /** The host's own id of this tool use, where it sends one. */
  readonly toolUseId: string | undefined;
  /** The client asks for a task, which it will fetch the result of. */
  readonly wantsTask: boolean;
  /** Text of `_meta`; undefined when absent. */
  readonly meta?: Buffer | undefined;
  /** The call repeats one that was answered with `input_required`. */
  readonly round?: CallRound | undefined;
  /** Of the message, where it is large: who scans a part of it again passes over them. */
  readonly strings?: LongStrings | undefined;
}

/** @see MCP 2026-07-28, multi round trips */
export interface CallRound {
  readonly requestState: Buffer | undefined;
  readonly inputResponses: Buffer | undefined;
  /** The whole message. */
  readonly message: Buffer;
}

/** An answer of the client to a request with an id in our space. */
export interface OwnAnswer {
  /** All of them, where a message has several. */
  readonly ids: readonly string[];
  readonly result: Buffer | undefined;
  /** A member stands twice: what it says depends on who reads it. */
  readonly isAmbiguous: boolean;
}

/** A request about a task, which may stand for a call. */
export interface TaskRequest {
  readonly method: 'tasks/get' | 'tasks/result' | 'tasks/update' | 'tasks/cancel';
  readonly id: Buffer;
  readonly taskId: string;
}

/** A request whose answer says what the server is, or what it has. */
export interface SurveyRequest {
  readonly method: 'initialize' | 'server/discover' | 'tools/list';
  readonly id: Buffer;
  /** Where a list goes on; undefined for its beginning. */
  readonly cursor: string | undefined;
}

/** An answer of the client to a request of the server. The spans are its original text. */
export interface ClientReply {
  readonly id: Buffer;
  readonly result: Buffer | undefined;
  readonly error: Buffer | undefined;
}

/** With the text of its params, where it has any. */
export interface SurveyInspection {
  readonly kind: 'survey';
  readonly request: SurveyRequest;
  readonly params: Buffer | undefined;
  /** Text of `_meta`; undefined when absent. */
  readonly meta: Buffer | undefined;
}

/** What a line from the client is, as far as enforcement is concerned. */
export type Inspection =
  | { readonly kind: 'other' }
  | { readonly kind: 'reply'; readonly reply: ClientReply }
  | SurveyInspection
  | { readonly kind: 'cancel'; readonly requestId: Buffer }
  | { readonly kind: 'own-answer'; readonly answer: OwnAnswer }
  | { readonly kind: 'call'; readonly call: ToolCall }
  | { readonly kind: 'task'; readonly request: TaskRequest }
  | { readonly kind: 'batch'; readonly elements: readonly BatchElement[] }
  | Refusal;

/** A message that a laxer parser than ours might take for a call: it is not passed on. */
export interface Refusal {
  readonly kind: 'refuse';
  readonly reason: string;
  readonly rpcCode: -32700 | -32600 | -32602 | typeof RPC_HEADER_MISMATCH;
  /** Text of the id, when the message has one that can be answered. */
  readonly id: Buffer | undefined;
  readonly toolName?: string;
}

export interface BatchElement {
  readonly start: number;
  readonly end: number;
  readonly inspection: Exclude<Inspection, { kind: 'batch' }>;
}

/** A header says something else than the body. @see MCP 2026-07-28, "Streamable HTTP" */
export const RPC_HEADER_MISMATCH = -32020;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

const CARRIAGE_RETURN = 0x0d;
const NEWLINE = 0x0a;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const QUOTE = 0x22;

const TOOLS_CALL = 'tools/call';
const TOOLS_CALL_LETTERS = 'TOOLSCALL';
const CANCELLED = 'notifications/cancelled';
const SURVEY_METHODS = ['initialize', 'server/discover', 'tools/list'] as const;
/** Ids of requests of ours begin with it; see `ClientChannel`. */
const OWN_IDS = 'obsigna:';
const TASK_METHODS = ['tasks/get', 'tasks/result', 'tasks/update', 'tasks/cancel'] as const;
/** Names that decide what a call is; another spelling of one is a second opinion about it. */
const MESSAGE_NAMES = new Set(['JSONRPC', 'ID', 'METHOD', 'PARAMS']);
const PARAMS_NAMES = new Set(['NAME', 'ARGUMENTS']);
/** In a smaller message nothing is worth remembering. */
const LARGE_BYTES = 16 * 1024;

const OTHER: Inspection = { kind: 'other' };

/**
 * Says what a line is, without changing or building anything. A tool call is found in whatever
 * form a server might read it; what cannot be read in exactly one way is refused, because the
 * server behind us may read it in the other.
 *
 * @param line - With its terminator, if it has one.
 * @see JSON-RPC 2.0; MCP 2025-11-25 "stdio"; RFC 8259 section 4 on duplicate names
 */
export function inspectClientLine(line: Buffer): Inspection {
  const message = withoutTerminator(line);
  // Some servers split at a lone CR: the parts are then messages of their own.
  if (message.includes(CARRIAGE_RETURN) && firstByte(message) !== undefined) {
    return refuse('a carriage return inside the message', readableId(message));
  }
  return inspectText(message);
}

/**
 * The same for the body of an HTTP request, which is one message however it is laid out. A bridge to a
 * server on stdio may still write it as the lines that it has: none of them may be a message of its own.
 */
export function inspectClientBody(body: Buffer): Inspection {
  const inspection = inspectText(body);
  if (inspection.kind === 'refuse' || !linesOf(body).some(isMessageLike)) return inspection;
  return refuse('a line inside the message could be a message', readableId(body));
}

function linesOf(body: Buffer): readonly Buffer[] {
  if (!body.includes(NEWLINE) && !body.includes(CARRIAGE_RETURN)) return [];
  const lines: Buffer[] = [];
  let start = 0;
  for (const [at, byte] of body.entries()) {
    if (byte !== NEWLINE && byte !== CARRIAGE_RETURN) continue;
    if (at > start) lines.push(body.subarray(start, at));
    start = at + 1;
  }
  if (start < body.length) lines.push(body.subarray(start));
  return lines.length > 1 ? lines : [];
}

/** Alone on its line, and of interest to anybody. Commas behind it are those of a list around it. */
function isMessageLike(line: Buffer): boolean {
  const text = line
    .toString('latin1')
    .trim()
    .replace(/[\s,]+$/, '');
  if (!/^[[{]/.test(text) || !/[\]}]$/.test(text)) return false;
  return inspectText(Buffer.from(text, 'latin1')).kind !== 'other';
}

function inspectText(message: Buffer): Inspection {
  const first = firstByte(message);
  if (first === undefined) return OTHER; // white space only
  if (!isUtf8(message)) return refuse('not UTF-8', readableId(message));
  try {
    if (first === OPEN_ARRAY) return inspectBatch(message);
    if (first === OPEN_OBJECT) return inspectMessage(message);
    scanValue(message);
    return inspectScalar(message);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return refuse(error.message);
  }
}

function withoutTerminator(line: Buffer): Buffer {
  let end = line.length;
  if (line[end - 1] === NEWLINE) end -= 1;
  if (line[end - 1] === CARRIAGE_RETURN) end -= 1;
  return line.subarray(0, end);
}

function inspectBatch(message: Buffer): Inspection {
  const elements = scanElements(message).map(({ start, end }): BatchElement => {
    const element = message.subarray(start, end);
    return { start, end, inspection: inspectElement(element) };
  });
  // Nothing to enforce: the batch passes as the bytes it came in.
  return elements.every(({ inspection }) => inspection.kind === 'other')
    ? OTHER
    : { kind: 'batch', elements };
}

function inspectElement(element: Buffer): BatchElement['inspection'] {
  if (element[0] === OPEN_ARRAY)
    return refuse('an array inside a batch', undefined, INVALID_REQUEST);
  if (element[0] !== OPEN_OBJECT) return inspectScalar(element);
  return inspectMessage(element);
}

/** A scalar is no message to anybody, unless it is a string that is unpacked until it is none. */
function inspectScalar(value: Buffer): Refusal | { readonly kind: 'other' } {
  const text = value.includes(QUOTE) ? parseJson(decodeUtf8(value)) : undefined;
  return typeof text === 'string' && /[{\\]/.test(text)
    ? refuse('a string that can hold a message', undefined, INVALID_REQUEST)
    : { kind: 'other' };
}

function inspectMessage(message: Buffer): BatchElement['inspection'] {
  const strings = message.length < LARGE_BYTES ? undefined : new LongStrings(message);
  const scanned = scanMembersOnce(message, strings?.check);
  const { members } = scanned;
  const id = idOf(message, members);
  const strange = ambiguousName(members, MESSAGE_NAMES, ['method']);
  if (strange !== undefined) return refuse(strange, id, INVALID_REQUEST);
  const member = members.find(({ name }) => name === 'method');
  if (member === undefined) {
    return inspectOwnAnswer(message, scanned) ?? inspectReply(message, members, id);
  }
  const name = parseJson(decodeUtf8(message.subarray(member.start, member.end)));
  if (typeof name !== 'string') return refuse('method is not a string', id, INVALID_REQUEST);
  if (name === CANCELLED) return inspectCancel(message, members);
  if (name === TOOLS_CALL) return inspectCall(message, scanned, id, strings);
  const method = TASK_METHODS.find((known) => known === name);
  if (method !== undefined) return inspectTaskRequest(message, members, id, method);
  const survey = SURVEY_METHODS.find((known) => known === name);
  if (survey !== undefined) return inspectSurvey(message, members, id, survey);
  if (spellings(name).includes(TOOLS_CALL_LETTERS)) {
    return refuse(`method is spelled ${quoted(name)}`, id, INVALID_REQUEST);
  }
  return { kind: 'other' };
}

/** No method: an answer to the server, or nothing that anybody could read. */
function inspectReply(
  message: Buffer,
  members: readonly Member[],
  id: Buffer | undefined,
): BatchElement['inspection'] {
  const text = (name: string) => {
    const member = members.findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : message.subarray(member.start, member.end);
  };
  const [result, error] = [text('result'), text('error')];
  if (id === undefined || (result === undefined && error === undefined)) return { kind: 'other' };
  return { kind: 'reply', reply: { id, result, error } };
}

function inspectCall(
  message: Buffer,
  { members, duplicate, outOfRange: range }: ScannedMembers,
  id: Buffer | undefined,
  strings: LongStrings | undefined,
): BatchElement['inspection'] {
  const find = (name: string) => members.find((member) => member.name === name);
  const answer = (reason: string, rpcCode: Refusal['rpcCode'], toolName?: string) =>
    refuse(reason, id, rpcCode, toolName);
  if (duplicate !== undefined) {
    return answer(`member ${quoted(duplicate)} stands twice`, INVALID_REQUEST);
  }
  if (find('id') !== undefined && id === undefined) {
    return answer('the id is not a string, a number or null', INVALID_REQUEST);
  }
  if (range !== undefined) return answer(`number ${range} is out of range`, INVALID_PARAMS);
  const params = find('params');
  if (params === undefined || message[params.start] !== OPEN_OBJECT) {
    return answer('params is not an object', INVALID_PARAMS);
  }
  const paramsText = message.subarray(params.start, params.end);
  // The message has been scanned: from here on only its structure is of interest.
  const inner = scanMembers(paramsText, undefined, strings?.hop ?? hopStrings);
  const strange = ambiguousName(inner, PARAMS_NAMES, []);
  if (strange !== undefined) return answer(strange, INVALID_PARAMS);
  const text = (name: string) => {
    const member = inner.find((candidate) => candidate.name === name);
    return member === undefined ? undefined : paramsText.subarray(member.start, member.end);
  };
  const nameText = text('name');
  const toolName = nameText === undefined ? undefined : parseJson(decodeUtf8(nameText));
  if (typeof toolName !== 'string') return answer('params.name is not a string', INVALID_PARAMS);
  // Policy would decide the whole name, and a server written in C run the tool before the NUL.
  if (toolName.includes('\0')) return answer('params.name contains NUL', INVALID_PARAMS, toolName);
  const argumentsText = text('arguments');
  if (argumentsText !== undefined && argumentsText[0] !== OPEN_OBJECT && !isNull(argumentsText)) {
    return answer('params.arguments is not an object', INVALID_PARAMS, toolName);
  }
  const given = argumentsText === undefined || isNull(argumentsText) ? undefined : argumentsText;
  const call = {
    name: toolName,
    id,
    arguments: given,
    toolUseId: toolUseIdOf(text('_meta')),
    wantsTask: text('task') !== undefined,
    meta: text('_meta'),
    round: roundOf(message, text('requestState'), text('inputResponses')),
    strings,
  };
  return { kind: 'call', call };
}

function roundOf(
  message: Buffer,
  requestState: Buffer | undefined,
  inputResponses: Buffer | undefined,
): CallRound | undefined {
  if (requestState === undefined && inputResponses === undefined) return undefined;
  return { requestState, inputResponses, message };
}

/** Undefined for an answer that is not to us. */
function inspectOwnAnswer(
  message: Buffer,
  { members, duplicate }: ScannedMembers,
): BatchElement['inspection'] | undefined {
  const ids = members.flatMap(({ name, start, end }) => {
    if (name !== 'id' || message[start] !== QUOTE) return [];
    const id = parseJson(decodeUtf8(message.subarray(start, end))) as string;
    return id.startsWith(OWN_IDS) ? [id] : [];
  });
  if (ids.length === 0) return undefined;
  const result = members.find(({ name }) => name === 'result');
  const text = result === undefined ? undefined : message.subarray(result.start, result.end);
  return {
    kind: 'own-answer',
    answer: { ids, result: text, isAmbiguous: duplicate !== undefined },
  };
}

function inspectCancel(message: Buffer, members: readonly Member[]): BatchElement['inspection'] {
  const requestId = paramOf(message, members, 'requestId');
  return requestId === undefined ? { kind: 'other' } : { kind: 'cancel', requestId };
}

/** Nothing is decided about these: they only tell where the result of a call will come. */
function inspectTaskRequest(
  message: Buffer,
  members: readonly Member[],
  id: Buffer | undefined,
  method: TaskRequest['method'],
): BatchElement['inspection'] {
  const text = paramOf(message, members, 'taskId');
  const taskId = text === undefined ? undefined : parseJson(decodeUtf8(text));
  if (id === undefined || typeof taskId !== 'string') return { kind: 'other' };
  return { kind: 'task', request: { method, id, taskId } };
}

/** Nothing is decided about these either: their answers tell what the server has. */
function inspectSurvey(
  message: Buffer,
  members: readonly Member[],
  id: Buffer | undefined,
  method: SurveyRequest['method'],
): BatchElement['inspection'] {
  if (id === undefined) return { kind: 'other' };
  const text = method === 'tools/list' ? paramOf(message, members, 'cursor') : undefined;
  const cursor = text === undefined ? undefined : parseJson(decodeUtf8(text));
  const params = members.findLast((member) => member.name === 'params');
  return {
    kind: 'survey',
    params: params && message.subarray(params.start, params.end),
    meta: paramOf(message, members, '_meta'),
    request: { method, id, cursor: typeof cursor === 'string' ? cursor : undefined },
  };
}

function paramOf(message: Buffer, members: readonly Member[], name: string): Buffer | undefined {
  const params = members.findLast((member) => member.name === 'params');
  if (params === undefined || message[params.start] !== OPEN_OBJECT) return undefined;
  const text = message.subarray(params.start, params.end);
  const param = scanMembers(text).findLast((member) => member.name === name);
  return param === undefined ? undefined : text.subarray(param.start, param.end);
}

/** The id's text, when it is one that an answer can carry. */
function idOf(message: Buffer, members: readonly Member[]): Buffer | undefined {
  const ids = members.filter(({ name }) => name === 'id');
  const [id] = ids;
  if (id === undefined || ids.length > 1) return undefined;
  const text = message.subarray(id.start, id.end);
  const first = String.fromCharCode(text[0] as number);
  return first === '"' || first === 'n' || first === '-' || /\d/.test(first) ? text : undefined;
}

/** The id of a message that is refused unread, if it can be found. */
function readableId(message: Buffer): Buffer | undefined {
  try {
    const id = idOf(message, scanMembers(message));
    return id !== undefined && isUtf8(id) ? id : undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}

function toolUseIdOf(meta: Buffer | undefined): string | undefined {
  if (meta === undefined || meta[0] !== OPEN_OBJECT) return undefined;
  const member = scanMembers(meta).find(({ name }) => name === 'claudecode/toolUseId');
  if (member === undefined) return undefined;
  const value = parseJson(decodeUtf8(meta.subarray(member.start, member.end)));
  return typeof value === 'string' ? value : undefined;
}

function isNull(text: Buffer): boolean {
  return text[0] === 0x6e;
}

function refuse(
  reason: string,
  id?: Buffer,
  rpcCode: Refusal['rpcCode'] = PARSE_ERROR,
  toolName?: string,
): Refusal {
  return { kind: 'refuse', reason, rpcCode, id, ...(toolName !== undefined && { toolName }) };
}
