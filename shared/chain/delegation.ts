import { isDaemonStatement } from '../receipt/daemon-statement.ts';
import type { Receipt } from '../receipt/receipt.ts';

/** The members of a delegation, once they have turned out to be what they should be. */
export interface DelegationClaim {
  readonly parentChainId: string;
  readonly parentReceiptId: string;
  readonly delegatorId: string;
}

/** What a store holds of the parent that a delegation names. */
export type ParentEvidence =
  | { readonly state: 'found'; readonly receipt: Receipt }
  /** A row is there, and it is not a receipt of the parent chain that anybody we know has signed. */
  | { readonly state: 'unproven'; readonly why: string }
  | { readonly state: 'not-in-chain' }
  | { readonly state: 'no-chain' }
  /** The chain begins later than its first receipt: what was removed cannot be looked up. */
  | { readonly state: 'pruned' };

export type DelegationVerdict =
  | { readonly result: 'confirmed' }
  | { readonly result: 'contradicted'; readonly cause: string }
  | { readonly result: 'unchecked'; readonly why: string };

/** The delegation of a chain's first receipt; text when its shape contradicts what it claims. */
export function readDelegation(child: Receipt): DelegationClaim | string | undefined {
  const delegation = child.credentialSubject.delegation as
    | { readonly [name: string]: unknown }
    | undefined;
  if (delegation === undefined) return undefined;
  const { parent_chain_id: parentChainId, parent_receipt_id: parentReceiptId } = delegation;
  const delegatorId = (delegation['delegator'] as { readonly id?: unknown } | undefined)?.id;
  if (typeof parentChainId !== 'string') return 'delegation.parent_chain_id is not a string';
  if (typeof parentReceiptId !== 'string') return 'delegation.parent_receipt_id is not a string';
  if (typeof delegatorId !== 'string') return 'delegation.delegator.id is not a string';
  return { parentChainId, parentReceiptId, delegatorId };
}

/**
 * Whether the parent confirms what the first receipt of a sub-agent's chain says. A store without
 * the parent chain leaves the question open; a parent that says otherwise breaks the chain.
 *
 * @see Receipt specification, "Delegation"
 */
export function checkDelegation(
  child: Receipt,
  claim: DelegationClaim,
  parent: ParentEvidence,
): DelegationVerdict {
  const { parentChainId, parentReceiptId, delegatorId } = claim;
  switch (parent.state) {
    case 'no-chain':
      return unchecked(`the parent chain ${parentChainId} is not in this store`);
    case 'pruned':
      return unchecked(`the beginning of the parent chain ${parentChainId} was removed`);
    case 'not-in-chain':
      return contradicted(`parent chain ${parentChainId} has no receipt ${parentReceiptId}`);
    case 'unproven':
      return contradicted(`parent receipt ${parentReceiptId} ${parent.why}`);
    case 'found':
      break;
  }
  const { issuer, credentialSubject } = parent.receipt;
  if (issuer.id !== delegatorId) {
    return contradicted(`delegator is "${delegatorId}", the parent's issuer is "${issuer.id}"`);
  }
  // What the daemon says for itself has no principal to hand on.
  if (isDaemonStatement(child) || isDaemonStatement(parent.receipt)) return { result: 'confirmed' };
  const principal = child.credentialSubject.principal.id;
  const expected = credentialSubject.principal.id;
  if (principal === expected) return { result: 'confirmed' };
  return contradicted(`principal is "${principal}", the parent's is "${expected}"`);
}

function contradicted(what: string): DelegationVerdict {
  return { result: 'contradicted', cause: `delegation: ${what}` };
}

function unchecked(why: string): DelegationVerdict {
  return { result: 'unchecked', why };
}
