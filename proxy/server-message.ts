import type { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { firstByte, hopStrings, scanElements, scanMembers } from '../shared/json/scan.ts';

/** An answer as it stands in a line of the server; the spans are its original text. */
export interface Answer {
  readonly kind: 'answer';
  readonly id: Buffer;
  readonly result: Buffer | undefined;
  readonly error: Buffer | undefined;
}

/** Word about a task that nobody asked for at this moment. */
export interface TaskNotice {
  readonly kind: 'task';
  readonly params: Buffer;
}

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
/** Of MCP 2025-11-25, and of the tasks extension. */
const TASK_NOTICES = new Set(['"notifications/tasks/status"', '"notifications/tasks"']);

/**
 * What a line of the server may say about calls: one answer, several in a batch, or nothing. Noise
 * is not an error here: the bytes have gone to the client already, as they would have without us.
 * For the same reason strings are not checked: the daemon does that before it signs.
 */
export function readServerLine(line: Buffer): readonly (Answer | TaskNotice)[] {
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

function wordsIn(message: Buffer): readonly (Answer | TaskNotice)[] {
  const members = scanMembers(message, undefined, hopStrings);
  const text = (name: string) => {
    const member = members.findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : message.subarray(member.start, member.end);
  };
  const method = text('method');
  const id = text('id');
  if (method !== undefined) {
    // A request of the server has an id too, in the server's own space.
    const params = text('params');
    const isNotice = id === undefined && TASK_NOTICES.has(method.toString('latin1'));
    return isNotice && params !== undefined ? [{ kind: 'task', params }] : [];
  }
  const result = text('result');
  const error = text('error');
  if (id === undefined || (result === undefined && error === undefined)) return [];
  return [{ kind: 'answer', id, result, error }];
}
