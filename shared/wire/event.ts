import type { LongStrings } from '../json/long-strings.ts';
import type { JsonObject } from '../json/value.ts';

export const DECISIONS = ['allowed', 'denied', 'pending'] as const;
export type EventDecision = (typeof DECISIONS)[number];

/** Which half of a call a frame is; a frame without a phase is the whole story. See ADR 0019. */
export const PHASES = ['intent', 'outcome'] as const;
export type EventPhase = (typeof PHASES)[number];

/** Who holds a call in the place of the reporting process: the program that started it. ADR 0029. */
export const HELD_BY_HOST = 'host';

/**
 * The version that an intent may give itself. A daemon that does not join halves of calls refuses it
 * for that, instead of taking it for the whole story: so it can be sent before anybody has greeted.
 */
export const INTENT_VERSION = '1-intent';

/** A payload that is too large for a frame, or that the emitter keeps to itself. */
export interface PayloadDigest {
  /** `sha256:` of the canonical JSON, as the receipt would have it. */
  readonly hash: string;
  /** Size of the JSON text as it was seen. */
  readonly bytes: number;
  /** Whether a tool result said `isError: true`, which the daemon cannot see in a hash. */
  readonly isError?: boolean;
}

/**
 * One action as an emitter reports it. Claims, all of it: nothing here is trusted beyond its type.
 * `input` and `output` are the original JSON text; decoded values would lose what they prove.
 */
export interface EventFrame {
  readonly kind: 'event';
  readonly sessionId: string;
  /** When the emitter took the report, as it wrote it: RFC 3339. */
  readonly emittedAt: string;
  readonly channel: string;
  readonly toolName: string;
  readonly toolServer?: string | undefined;
  readonly actionType?: string | undefined;
  readonly input?: Uint8Array | undefined;
  readonly output?: Uint8Array | undefined;
  /** Long strings of the frame, where it is large; keeps the frame in memory. */
  readonly strings?: LongStrings | undefined;
  readonly error?: string | undefined;
  readonly decision: EventDecision;
  readonly dropCount: number;
  readonly issuerName?: string | undefined;
  readonly issuerModel?: string | undefined;
  readonly operatorId?: string | undefined;
  readonly operatorName?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly agentType?: string | undefined;
  readonly model?: string | undefined;
  readonly usage?: Uint8Array | undefined;
  readonly captureMethod?: string | undefined;
  readonly targetSystem?: string | undefined;
  readonly targetResource?: string | undefined;
  // Members of ours, which other daemons ignore.
  readonly ack?: number | undefined;
  readonly decisionContext?: JsonObject | undefined;
  readonly inputDigest?: PayloadDigest | undefined;
  readonly outputDigest?: PayloadDigest | undefined;
  /** Sent before, without an answer: the first copy may be in the record already. */
  readonly redelivered?: true | undefined;
  /** Nobody waits for the reply: it may come a moment later, together with others. */
  readonly patient?: true | undefined;
  readonly phase?: EventPhase | undefined;
  /** Unique in the session; there is one with every phase. */
  readonly callId?: string | undefined;
  /** The call belongs to the program that started the peer: the peer itself lives for one report. */
  readonly heldBy?: typeof HELD_BY_HOST | undefined;
}

/** First frame of an emitter that wants to know whom it talks to. */
export interface HelloFrame {
  readonly kind: 'hello';
  readonly hello: JsonObject;
  /** The session that goes on, when the connection before was lost. */
  readonly sessionId?: string;
  readonly ack?: number;
}

/** About questions that a person is to answer. Nothing of it is an action. */
export interface ApprovalsFrame {
  readonly kind: 'approvals';
  readonly approvals: JsonObject;
  readonly ack?: number;
}
