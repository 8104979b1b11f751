import { Buffer } from 'node:buffer';
import { CodedError } from '../errors.ts';
import { LongStrings } from '../json/long-strings.ts';
import { scanMembers, type Member, type Span } from '../json/scan.ts';
import { decodeUtf8, parseJson } from '../json/text.ts';
import type { JsonObject } from '../json/value.ts';

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
export interface FrameClaims {
  readonly ack?: number | undefined;
  readonly dropCount?: number | undefined;
}

/** String members with their byte limit; 0 means none. */
export const STRINGS = {
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
export type OfKind<K> = {
  [M in OtherMember]: (typeof KINDS)[M] extends K ? M : never;
}[OtherMember];

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

/** The members of one frame, every one of them there: drafts of one shape are what is fast. */
export interface Draft {
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

function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * The members of a frame body, each of its kind: what they say together is judged by `parseFrame`.
 *
 * @throws FrameError for a body that is no object, or a member of another kind
 */
export function readMembers(bytes: Uint8Array): Draft {
  const body = bufferOf(bytes);
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

export function claimsOf({ integers }: Draft): FrameClaims {
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

export function payloadOf({ raw }: Draft, name: OfKind<'raw'>): Uint8Array | undefined {
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
