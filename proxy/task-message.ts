import type { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { hopStrings, scanMembers } from '../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';

/** What a server says about a task; the spans are original text. */
export interface TaskState {
  readonly taskId: string;
  readonly status: string | undefined;
  /** Carried by the tasks extension, where the state of an ended task holds its result. */
  readonly result: Buffer | undefined;
  readonly error: Buffer | undefined;
}

/** A handle is a few short members: a longer result is a result. */
const MAX_HANDLE_BYTES = 64 * 1024;
const RELATED_TASK = 'io.modelcontextprotocol/related-task';
const OPEN_OBJECT = 0x7b;

/**
 * The task that a call was answered with instead of its result, if it was.
 *
 * @param wasAskedFor - The call had a `task` member, as in MCP 2025-11-25; in the tasks extension
 *   servers decide by themselves, and say so with `resultType`.
 */
export function createdTask(result: Buffer, wasAskedFor: boolean): TaskState | undefined {
  if (result.length > MAX_HANDLE_BYTES || !result.includes('"taskId"')) return undefined;
  return reading(() => {
    const outer = membersOf(result);
    // With content it is a result to every client, and must not be recorded as a mere promise.
    if (outer('content') !== undefined || outer('structuredContent') !== undefined)
      return undefined;
    const handle = outer('task');
    if (wasAskedFor && handle !== undefined) return stateIn(handle);
    return textOf(outer('resultType')) === 'task' ? stateIn(result) : undefined;
  });
}

/** The state of a task: a result of `tasks/get` or `tasks/cancel`, or what a notification brings. */
export function readTaskState(text: Buffer): TaskState | undefined {
  return reading(() => stateIn(text));
}

/** The task that a result says it belongs to. */
export function relatedTask(result: Buffer): string | undefined {
  if (!result.includes(RELATED_TASK)) return undefined;
  return reading(() => {
    const related = membersOf(membersOf(result)('_meta'))(RELATED_TASK);
    return textOf(membersOf(related)('taskId'));
  });
}

/** The code of an error object; undefined for what is none. */
export function errorCode(error: Buffer): unknown {
  return reading(() => {
    const code = membersOf(error)('code');
    return code === undefined ? undefined : parseJson(decodeUtf8(code));
  });
}

function stateIn(text: Buffer): TaskState | undefined {
  const find = membersOf(text);
  const taskId = textOf(find('taskId'));
  if (taskId === undefined) return undefined;
  const status = textOf(find('status'));
  return { taskId, status, result: find('result'), error: find('error') };
}

function membersOf(text: Buffer | undefined): (name: string) => Buffer | undefined {
  if (text?.[0] !== OPEN_OBJECT) return () => undefined;
  const members = scanMembers(text, undefined, hopStrings);
  return (name) => {
    const member = members.findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : text.subarray(member.start, member.end);
  };
}

function textOf(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = parseJson(decodeUtf8(value));
  return typeof text === 'string' ? text : undefined;
}

/** Strings of a server are not checked before; what cannot be read says nothing. */
function reading<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}
