import { randomUUID } from 'node:crypto';
import { ACTION_PRUNED, pruneStatement, type PrunedChain } from '../shared/chain/pruned.ts';
import { DAEMON_ISSUER_TYPE } from '../shared/chain/unsigned.ts';
import { ChainVerifier } from '../shared/chain/verify-chain.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../shared/crypto/public-key.ts';
import type { Signer, VerifyKey } from '../shared/crypto/suite.ts';
import { signedText } from '../shared/receipt/hash.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import { verifyProof } from '../shared/receipt/proof.ts';
import { Chains, type ChainHead, type Identity } from './chains.ts';
import { receiptBody } from './event-receipt.ts';
import { timeOrderedUuid, timestampOf } from './draft.ts';
import { seal } from './sealer.ts';
import type { ReceiptStore } from './store/receipt-store.ts';

/** Chains named by one receipt: a reader takes receipts of this size, about 60 KB, in its stride. */
const CHAINS_PER_RECEIPT = 200;

export interface PruneOptions {
  readonly store: ReceiptStore;
  readonly signer: Signer;
  readonly identity: Identity;
  /** Keys that chains may begin with, the present one first. */
  readonly keys: readonly [VerifyKey, ...VerifyKey[]];
  /** The chain id in force: chains of this name are being written. */
  readonly chainId: string;
  readonly principalId: string;
  /** RFC 3339; a chain goes only if its last receipt is older. */
  readonly before: string;
  readonly dryRun: boolean;
  readonly now: () => Date;
}

export interface PruneReport {
  readonly pruned: readonly PrunedChain[];
  /** Old enough, and kept all the same. */
  readonly kept: readonly { readonly chainId: string; readonly reason: string }[];
  /** Chains that do not verify: evidence of tampering is never removed. */
  readonly broken: readonly { readonly chainId: string; readonly reason: string }[];
  /** Ids of the receipts that name what was removed. */
  readonly receipts: readonly string[];
}

/**
 * Removes whole chains, a root together with the chains of its sub-agents, and leaves signed
 * receipts that name each of them. A receipt and the removal it speaks of are one transaction.
 *
 * @see ADR 0017
 */
export function pruneStore(options: PruneOptions): PruneReport {
  const { store, dryRun } = options;
  const report = { pruned: [] as PrunedChain[], kept: [] as Kept[], broken: [] as Kept[] };
  const receipts: string[] = [];
  let batch: PrunedChain[] = [];
  const flush = () => {
    if (!dryRun && batch.length > 0) receipts.push(...removeChains(options, batch));
    report.pruned.push(...batch);
    batch = [];
  };
  for (const family of familiesOf(store)) {
    const judged = judgeFamily(options, family);
    if (judged === 'young') continue;
    if (Array.isArray(judged)) batch.push(...judged);
    else (judged.isBroken ? report.broken : report.kept).push(judged);
    if (batch.length >= CHAINS_PER_RECEIPT) flush();
  }
  flush();
  return { ...report, receipts };
}

interface Kept {
  readonly chainId: string;
  readonly reason: string;
}

/** A root and its sub-agents' chains, which name a receipt of it as their parent. */
function familiesOf(store: ReceiptStore): Iterable<readonly string[]> {
  const families = new Map<string, string[]>();
  for (const chainId of store.chainIds()) {
    const [root = chainId] = chainId.split('/agent/');
    const family = families.get(root);
    if (family === undefined) families.set(root, [chainId]);
    else family.push(chainId);
  }
  return families.values();
}

function judgeFamily(
  options: PruneOptions,
  family: readonly string[],
): 'young' | (Kept & { readonly isBroken: boolean }) | PrunedChain[] {
  const { store, before, chainId: base } = options;
  const limit = Date.parse(before);
  for (const chainId of family) {
    const last = store.tail(chainId)?.columns.timestamp ?? '';
    // The column only saves work: what it hides, the verification below finds.
    if (!(Date.parse(last) < limit)) return 'young';
  }
  const [root = ''] = (family[0] ?? '').split('/agent/');
  const keep = (reason: string) => ({ chainId: root, reason, isBroken: false });
  // Removed, its name would be used again from sequence 1.
  if (root === base || (root.startsWith(`${base}-`) && /^\d+$/.test(root.slice(base.length + 1)))) {
    return keep('it has the name of the chain that is being written');
  }
  const pruned: PrunedChain[] = [];
  for (const chainId of family) {
    const judged = judgeChain(options, chainId);
    if (judged.reason !== undefined) return { chainId, isBroken: true, reason: judged.reason };
    if (judged.isNeeded)
      return keep('it holds a key rotation or a prune receipt, which others need');
    pruned.push(judged.chain);
  }
  return pruned;
}

