import {
  checkDelegation,
  readDelegation,
  type DelegationClaim,
  type ParentEvidence,
} from '../../shared/chain/delegation.ts';
import type { Unchecked } from '../../shared/chain/verdict.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { signs } from '../key-trust.ts';
import type { Keyring } from '../keyring.ts';
import type { ReceiptReader } from '../store/reader.ts';
import type { ChainReport } from './judge.ts';

/**
 * Asks the parent chain whether it confirms the delegation of a sub-agent's chain. Two lookups by
 * index per chain, whatever the size of either. Whether the parent chain as a whole is sound is
 * that chain's own verdict.
 */
export function confirmParent(
  reader: ReceiptReader,
  keyring: Keyring,
  report: ChainReport,
): ChainReport {
  const { first, verdict } = report;
  // In a broken chain the first receipt may be anybody's.
  if (first === undefined || verdict.result !== 'valid') return report;
  const claim = readDelegation(first);
  if (claim === undefined) return report;
  if (typeof claim === 'string') return contradicted(report, `delegation: ${claim}`);
  const checked = checkDelegation(first, claim, parentOf(reader, keyring, claim));
  switch (checked.result) {
    case 'confirmed':
      return withUnchecked(report, []);
    case 'unchecked':
      return withUnchecked(report, [{ code: 'DELEGATION', text: checked.why }]);
    case 'contradicted':
      return contradicted(report, checked.cause);
  }
}

function parentOf(
  reader: ReceiptReader,
  keyring: Keyring,
  { parentChainId, parentReceiptId }: DelegationClaim,
): ParentEvidence {
  const begin = reader.first({ id: parentChainId, key: parentChainId });
  if (begin === undefined) return { state: 'no-chain' };
  const row = reader.withId(parentReceiptId);
  if (row === undefined || row.columns.chain_id !== parentChainId) {
    return { state: begin.columns.sequence > 1 ? 'pruned' : 'not-in-chain' };
  }
  try {
    const { receipt } = parseReceipt(row.text);
    if (receipt.id !== parentReceiptId) return { state: 'not-in-chain' };
    if (receipt.credentialSubject.chain.chain_id !== parentChainId)
      return { state: 'not-in-chain' };
    const keys = [keyring.published, ...keyring.archived];
    if (keys.some(({ key }) => signs(key, row))) return { state: 'found', receipt };
    return { state: 'unproven', why: 'was signed by none of the known keys' };
  } catch (error) {
    return { state: 'unproven', why: `cannot be read: ${(error as Error).message}` };
  }
}

function contradicted(report: ChainReport, contradiction: string): ChainReport {
  return { ...withUnchecked(report, []), contradiction };
}

/** The verifier sees one chain, and says so; here the other one was looked at. */
function withUnchecked(report: ChainReport, found: readonly Unchecked[]): ChainReport {
  const others = report.verdict.unchecked.filter(({ code }) => code !== 'DELEGATION');
  return { ...report, verdict: { ...report.verdict, unchecked: [...others, ...found] } };
}
