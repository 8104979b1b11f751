import type { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { firstByte, hopStrings, scanElements, scanMembers } from '../shared/json/scan.ts';

/** An answer as it stands in a line of the server; the spans are its original text. */
export interface Answer {
  readonly id: Buffer;
  readonly result: Buffer | undefined;
  readonly error: Buffer | undefined;
}

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/**
 * The answers in a line of the server: one, several in a batch, or none. Noise is not an error
 * here: the bytes have gone to the client already, as they would have without us. For the same
 * reason strings are not checked: the daemon does that before it signs.
 */
export function readAnswer(line: Buffer): readonly Answer[] {
  try {
    const first = firstByte(line);
    if (first === OPEN_OBJECT) return answersIn(line);
    if (first !== OPEN_ARRAY) return [];
    return scanElements(line, hopStrings).flatMap(({ start, end }) => {
      const element = line.subarray(start, end);
      return element[0] === OPEN_OBJECT ? answersIn(element) : [];
    });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return []; // not JSON: a banner, a debug print
  }
}

function answersIn(message: Buffer): readonly Answer[] {
  const members = scanMembers(message, undefined, hopStrings);
  // A request of the server has a method; its id lives in the server's own space.
  if (members.some(({ name }) => name === 'method')) return [];
  const text = (name: string) => {
    const member = members.findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : message.subarray(member.start, member.end);
  };
  const id = text('id');
  const result = text('result');
  const error = text('error');
  if (id === undefined || (result === undefined && error === undefined)) return [];
  return [{ id, result, error }];
}
