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

/** Whether a start says that the store had no receipt before it. */
export function isFirstStart(receipt: Receipt): boolean {
  if (!isDaemonStatement(receipt)) return false;
  const ours = receipt.issuer.runtime?.['obsigna'];
  const daemon = isJsonObject(ours) ? ours['daemon'] : undefined;
  return isJsonObject(daemon) && daemon['boot'] === 'first';
}

export function isAgentChain(chainId: string): boolean {
  return chainId.includes('/agent/');
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
    const isSame = pruned.lastSequence === link.sequence && pruned.headHash === link.receiptHash;
    if (isSame) return undefined;
    return `it was pruned with receipt ${pruned.lastSequence} (${pruned.headHash}) at its end, not with ${named}`;
  }
  if (length < link.sequence) return `its end is missing: it stops at ${length}, before ${named}`;
  if (hashThere === link.receiptHash) return undefined;
  return `receipt ${link.sequence} (${hashThere ?? 'unreadable'}) is not ${named}`;
}

/** How far the links of a store reach. */
export interface LinkCoverage {
  /** Root chains whose end no other one names; the newest always is one. */
  readonly unnamed: readonly string[];
  /** Root chains that neither name the one before them nor say that they are the first. */
  readonly unlinked: number;
  /** Chains of sub-agents, and of prune receipts: nobody names those. */
  readonly agents: number;
  readonly retention: number;
}

const MOST_NAMES = 3;

/** Ends that somebody could have cut off without a trace. */
export function truncationLimit({ unnamed, agents, retention }: LinkCoverage): string {
  const others = [
    ...(agents > 0 ? ["of a sub-agent's chain"] : []),
    ...(retention > 0 ? ['of a chain of prune receipts'] : []),
  ];
  const more = unnamed.length - MOST_NAMES;
  const names = unnamed.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const noun = unnamed.length === 1 ? 'chain' : 'chains';
  const roots = `of ${noun} ${names}, which no other chain names`;
  const ends = unnamed.length === 0 ? others : [roots, ...others];
  return `receipts removed from the end ${ends.join(', or ')}`;
}

/** Chains that somebody could have removed as a whole without a trace. */
export function deletionLimit({ unlinked, agents }: LinkCoverage): string {
  const chains = [
    'newer than every one that is here',
    ...(unlinked > 0 ? [`before ${unlinked} root chains that name none before them`] : []),
    ...(agents > 0 ? ['of sub-agents'] : []),
  ];
  return `chains removed as a whole: ${chains.join(', or ')}`;
}
