import { isJsonObject, type JsonObject } from '../json/value.ts';
import { isDaemonStatement } from '../receipt/daemon-statement.ts';
import type { Receipt } from '../receipt/receipt.ts';

/** What a root chain says of the one before it in its store: how far that had come. */
export interface ChainLink {
  readonly chainId: string;
  readonly sequence: number;
  readonly receiptHash: string;
}

/** The value of `issuer.runtime.obsigna.previous_chain`. */
export function linkStatement({ chainId, sequence, receiptHash }: ChainLink): JsonObject {
  return { chain_id: chainId, sequence, receipt_hash: receiptHash };
}

/** The chain that a statement of the daemon names; what emitters report cannot name one. */
export function readLink(receipt: Receipt): ChainLink | undefined {
  if (!isDaemonStatement(receipt)) return undefined;
  const ours = receipt.issuer.runtime?.['obsigna'];
  const link = isJsonObject(ours) ? ours['previous_chain'] : undefined;
  if (!isJsonObject(link)) return undefined;
  const { chain_id: chainId, sequence, receipt_hash: receiptHash } = link;
  if (typeof chainId !== 'string' || typeof receiptHash !== 'string') return undefined;
  if (typeof sequence !== 'number') return undefined;
  return { chainId, sequence, receiptHash };
}

/** What is left of a named chain: where it ends, and the receipt at the place that was named. */
export interface LinkEvidence {
  /** 0 when the store has no receipt of the chain. */
  readonly length: number;
  /** Hash of the receipt at the named sequence, from its text. */
  readonly hashThere: string | undefined;
  /** Last sequence and hash of the head that a prune receipt tells. */
  readonly pruned: { readonly lastSequence: number; readonly headHash: string } | undefined;
}

/**
 * Whether a chain still is what a later one says it was. It may have gone on since: a chain that a
 * crash left open can be continued under its own name.
 *
 * @returns What speaks against the chain; undefined when nothing does
 * @see ADR 0022
 */
export function judgeLink(link: ChainLink, evidence: LinkEvidence): string | undefined {
  const { length, hashThere, pruned } = evidence;
  const named = `receipt ${link.sequence} (${link.receiptHash})`;
  if (length === 0) {
    if (pruned === undefined) return `the whole chain is missing, up to ${named}`;
    if (pruned.lastSequence > link.sequence) return undefined; // it went on before it was pruned
    const isSame =
      pruned.lastSequence === link.sequence && pruned.headHash === link.receiptHash;
    if (isSame) return undefined;
    return `it was pruned with receipt ${pruned.lastSequence} (${pruned.headHash}) at its end, not with ${named}`;
  }
  if (length < link.sequence) return `its end is missing: receipts ${length + 1} to ${named}`;
  if (hashThere === link.receiptHash) return undefined;
  return `receipt ${link.sequence} is another one (${hashThere ?? 'missing'}) than ${link.receiptHash}`;
}
