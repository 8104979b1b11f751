import {
  ACTION_PRUNED,
  readPruned,
  readPrunedBefore,
  type PrunedChain,
} from '../../shared/chain/pruned.ts';
import type { ChainCut } from '../../shared/chain/verify-chain.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { KeyTrust } from '../key-trust.ts';
import type { ReceiptReader, StoredChain, StoredRow } from '../store/reader.ts';
import { judgeChain } from './judge.ts';

/** A chain that is gone, and the receipt that says so. */
export interface PrunedRecord extends PrunedChain {
  readonly receiptId: string;
  readonly at: string;
  /** Everything that was removed had ended by then. */
  readonly before: string;
}

/**
 * What prune receipts of the store say was removed, by chain id. Only receipts in chains that
 * verify count: anybody can write a row.
 */
export async function findPruned(
  reader: ReceiptReader,
  trust: KeyTrust,
): Promise<ReadonlyMap<string, PrunedRecord>> {
  const found = new Map<string, PrunedRecord>();
  const trusted = new Map<string, boolean>();
  for (const row of reader.withAction(ACTION_PRUNED)) {
    const { chain_id: id } = row.columns;
    if (!trusted.has(id)) trusted.set(id, await isSound(reader, id, trust));
    if (trusted.get(id) === true) collect(row, found);
  }
  return found;
}

/**
 * Where a chain goes on whose beginning was removed: what a prune receipt says of it is what its
 * first receipt hangs on, number and hash. Undefined for a chain from its beginning, and for one
 * that was cut by somebody else.
 *
 * @param pruned - As `findPruned` returns it; asked only for a chain that begins late.
 */
export async function cutOf(
  reader: ReceiptReader,
  chain: StoredChain,
  pruned: () => Promise<ReadonlyMap<string, PrunedRecord>>,
): Promise<ChainCut | undefined> {
  const first = reader.first(chain);
  if (first === undefined || first.columns.sequence === 1) return undefined;
  const record = (await pruned()).get(chain.id);
  if (record === undefined) return undefined;
  const { lastSequence: sequence, headHash: hash } = record;
  const { sequence: next, previous_receipt_hash: previous } = first.columns;
  return next === sequence + 1 && previous === hash ? { sequence, hash } : undefined;
}

async function isSound(reader: ReceiptReader, id: string, trust: KeyTrust): Promise<boolean> {
  const chain = { id, key: id };
  const { verdict, untrustedKey } = await judgeChain(reader, chain, trust, () => undefined);
  return verdict.result === 'valid' && untrustedKey === undefined;
}

function collect({ text }: StoredRow, found: Map<string, PrunedRecord>): void {
  const { receipt } = parseReceipt(text);
  const { timestamp: at } = receipt.credentialSubject.action;
  const before = readPrunedBefore(receipt);
  for (const chain of readPruned(receipt)) {
    found.set(chain.chainId, { ...chain, receiptId: receipt.id, at, before });
  }
}

/** Before this moment receipts may have been removed, RFC 3339; undefined when none were. */
export function newestCut(pruned: ReadonlyMap<string, PrunedRecord>): string | undefined {
  const times = Array.from(pruned.values(), ({ before }) => before);
  return times.toSorted((a, b) => Date.parse(b) - Date.parse(a))[0];
}
