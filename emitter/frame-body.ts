import { Buffer } from 'node:buffer';
import { canonicalHashUri } from '../shared/crypto/canonical-hash.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { isoTime } from '../shared/iso-time.ts';
import type { LongStrings } from '../shared/json/long-strings.ts';
import { scanValue } from '../shared/json/scan.ts';
import { INTENT_VERSION, type EventPhase } from '../shared/wire/event.ts';
import { HEADER_BYTES, MAX_FRAME_BYTES } from '../shared/wire/frame.ts';
import { resultSaysError } from '../shared/wire/tool-result.ts';
import type { ActionReport, EmitterIdentity, JsonText, ModelUse } from './report.ts';

const CLOSE_OBJECT = 0x7d;
/** Limit of short members; what is longer is replaced by its hash, never cut into another value. */
const MAX_SHORT_BYTES = 256;
const MAX_RESOURCE_BYTES = 4096;
const MAX_ERROR_BYTES = 64 * 1024;
/** Payload room of a frame that is written while the spool fills up. */
export const CROWDED_BYTES = 8 * 1024;
/** What may be put in front of a body when it is sent: the drop count and the redelivery mark. */
export const PREFIX_RESERVE = 64;

/** The body of one frame, without its first brace, behind room for what is known only at sending. */
export interface FrameBody {
  /** Bytes of the body. */
  readonly length: number;
  /** `FRONT_BYTES` of room, and the body up to what stands in `rest`. */
  readonly start: Buffer;
  /** Large payloads as they came, and what stands between and behind them. */
  readonly rest: readonly Uint8Array[];
}

/** Room in front of a body for the header of the frame and the longest prefix. */
const FRONT_BYTES = HEADER_BYTES + PREFIX_RESERVE;

/**
 * The frame around `body`, in pieces that leave one behind the other. Written into the body's own
 * room: what an earlier call returned is not to be sent any more.
 *
 * @param prefix - ASCII: the brace, and members that stand before all others
 */
export function frameOf({ length, start, rest }: FrameBody, prefix: string): readonly Uint8Array[] {
  const at = FRONT_BYTES - prefix.length;
  start.writeUInt32BE(prefix.length + length, at - HEADER_BYTES);
  start.write(prefix, at, 'latin1');
  return [start.subarray(at - HEADER_BYTES), ...rest];
}

/**
 * Writes the bodies of one emitter's frames. Payloads are spliced in as they are; one that does not
 * fit is told by its canonical hash and its size, which is no reason for silence.
 *
 * @see Daemon protocol, "Frame members"
 */
export class FrameWriter {
  /** Members that are the same in every frame. */
  readonly #identity: string;

  constructor({ sessionId, issuerName, issuerModel, operatorId, operatorName }: EmitterIdentity) {
    const issuer = member('issuer_name', issuerName) + member('issuer_model', issuerModel);
    const operator = member('operator_id', operatorId) + member('operator_name', operatorName);
    this.#identity = member('session_id', sessionId) + issuer + operator;
  }

  /**
   * @throws CodedError `JSON_INVALID`, `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` for a payload that no
   *   receipt can be written for; `FRAME_LENGTH_INVALID` when the other members leave no room
   */
  write(report: ActionReport, ack: number, emittedAt: Date, options: BodyOptions = {}): FrameBody {
    const { payloadBytes = MAX_FRAME_BYTES, isScanned = false, call } = options;
    const head = this.#head(report, ack, emittedAt, call);
    const headBytes = Buffer.byteLength(head);
    const room = Math.min(MAX_FRAME_BYTES - PREFIX_RESERVE - headBytes - 1, payloadBytes);
    const body = assemble(head, headBytes, payloadsOf(report, room, isScanned));
    if (body.length > MAX_FRAME_BYTES - PREFIX_RESERVE) {
      // Not for its payloads, which would have become digests: a name or a context is that long.
      const message = `frame of ${body.length} bytes without its payloads, limit ${MAX_FRAME_BYTES}`;
      throw new CodedError('FRAME_LENGTH_INVALID', message);
    }
    return body;
  }

  #head(report: ActionReport, ack: number, emittedAt: Date, call: CallMembers | undefined): string {
    const { tool, agent, target, model } = report;
    const version = call?.phase === 'intent' ? INTENT_VERSION : '1';
    return (
      `"v":"${version}","ts_emit":"${isoTime(emittedAt)}"${this.#identity},"ack":${ack}` +
      member('channel', report.channel) +
      member('tool', tool) +
      member('decision', report.decision) +
      member('action_type', report.actionType) +
      member('error', clipError(report.error)) +
      member('idempotency_key', shorten(report.idempotencyKey)) +
      member('correlation_id', shorten(report.correlationId)) +
      member('decision_context', report.decisionContext) +
      (agent === undefined ? '' : agentMembers(agent)) +
      (target === undefined ? '' : targetMembers(target)) +
      (model === undefined ? '' : modelMembers(model)) +
      (call === undefined ? '' : callMembers(call))
    );
  }
}

