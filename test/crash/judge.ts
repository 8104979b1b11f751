import type { Acknowledgement } from '../../emitter/index.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { readRecord, verifyRecord, type RecordedReceipt } from '../fixtures/daemon-record.ts';

/** One report as its emitter knows it. */
export interface Sent {
  readonly id: string;
  /** Undefined: the emitter was told that it had to drop the report. */
  readonly acknowledgement: Acknowledgement | undefined;
}

export interface CrashVerdict {
  readonly acknowledged: number;
  readonly receipts: number;
  /** Reports that are not in the record. */
  readonly missing: number;
  /** Sum of what the `events_dropped` receipts say. */
  readonly counted: number;
  readonly chains: readonly string[];
  /** Everything that must not be; empty when all is well. */
  readonly faults: readonly string[];
}

/** Compares what emitters were told with what is in the record. */
export function judge(
  path: string,
  publicPem: string,
  sent: readonly Sent[],
  lostAtEnd: number,
): CrashVerdict {
  const record = readRecord(path);
  const copies = new Map<string, RecordedReceipt[]>();
  for (const recorded of record) {
    const id = recorded.receipt.credentialSubject.correlation_id;
    if (id === undefined) continue;
    const known = copies.get(id);
    if (known === undefined) copies.set(id, [recorded]);
    else known.push(recorded);
  }
  const faults = [
    ...chainFaults(record, publicPem),
    ...sent.flatMap((report) => acknowledgementFaults(report, copies.get(report.id) ?? [])),
    ...[...copies.values()].flatMap(duplicateFaults),
    ...orderFaults(record),
  ];
  const ids = new Set(sent.map(({ id }) => id));
  for (const id of copies.keys()) if (!ids.has(id)) faults.push(`${id}: nobody reported it`);
  const missing = sent.filter(({ id }) => !copies.has(id)).length;
  const counted = record.reduce((sum, { receipt }) => sum + dropsOf(receipt), 0);
  if (counted + lostAtEnd !== missing) {
    faults.push(
      `${missing} reports are missing, ${counted} are counted, ${lostAtEnd} told at the end`,
    );
  }
  return {
    acknowledged: sent.filter(({ acknowledgement }) => acknowledgement !== undefined).length,
    receipts: record.length,
    missing,
    counted,
    chains: [...verifyRecord(record, publicPem).values()].map(
      ({ chainId, length, result, status }) => `${chainId}: ${length} ${result} ${status}`,
    ),
    faults,
  };
}

function chainFaults(record: readonly RecordedReceipt[], publicPem: string): string[] {
  const verdicts = [...verifyRecord(record, publicPem).values()];
  return verdicts.flatMap(({ chainId, result, error, brokenAt, length, head }) => {
    if (result !== 'valid') return [`chain ${chainId} is ${result} at ${brokenAt}: ${error}`];
    // The last sequence is the number of receipts: no gap, none twice.
    return head?.sequence === length
      ? []
      : [`chain ${chainId} of ${length} ends at ${head?.sequence}`];
  });
}

function acknowledgementFaults(
  { id, acknowledgement }: Sent,
  copies: readonly RecordedReceipt[],
): string[] {
  if (acknowledgement === undefined) return [];
  const { chainId, sequence, receiptHash } = acknowledgement;
  const exact = copies.filter(
    ({ columns }) =>
      columns.chain_id === chainId &&
      columns.sequence === sequence &&
      columns.receipt_hash === receiptHash,
  );
  if (exact.length === 1) return [];
  return [`${id} was acknowledged as ${chainId}:${sequence}, which is there ${exact.length} times`];
}

function duplicateFaults(copies: readonly RecordedReceipt[]): string[] {
  return copies
    .slice(1)
    .map(({ receipt }) => `${receipt.credentialSubject.correlation_id} is there twice`);
}

function isRedelivered({ issuer }: Receipt): boolean {
  const ours = issuer.runtime?.['obsigna'];
  return isJsonObject(ours) && ours['redelivered'] === true;
}

/** First copies of one emitter's reports stand in the order in which it reported them. */
function orderFaults(record: readonly RecordedReceipt[]): string[] {
  const highest = new Map<string, number>();
  const faults: string[] = [];
  for (const { receipt } of record) {
    const id = receipt.credentialSubject.correlation_id;
    if (id === undefined || isRedelivered(receipt)) continue;
    const [emitter = '', number = ''] = id.split('/');
    const before = highest.get(emitter) ?? -1;
    if (Number(number) < before) faults.push(`${id} stands behind ${emitter}/${before}`);
    highest.set(emitter, Math.max(before, Number(number)));
  }
  return faults;
}

function dropsOf({ credentialSubject }: Receipt): number {
  return credentialSubject.action.emitter_metadata?.drop_count ?? 0;
}
