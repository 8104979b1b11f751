import type { ReceiptVerdict } from '../../shared/chain/verdict.ts';
import type { ReceiptReader } from '../store/reader.ts';
import { verifierOf, type ChainReport } from './judge.ts';

/** Bad receipts that are listed unless somebody asks for all. */
export const MOST_BAD = 50;

export type ReceiptFault =
  | 'bad_signature'
  | 'bad_hash_link'
  | 'bad_sequence'
  | 'unreadable'
  | 'mismatch';

/** What is wrong with a receipt, the gravest first; undefined when nothing is. */
export function faultOf(verdict: ReceiptVerdict): ReceiptFault | undefined {
  if (verdict.problem?.startsWith('unreadable receipt') === true) return 'unreadable';
  if (!verdict.signatureValid) return 'bad_signature';
  if (!verdict.hashLinkValid) return 'bad_hash_link';
  if (!verdict.sequenceValid) return 'bad_sequence';
  return verdict.problem === undefined ? undefined : 'mismatch';
}

/**
 * The verdict on every receipt of a chain once more: a second pass over broken chains, so that the
 * first one needs to keep nothing.
 */
export function* judgeAgain(
  reader: ReceiptReader,
  { chain, genesis, cut }: ChainReport,
): IterableIterator<ReceiptVerdict> {
  const verifier = verifierOf(chain, genesis, cut);
  for (const row of reader.chain(chain)) yield verifier.push(row);
}
