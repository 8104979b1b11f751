import { ACTION_KEY_ROTATED } from '../../shared/chain/handovers.ts';
import {
  isAgentChain,
  isFirstStart,
  judgeLink,
  readLink,
  type ChainLink,
  type LinkCoverage,
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
  readonly #pruned: ReadonlyMap<string, PrunedRecord>;
  readonly #named = new Map<string, NamedChain[]>();
  /** Chains that name another, or truly are the first. */
  readonly #linked = new Set<string>();

  /** Only what one of our keys has signed counts: anybody can write a row. */
  constructor(reader: ReceiptReader, keyring: Keyring, pruned: ReadonlyMap<string, PrunedRecord>) {
    this.#reader = reader;
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
    const pruned = this.#pruned.get(chainId);
    let endNamedBy: string | undefined;
    for (const named of this.#named.get(chainId) ?? []) {
      const hashThere = this.#hashAt(chainId, named.sequence);
      const said = judgeLink(named, { length: head?.sequence ?? 0, hashThere, pruned });
      const contradiction = `${said}, named by ${named.by} (${named.byId})`;
      if (said !== undefined) return { ...report, contradiction };
      if (named.sequence === head?.sequence) endNamedBy ??= named.by;
    }
    if (endNamedBy === undefined) return report;
    const unchecked = verdict.unchecked.filter(({ code }) => code !== 'TRUNCATION');
    return { ...report, endNamedBy, verdict: { ...verdict, unchecked } };
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
  absent(present: readonly StoredChain[]): readonly StoredChain[] {
    const ids = new Set(present.map(({ id }) => id));
    const isMissed = (id: string) => {
      const evidence = { length: 0, hashThere: undefined, pruned: this.#pruned.get(id) };
      return this.#named.get(id)?.some((it) => judgeLink(it, evidence) !== undefined) === true;
    };
    const gone = [...this.#named.keys()].filter((id) => !ids.has(id) && isMissed(id));
    return gone.map((id) => ({ id, key: id }));
  }

  /** Which ends and which absences nobody vouches for. */
  coverage(present: readonly StoredChain[]): LinkCoverage {
    const retention = new Set<string>();
    for (const { columns } of this.#reader.withAction(ACTION_PRUNED)) {
      retention.add(columns.chain_id); // no daemon runs on these: nobody names them
    }
    const roots = present.filter(({ id }) => !isAgentChain(id) && !retention.has(id));
    return {
      unnamed: roots.filter(({ id }) => !this.#named.has(id)).map(({ id }) => id),
      unlinked: roots.filter(({ id }) => !this.#linked.has(id)).length,
      agents: present.filter(({ id }) => isAgentChain(id)).length,
      retention: retention.size,
    };
  }
}
