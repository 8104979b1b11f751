import type { ReceiptStore } from '../store/receipt-store.ts';

/** Where a call stands in the record. */
export interface RecordedCall {
  readonly chainId: string;
  readonly sequence: number;
  /** Its outcome was unknown; a later one completes it. */
  readonly isPending: boolean;
}

/** Calls that are remembered. What is not acknowledged yet is far younger than this. */
const MAX_CALLS = 16_384;
/** Forgotten at once: the first of a map is behind the places of all that were taken out before it. */
const FORGET = 4096;

/**
 * The calls that were recorded last, to recognise what is told twice. Survives a restart through
 * the receipts themselves, which are asked when somebody comes with a call that was told before.
 */
export class RecordedCalls {
  readonly #store: ReceiptStore;
  readonly #calls = new Map<string, RecordedCall>();
  #hasReadStore = false;

  constructor(store: ReceiptStore) {
    this.#store = store;
  }

  /** @param wasTold - Somebody says so; worth the look into the store. */
  find(key: string, wasTold: boolean): RecordedCall | undefined {
    const known = this.#calls.get(key);
    if (known !== undefined || !wasTold || this.#hasReadStore) return known;
    this.#hasReadStore = true;
    this.#readStore();
    return this.#calls.get(key);
  }

  add(key: string, call: RecordedCall): void {
    this.#calls.delete(key); // to the young end
    this.#calls.set(key, call);
    if (this.#calls.size < MAX_CALLS + FORGET) return;
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size === MAX_CALLS) return;
      this.#calls.delete(oldest);
    }
  }

  /** What this run has recorded is known already, and younger: it stays at the young end. */
  #readStore(): void {
    const own = [...this.#calls];
    this.#calls.clear();
    const newest = this.#store.newestCalls(MAX_CALLS);
    for (const { key, ...call } of newest.toReversed()) this.add(key, call);
    for (const [key, call] of own) this.add(key, call);
  }
}

/**
 * What tells a call from all others in the record: pid, session and id. Not the start of the
 * process, which no receipt holds: sessions are as unique as that.
 */
export function recordedKey(pid: number, sessionId: string, callId: string): string {
  return `${pid}/${sessionId}/${callId}`;
}
