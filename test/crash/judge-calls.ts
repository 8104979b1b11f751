import { isActionReceipt } from '../../shared/receipt/daemon-statement.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import type { RecordedReceipt } from '../fixtures/daemon-record.ts';
import type { Call } from './agent.ts';
import type { Outage } from './supervisor.ts';

export interface Evidence {
  readonly record: readonly RecordedReceipt[];
  readonly calls: readonly Call[];
  /** What servers noted: `ran <marker>` and `answered <marker>`. */
  readonly notes: readonly string[];
  readonly outages: readonly Outage[];
}

export interface CallVerdict {
  readonly calls: number;
  /** Calls that a server has seen. */
  readonly ran: number;
  /** Calls with a receipt. */
  readonly found: number;
  /** Receipts of calls, by outcome. */
  readonly recorded: Readonly<Record<string, number>>;
  /** Receipts that complete an earlier one. */
  readonly completed: number;
  /** Calls that ran and are in no receipt: their proxy ended around an outage of the daemon. */
  readonly inGaps: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

/** What a killed process has sent lies in the kernel until the daemon reads it, or dies as well. */
const UNREAD_MS = 1500;
/** Half a second at most until an emitter looks again, and what else a busy machine takes. */
const RECONNECT_MS = 1500;

/** Compares what really happened with what is in the record. */
export function judgeCalls({ record, calls, notes, outages }: Evidence): CallVerdict {
  const ran = markersOf(notes, 'ran ');
  const answered = markersOf(notes, 'answered ');
  const receiptsOf = new Map<string, Receipt[]>();
  for (const { receipt } of record) {
    const marker = receipt.credentialSubject.correlation_id;
    if (marker === undefined || !isActionReceipt(receipt)) continue;
    const known = receiptsOf.get(marker);
    if (known === undefined) receiptsOf.set(marker, [receipt]);
    else known.push(receipt);
  }
  const faults: string[] = [];
  let inGaps = 0;
  let found = 0;
  for (const call of calls) {
    const { marker, end } = call;
    const receipts = receiptsOf.get(marker) ?? [];
    receiptsOf.delete(marker);
    if (receipts.length === 0) {
      if (end === 'answered' && !ran.has(marker)) faults.push(`${marker}: answered, never ran`);
      if (!ran.has(marker)) continue; // it died before anybody could rule on it
      if (mayBeLost(call, outages)) inGaps += 1;
      else faults.push(`${marker}: it ran and is in no receipt (${end}, ${call.isRequired})`);
      continue;
    }
    found += 1;
    faults.push(...receiptFaults(marker, receipts));
    const status = receipts.at(-1)?.credentialSubject.outcome.status;
    const isDenied = decisionOf(receipts[0] as Receipt) === 'block';
    if (isDenied && ran.has(marker)) faults.push(`${marker}: denied, and it ran`);
    if (status === 'success' && !answered.has(marker)) {
      faults.push(`${marker}: a success that no server reported`);
    }
    if (end === 'refused' && ran.has(marker)) faults.push(`${marker}: refused, and it ran`);
  }
  for (const marker of receiptsOf.keys()) faults.push(`${marker}: nobody made this call`);
  const actions = record.filter(({ receipt }) => isActionReceipt(receipt));
  return {
    calls: calls.length,
    ran: ran.size,
    found,
    recorded: countBy(actions, ({ columns }) => columns.status),
    completed: actions.filter(({ receipt }) => completes(receipt) !== undefined).length,
    inGaps,
    reasons: countBy(
      actions.filter(({ columns }) => columns.status === 'pending'),
      ({ receipt }) => receipt.credentialSubject.outcome.error ?? 'none',
    ),
    faults,
  };
}

/** One receipt; or a pending one, and a second that names it. */
function receiptFaults(marker: string, receipts: readonly Receipt[]): string[] {
  const [first, second, ...more] = receipts;
  if (second === undefined) return [];
  if (more.length === 0 && completes(second) === first?.id) return [];
  return [`${marker}: ${receipts.length} receipts that do not name each other`];
}

/** The proxy ended while there was no daemon: nobody was left who knew of it. */
function mayBeLost({ isRequired, life, sentMs }: Call, outages: readonly Outage[]): boolean {
  if (isRequired || life.endedMs === undefined) return false;
  const lastMs = life.endedMs + UNREAD_MS;
  return outages.some(({ fromMs, toMs }) => sentMs <= toMs + RECONNECT_MS && fromMs <= lastMs);
}

function markersOf(notes: readonly string[], prefix: string): ReadonlySet<string> {
  const found = notes.filter((note) => note.startsWith(prefix));
  return new Set(found.map((note) => note.slice(prefix.length)));
}

function completes({ issuer }: Receipt): string | undefined {
  const ours = issuer.runtime?.['obsigna'];
  const call = isJsonObject(ours) ? ours['call'] : undefined;
  const id = isJsonObject(call) ? call['completes'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

function decisionOf({ issuer }: Receipt): unknown {
  const ours = issuer.runtime?.['obsigna'];
  const decision = isJsonObject(ours) ? ours['decision'] : undefined;
  return isJsonObject(decision) ? decision['action'] : undefined;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
