import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { CodedError } from '../shared/errors.ts';
import { canonicalize } from '../shared/json/canonical.ts';
import { hopStrings, scanMembers, type StringSkip } from '../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { ToolCall } from './inspect.ts';
import type { SentCall } from './sent-call.ts';
import { SERVER_METHODS, type ServerMethod } from './server-message.ts';

/** What a server wants to know before it answers a call. */
export interface InputRequired {
  /** Text of the state that the client has to give back; undefined where there is none. */
  readonly state: Buffer | undefined;
  readonly asked: readonly AskedInput[];
}

export interface AskedInput {
  readonly method: ServerMethod;
  readonly params: Buffer | undefined;
}

const OPEN_OBJECT = 0x7b;
const INPUT_REQUIRED = 'input_required';
const LONG_BYTES = 16 * 1024;

/** A result that asks for more; undefined for any other. @see MCP 2026-07-28 "multi round trip" */
export function readInputRequired(
  result: Buffer,
  hop: StringSkip = hopStrings,
): InputRequired | undefined {
  // Of a long text its structure is found faster than a word in it.
  const isLong = result.length > LONG_BYTES;
  if (!isLong && !result.includes(INPUT_REQUIRED)) return undefined;
  try {
    const outer = membersOf(result, hop);
    if (textOf(outer.get('resultType')) !== INPUT_REQUIRED) return undefined;
    if (isLong && !result.includes(INPUT_REQUIRED)) return undefined; // spelled with escapes
    const requests = outer.get('inputRequests');
    const asked = requests === undefined ? [] : [...membersOf(requests).values()];
    return { state: outer.get('requestState'), asked: asked.flatMap(askedIn) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}

function askedIn(request: Buffer): readonly AskedInput[] {
  const members = membersOf(request);
  const name = textOf(members.get('method'));
  const method = SERVER_METHODS.find((known) => known === name);
  return method === undefined ? [] : [{ method, params: members.get('params') }];
}

function membersOf(text: Buffer, hop = hopStrings): ReadonlyMap<string, Buffer> {
  if (text[0] !== OPEN_OBJECT) return new Map();
  const members = scanMembers(text, undefined, hop);
  return new Map(members.map(({ name, start, end }) => [name, text.subarray(start, end)]));
}

function textOf(value: Buffer | undefined): string | undefined {
  const text = value === undefined ? undefined : parseJson(decodeUtf8(value));
  return typeof text === 'string' ? text : undefined;
}

/** A server may ask as often as it likes; beyond this the oldest is not waited for any longer. */
const MAX_ROUNDS = 4096;

/**
 * Calls that a server has answered with a question. The client repeats such a call under a new id:
 * tool, arguments and state say that it is the same one, and nothing else may.
 */
export class Rounds {
  readonly #waiting = new Map<string, SentCall[]>();
  #count = 0;

  add(sent: SentCall, state: Buffer | undefined): void {
    if (this.#count >= MAX_ROUNDS) this.#giveUpOldest();
    const key = keyOf(sent.call, state);
    const same = this.#waiting.get(key);
    if (same === undefined) this.#waiting.set(key, [sent]);
    else same.push(sent);
    this.#count += 1;
  }

  /** The call that this one goes on with, which waits no more. */
  take(call: ToolCall): SentCall | undefined {
    if (call.round === undefined) return undefined;
    const key = keyOf(call, call.round.requestState);
    const same = this.#waiting.get(key);
    const oldest = same?.shift();
    if (same?.length === 0) this.#waiting.delete(key);
    if (oldest !== undefined) this.#count -= 1;
    return oldest;
  }

  endAll(what: string): void {
    for (const sent of [...this.#waiting.values()].flat()) {
      sent.unknown(`${what} before the client went on with the call`);
    }
    this.#waiting.clear();
    this.#count = 0;
  }

  #giveUpOldest(): void {
    const [entry] = this.#waiting;
    if (entry === undefined) return;
    const [key, same] = entry;
    same.shift()?.unknown(`the client did not go on, and ${MAX_ROUNDS} newer calls wait for it`);
    if (same.length === 0) this.#waiting.delete(key);
    this.#count -= 1;
  }
}

/**
 * What makes a round the next one of a call: the tool, its arguments and the server's state, whatever
 * way the client writes them the second time.
 */
function keyOf({ name, arguments: given }: ToolCall, state: Buffer | undefined): string {
  const parts = [JSON.stringify(name), ...[given, state].map(canonicalOf)];
  return createHash('sha256').update(parts.join('\n')).digest('base64');
}

function canonicalOf(text: Buffer | undefined): string {
  return text === undefined ? '' : canonicalize(parseJson(decodeUtf8(text)));
}
