import type { LongStrings } from '../shared/json/long-strings.ts';
import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import type { EventDecision } from '../shared/wire/event.ts';

/**
 * Bytes of one JSON value, as they were seen on the wire. Never decoded on the way: what a hash
 * proves is the text, and decoding and encoding again would change it.
 */
export type JsonText = Uint8Array;

/** The JSON text of a value, for callers that hold no original. */
export function jsonText(value: JsonValue): JsonText {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** One action that happened, or was refused. */
export interface ActionReport {
  /** What kind of source this is: `mcp`, `claude-code`, `sdk` … */
  readonly channel: string;
  readonly tool: { readonly name: string; readonly server?: string };
  readonly decision: EventDecision;
  /** In place of `channel.server.name`, for what is no call of the tool. */
  readonly actionType?: string | undefined;
  readonly input?: JsonText | undefined;
  readonly output?: JsonText | undefined;
  /** Spare another look through payloads that are parts of messages that were scanned. */
  readonly inputStrings?: LongStrings | undefined;
  readonly outputStrings?: LongStrings | undefined;
  /** Why it failed or was refused; secrets are taken out by the daemon. */
  readonly error?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Rule, risk and policy behind the decision; signed inside `issuer.runtime.obsigna`. */
  readonly decisionContext?: JsonObject | undefined;
  /** The agent below the one that reports; its actions stand in a chain of their own. */
  readonly agent?: { readonly id: string; readonly type?: string | undefined } | undefined;
  readonly target?: { readonly system: string; readonly resource: string } | undefined;
  /** The model that asked for the action and what it used, and where that is known from. */
  readonly model?: ModelUse | undefined;
}

export interface ModelUse {
  readonly name?: string | undefined;
  readonly usage?: JsonObject | undefined;
  readonly captureMethod?: string | undefined;
}

/** Who reports: the same for every action of one emitter. */
export interface EmitterIdentity {
  readonly sessionId: string;
  readonly issuerName?: string | undefined;
  readonly issuerModel?: string | undefined;
  readonly operatorId?: string | undefined;
  readonly operatorName?: string | undefined;
}

/** Where a report stands in the record, durable when this is returned. */
export interface Acknowledgement {
  readonly chainId: string;
  readonly sequence: number;
  readonly receiptHash: string;
}
