import { Buffer } from 'node:buffer';
import { canonicalHashUri } from '../shared/crypto/canonical-hash.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import type { LongStrings } from '../shared/json/long-strings.ts';
import { scanValue } from '../shared/json/scan.ts';
import { INTENT_VERSION, type EventPhase } from '../shared/wire/event.ts';
import { MAX_FRAME_BYTES } from '../shared/wire/frame.ts';
import { resultSaysError } from '../shared/wire/tool-result.ts';
import type { ActionReport, EmitterIdentity, JsonText } from './report.ts';

/** Limit of short members; what is longer is replaced by its hash, never cut into another value. */
const MAX_SHORT_BYTES = 256;
const MAX_RESOURCE_BYTES = 4096;
const MAX_ERROR_BYTES = 64 * 1024;
/** Payload room of a frame that is written while the spool fills up. */
export const CROWDED_BYTES = 8 * 1024;
/** What may be put in front of a body when it is sent: the drop count and the redelivery mark. */
export const PREFIX_RESERVE = 64;

/**
 * The body of one frame, without its first brace: the sender puts what is known only at sending in
 * front of it. Payloads are spliced in as they are; one that does not fit is told by its canonical
 * hash and its size, which is no reason for silence.
 *
 * @throws CodedError `JSON_INVALID`, `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` for a payload that no
 *   receipt can be written for; `FRAME_LENGTH_INVALID` when the other members leave no room
 * @see Daemon protocol, "Frame members"
 */
export function frameBody(
  identity: EmitterIdentity,
  report: ActionReport,
  ack: number,
  emittedAt: Date,
  { payloadBytes = MAX_FRAME_BYTES, isScanned = false, call }: BodyOptions = {},
): Buffer {
  const members = headOf(identity, report, ack, emittedAt);
  const version = call?.phase === 'intent' && { v: INTENT_VERSION };
  const head = Buffer.from(JSON.stringify({ ...members, ...version, ...call }).slice(1, -1));
  const payloads = [
    { name: 'input', text: report.input, known: report.inputStrings },
    { name: 'output', text: report.output, known: report.outputStrings },
  ].filter((payload): payload is Payload => payload.text !== undefined);
  const frameRoom = MAX_FRAME_BYTES - PREFIX_RESERVE - head.length - 1; // the last brace
  let room = Math.min(frameRoom, payloadBytes);
  const parts: Uint8Array[] = [head];
  // Smaller ones first, so that one huge result does not push small arguments out of the frame.
  for (const payload of payloads.sort((a, b) => a.text.length - b.text.length)) {
    const member = memberOf(payload, room, isScanned);
    for (const part of member) room -= part.length;
    parts.push(...member);
  }
  parts.push(Buffer.from('}'));
  const body = Buffer.concat(parts);
  if (body.length > MAX_FRAME_BYTES - PREFIX_RESERVE) {
    // Not for its payloads, which would have become digests: a name or a context is that long.
    const message = `frame of ${body.length} bytes without its payloads, limit ${MAX_FRAME_BYTES}`;
    throw new CodedError('FRAME_LENGTH_INVALID', message);
  }
  return body;
}

export interface BodyOptions {
  /** Room for whole payloads; `CROWDED_BYTES` when memory is getting short. */
  readonly payloadBytes?: number | undefined;
  /** The caller cut the payloads out of JSON that it has scanned: each is one value. */
  readonly isScanned?: boolean | undefined;
  /** Which call it is about, and which half of it. See ADR 0019. */
  readonly call?: CallMembers;
}

export interface CallMembers {
  readonly call_id: string;
  readonly phase?: EventPhase;
  /** Nobody waits for the reply: the daemon may delay it for the sake of others. */
  readonly patient?: true;
  /** The call belongs to the program that started this process (ADR 0029). */
  readonly held_by?: 'host';
}

interface Payload {
  readonly name: string;
  readonly text: JsonText;
  readonly known: LongStrings | undefined;
}

/** Room for the digest of the other payload must remain, whatever goes in whole. */
const DIGEST_BYTES = 160;

function memberOf(
  { name, text, known }: Payload,
  room: number,
  isScanned: boolean,
): readonly Uint8Array[] {
  const whole = Buffer.from(`,"${name}":`);
  if (whole.length + text.length + DIGEST_BYTES <= room) {
    // Spliced in raw: anything but one value would forge members of the frame.
    if (!isScanned) scanValue(text);
    return [whole, text];
  }
  const digest = {
    hash: canonicalHashUri(text, known),
    bytes: text.length,
    ...(name === 'output' && resultSaysError(text, known?.hop) && { is_error: true }),
  };
  return [Buffer.from(`,"${name}_digest":${JSON.stringify(digest)}`)];
}

function headOf(
  identity: EmitterIdentity,
  report: ActionReport,
  ack: number,
  emittedAt: Date,
): Readonly<Record<string, unknown>> {
  return {
    v: '1',
    ts_emit: emittedAt.toISOString(),
    session_id: identity.sessionId,
    channel: report.channel,
    tool: report.tool,
    decision: report.decision,
    action_type: report.actionType,
    error: clipError(report.error),
    issuer_name: identity.issuerName,
    issuer_model: identity.issuerModel,
    operator_id: identity.operatorId,
    operator_name: identity.operatorName,
    idempotency_key: shorten(report.idempotencyKey),
    correlation_id: shorten(report.correlationId),
    ack,
    decision_context: report.decisionContext,
    ...(report.agent !== undefined && {
      agent_id: agentIdOf(report.agent.id),
      agent_type: shorten(report.agent.type),
    }),
    ...(report.target !== undefined && {
      target_system: shorten(report.target.system),
      target_resource: shorten(report.target.resource, MAX_RESOURCE_BYTES),
    }),
    ...(report.model !== undefined && {
      model: shorten(report.model.name),
      usage: report.model.usage,
      capture_method: shorten(report.model.captureMethod),
    }),
  };
}

/** It becomes part of a chain's name, where a slash would be a level. */
function agentIdOf(id: string): string | undefined {
  return /[/\0]/.test(id) ? hashUri(nodeSuite, id) : shorten(id);
}

function shorten(text: string | undefined, maxBytes = MAX_SHORT_BYTES): string | undefined {
  if (text === undefined || Buffer.byteLength(text) <= maxBytes) return text;
  return hashUri(nodeSuite, text);
}

function clipError(text: string | undefined): string | undefined {
  if (text === undefined || text.length <= MAX_ERROR_BYTES) return text;
  return `${text.slice(0, MAX_ERROR_BYTES)} [error truncated, ${Buffer.byteLength(text)} bytes in all]`;
}

/** Members that the daemon would refuse in every frame are refused once, where they come from. */
export function checkIdentity(identity: EmitterIdentity): void {
  if (identity.sessionId === '') throw new CodedError('FRAME_INVALID', 'session_id is empty');
  if (identity.operatorName && !identity.operatorId) {
    throw new CodedError('FRAME_INVALID', 'operator_name set without operator_id');
  }
  for (const name of ['issuerName', 'issuerModel', 'operatorId', 'operatorName'] as const) {
    const bytes = Buffer.byteLength(identity[name] ?? '');
    if (bytes > MAX_SHORT_BYTES) {
      throw new CodedError('FRAME_INVALID', `${name} of ${bytes} bytes, limit ${MAX_SHORT_BYTES}`);
    }
  }
}
