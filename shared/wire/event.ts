import { Buffer } from 'node:buffer';
import { CodedError } from '../errors.ts';
import { LongStrings } from '../json/long-strings.ts';
import { scanMembers, type Member, type Span } from '../json/scan.ts';
import { decodeUtf8, parseJson } from '../json/text.ts';
import type { JsonObject } from '../json/value.ts';
import { isTimestamp } from './timestamp.ts';

export const DECISIONS = ['allowed', 'denied', 'pending'] as const;
export type EventDecision = (typeof DECISIONS)[number];

/** Which half of a call a frame is; a frame without a phase is the whole story. See ADR 0019. */
export const PHASES = ['intent', 'outcome'] as const;
export type EventPhase = (typeof PHASES)[number];

/** Who holds a call in the place of the reporting process: the program that started it. ADR 0029. */
const HELD_BY_HOST = 'host';

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

/** An invalid frame that asked for a reply: the number is kept so that the refusal can name it. */
export class FrameError extends CodedError {
  readonly ack: number | undefined;
  /** What the frame said was dropped before it, as far as that could be read. */
  readonly dropCount: number;

  constructor(message: string, said: FrameClaims = {}, options?: ErrorOptions) {
    super('FRAME_INVALID', message, options);
    this.ack = said.ack;
    this.dropCount = Math.max(0, said.dropCount ?? 0);
  }
}

/** What can be told about a frame that is refused. */
interface FrameClaims {
  readonly ack?: number | undefined;
  readonly dropCount?: number | undefined;
}

/** String members with their byte limit; 0 means none. */
const STRINGS = {
  v: 0,
  ts_emit: 0,
  session_id: 0,
  channel: 0,
  action_type: 0,
  error: 0,
  decision: 0,
  prompt_preview: 0,
  issuer_name: 256,
  issuer_model: 256,
  operator_id: 256,
  operator_name: 256,
  idempotency_key: 256,
  correlation_id: 256,
  agent_id: 256,
  agent_type: 256,
  model: 256,
  capture_method: 256,
  target_system: 256,
  target_resource: 4096,
  phase: 0,
  call_id: 128,
  held_by: 0,
} as const;
type StringMember = keyof typeof STRINGS;

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const BACKSLASH = 0x5c;
const T_OF_TRUE = 0x74;
const F_OF_FALSE = 0x66;
const N_OF_NULL = 0x6e;
/** In a smaller frame nothing is worth remembering. */
const LARGE_BYTES = 16 * 1024;

/** What a member may hold; `raw` is any JSON, kept as its text. */
const KINDS = {
  input: 'raw',
  output: 'raw',
  usage: 'raw',
  drop_count: 'integer',
  ack: 'integer',
  redelivered: 'flag',
  patient: 'flag',
  tool: 'tool',
  hello: 'object',
  approvals: 'object',
  decision_context: 'object',
  input_digest: 'object',
  output_digest: 'object',
} as const;
type OtherMember = keyof typeof KINDS;
type OfKind<K> = { [M in OtherMember]: (typeof KINDS)[M] extends K ? M : never }[OtherMember];

/** Where a member belongs, by its name. */
type Place =
  | { readonly kind: 'string'; readonly name: StringMember }
  | {
      [M in OtherMember]: { readonly kind: (typeof KINDS)[M]; readonly name: M };
    }[OtherMember];

const PLACES = new Map<string, Place>(
  [
    ...Object.keys(STRINGS).map((name) => ({ name, kind: 'string' })),
    ...Object.entries(KINDS).map(([name, kind]) => ({ name, kind })),
  ].map((place) => [place.name, place as Place]),
);
const FOLDED = new Map([...PLACES].map(([name, place]) => [foldName(name), place]));

/** The order in which peers check lengths; the first that is too long is the one they name. */
const LENGTHS_BEFORE_OPERATOR = [
  'issuer_name',
  'issuer_model',
  'operator_id',
  'operator_name',
] as const;
const LENGTHS_AFTER_OPERATOR = ['idempotency_key', 'correlation_id', 'agent_id'] as const;
const LENGTHS_AT_END = ['agent_type', 'model', 'capture_method', 'target_system'] as const;

/** The members of one frame, every one of them there: drafts of one shape are what is fast. */
interface Draft {
  readonly strings: Record<StringMember, string | undefined>;
  readonly raw: Record<OfKind<'raw'>, Uint8Array | undefined>;
  readonly integers: Record<OfKind<'integer'>, number | undefined>;
  readonly objects: Record<OfKind<'object'>, JsonObject | undefined>;
  readonly flags: Record<OfKind<'flag'>, boolean>;
  readonly longStrings: LongStrings | undefined;
  toolName: string;
  toolServer: string;
}

function emptyDraft(longStrings: LongStrings | undefined): Draft {
  return {
    strings: {
      v: undefined,
      ts_emit: undefined,
      session_id: undefined,
      channel: undefined,
      action_type: undefined,
      error: undefined,
      decision: undefined,
      prompt_preview: undefined,
      issuer_name: undefined,
      issuer_model: undefined,
      operator_id: undefined,
      operator_name: undefined,
      idempotency_key: undefined,
      correlation_id: undefined,
      agent_id: undefined,
      agent_type: undefined,
      model: undefined,
      capture_method: undefined,
      target_system: undefined,
      target_resource: undefined,
      phase: undefined,
      call_id: undefined,
      held_by: undefined,
    },
    raw: { input: undefined, output: undefined, usage: undefined },
    integers: { drop_count: undefined, ack: undefined },
    objects: {
      hello: undefined,
      approvals: undefined,
      decision_context: undefined,
      input_digest: undefined,
      output_digest: undefined,
    },
    flags: { redelivered: false, patient: false },
    longStrings,
    toolName: '',
    toolServer: '',
  };
}

