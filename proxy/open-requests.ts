import { CodedError } from '../shared/errors.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { SurveyRequest, TaskRequest } from './inspect.ts';
import { SentCall } from './sent-call.ts';

/** A request about a task, on its way to the server. */
export interface OpenTaskRequest {
  readonly request: TaskRequest;
  isAmbiguous: boolean;
}

/** A request for what the server is or has, on its way to the server. */
export interface OpenSurvey {
  readonly survey: SurveyRequest;
  isAmbiguous: boolean;
}

export type OpenRequest = SentCall | OpenTaskRequest | OpenSurvey;

/** More open calls than this and no new one is let through: forgetting one is not an option. */
export const MAX_OPEN_CALLS = 16_384;
/** Calls that were reported as unknown and may still be answered; the oldest are given up. */
const MAX_GIVEN_UP = 1024;

/**
 * Requests of the client by id. JSON type and value make the key, not the text: a server may answer
 * `1e2` with `100`, and `"1"` is not `1`. Two open requests with one id are answered first come,
 * first served.
 */
export class OpenRequests {
  readonly #byId = new Map<string, OpenRequest[]>();
  /** Cancelled, reported, and remembered for an answer that comes all the same. */
  readonly #givenUp = new Map<string, SentCall>();
  #count = 0;

  /** How many wait for an answer. */
  get count(): number {
    return this.#count;
  }

  /** True where no answer can be of interest. */
  get isEmpty(): boolean {
    return this.#count === 0 && this.#givenUp.size === 0;
  }

  add(id: Uint8Array, added: OpenRequest): void {
    const key = idKey(id);
    this.#count += 1;
    this.#givenUp.delete(key); // an answer with this id is for the new request
    const same = this.#byId.get(key);
    if (same === undefined) {
      this.#byId.set(key, [added]);
      return;
    }
    same.push(added);
    for (const each of same) each.isAmbiguous = true;
  }

  /** The request that an answer with this id belongs to, which is open no more. */
  take(id: Uint8Array): OpenRequest | undefined {
    const key = idKey(id);
    const oldest = this.#byId.get(key)?.[0];
    if (oldest !== undefined) {
      this.#remove(key, oldest);
      return oldest;
    }
    const late = this.#givenUp.get(key);
    this.#givenUp.delete(key);
    return late;
  }

  /** All that are open with this id. */
  withId(id: Uint8Array): readonly OpenRequest[] {
    return [...(this.#byId.get(idKey(id)) ?? [])];
  }

  /** Waits no longer for this one; where it is a call, an answer still finds it. */
  giveUp(id: Uint8Array, request: OpenRequest): void {
    const key = idKey(id);
    if (!this.#remove(key, request)) return;
    if (!(request instanceof SentCall) || this.#byId.has(key)) return;
    this.#givenUp.set(key, request);
    const [oldest] = this.#givenUp.keys();
    if (this.#givenUp.size > MAX_GIVEN_UP && oldest !== undefined) this.#givenUp.delete(oldest);
  }

  /** Calls that are still open; the table is empty afterwards. */
  takeAllCalls(): readonly SentCall[] {
    const all = [...this.#byId.values()].flat();
    this.#byId.clear();
    this.#givenUp.clear();
    this.#count = 0;
    return all.filter((open) => open instanceof SentCall);
  }

  #remove(key: string, request: OpenRequest): boolean {
    const same = this.#byId.get(key);
    const at = same?.indexOf(request) ?? -1;
    if (same === undefined || at === -1) return false;
    same.splice(at, 1);
    if (same.length === 0) this.#byId.delete(key);
    this.#count -= 1;
    return true;
  }
}

/** What makes two ids the same. */
export function idKey(id: Uint8Array): string {
  const text = decodeUtf8(id);
  if (text.startsWith('"')) return stringKey(text);
  if (!/^[-\d]/.test(text)) return text; // null; or an answer with an id that no call can have
  // Whole numbers by their digits: a double would make two large ids the same.
  if (/^-?\d+$/.test(text)) return `number ${text === '-0' ? '0' : text}`;
  return `number ${String(Number(text) === 0 ? 0 : Number(text))}`;
}

function stringKey(text: string): string {
  try {
    return `string ${parseJson(text) as string}`;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return `unreadable ${text}`; // of a server that cannot write JSON: no request has such an id
  }
}
