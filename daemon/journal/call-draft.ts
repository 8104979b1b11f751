import type { ReceiptStore } from '../store/receipt-store.ts';
import { partyKey, type Journal } from './journal.ts';
import { toRow, type JournalRow, type OpenCall, type Party } from './open-call.ts';
import type { RecordedCall, RecordedCalls } from './recorded-calls.ts';
import type { Sighting, Sightings } from './sightings.ts';

/**
 * What one batch does to the open calls. A call that begins and ends in it leaves no trace in the
 * journal; everything else becomes real with the commit.
 */
export class CallDraft {
  readonly #journal: Journal;
  readonly #recorded: RecordedCalls;
  readonly #begun = new Map<string, { readonly call: OpenCall; readonly row: JournalRow }>();
  #begunBytes = 0;
  readonly #ended = new Set<OpenCall>();
  readonly #newlyRecorded = new Map<string, RecordedCall>();
  readonly sightings: Sightings;
  readonly #newlySeen: (readonly [Sighting, receiptId: string])[] = [];
  readonly #toldTwice = new Set<string>();

  constructor(journal: Journal, recorded: RecordedCalls, sightings: Sightings) {
    this.#journal = journal;
    this.#recorded = recorded;
    this.sightings = sightings;
  }

  find(party: Party, callId: string): OpenCall | undefined {
    const begun = this.#begun.size > 0 ? this.#begun.get(keyOf(party, callId)) : undefined;
    if (begun !== undefined) return begun.call;
    if (this.#journal.count === 0) return undefined;
    const call = this.#journal.get(party, callId);
    return call !== undefined && this.#ended.has(call) ? undefined : call;
  }

  /** The oldest open call whose id begins so: an outcome that does not know the whole id. */
  findHeld(party: Party, head: string): OpenCall | undefined {
    const isOpen = (call: OpenCall) => !this.#ended.has(call);
    const before = this.#journal.of(party).find((it) => isOpen(it) && hasHead(it, head));
    if (before !== undefined) return before;
    const own = [...this.#begun.values()].map(({ call }) => call);
    return own.find((it) => partyKey(it) === partyKey(party) && hasHead(it, head));
  }

  /** The receipt in which the other side told of this call. */
  toldBefore(sighting: Sighting): string | undefined {
    const found = this.sightings.match(sighting, this.#toldTwice);
    if (found !== undefined) this.#toldTwice.add(found);
    return found;
  }

  saw(sighting: Sighting, receiptId: string): void {
    this.#newlySeen.push([sighting, receiptId]);
  }

  findRecorded(key: string, wasTold: boolean): RecordedCall | undefined {
    return this.#newlyRecorded.get(key) ?? this.#recorded.find(key, wasTold);
  }

  /** @throws CodedError `TOO_MANY_OPEN_CALLS`, `JSON_TOO_DEEP` */
  begin(call: OpenCall): void {
    const more = { calls: this.#begun.size, bytes: this.#begunBytes };
    this.#journal.checkRoom(call.owner, more);
    const row = toRow(call);
    this.#begunBytes += row.detail.length;
    this.#begun.set(keyOf(call, call.callId), { call, row });
  }

  end(call: OpenCall): void {
    if (!this.#begun.delete(keyOf(call, call.callId))) this.#ended.add(call);
  }

  record(key: string, call: RecordedCall): void {
    this.#newlyRecorded.set(key, call);
  }

  /** Only inside the transaction of the receipts. @returns How many rows came or went */
  write(store: ReceiptStore): number {
    for (const call of this.#ended) store.removeOpenCall(call);
    for (const { row } of this.#begun.values()) store.insertOpenCall(row);
    return this.#ended.size + this.#begun.size;
  }

  /** The commit is durable. */
  apply(): void {
    for (const call of this.#ended) this.#journal.remove(call);
    for (const { call, row } of this.#begun.values()) this.#journal.add(call, row.detail.length);
    for (const [key, call] of this.#newlyRecorded) this.#recorded.add(key, call);
    this.sightings.settle(this.#toldTwice);
    for (const [sighting, id] of this.#newlySeen) this.sightings.add(sighting, id);
  }
}

function hasHead({ callId }: OpenCall, head: string): boolean {
  return callId.startsWith(`${head}.`);
}

function keyOf({ owner, sessionId }: Party, callId: string): string {
  return `${owner}/${sessionId}/${callId}`;
}
