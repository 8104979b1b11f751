import type { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Emitter } from '../emitter/emitter.ts';
import { decodeUtf8 } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import type { EventDecision } from '../shared/wire/event.ts';
import type { ToolCall } from './inspect.ts';

/** What is known about one call when it is reported. */
export interface CallRecord {
  readonly tool: string;
  /** Absent for a message that was refused because no call could be read in it. */
  readonly call: ToolCall | undefined;
  readonly context: JsonObject;
  readonly error?: string | Buffer | undefined;
  readonly output?: Buffer | undefined;
}

/** Where calls end: one report each. */
export interface Recorder {
  /** The call never left for the server. */
  denied(record: CallRecord): void;
  /** The server answered. `error` is the text of the answer's error object. */
  answered(record: CallRecord): void;
  /** The call left, and no answer was seen. */
  unknown(record: CallRecord): void;
}

/** Reports to the daemon, in the members that existing daemons know. */
export function emittingRecorder(
  emitter: Emitter,
  serverName: string,
  sessionId: string,
): Recorder {
  const emit = (decision: EventDecision, record: CallRecord) => {
    const { tool, call, context, error, output } = record;
    emitter.emit({
      channel: 'mcp',
      tool: { server: serverName, name: recordedName(tool) },
      decision,
      decisionContext: context,
      ...(call?.arguments !== undefined && { input: call.arguments }),
      ...(output !== undefined && { output }),
      ...(error !== undefined && { error: typeof error === 'string' ? error : decodeUtf8(error) }),
      // Ids start at 1 in every session: the session makes them unique in a chain.
      ...(call?.id !== undefined && { idempotencyKey: `${sessionId}/${decodeUtf8(call.id)}` }),
      ...(call?.toolUseId !== undefined && { correlationId: call.toolUseId }),
    });
  };
  return {
    denied: (record) => emit('denied', record),
    answered: (record) => emit('allowed', record),
    unknown: (record) => emit('pending', record),
  };
}

const MAX_NAME_LENGTH = 1024;

/** A name has to fit a frame, and a frame must not be lost because an agent made one up. */
function recordedName(tool: string): string {
  if (tool === '') return '(empty)';
  if (tool.length <= MAX_NAME_LENGTH) return tool;
  const start = tool.slice(0, MAX_NAME_LENGTH).toWellFormed();
  return `${start} [cut, sha256:${hash('sha256', tool, 'hex')}]`;
}

/** For `-socket ""`: the operator has said that nothing is to be recorded. */
export const silentRecorder: Recorder = {
  denied: () => undefined,
  answered: () => undefined,
  unknown: () => undefined,
};