/** The same for one frame alone, in one buffer. Throws as `FrameWriter.write` does. */
export function frameBody(
  identity: EmitterIdentity,
  report: ActionReport,
  ack: number,
  emittedAt: Date,
  options?: BodyOptions,
): Buffer {
  const { start, rest } = new FrameWriter(identity).write(report, ack, emittedAt, options);
  return Buffer.concat([start.subarray(FRONT_BYTES), ...rest]);
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
  readonly phase?: EventPhase | undefined;
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

/** A payload as it stands in the frame: behind its name, or its digest as text. */
interface Spliced {
  readonly name: string;
  readonly text: JsonText | undefined;
}

/** Room for the digest of the other payload must remain, whatever goes in whole. */
const DIGEST_BYTES = 160;
/** From here on a payload is not copied into the frame. */
const LARGE_BYTES = 16 * 1024;

function payloadsOf(report: ActionReport, room: number, isScanned: boolean): readonly Spliced[] {
  const { input, inputStrings, output, outputStrings } = report;
  const payloads: Payload[] = [];
  if (input !== undefined) payloads.push({ name: 'input', text: input, known: inputStrings });
  if (output !== undefined) payloads.push({ name: 'output', text: output, known: outputStrings });
  // Smaller ones first, so that one huge result does not push small arguments out of the frame.
  if (payloads.length > 1) payloads.sort((a, b) => a.text.length - b.text.length);
  let left = room;
  return payloads.map((payload) => {
    const spliced = splice(payload, left, isScanned);
    left -= spliced.name.length + (spliced.text?.length ?? 0);
    return spliced;
  });
}

function splice({ name, text, known }: Payload, room: number, isScanned: boolean): Spliced {
  const whole = `,"${name}":`;
  if (whole.length + text.length + DIGEST_BYTES <= room) {
    // Spliced in raw: anything but one value would forge members of the frame.
    if (!isScanned) scanValue(text);
    return { name: whole, text };
  }
  const digest = {
    hash: canonicalHashUri(text, known),
    bytes: text.length,
    ...(name === 'output' && resultSaysError(text, known?.hop) && { is_error: true }),
  };
  return { name: `,"${name}_digest":${JSON.stringify(digest)}`, text: undefined };
}

/** One buffer, except for payloads that are large enough to stay where they are. */
function assemble(head: string, headBytes: number, payloads: readonly Spliced[]): FrameBody {
  const length = payloads.reduce(
    (sum, { name, text }) => sum + name.length + (text?.length ?? 0),
    headBytes + 1,
  );
  const apart = payloads.filter(({ text }) => text !== undefined && mayStay(text));
  const apartBytes = apart.reduce((sum, { text }) => sum + (text?.length ?? 0), 0);
  const buffer = Buffer.allocUnsafe(FRONT_BYTES + length - apartBytes);
  let at = FRONT_BYTES + buffer.write(head, FRONT_BYTES);
  let from = 0;
  const pieces: Uint8Array[] = [];
  for (const { name, text } of payloads) {
    at += buffer.write(name, at, 'latin1');
    if (text === undefined) continue;
    if (mayStay(text)) {
      pieces.push(buffer.subarray(from, at), text);
      from = at;
    } else {
      buffer.set(text, at);
      at += text.length;
    }
  }
  buffer[at] = CLOSE_OBJECT;
  pieces.push(buffer.subarray(from));
  const [start, ...rest] = pieces;
  return { length, start: start as Buffer, rest };
}

/** What waits in the spool must not keep much more than itself in memory. */
function mayStay({ length, buffer }: JsonText): boolean {
  return length >= LARGE_BYTES && buffer.byteLength <= 2 * length;
}

/** `,"name":value`; nothing where there is no value. */
function member(name: string, value: string | object | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

function agentMembers({ id, type }: NonNullable<ActionReport['agent']>): string {
  return member('agent_id', agentIdOf(id)) + member('agent_type', shorten(type));
}

function targetMembers({ system, resource }: NonNullable<ActionReport['target']>): string {
  const target = member('target_system', shorten(system));
  return target + member('target_resource', shorten(resource, MAX_RESOURCE_BYTES));
}

function modelMembers({ name, usage, captureMethod }: ModelUse): string {
  const model = member('model', shorten(name)) + member('usage', usage);
  return model + member('capture_method', shorten(captureMethod));
}

function callMembers({ call_id: id, phase, patient, held_by: host }: CallMembers): string {
  const call = member('call_id', id) + member('phase', phase) + member('held_by', host);
  return patient === true ? `${call},"patient":true` : call;
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