/**
 * Reads a frame body the way the reference's decoder does: member names match without regard to
 * case, the last duplicate wins, null means "not given", unknown members are ignored, a wrong type
 * is an error.
 *
 * @throws FrameError (`FRAME_INVALID`) with the reference's wording; `JSON_TOO_DEEP`
 * @see Daemon protocol, "Frame members"; Go encoding/json
 */
export function parseFrame(body: Uint8Array): EventFrame | HelloFrame | ApprovalsFrame {
  const draft = decode(bufferOf(body));
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

function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decode(body: Buffer): Draft {
  const longStrings = body.length < LARGE_BYTES ? undefined : new LongStrings(body);
  let members: readonly Member[];
  try {
    members = scanMembers(body, undefined, longStrings?.check);
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'JSON_INVALID') throw cause;
    throw new FrameError(`decode emitter frame: ${cause.message}`, {}, { cause });
  }
  const draft = emptyDraft(longStrings);
  let wrong: string | undefined;
  for (const member of members) {
    const place = PLACES.get(member.name) ?? FOLDED.get(foldName(member.name));
    if (place === undefined) continue;
    const problem = assign(draft, place, body, member); // also behind a wrong member: `ack` may follow
    wrong ??= problem;
  }
  if (wrong !== undefined) {
    // Judged at the end, so that an `ack` behind the wrong member still gets its reply.
    throw new FrameError(`decode emitter frame: ${wrong}`, claimsOf(draft));
  }
  return draft;
}

function claimsOf({ integers }: Draft): FrameClaims {
  return { ack: integers.ack, dropCount: integers.drop_count };
}

/** Returns what is wrong with the member, or undefined once it is stored. The text was scanned. */
function assign(
  draft: Draft,
  place: Place,
  body: Buffer,
  { start, end }: Span,
): string | undefined {
  const { kind, name } = place;
  const first = body[start];
  if (kind === 'raw') return void (draft.raw[name] = body.subarray(start, end));
  if (first === N_OF_NULL) return undefined;
  switch (kind) {
    case 'string':
      if (first !== QUOTE) return `${name} is not a string`;
      return void (draft.strings[name] = stringAt(body, start, end));
    case 'integer': {
      const value = integerOf(body.toString('latin1', start, end));
      if (value === undefined) return `${name} is not a whole number`;
      return void (draft.integers[name] = value);
    }
    case 'flag':
      if (first !== T_OF_TRUE && first !== F_OF_FALSE) return `${name} is not true or false`;
      return void (draft.flags[name] = first === T_OF_TRUE);
    case 'tool':
    case 'object':
      if (first !== OPEN_OBJECT) return `${name} is not an object`;
      if (kind === 'tool') return assignTool(draft, body.subarray(start, end));
      return void (draft.objects[name] = parseJson(textAt(body, start, end)) as JsonObject);
  }
}

/** Member by member, in the order of the text: decoded, `name`, `Name`, `name` would lose theirs. */
function assignTool(draft: Draft, text: Buffer): string | undefined {
  let wrong: string | undefined;
  for (const { name: written, start, end } of scanMembers(text)) {
    const isExact = written === 'name' || written === 'server';
    const name = isExact ? written : foldName(written).toLowerCase();
    if ((name !== 'name' && name !== 'server') || text[start] === N_OF_NULL) continue;
    if (text[start] !== QUOTE) wrong ??= `tool.${name} is not a string`;
    else if (name === 'name') draft.toolName = stringAt(text, start, end);
    else draft.toolServer = stringAt(text, start, end);
  }
  return wrong;
}

/** The string whose text, quotes and all, stands there. */
function stringAt(bytes: Buffer, start: number, end: number): string {
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = bytes[at] as number;
    if (byte === BACKSLASH || byte >= 0x80) return parseJson(textAt(bytes, start, end)) as string;
  }
  return bytes.toString('latin1', start + 1, end - 1);
}

function textAt(bytes: Buffer, start: number, end: number): string {
  return decodeUtf8(bytes.subarray(start, end));
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

const MAX_QUOTED = 100;

/** For messages: on one line whatever the emitter sent, and short enough to be logged and replied. */
function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text);
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

function payloadOf({ raw }: Draft, name: OfKind<'raw'>): Uint8Array | undefined {
  const text = raw[name];
  return text?.[0] === N_OF_NULL ? undefined : text; // the scanner has seen the whole word
}

/** A literal whole number; `1.0` and `1e2` are not, as in the reference. */
function integerOf(digits: string): number | undefined {
  if (!/^-?\d+$/.test(digits)) return undefined;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Member names as Go compares them: without regard to case, with the two characters beyond ASCII
 * that fold to ASCII letters (long s and the Kelvin sign).
 */
export function foldName(name: string): string {
  const ascii = name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k');
  return /^[\x20-\x7e]*$/.test(ascii) ? ascii.toUpperCase() : name;
}
