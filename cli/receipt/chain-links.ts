import { ACTION_KEY_ROTATED } from '../../shared/chain/handovers.ts';
import {
  isAgentChain,
  isFirstStart,
  judgeLink,
  readLink,
  summariseAgents,
  type AgentHead,
  type ChainLink,
  type LinkCoverage,
  type LinkEvidence,
} from '../../shared/chain/links.ts';
import { ACTION_PRUNED } from '../../shared/chain/pruned.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { hashedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { ACTION_CHAIN_ROLLED, ACTION_DAEMON_STARTED } from '../../shared/receipt/taxonomy.ts';
import { signs } from '../key-trust.ts';
import type { Keyring } from '../keyring.ts';
import type { ReceiptReader, StoredChain, StoredRow } from '../store/reader.ts';
import type { ChainReport } from './judge.ts';
import type { PrunedRecord } from './pruned.ts';

/** Receipts in which a root chain may name the one before it. */
const NAMING = [ACTION_DAEMON_STARTED, ACTION_CHAIN_ROLLED, ACTION_KEY_ROTATED];

/** A chain that is named, and the receipt that names it. */
interface NamedChain extends ChainLink {
  readonly by: string;
  readonly byId: string;
}

/**
 * What root chains of a store say of those before them. Through these links a chain cannot be cut
 * at its end, or removed as a whole, without the next one telling.
 *
 * @see ADR 0022
 */
export class ChainLinks {
  readonly #reader: ReceiptReader;
  readonly #present: readonly StoredChain[];
  /** Chains of sub-agents by their root: those that are here, and those that were. */
  readonly #below: ReadonlyMap<string, readonly StoredChain[]>;
  readonly #prunedBelow: ReadonlyMap<string, readonly PrunedRecord[]>;
  readonly #pruned: ReadonlyMap<string, PrunedRecord>;
  readonly #named = new Map<string, NamedChain[]>();
  readonly #namers = new Map<string, string | undefined>();
  /** Chains that name another, or truly are the first. */
  readonly #linked = new Set<string>();

  /** Only what one of our keys has signed counts: anybody can write a row. */
  constructor(
    reader: ReceiptReader,
    present: readonly StoredChain[],
    keyring: Keyring,
    pruned: ReadonlyMap<string, PrunedRecord>,
  ) {
    this.#reader = reader;
    this.#present = present;
    this.#below = byRoot(present, ({ id }) => id);
    this.#prunedBelow = byRoot([...pruned.values()], ({ chainId }) => chainId);
    this.#pruned = pruned;
    const keys = [keyring.published, ...keyring.archived];
    for (const action of NAMING) {
      for (const row of reader.withAction(action)) {
        if (keys.some(({ key }) => signs(key, row))) this.#learn(row);
      }
    }
  }

