import type { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { firstByte, hopStrings, scanElements } from '../shared/json/scan.ts';
import { batchLine, errorAnswer, RPC_BLOCKED } from './answers.ts';
import { hiddenTools, without } from './list-cut.ts';
import { readInputRequired } from './rounds.ts';
import {
  readServerLine,
  type Answer,
  type ServerMethod,
  type ServerRequest,
} from './server-message.ts';

/** What is decided about messages of the server. */
export interface ServerJudge {
  /** What the server gets for a request that the client must not see. */
  refuse(request: ServerRequest): Buffer | undefined;
  /** Why a request that a result carries must not reach the client. */
  refusal(method: ServerMethod, params: Buffer | undefined): string | undefined;
  /** Whether tools are to be left out of this answer, and which. */
  hides(answer: Answer): ((name: string) => boolean) | undefined;
}

/** What becomes of a line of the server. */
export interface Reviewed {
  /** For the client: the line itself, another one, or nothing. */
  readonly client: Buffer | undefined;
  /** Answers of ours for the server. */
  readonly server: readonly Buffer[];
}

const OPEN_ARRAY = 0x5b;
const CARRIAGE_RETURN = 0x0d;

/**
 * Judges a line of the server before the client sees it. Only where rules ask for it: everywhere
 * else lines pass first.
 */
export function reviewServerLine(line: Buffer, judge: ServerJudge): Reviewed {
  if (firstByte(line) !== OPEN_ARRAY) return reviewMessage(line, judge);
  const elements = elementsOf(line);
  const reviewed = elements.map((element) => reviewMessage(element, judge));
  const server = reviewed.flatMap((one) => one.server);
  if (reviewed.every(({ client }, index) => client === elements[index])) {
    return { client: line, server };
  }
  const kept = reviewed.flatMap(({ client }) => (client === undefined ? [] : [trimmed(client)]));
  return { client: kept.length === 0 ? undefined : batchLine(kept), server };
}

function reviewMessage(message: Buffer, judge: ServerJudge): Reviewed {
  const server: Buffer[] = [];
  let client: Buffer | undefined = message;
  for (const word of wordsOf(message)) {
    if (word.kind === 'request') {
      const refusal = judge.refuse(word);
      if (refusal === undefined) continue;
      server.push(refusal);
      client = undefined;
    } else if (word.kind === 'answer' && client !== undefined) {
      client = reviewAnswer(message, word, judge);
    }
  }
  return { client, server };
}

/** Where a lone carriage return ends a message for the client, there are several in a line. */
function wordsOf(message: Buffer): ReturnType<typeof readServerLine> {
  const words = readServerLine(message);
  const first = message.indexOf(CARRIAGE_RETURN);
  if (words.length > 0 || first === -1 || first >= message.length - 2) return words;
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length;) {
    const end = message.indexOf(CARRIAGE_RETURN, at);
    parts.push(message.subarray(at, end === -1 ? message.length : end));
    at = end === -1 ? message.length : end + 1;
  }
  return parts.flatMap(readServerLine).filter(({ kind }) => kind === 'request');
}

function reviewAnswer(message: Buffer, answer: Answer, judge: ServerJudge): Buffer {
  const { id, result } = answer;
  if (result === undefined) return message;
  for (const { method, params } of readInputRequired(result)?.asked ?? []) {
    const refusal = judge.refusal(method, params);
    if (refusal !== undefined) return errorAnswer(id, RPC_BLOCKED, refusal);
  }
  const isHidden = judge.hides(answer);
  if (isHidden === undefined) return message;
  const offset = result.byteOffset - message.byteOffset;
  const cuts = hiddenTools(result, isHidden).map(({ start, end }) => ({
    start: offset + start,
    end: offset + end,
  }));
  return cuts.length === 0 ? message : without(message, cuts);
}

function elementsOf(line: Buffer): readonly Buffer[] {
  try {
    return scanElements(line, hopStrings).map(({ start, end }) => line.subarray(start, end));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return [line]; // no array after all: noise
  }
}

/** Lines of ours end with a newline, which has no place inside an array. */
function trimmed(line: Buffer): Buffer {
  return line.at(-1) === 0x0a ? line.subarray(0, -1) : line;
}
