import type { JsonObject } from '../shared/json/value.ts';
import type { ToolCall } from './inspect.ts';
import type { OpenRecord } from './recorder.ts';
import type { Answer } from './server-message.ts';

/** A server that is told of a cancellation answers no more, as a rule: this long it may. */
export const SILENCE_MS = 60_000;

const SHARED_ID =
  'another request with the same id was open: answers were matched in order of arrival';
const AFTER_CANCEL = 'the client had cancelled the call before the answer came';

/** A call that has left for the server, up to the one report of how it ended. */
export class SentCall {
  readonly #record: OpenRecord;
  readonly #context: JsonObject;
  readonly call: ToolCall;
  #askedBackMs = 0;
  /** How often the server has asked back before it answered, and what. */
  #rounds = 0;
  readonly #asked = new Set<string>();
  isCancelled = false;
  /** Another request with the same id was open: whose answer is whose is a guess. */
  isAmbiguous = false;
  #hasEnded = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(record: OpenRecord, context: JsonObject, call: ToolCall) {
    this.#record = record;
    this.#context = context;
    this.call = call;
  }

  /** Also behind `unknown`: a result that came too late is still the result. */
  answered({ result, error, strings }: Pick<Answer, 'result' | 'error' | 'strings'>): void {
    clearTimeout(this.#silence);
    this.#hasEnded = true;
    const context = this.#noted(this.isCancelled);
    this.#record.answered({ output: result, outputStrings: strings, error, context });
  }

  /** Says once that nobody saw an outcome, and why. */
  unknown(reason: string): void {
    clearTimeout(this.#silence);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const why = this.isCancelled ? `cancelled by the client; ${reason}` : reason;
    this.#record.unknown(`outcome unknown: ${why}`, this.#noted(false));
  }

  /** Calls back once if nothing ends the call in time. */
  awaitSilence(onSilence: () => void): void {
    if (this.#hasEnded) return;
    this.#silence ??= setTimeout(onSilence, SILENCE_MS).unref();
  }

  /** Answered, and not ended: silence about a task is counted anew. */
  becomeTask(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  /** What the call is in the record. */
  get reference(): string | undefined {
    return this.#record.reference;
  }

  get context(): JsonObject {
    return this.#context;
  }

  /** For how long the client has known that the server asks back. */
  get sinceAskedMs(): number {
    return performance.now() - this.#askedBackMs;
  }

  /** Answered with a question: the client will repeat the call. */
  askedBack(methods: readonly string[]): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#rounds += 1;
    this.#askedBackMs = performance.now();
    for (const method of methods) this.#asked.add(method);
  }

  /** A later round of it is not let through. */
  refused(error: string, context: JsonObject): void {
    this.#hasEnded = true;
    this.#record.denied(error, { ...context, ...this.#roundsMember() });
  }

  #roundsMember(): JsonObject {
    if (this.#rounds === 0) return {};
    return { rounds: this.#rounds + 1, asked: [...this.#asked] };
  }

  #noted(wasCancelled: boolean): JsonObject | undefined {
    const notes = [
      ...(this.isAmbiguous ? [SHARED_ID] : []),
      ...(wasCancelled ? [AFTER_CANCEL] : []),
    ];
    const rounds = this.#roundsMember();
    if (notes.length === 0 && this.#rounds === 0) return undefined;
    return { ...this.#context, ...rounds, ...(notes.length > 0 && { note: notes.join('; ') }) };
  }
}
