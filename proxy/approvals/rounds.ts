import type { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import { valueOf } from './client-answer.ts';
import { digestOf, type Subject } from './question.ts';

/** Longer than any client keeps asking its person. */
const ROUND_MS = 10 * 60_000;
const MAX_ROUNDS = 256;

/**
 * Calls that were approved and that the server has answered with a question of its own: the next
 * round is the same call, and the person is not asked again. Known by the state that the server
 * gave out, which is good for one round.
 *
 * @see MCP 2026-07-28, multi round trips
 */
export class Rounds {
  readonly #approved = new WeakMap<ToolCall, { subject: Subject; approval: JsonObject }>();
  readonly #expected = new Map<string, { approval: JsonObject; expiresAtMs: number }>();

  /** The call leaves, because of this approval. */
  approved(call: ToolCall, subject: Subject, approval: JsonObject): void {
    this.#approved.set(call, { subject, approval });
  }

  /** The server has answered a call. */
  answered(call: ToolCall, result: Buffer): void {
    const known = this.#approved.get(call);
    if (known === undefined || !result.includes('input_required')) return;
    const state = stateOf(result);
    if (state === undefined) return;
    const expected = { approval: known.approval, expiresAtMs: Date.now() + ROUND_MS };
    this.#expected.set(digestOf(known.subject, state), expected);
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > MAX_ROUNDS && oldest !== undefined) this.#expected.delete(oldest);
  }

  /** The approval under which a further round of the same call goes on. */
  take({ round }: ToolCall, subject: Subject): JsonObject | undefined {
    const state = valueOf(round?.requestState);
    if (typeof state !== 'string') return undefined;
    const key = digestOf(subject, state);
    const expected = this.#expected.get(key);
    this.#expected.delete(key);
    if (expected === undefined || Date.now() >= expected.expiresAtMs) return undefined;
    return { ...expected.approval, further_round: true };
  }
}

function stateOf(result: Buffer): string | undefined {
  let value: JsonValue | undefined;
  try {
    value = valueOf(result);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined; // a server that cannot write JSON gets no further round
  }
  if (!isJsonObject(value) || value['resultType'] !== 'input_required') return undefined;
  const { requestState } = value;
  return typeof requestState === 'string' ? requestState : undefined;
}