  #learn({ text }: StoredRow): void {
    const { receipt } = parseReceipt(text);
    const link = readLink(receipt);
    const { chain_id: by, sequence } = receipt.credentialSubject.chain;
    if (link !== undefined || isFirstStart(receipt)) this.#linked.add(by);
    if (link === undefined) return;
    const named = { ...link, by: `${by}:${sequence}`, byId: receipt.id };
    this.#named.set(link.chainId, [...(this.#named.get(link.chainId) ?? []), named]);
  }

  /** The report of a chain with what later chains say of it: they confirm its end, or break it. */
  confirm(report: ChainReport): ChainReport {
    const { verdict } = report;
    const { chainId, result, head } = verdict;
    if (result === 'broken') return report;
    let endNamedBy = isAgentChain(chainId) ? this.#namedWith(rootOf(chainId)) : undefined;
    for (const named of this.#named.get(chainId) ?? []) {
      const said = judgeLink(named, this.#evidenceOf(named, head?.sequence ?? 0));
      const contradiction = `${said}, named by ${named.by} (${named.byId})`;
      if (said !== undefined) return { ...report, contradiction };
      if (named.sequence === head?.sequence) endNamedBy ??= named.by;
    }
    if (endNamedBy === undefined) return report;
    const unchecked = verdict.unchecked.filter(({ code }) => code !== 'TRUNCATION');
    return { ...report, endNamedBy, verdict: { ...verdict, unchecked } };
  }

  /** The receipt that names a root and, with it, the ends of all chains below it. */
  #namedWith(rootId: string): string | undefined {
    const known = this.#namers.get(rootId);
    if (known !== undefined || this.#namers.has(rootId)) return known;
    const length = this.#reader.last({ id: rootId, key: rootId })?.columns.sequence ?? 0;
    const isWhole = (named: NamedChain) =>
      named.sequence === length && judgeLink(named, this.#evidenceOf(named, length)) === undefined;
    const by = this.#named.get(rootId)?.find(isWhole)?.by;
    this.#namers.set(rootId, by);
    return by;
  }

  #evidenceOf({ chainId, sequence }: ChainLink, length: number): LinkEvidence {
    return {
      length,
      hashThere: length === 0 ? undefined : this.#hashAt(chainId, sequence),
      pruned: this.#pruned.get(chainId),
      agents: summariseAgents(nodeSuite, this.#agentsOf(chainId)),
    };
  }

  /** Columns will do: whether they say what the receipts say is judged with each of these chains. */
  *#agentsOf(rootId: string): Generator<AgentHead> {
    const present = this.#below.get(rootId) ?? [];
    for (const chain of present) {
      const { sequence = 0, receipt_hash: receiptHash = '' } =
        this.#reader.last(chain)?.columns ?? {};
      yield { chainId: chain.id, sequence, receiptHash };
    }
    const ids = new Set(present.map(({ id }) => id));
    for (const { chainId, lastSequence, headHash } of this.#prunedBelow.get(rootId) ?? []) {
      if (!ids.has(chainId)) yield { chainId, sequence: lastSequence, receiptHash: headHash };
    }
  }

  #hashAt(chainId: string, sequence: number): string | undefined {
    const row = this.#reader.at({ id: chainId, key: chainId }, sequence);
    try {
      return row && hashUri(nodeSuite, hashedText(parseReceipt(row.text).json));
    } catch {
      return undefined; // what cannot be read is not what was named
    }
  }

  /** Chains that are named and gone, except those that were pruned as they were named. */
  absent(): readonly StoredChain[] {
    const ids = new Set(this.#present.map(({ id }) => id));
    const isMissed = (id: string) =>
      this.#named.get(id)?.some((it) => judgeLink(it, this.#evidenceOf(it, 0)) !== undefined);
    const gone = [...this.#named.keys()].filter((id) => !ids.has(id) && isMissed(id));
    return gone.map((id) => ({ id, key: id }));
  }

  /** Which ends and which absences nobody vouches for. */
  coverage(): LinkCoverage {
    const retention = new Set<string>();
    for (const { columns } of this.#reader.withAction(ACTION_PRUNED)) {
      retention.add(columns.chain_id); // no daemon runs on these: nobody names them
    }
    const ids = this.#present.map(({ id }) => id);
    const roots = ids.filter((id) => !isAgentChain(id) && !retention.has(id));
    const isVouchedFor = (id: string) => this.#named.has(rootOf(id));
    return {
      unnamed: roots.filter((id) => !this.#named.has(id)),
      unlinked: roots.filter((id) => !this.#linked.has(id)).length,
      agents: ids.filter((id) => isAgentChain(id) && !isVouchedFor(id)).length,
      retention: retention.size,
    };
  }
}

function byRoot<T>(items: readonly T[], idOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const id = idOf(item);
    if (!isAgentChain(id)) continue;
    const known = found.get(rootOf(id));
    if (known === undefined) found.set(rootOf(id), [item]);
    else known.push(item);
  }
  return found;
}

function rootOf(chainId: string): string {
  const [root = ''] = chainId.split('/agent/');
  return root;
}
