import type { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { LongStrings } from '../shared/json/long-strings.ts';
import {
  firstByte,
  hopStrings,
  scanElements,
  scanMembers,
  type Member,
} from '../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';

/** An answer as it stands in a line of the server; the spans are its original text. */
export interface Answer {
  readonly kind: 'answer';
  readonly id: Buffer;
  readonly result: Buffer | undefined;
  readonly error: Buffer | undefined;
  /** Of the message, where it is large; keeps it in memory. */
  readonly strings?: LongStrings | undefined;
}

/** Word about a task that nobody asked for at this moment. */
export interface TaskNotice {
  readonly kind: 'task';
  readonly params: Buffer;
}

/** What a server asks of the client, which a person or a model behind it will answer. */
export const SERVER_METHODS = [
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
] as const;
export type ServerMethod = (typeof SERVER_METHODS)[number];

/** A request of the server; the id is in the server's own space. */
export interface ServerRequest {
  readonly kind: 'request';
  readonly id: Buffer;
  readonly method: ServerMethod;
  readonly params: Buffer | undefined;
}

/** What a message of the server says that somebody here has to know. */
export type ServerWord = Answer | TaskNotice | ServerRequest;

/** In a smaller message nothing is worth remembering. */
const LARGE_BYTES = 16 * 1024;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
/** Of MCP 2025-11-25, and of the tasks extension. */
const TASK_NOTICES = new Set(['"notifications/tasks/status"', '"notifications/tasks"']);

/**
 * What a line of the server may say: an answer, a request, several in a batch, or nothing. Noise is
 * not an error here: the bytes have gone to the client already, as they would have without us.
 * For the same reason strings are not checked: the daemon does that before it signs.
 */
export function readServerLine(line: Buffer): readonly ServerWord[] {
  try {
    const first = firstByte(line);
    if (first === OPEN_OBJECT) return wordsIn(line);
    if (first !== OPEN_ARRAY) return [];
    return scanElements(line, hopStrings).flatMap(({ start, end }) => {
      const element = line.subarray(start, end);
      return element[0] === OPEN_OBJECT ? wordsIn(element) : [];
    });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return []; // not JSON: a banner, a debug print
  }
}

/** Whether any of these lines may hold a word: a server that streams notifications has none for us. */
export function mayHoldWord(lines: Buffer): boolean {
  return lines.includes('"id"') || lines.includes('"notifications/tasks') || lines.includes('\\u');
}

/** Whether any may hold a request, for lines that are looked at for nothing else. */
export function mayHoldRequest(lines: Buffer): boolean {
  return (lines.includes('"id"') && lines.includes('"method"')) || lines.includes('\\u');
}

function wordsIn(message: Buffer): readonly ServerWord[] {
  const strings = message.length < LARGE_BYTES ? undefined : new LongStrings(message);
  const members = scanMembers(message, undefined, strings?.note ?? hopStrings);
  const text = (name: string) => {
    const member = members.findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : message.subarray(member.start, member.end);
  };
  const id = text('id');
  const asked = id === undefined ? undefined : serverMethod(message, members);
  // It has an id of the server's own, and is none of our answers whatever else stands in it.
  if (id !== undefined && asked !== undefined)
    return [{ kind: 'request', id, method: asked, params: text('params') }];
  const method = text('method');
  if (method !== undefined) {
    if (id !== undefined) return [];
    const params = text('params');
    const isNotice = TASK_NOTICES.has(method.toString('latin1'));
    return isNotice && params !== undefined ? [{ kind: 'task', params }] : [];
  }
  const result = text('result');
  const error = text('error');
  if (id === undefined || (result === undefined && error === undefined)) return [];
  return [{ kind: 'answer', id, result, error, strings }];
}

/** Any of the members that a client could take for the method: not all go by case, or by the last. */
function serverMethod(message: Buffer, members: readonly Member[]): ServerMethod | undefined {
  for (const { name, start, end } of members) {
    if (name.length !== 'method'.length || name.toLowerCase() !== 'method') continue;
    const text = message.subarray(start, end);
    if (text.length > MAX_METHOD_BYTES) continue;
    const value = parseJson(decodeUtf8(text));
    const found = SERVER_METHODS.find((method) => method === value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The longest of them with every character escaped. */
const MAX_METHOD_BYTES = 200;
