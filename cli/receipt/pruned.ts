import { ACTION_PRUNED, readPruned, type PrunedChain } from '../../shared/chain/pruned.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { KeyTrust } from '../key-trust.ts';
import type { ReceiptReader, StoredRow } from '../store/reader.ts';
import { judgeChain } from './judge.ts';

/** A chain that is gone, and the receipt that says so. */
export interface PrunedRecord extends PrunedChain {
  readonly receiptId: string;
  readonly at: string;
}

/**
 * What prune receipts of the store say was removed, by chain id. Only receipts in chains that
 * verify count: anybody can write a row.
 */
export function findPruned(
  reader: ReceiptReader,
  trust: KeyTrust,
): ReadonlyMap<string, PrunedRecord> {
  const found = new Map<string, PrunedRecord>();
  const trusted = new Map<string, boolean>();
  for (const row of reader.withAction(ACTION_PRUNED)) {
    const { chain_id: id } = row.columns;
    if (!trusted.has(id)) trusted.set(id, isSound(reader, id, trust));
    if (trusted.get(id) === true) collect(row, found);
  }
  return found;
}

function isSound(reader: ReceiptReader, id: string, trust: KeyTrust): boolean {
  const { verdict, untrustedKey } = judgeChain(reader, { id, key: id }, trust, () => undefined);
  return verdict.result === 'valid' && untrustedKey === undefined;
}

function collect({ text }: StoredRow, found: Map<string, PrunedRecord>): void {
  const { receipt } = parseReceipt(text);
  const { timestamp: at } = receipt.credentialSubject.action;
  for (const chain of readPruned(receipt)) {
    found.set(chain.chainId, { ...chain, receiptId: receipt.id, at });
  }
}
