import { BoundedMap } from './bounded-map.ts';
import { agentChainId, type ChainHead } from './chains.ts';

/** Sub-agents with a report of their own are few at a time; names of them may be endless. */
const MAX_AGENTS = 1024;
const MAX_PRINCIPALS = 256;

/**
 * Where the chains of this run stand, as they are on disk. Bounded: the head of a sub-agent that was
 * silent for long is forgotten, and read and verified again when it is needed.
 */
export class Heads {
  #root: ChainHead;
  readonly #agents: BoundedMap<string, ChainHead>;
  readonly #spoken = new BoundedMap<string, string>(MAX_PRINCIPALS);
  /** The newest receipt of the root in which the daemon speaks for itself. */
  #statementId: string | undefined;

  constructor(root: ChainHead, maxAgents = MAX_AGENTS) {
    this.#root = root;
    this.#agents = new BoundedMap(maxAgents);
  }

  get root(): ChainHead {
    return this.#root;
  }

  get agentCount(): number {
    return this.#agents.size;
  }

  get(chainId: string): ChainHead | undefined {
    return chainId === this.#root.chainId ? this.#root : this.#agents.get(chainId);
  }

  /** The newest receipt of this principal in the root that is still remembered. */
  spokenBy(principalId: string): string | undefined {
    return this.#spoken.get(principalId);
  }

  get statementId(): string | undefined {
    return this.#statementId;
  }

  /** Takes over what a batch moved, once it is committed. */
  settle({ rootId, moved, spoken, statementId }: MovedHeads): void {
    if (rootId !== this.#root.chainId) {
      this.#agents.clear();
      this.#spoken.clear();
    }
    this.#root = moved.get(rootId) ?? this.#root;
    this.#statementId = statementId ?? this.#statementId;
    for (const [principalId, receiptId] of spoken) this.#spoken.set(principalId, receiptId);
    const below = agentChainId(rootId, '');
    for (const [chainId, head] of moved) {
      // One without a receipt is no chain yet: who its first receipt will belong to is not known.
      if (head.sequence > 0 && chainId.startsWith(below)) this.#agents.set(chainId, head);
    }
  }
}

/** What one batch has done. */
export interface MovedHeads {
  readonly rootId: string;
  readonly moved: ReadonlyMap<string, ChainHead>;
  /** Principal to receipt, in the root. */
  readonly spoken: ReadonlyMap<string, string>;
  readonly statementId: string | undefined;
}
