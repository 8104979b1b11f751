import { CodedError } from '../../shared/errors.ts';
import type { PeerCredential } from '../../shared/receipt/receipt.ts';
import type { EventFrame } from '../../shared/wire/event.ts';
import type { Disclosure } from '../disclosure/discloser.ts';
import { payloadHash } from '../event-receipt.ts';
import type { HostProcess } from '../native/process.ts';

/** Who may end a call: one process, in one session. */
export interface Party {
  /** The process, as the kernel tells it from all others. */
  readonly owner: string;
  readonly sessionId: string;
}

/** A call that was announced and has not ended. Holds no payload: see ADR 0019. */
export interface OpenCall extends Party {
  readonly callId: string;
  readonly beganMs: number;
  /** The announcement without its arguments. */
  readonly event: EventFrame;
  readonly parametersHash: string | undefined;
  readonly disclosure: Disclosure | undefined;
  readonly peer: PeerCredential;
  /** The process that holds it, where that is not the peer. */
  readonly host?: HostProcess | undefined;
  readonly principalId: string;
}

/** An open call as a row of the journal. */
export interface JournalRow {
  readonly owner: string;
  readonly session_id: string;
  readonly call_id: string;
  readonly began_ms: number;
  readonly detail: string;
}

/** An announcement as it came in. */
export interface Announcement extends Pick<
  OpenCall,
  'owner' | 'callId' | 'beganMs' | 'peer' | 'host' | 'principalId'
> {
  readonly event: EventFrame;
  readonly disclosure?: Disclosure | undefined;
}

/**
 * What has to be kept of an announcement: no payload, and nothing that only an end can tell.
 *
 * @throws CodedError `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` for arguments without a canonical form
 */
export function openCallOf(announcement: Announcement): OpenCall {
  const { owner, callId, beganMs, peer, host, principalId, disclosure, event } = announcement;
  const { sessionId } = event;
  return {
    owner,
    sessionId,
    callId,
    beganMs,
    event: { ...event, input: undefined, usage: undefined, strings: undefined },
    parametersHash: payloadHash(event, 'input'),
    disclosure,
    peer,
    ...(host !== undefined && { host }),
    principalId,
  };
}

/**
 * The whole story: what the announcement said and how it ended.
 *
 * @throws CodedError `FRAME_INVALID` for an outcome that is not this call's
 */
export function joined(open: OpenCall, outcome: EventFrame): EventFrame {
  const { event, callId } = open;
  for (const name of ['channel', 'toolServer', 'toolName'] as const) {
    if (event[name] !== outcome[name]) {
      throw new CodedError('FRAME_INVALID', `the outcome of call ${callId} has another ${name}`);
    }
  }
  const hash = payloadHash(outcome, 'input');
  // An agent may let others change the arguments after they were announced; both hashes are kept.
  if (hash !== undefined && hash !== open.parametersHash && open.host === undefined) {
    throw new CodedError('FRAME_INVALID', `the outcome of call ${callId} has another input`);
  }
  return {
    ...event,
    emittedAt: outcome.emittedAt,
    output: outcome.output,
    strings: outcome.strings,
    outputDigest: outcome.outputDigest,
    error: outcome.error,
    decision: outcome.decision,
    dropCount: outcome.dropCount,
    model: outcome.model ?? event.model,
    usage: outcome.usage,
    correlationId: outcome.correlationId ?? event.correlationId,
    decisionContext: outcome.decisionContext ?? event.decisionContext,
    ack: outcome.ack,
    redelivered: outcome.redelivered,
    phase: 'outcome',
  };
}

/** @throws CodedError `JSON_TOO_DEEP` */
export function toRow({ owner, sessionId, callId, beganMs, ...rest }: OpenCall): JournalRow {
  let detail: string;
  try {
    detail = JSON.stringify(rest);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = 'decision_context nests deeper than can be stored';
    throw new CodedError('JSON_TOO_DEEP', message, { cause });
  }
  return { owner, session_id: sessionId, call_id: callId, began_ms: beganMs, detail };
}

export function fromRow(row: JournalRow): OpenCall {
  const { owner, session_id: sessionId, call_id: callId, began_ms: beganMs, detail } = row;
  const rest = JSON.parse(detail) as Omit<OpenCall, keyof Party | 'callId' | 'beganMs'>;
  return { owner, sessionId, callId, beganMs, ...rest };
}
