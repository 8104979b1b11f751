import { hashUri, type CryptoSuite } from '../crypto/suite.ts';
import { canonicalize } from '../json/canonical.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';
import { isDaemonStatement } from '../receipt/daemon-statement.ts';
import type { Receipt } from '../receipt/receipt.ts';

/** What a root chain says of the one before it in its store: how far that had come. */
export interface ChainLink {
  readonly chainId: string;
  readonly sequence: number;
  readonly receiptHash: string;
  /** The chains of its sub-agents; absent when there was none. */
  readonly agents?: AgentChains;
}

/** The chains of sub-agents below one root, all at once: how many, and a hash of where they end. */
export interface AgentChains {
  readonly count: number;
  readonly digest: string;
}

/** Where a chain of a sub-agent ends. */
export interface AgentHead {
  readonly chainId: string;
  readonly sequence: number;
  readonly receiptHash: string;
}

/**
 * A hash of `[[chain id, sequence, receipt hash], …]`, in the canonical form. Ids of sub-agents may hold
 * line breaks: text of our own would have to escape them.
 *
 * @see RFC 8785; its order of names is that of the chain ids
 */
export function summariseAgents(
  suite: CryptoSuite,
  heads: Iterable<AgentHead>,
): AgentChains | undefined {
  const rows = Array.from(
    heads,
    (head) => [head.chainId, head.sequence, head.receiptHash] as const,
  );
  if (rows.length === 0) return undefined;
  const sorted = rows.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { count: rows.length, digest: hashUri(suite, canonicalize(sorted)) };
}

/** The value of `issuer.runtime.obsigna.previous_chain`. */
export function linkStatement({ chainId, sequence, receiptHash, agents }: ChainLink): JsonObject {
  return {
    chain_id: chainId,
    sequence,
    receipt_hash: receiptHash,
    ...(agents !== undefined && { agent_chains: agents.count, agent_heads: agents.digest }),
  };
}

/** The chain that a statement of the daemon names; what emitters report cannot name one. */
export function readLink(receipt: Receipt): ChainLink | undefined {
  if (!isDaemonStatement(receipt)) return undefined;
  const ours = receipt.issuer.runtime?.['obsigna'];
  return isJsonObject(ours) ? parseLink(ours['previous_chain']) : undefined;
}

/** @returns undefined for whatever is no link */
export function parseLink(link: JsonValue | undefined): ChainLink | undefined {
  if (!isJsonObject(link)) return undefined;
  const { chain_id: chainId, sequence, receipt_hash: receiptHash } = link;
  if (typeof chainId !== 'string' || typeof receiptHash !== 'string') return undefined;
  if (typeof sequence !== 'number') return undefined;
  const agents = readAgents(link);
  return { chainId, sequence, receiptHash, ...(agents !== undefined && { agents }) };
}

function readAgents({
  agent_chains: count,
  agent_heads: digest,
}: {
  readonly [name: string]: JsonValue;
}): AgentChains | undefined {
  if (typeof count !== 'number' || typeof digest !== 'string') return undefined;
  return { count, digest };
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
  /** The chains of its sub-agents, here or in prune receipts. */
  readonly agents: AgentChains | undefined;
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
    if (isSame) return judgeAgents(link, evidence);
    return `it was pruned with receipt ${pruned.lastSequence} (${pruned.headHash}) at its end, not with ${named}`;
  }
  if (length < link.sequence) return `its end is missing: it stops at ${length}, before ${named}`;
  if (hashThere === link.receiptHash) {
    // Where the root went on, its sub-agents may have done so too.
    return length === link.sequence ? judgeAgents(link, evidence) : undefined;
  }
  return `receipt ${link.sequence} (${hashThere ?? 'unreadable'}) is not ${named}`;
}

function judgeAgents({ agents: then }: ChainLink, { agents: now }: LinkEvidence) {
  if (then?.count === now?.count && then?.digest === now?.digest) return undefined;
  const words = (all: AgentChains | undefined) =>
    all === undefined ? 'none' : `${all.count} (${all.digest})`;
  return `the chains of its sub-agents are not as they were: ${words(then)} then, ${words(now)} now`;
}

/** How far the links of a store reach. */
export interface LinkCoverage {
  /** Root chains whose end no other one names; the newest always is one. */
  readonly unnamed: readonly string[];
  /** Root chains that neither name the one before them nor say that they are the first. */
  readonly unlinked: number;
  /** Chains of sub-agents below those, and of prune receipts: nobody names them. */
  readonly agents: number;
  readonly retention: number;
}

const MOST_NAMES = 3;

/** Ends that somebody could have cut off without a trace. */
export function truncationLimit({ unnamed, agents, retention }: LinkCoverage): string {
  const others = [
    ...(agents > 0 ? ["of a sub-agent's chain below it"] : []),
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
export function deletionLimit({ unlinked }: LinkCoverage): string {
  const older =
    unlinked === 0 ? '' : `, or before ${unlinked} root chains that name none before them`;
  return `chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names${older}`;
}
