import { Buffer } from 'node:buffer';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { ToolCall } from './inspect.ts';
import type { JsonObject } from '../shared/json/value.ts';

/** A call that went to the server and has no answer yet. */
export interface OpenCall {
  readonly call: ToolCall;
  readonly tool: string;
  readonly context: JsonObject;
  cancelled: boolean;
  /** Another call with the same id was open: whose answer is whose is a guess. */
  ambiguous: boolean;
}

/** More open calls than this and no new one is let through: forgetting one is not an option. */
export const MAX_OPEN_CALLS = 16_384;

/**
 * Calls by id. JSON type and value make the key, not the text: a server may answer `1e2` with
 * `100`, and `"1"` is not `1`. Two open calls with one id are answered first come, first served.
 */
export class OpenCalls {
  readonly #byId = new Map<string, OpenCall[]>();
  /** Calls without an id: no answer can come. */
  readonly #withoutId: OpenCall[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(added: OpenCall): void {
    this.#count += 1;
    const open = { ...added, call: retained(added.call) };
    const { id } = open.call;
    if (id === undefined) {
      this.#withoutId.push(open);
      return;
    }
    const key = idKey(id);
    const same = this.#byId.get(key);
    if (same === undefined) {
      this.#byId.set(key, [open]);
      return;
    }
    same.push(open);
    for (const each of same) each.ambiguous = true;
  }

  /** The call that an answer with this id belongs to, which is open no more. */
  take(id: Uint8Array): OpenCall | undefined {
    const key = idKey(id);
    const same = this.#byId.get(key);
    const open = same?.shift();
    if (open === undefined) return undefined;
    if (same?.length === 0) this.#byId.delete(key);
    this.#count -= 1;
    return open;
  }

  cancel(id: Uint8Array): void {
    for (const open of this.#byId.get(idKey(id)) ?? []) open.cancelled = true;
  }

  /** Everything that is still open; the table is empty afterwards. */
  takeAll(): readonly OpenCall[] {
    const all = [...this.#byId.values()].flat().concat(this.#withoutId.splice(0));
    this.#byId.clear();
    this.#count = 0;
    return all;
  }

  /** Calls that no answer can come for; taken at once, so that they do not pile up. */
  takeUnanswerable(): readonly OpenCall[] {
    this.#count -= this.#withoutId.length;
    return this.#withoutId.splice(0);
  }
}

/** From here on a view costs less than a copy, even though it keeps its whole chunk alive. */
const COPY_LIMIT_BYTES = 16 * 1024;

/** A call may stay open for hours: small texts must not hold on to the chunk they came in. */
function retained(call: ToolCall): ToolCall {
  const copy = (text: Buffer | undefined) =>
    text === undefined || text.length > COPY_LIMIT_BYTES ? text : Buffer.from(text);
  return { ...call, id: copy(call.id), arguments: copy(call.arguments) };
}

function idKey(id: Uint8Array): string {
  const text = decodeUtf8(id);
  if (text.startsWith('"')) return `string ${parseJson(text) as string}`;
  if (!/^[-\d]/.test(text)) return text; // null; or an answer with an id that no call can have
  // Whole numbers by their digits: a double would make two large ids the same.
  if (/^-?\d+$/.test(text)) return `number ${text === '-0' ? '0' : text}`;
  return `number ${String(Number(text) === 0 ? 0 : Number(text))}`;
}
