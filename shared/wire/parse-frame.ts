import { Buffer } from 'node:buffer';
import type { JsonObject } from '../json/value.ts';
import { quoted } from '../quoted.ts';
import {
  claimsOf,
  FrameError,
  payloadOf,
  readMembers,
  STRINGS,
  type Draft,
} from './event-members.ts';
import {
  DECISIONS,
  HELD_BY_HOST,
  INTENT_VERSION,
  PHASES,
  type ApprovalsFrame,
  type EventDecision,
  type EventFrame,
  type EventPhase,
  type HelloFrame,
  type PayloadDigest,
} from './event.ts';
import { isTimestamp } from './timestamp.ts';

/** The order in which peers check lengths; the first that is too long is the one they name. */
const LENGTHS_BEFORE_OPERATOR = [
  'issuer_name',
  'issuer_model',
  'operator_id',
  'operator_name',
] as const;
const LENGTHS_AFTER_OPERATOR = ['idempotency_key', 'correlation_id', 'agent_id'] as const;
const LENGTHS_AT_END = ['agent_type', 'model', 'capture_method', 'target_system'] as const;

/**
 * Reads a frame body the way the reference's decoder does: member names match without regard to
 * case, the last duplicate wins, null means "not given", unknown members are ignored, a wrong type
 * is an error.
 *
 * @throws FrameError (`FRAME_INVALID`) with the reference's wording; `JSON_TOO_DEEP`
 * @see Daemon protocol, "Frame members"; Go encoding/json
 */
export function parseFrame(body: Uint8Array): EventFrame | HelloFrame | ApprovalsFrame {
  const draft = readMembers(body);
  const { ack } = draft.integers;
  const { hello, approvals } = draft.objects;
  if (hello !== undefined) return toHello(hello, ack);
  if (approvals !== undefined) {
    return { kind: 'approvals', approvals, ...(ack !== undefined && { ack }) };
  }
  const problem = firstProblem(draft);
  if (problem !== undefined) {
    throw new FrameError(`invalid emitter frame: ${problem}`, claimsOf(draft));
  }
  return toEvent(draft);
}

function firstProblem(draft: Draft): string | undefined {
  const { strings } = draft;
  if (!strings.v) return 'missing v';
  if (strings.v !== '1' && !(strings.v === INTENT_VERSION && strings.phase === 'intent')) {
    return `unsupported frame version ${quoted(strings.v)} (this daemon accepts "1")`;
  }
  if (!strings.session_id) return 'missing session_id';
  if (!strings.ts_emit) return 'missing ts_emit';
  if (!isTimestamp(strings.ts_emit))
    return `ts_emit ${quoted(strings.ts_emit)} is not RFC3339/RFC3339Nano`;
  if (!strings.channel) return 'missing channel';
  if (draft.toolName === '') return 'missing tool.name';
  if (!strings.decision) return 'missing decision';
  if (!(DECISIONS as readonly string[]).includes(strings.decision)) {
    return `unknown decision ${quoted(strings.decision)} (want allowed|denied|pending)`;
  }
  const drops = draft.integers.drop_count ?? 0;
  if (drops < 0) return `drop_count ${drops} is negative`;
  const operator = tooLong(strings, LENGTHS_BEFORE_OPERATOR);
  if (operator !== undefined) return operator;
  if (strings.operator_name && !strings.operator_id) return 'operator_name set without operator_id';
  const ids = tooLong(strings, LENGTHS_AFTER_OPERATOR);
  if (ids !== undefined) return ids;
  if (/[/\0]/.test(strings.agent_id ?? '')) return "agent_id must not contain '/' or null bytes";
  const rest = tooLong(strings, [...LENGTHS_AT_END, 'target_resource']);
  if (rest !== undefined) return rest;
  if (!strings.target_system !== !strings.target_resource) {
    return 'target_system and target_resource must both be set or both absent';
  }
  return phaseProblem(draft) ?? digestProblem(draft, 'input') ?? digestProblem(draft, 'output');
}