type Judged =
  | { readonly reason: string }
  | { readonly reason?: undefined; readonly isNeeded: boolean; readonly chain: PrunedChain };

/** Verifies a chain as `obsigna verify` does, from the text of its receipts. */
function judgeChain({ store, keys }: PruneOptions, chainId: string): Judged {
  const last = store.tailLink(chainId)?.sequence ?? 0;
  const key = keys.find((it) => signs(it, store.at(chainId, 1)?.text)) ?? keys[0];
  const verifier = new ChainVerifier(nodeSuite, chainId, { key });
  let isNeeded = false;
  for (let sequence = 1; sequence <= last; sequence += 1) {
    const row = store.at(chainId, sequence);
    if (row === undefined) return { reason: `receipt ${sequence} is missing` };
    verifier.push(row);
    const { action_type: type } = row.columns; // the verifier compares it with the receipt
    isNeeded ||= type === ACTION_PRUNED || type === 'agent.key.rotate';
  }
  const { result, head, error, brokenAt } = verifier.finish();
  if (result !== 'valid' || head === undefined) {
    return { reason: `it does not verify: ${error ?? `receipt at index ${brokenAt}`}` };
  }
  const { sequence: lastSequence, receiptHash: headHash } = head;
  const fingerprint = keyFingerprint(nodeSuite, key.raw);
  return { isNeeded, chain: { chainId, lastSequence, headHash, keyFingerprint: fingerprint } };
}

function signs(key: VerifyKey, text: string | undefined): boolean {
  try {
    const { receipt, json } = parseReceipt(text ?? '');
    return verifyProof(key, signedText(json), receipt.proof);
  } catch {
    return false; // the verifier says what is wrong with it
  }
}

/** One transaction: the receipts that name the chains, and their removal. */
function removeChains(options: PruneOptions, chains: readonly PrunedChain[]): readonly string[] {
  const { store, signer, identity } = options;
  const written: string[] = [];
  store.commit(() => {
    // A chain of its own for each key: it is never pruned, and a rotation never has to touch it.
    const base = `retention-${keyFingerprint(nodeSuite, signer.publicKey).slice(-16)}`;
    const verifyKey = nodeSuite.verifyKey(signer.publicKey);
    let head = new Chains(store, verifyKey, identity).resumeRoot(base);
    for (let at = 0; at < chains.length; at += CHAINS_PER_RECEIPT) {
      const body = statementReceipt(options, head, chains.slice(at, at + CHAINS_PER_RECEIPT));
      const row = seal(body, signer, identity.verificationMethod);
      store.insert(row);
      const { sequence, receipt_hash: hash, id: receiptId } = row.columns;
      head = { chainId: head.chainId, sequence, hash, receiptId };
      written.push(receiptId);
    }
    for (const { chainId } of chains) store.removeChain(chainId);
  });
  return written;
}

function statementReceipt(
  { identity, principalId, before, now }: PruneOptions,
  head: ChainHead,
  chains: readonly PrunedChain[],
) {
  const at = now();
  const timestamp = timestampOf(at);
  const context = {
    receiptId: `urn:receipt:${timeOrderedUuid(at.getTime())}`,
    actionId: `act_${randomUUID()}`,
    timestamp,
    issuerId: identity.issuerId,
    principalId,
    chain: {
      sequence: head.sequence + 1,
      previous_receipt_hash: head.hash,
      chain_id: head.chainId,
    },
  };
  const issuer = {
    id: identity.issuerId,
    type: DAEMON_ISSUER_TYPE,
    runtime: { obsigna: { prune: pruneStatement(before, chains) } },
  };
  const action = {
    id: context.actionId,
    type: ACTION_PRUNED,
    tool_name: 'prune',
    risk_level: 'high',
    timestamp,
  } as const;
  return receiptBody(context, issuer, action, { status: 'success' });
}
