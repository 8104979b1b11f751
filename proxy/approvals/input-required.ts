import { Buffer } from 'node:buffer';
import { scanMembers } from '../../shared/json/scan.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import { canShowForms, readChoice, valueOf, type Choice } from './client-answer.ts';
import type { ClientChannel } from './client-channel.ts';
import { elicitationOf } from './question-text.ts';
import type { Question } from './question.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
/** The first revision without sessions, in which results ask for input. */
const STATELESS = '2026-07-28';
const REQUEST = 'obsigna/approval';
const OURS = new Set(['inputResponses', 'requestState']);

/** Whether a call is of the revision in which every request says who the client is. */
export function isStateless({ meta }: ToolCall): boolean {
  const version = memberOf(valueOf(meta), VERSION);
  return typeof version === 'string' && /^\d{4}-\d\d-\d\d$/.test(version) && version >= STATELESS;
}

/** Whether the answer to this call may be a question. */
export function canBeAnsweredWithQuestion(call: ToolCall): boolean {
  if (call.id === undefined || call.wantsTask || !isStateless(call)) return false;
  return canShowForms(memberOf(valueOf(call.meta), CAPABILITIES));
}

/** One line: the answer to a call that asks for the person's choice. */
export function inputRequired(id: Buffer, question: Question, channel: ClientChannel): Buffer {
  const params = { mode: 'form', ...elicitationOf(question) };
  const result = JSON.stringify({
    resultType: 'input_required',
    inputRequests: { [REQUEST]: { method: 'elicitation/create', params } },
    requestState: channel.space + question.id,
  });
  const parts = ['{"id":', id, `,"jsonrpc":"2.0","result":${result}}\n`];
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

/** Id of the question that a repeated call answers; undefined for a round of the server. */
export function answeredQuestion(
  { round }: ToolCall,
  { space }: ClientChannel,
): string | undefined {
  const state = valueOf(round?.requestState);
  return typeof state === 'string' && state.startsWith(space)
    ? state.slice(space.length)
    : undefined;
}

export function choiceIn({ round }: ToolCall): Choice {
  return readChoice(memberOf(valueOf(round?.inputResponses), REQUEST));
}

/**
 * The call as it was before it was answered with our question: what came back to us is not for the
 * server. Every other member keeps its text.
 */
export function withoutRound(message: Buffer): Buffer {
  const members = scanMembers(message);
  const parts = members.map(({ name, start, end }) => {
    const text = message.subarray(start, end);
    return [name, name === 'params' ? objectWithout(text, OURS) : text] as const;
  });
  return objectOf(parts);
}

function objectWithout(text: Buffer, names: ReadonlySet<string>): Buffer {
  const kept = scanMembers(text).filter(({ name }) => !names.has(name));
  return objectOf(kept.map(({ name, start, end }) => [name, text.subarray(start, end)] as const));
}

function objectOf(members: readonly (readonly [name: string, text: Buffer])[]): Buffer {
  const parts = members.flatMap(([name, text], index) => [
    Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(name)}:`),
    text,
  ]);
  return Buffer.concat([Buffer.from('{'), ...parts, Buffer.from('}')]);
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