function phaseProblem({ strings, raw, objects }: Draft): string | undefined {
  const { phase, call_id: callId, held_by: heldBy } = strings;
  const long = tooLong(strings, ['call_id']);
  if (long !== undefined) return long;
  if (heldBy && heldBy !== HELD_BY_HOST) return `unknown held_by ${quoted(heldBy)} (want host)`;
  if (!phase) return undefined;
  if (!(PHASES as readonly string[]).includes(phase)) {
    return `unknown phase ${quoted(phase)} (want intent|outcome)`;
  }
  if (!callId) return 'phase set without call_id';
  if (phase === 'outcome') return undefined;
  const isKnown = raw.output ?? objects.output_digest ?? (strings.error || undefined);
  return isKnown !== undefined ? 'an intent has neither output nor error' : undefined;
}

/** Of one UTF-16 code unit. */
const MAX_UTF8_BYTES = 3;

function tooLong(
  strings: Draft['strings'],
  names: readonly (keyof typeof STRINGS)[],
): string | undefined {
  for (const name of names) {
    const text = strings[name];
    if (text === undefined || text.length * MAX_UTF8_BYTES <= STRINGS[name]) continue;
    const length = Buffer.byteLength(text);
    if (length > STRINGS[name]) return `${name} exceeds ${STRINGS[name]} bytes (got ${length})`;
  }
  return undefined;
}

function digestProblem(draft: Draft, payload: 'input' | 'output'): string | undefined {
  const { input_digest: ofInput, output_digest: ofOutput } = draft.objects;
  const digest = payload === 'input' ? ofInput : ofOutput;
  if (digest === undefined) return undefined;
  const { hash, bytes } = digest;
  if (typeof hash !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(hash)) {
    return `${payload}_digest.hash is not sha256: and 64 hex digits`;
  }
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
    return `${payload}_digest.bytes is not a whole number`;
  }
  if (digest['is_error'] !== undefined && typeof digest['is_error'] !== 'boolean') {
    return `${payload}_digest.is_error is not true or false`;
  }
  if (payloadOf(draft, payload) !== undefined)
    return `${payload} and ${payload}_digest exclude each other`;
  return undefined;
}

/** One literal, absent members undefined: every event has one shape, which is what is fast. */
function toEvent(draft: Draft): EventFrame {
  const { strings, objects, integers, flags } = draft;
  return {
    kind: 'event',
    sessionId: strings.session_id as string,
    emittedAt: strings.ts_emit as string,
    channel: strings.channel as string,
    toolName: draft.toolName,
    toolServer: draft.toolServer || undefined,
    actionType: strings.action_type || undefined,
    input: payloadOf(draft, 'input'),
    output: payloadOf(draft, 'output'),
    strings: draft.longStrings,
    error: strings.error || undefined,
    decision: strings.decision as EventDecision,
    dropCount: integers.drop_count ?? 0,
    issuerName: strings.issuer_name || undefined,
    issuerModel: strings.issuer_model || undefined,
    operatorId: strings.operator_id || undefined,
    operatorName: strings.operator_name || undefined,
    idempotencyKey: strings.idempotency_key || undefined,
    correlationId: strings.correlation_id || undefined,
    agentId: strings.agent_id || undefined,
    agentType: strings.agent_type || undefined,
    model: strings.model || undefined,
    usage: payloadOf(draft, 'usage'),
    captureMethod: strings.capture_method || undefined,
    targetSystem: strings.target_system || undefined,
    targetResource: strings.target_resource || undefined,
    ack: integers.ack,
    decisionContext: objects.decision_context,
    inputDigest: digestOf(objects.input_digest),
    outputDigest: digestOf(objects.output_digest),
    redelivered: flags.redelivered || undefined,
    patient: flags.patient || undefined,
    phase: (strings.phase || undefined) as EventPhase | undefined,
    callId: strings.call_id || undefined,
    heldBy: strings.held_by === HELD_BY_HOST ? HELD_BY_HOST : undefined,
  };
}

function toHello(hello: JsonObject, ack: number | undefined): HelloFrame {
  const { session_id: sessionId } = hello;
  return {
    kind: 'hello',
    hello,
    ...(typeof sessionId === 'string' && { sessionId }),
    ...(ack !== undefined && { ack }),
  };
}

function digestOf(digest: JsonObject | undefined): PayloadDigest | undefined {
  if (digest === undefined) return undefined;
  const {
    hash,
    bytes,
    is_error: isError,
  } = digest as unknown as PayloadDigest & { is_error?: boolean };
  return { hash, bytes, ...(isError !== undefined && { isError }) };
}
