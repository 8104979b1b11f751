import {
  linkStatement,
  summariseAgents,
  type AgentHead,
  type ChainLink,
} from '../shared/chain/links.ts';
import { DAEMON_ISSUER_TYPE } from '../shared/chain/unsigned.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import { hashedText } from '../shared/receipt/hash.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import type { ReceiptBody } from '../shared/receipt/receipt.ts';
import {
  ACTION_CHAIN_ROLLED,
  ACTION_DAEMON_STARTED,
  ACTION_DAEMON_STOPPED,
} from '../shared/receipt/taxonomy.ts';
import { VERSION } from '../shared/version.ts';
import { agentChainId } from './chains.ts';
import { receiptBody, type ReceiptContext } from './event-receipt.ts';
import type { ReceiptRow, ReceiptStore } from './store/receipt-store.ts';

/** How the run before this one ended, as far as the store tells. */
export interface Boot {
  /** `crash`: its last receipt is not the end of a chain. `first`: there was none. */
  readonly kind: 'first' | 'clean' | 'crash';
  readonly previousStop?: string;
  /** Set when the root chain begins with this run. */
  readonly previousChain?: ChainLink;
}

export type RollReason = 'midnight' | 'request';

/** What the daemon says for itself; no emitter can say it, because theirs have a session. */
export type Statement = (context: ReceiptContext) => ReceiptBody;

/**
 * Reads how the last run ended. Key rotations and prune receipts are written between runs and are
 * looked past.
 *
 * @param isNewRoot - This run begins a root chain, which is to name the one before it.
 */
export function readBoot(store: ReceiptStore, isNewRoot: boolean): Boot {
  const previousChain = isNewRoot ? lastLink(store) : undefined;
  const link = previousChain === undefined ? {} : { previousChain };
  const last = store.lastOfRun();
  if (last === undefined) return { kind: 'first', ...link };
  try {
    const { action, chain } = parseReceipt(last.text).receipt.credentialSubject;
    if (chain.terminal !== true) return { kind: 'crash', ...link };
    return { kind: 'clean', previousStop: action.timestamp, ...link };
  } catch {
    return { kind: 'crash', ...link }; // nothing that can be read says that it ended in order
  }
}

/** How far the root chain that was written last has come, and those of its sub-agents. */
export function lastLink(store: ReceiptStore): ChainLink | undefined {
  const chainId = store.latestRoot();
  const tail = chainId === undefined ? undefined : store.tail(chainId);
  return tail === undefined ? undefined : linkTo(store, tail);
}

/** By the text: the column is only what somebody wrote beside it. */
function linkTo(store: ReceiptStore, { columns, text }: ReceiptRow): ChainLink {
  const { chain_id: chainId, sequence, receipt_hash: column } = columns;
  const link = { chainId, sequence, ...agentsBelow(store, chainId) };
  try {
    return { ...link, receiptHash: hashUri(nodeSuite, hashedText(parseReceipt(text).json)) };
  } catch {
    return { ...link, receiptHash: column }; // the chain is broken, and verify says so
  }
}

/** Where the chains of a root's sub-agents end now. */
function agentsBelow(store: ReceiptStore, rootId: string): Pick<ChainLink, 'agents'> {
  const heads: AgentHead[] = [];
  for (const chainId of store.chainsWithPrefix(agentChainId(rootId, ''))) {
    const link = store.tailLink(chainId);
    if (link === undefined) continue;
    heads.push({ chainId, sequence: link.sequence, receiptHash: link.hash });
  }
  const agents = summariseAgents(nodeSuite, heads);
  return agents === undefined ? {} : { agents };
}

/** `agent_receipts.daemon_started`, the first receipt of each run. */
export function startedReceipt({ kind, previousStop, previousChain }: Boot): Statement {
  const daemon = {
    version: VERSION,
    pid: process.pid,
    boot: kind,
    ...(previousStop !== undefined && { previous_stop: previousStop }),
  };
  const link = previousChain && { previous_chain: linkStatement(previousChain) };
  return (context) => statement(context, ACTION_DAEMON_STARTED, { daemon, ...link });
}

/** `agent_receipts.daemon_stopped`, before the ends of the chains. */
export function stoppedReceipt(reason: string): Statement {
  return (context) => statement(context, ACTION_DAEMON_STOPPED, { daemon: { reason } });
}

/** `agent_receipts.chain_rolled`, the first receipt of a root chain that follows another. */
export function rolledReceipt(reason: RollReason, previousChain: ChainLink): Statement {
  const daemon = { version: VERSION, pid: process.pid, reason };
  const ours = { daemon, previous_chain: linkStatement(previousChain) };
  return (context) => statement(context, ACTION_CHAIN_ROLLED, ours);
}

function statement(
  context: ReceiptContext,
  type: string,
  ours: { readonly [name: string]: JsonValue },
): ReceiptBody {
  const runtime: JsonObject = { obsigna: ours };
  const issuer = { id: context.issuerId, type: DAEMON_ISSUER_TYPE, runtime };
  const action = {
    id: context.actionId,
    type,
    tool_name: type.slice(type.indexOf('.') + 1),
    risk_level: 'low',
    timestamp: context.timestamp,
  } as const;
  return receiptBody(context, issuer, action, { status: 'success' });
}
