import type { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Emitter } from '../emitter/emitter.ts';
import type { OpenReport } from '../emitter/open-report.ts';
import type { ActionReport } from '../emitter/report.ts';
import type { LongStrings } from '../shared/json/long-strings.ts';
import { decodeUtf8 } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import type { EventDecision } from '../shared/wire/event.ts';
import type { ToolCall } from './inspect.ts';

/** What is known about a call before anything became of it. */
export interface CallRecord {
  readonly tool: string;
  /** Absent for a message that was refused because no call could be read in it. */
  readonly call: ToolCall | undefined;
  readonly context: JsonObject;
}

/** The record of a call that is about to leave, or has left. */
export interface OpenRecord {
  /**
   * With `-require-receipt`: settles when the daemon holds the record, or cannot be made to. The
   * call must not leave before.
   */
  readonly durable: Promise<void> | undefined;
  /** What the call is in the record: `SESSION/CALL`, as `obsigna receipt show` takes it. */
  readonly reference?: string | undefined;
  /** The server answered. `error` is the text of the answer's error object. */
  answered(outcome: Outcome): void;
  /** The call left, and no answer was seen. `answered` may follow: then the result came too late. */
  unknown(error: string, context?: JsonObject): void;
  /** The call did not leave after all, or not for another round. */
  denied(error: string, context?: JsonObject): void;
}

export interface Outcome {
  readonly output?: Buffer | undefined;
  /** As in `ActionReport`. */
  readonly outputStrings?: LongStrings | undefined;
  readonly error?: Buffer | undefined;
  /** Takes the place of the context that the call began with. */
  readonly context?: JsonObject | undefined;
}

/** Something that happened beside the calls, such as a grant. A receipt of its own. */
export interface Statement {
  /** The tool that it is about. */
  readonly tool: string;
  readonly actionType: string;
  readonly decision: EventDecision;
  readonly context: JsonObject;
  readonly error?: string;
}

/** Where calls are told of: one report each, begun before the call leaves. */
export interface Recorder {
  /** The call never left for the server, and was never going to. */
  denied(record: CallRecord, error: string): void;
  /** The call is about to leave. */
  begin(record: CallRecord): OpenRecord;
  stated(statement: Statement): void;
  /** What `work` tells leaves in one piece, and has left when this returns. */
  together(work: () => void): void;
}

export interface RecorderOptions {
  readonly serverName: string;
  readonly sessionId: string;
  readonly requireReceipt: boolean;
}

/** A client waits a minute for an answer: it shall hear of a daemon that is gone long before. */
export const RECEIPT_TIMEOUT_MS = 5000;

/** Reports to the daemon, in the members that existing daemons know. */
export function emittingRecorder(emitter: Emitter, options: RecorderOptions): Recorder {
  return {
    denied: (record, error) => {
      emitter.emit({ ...reportOf(record, 'denied', options), error });
    },
    begin: (record) => {
      const report = reportOf(record, 'allowed', options);
      const { sessionId } = options;
      if (!options.requireReceipt) return openRecord(sessionId, emitter.begin(report), undefined);
      const { open, durable } = emitter.beginConfirmed(report, RECEIPT_TIMEOUT_MS);
      return openRecord(sessionId, open, durable);
    },
    stated: ({ tool, actionType, decision, context, error }) => {
      const record = { tool, call: undefined, context };
      const report = { ...reportOf(record, decision, options), actionType };
      emitter.emit(error === undefined ? report : { ...report, error });
    },
    together: (work) => emitter.together(work),
  };
}

function reportOf(
  { tool, call, context }: CallRecord,
  decision: EventDecision,
  { serverName, sessionId }: RecorderOptions,
): ActionReport {
  const id = call?.id;
  return {
    channel: 'mcp',
    tool: { server: serverName, name: recordedName(tool) },
    decision,
    decisionContext: context,
    input: call?.arguments,
    inputStrings: call?.strings,
    // Ids start at 1 in every session: the session makes them unique in a chain.
    idempotencyKey: id && `${sessionId}/${decodeUtf8(id)}`,
    correlationId: call?.toolUseId,
  };
}

function openRecord(
  sessionId: string,
  open: OpenReport,
  durable: Promise<void> | undefined,
): OpenRecord {
  return {
    durable,
    reference: `${sessionId}/${open.callId}`,
    answered: ({ output, outputStrings, error, context }) => {
      const decisionContext = context;
      open.end({ output, outputStrings, error: error && decodeUtf8(error), decisionContext });
    },
    unknown: (error, context) => {
      open.end({ decision: 'pending', error, decisionContext: context });
    },
    denied: (error, context) => {
      open.end({ decision: 'denied', error, decisionContext: context });
    },
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

const SILENT: OpenRecord = {
  durable: undefined,
  answered: () => undefined,
  unknown: () => undefined,
  denied: () => undefined,
};

/** For `-socket ""`: the operator has said that nothing is to be recorded. */
export const silentRecorder: Recorder = {
  denied: () => undefined,
  begin: () => SILENT,
  stated: () => undefined,
  together: (work) => work(),
};
