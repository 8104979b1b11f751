import { CodedError } from '../../shared/errors.ts';
import type { OpenCall, Party } from './open-call.ts';

/** Open calls of one process: our proxy stops at 16,384, and ends what it has announced. */
const MAX_CALLS_PER_OWNER = 20_000;
/** All of them together, so that nobody's announcements fill the memory. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Beside the text of its row, which is what differs. */
const CALL_BYTES = 500;

interface Entry {
  readonly call: OpenCall;
  readonly bytes: number;
}

/** The open calls, as the last commit left them: what is here is in the table, and the reverse. */
export class Journal {
  /** By party, then by call id. */
  readonly #parties = new Map<string, Map<string, Entry>>();
  readonly #countOf = new Map<string, number>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get(party: Party, callId: string): OpenCall | undefined {
    return this.#parties.get(partyKey(party))?.get(callId)?.call;
  }

  /** Oldest first. */
  of(party: Party): readonly OpenCall[] {
    return Array.from(this.#parties.get(partyKey(party))?.values() ?? [], ({ call }) => call);
  }

  has(party: Party): boolean {
    return this.#parties.has(partyKey(party));
  }

  *all(): Generator<OpenCall> {
    for (const calls of this.#parties.values()) for (const { call } of calls.values()) yield call;
  }

  /**
   * @param more - Calls of the batch in the making, of this owner and of all
   * @throws CodedError `TOO_MANY_OPEN_CALLS`
   */
  checkRoom(owner: string, more: { readonly calls: number; readonly bytes: number }): void {
    const calls = (this.#countOf.get(owner) ?? 0) + more.calls;
    if (calls >= MAX_CALLS_PER_OWNER) {
      throw new CodedError('TOO_MANY_OPEN_CALLS', `${calls} calls of this process are open`);
    }
    if (this.#bytes + more.bytes >= MAX_BYTES) {
      throw new CodedError('TOO_MANY_OPEN_CALLS', `${this.#count} calls are open on this machine`);
    }
  }

  add(call: OpenCall, detailBytes: number): void {
    const key = partyKey(call);
    let calls = this.#parties.get(key);
    if (calls === undefined) this.#parties.set(key, (calls = new Map()));
    const bytes = detailBytes + CALL_BYTES;
    calls.set(call.callId, { call, bytes });
    this.#change(call.owner, 1, bytes);
  }

  remove(call: OpenCall): void {
    const key = partyKey(call);
    const calls = this.#parties.get(key);
    const entry = calls?.get(call.callId);
    if (calls === undefined || entry === undefined) return;
    calls.delete(call.callId);
    if (calls.size === 0) this.#parties.delete(key);
    this.#change(call.owner, -1, -entry.bytes);
  }

  #change(owner: string, calls: 1 | -1, bytes: number): void {
    this.#count += calls;
    this.#bytes += bytes;
    const count = (this.#countOf.get(owner) ?? 0) + calls;
    if (count === 0) this.#countOf.delete(owner);
    else this.#countOf.set(owner, count);
  }
}

export function partyKey({ owner, sessionId }: Party): string {
  return `${owner}/${sessionId}`;
}
