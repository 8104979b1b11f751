import type { Handovers } from '../shared/chain/handovers.ts';
import { checkRotation } from '../shared/chain/rotation.ts';
import { findUnsignedChange } from '../shared/chain/unsigned.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../shared/crypto/public-key.ts';
import { hashUri, type VerifyKey } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { hashedText, signedText } from '../shared/receipt/hash.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import { verifyProof } from '../shared/receipt/proof.ts';
import type { Delegation, Receipt } from '../shared/receipt/receipt.ts';
import type { ReceiptRow, ReceiptStore } from './store/receipt-store.ts';

/** Where the next receipt of a chain goes. Immutable: a failed commit just keeps the old one. */
export interface ChainHead {
  readonly chainId: string;
  /** 0 for a chain that has no receipt yet. */
  readonly sequence: number;
  readonly hash: string | null;
  readonly receiptId: string | undefined;
  /** Written into the first receipt of a sub-agent chain. */
  readonly delegation?: Delegation;
}

export interface Identity {
  readonly issuerId: string;
  readonly verificationMethod: string;
}

/**
 * Finds and judges the chains that this daemon continues. Names are the protocol's: a configured
 * or daily root id, `-2`, `-3` … once the one before has ended, `<root>/agent/<id>` below it.
 */
export class Chains {
  readonly #store: ReceiptStore;
  readonly #key: VerifyKey;
  readonly #identity: Identity;
  /** Keys that gave way to ours; their chains are evidence and are not extended. */
  readonly #retired: readonly VerifyKey[];

  /** @param handovers - The rotations of the store; left out where there can be none. */
  constructor(store: ReceiptStore, key: VerifyKey, identity: Identity, handovers?: Handovers) {
    this.#store = store;
    this.#key = key;
    this.#identity = identity;
    this.#retired = handovers?.predecessors(keyFingerprint(nodeSuite, key.raw)) ?? [];
  }

  /**
   * The root chain to continue. Ended chains are never extended: not one with a terminal receipt,
   * not one below which a sub-agent chain has ended, not one of another issuer, not one whose last
   * receipt is under a key that was rotated out. The counter is always appended to `base`, so that
   * the day of a date is never taken for it.
   *
   * @throws CodedError `CHAIN_TAIL_INVALID`
   * @see ADR 0011, ADR 0015
   */
  resumeRoot(base: string): ChainHead {
    for (let count = 1; ; count += 1) {
      const chainId = count === 1 ? base : `${base}-${count}`;
      const tail = this.#readTail(chainId);
      if (tail !== undefined && !this.#isOpen(tail)) continue;
      if (this.#hasEndedAgent(chainId)) continue;
      return tail === undefined ? emptyHead(chainId) : this.#headOf(tail);
    }
  }

  /** The head of this very chain, if it can be continued as it is. Throws as `resumeRoot`. */
  openHead(chainId: string): ChainHead | undefined {
    const tail = this.#readTail(chainId);
    if (tail === undefined || !this.#isOpen(tail) || this.#hasEndedAgent(chainId)) return undefined;
    return this.#headOf(tail);
  }

  /**
   * The chain of a sub-agent below the root `rootId`. A new one names `parentId` as its parent: a
   * receipt of the root that belongs to the same principal, or a statement of the daemon.
   */
  resumeAgent(rootId: string, agentId: string, parentId: () => string | undefined): ChainHead {
    const chainId = agentChainId(rootId, agentId);
    const tail = this.#readTail(chainId);
    if (tail !== undefined) return this.#headOf(tail);
    const parent = parentId();
    if (parent === undefined) return emptyHead(chainId);
    const delegation = {
      parent_chain_id: rootId,
      parent_receipt_id: parent,
      delegator: { id: this.#identity.issuerId },
    };
    return { ...emptyHead(chainId), delegation };
  }

  /**
   * Chains below `rootId` that still wait for their last receipt. One that does not verify is told
   * to `onInvalid` and left as it is: it must not cost the others their end.
   */
  *openAgents(rootId: string, onInvalid: (error: CodedError) => void): Generator<ChainHead> {
    for (const chainId of this.#store.chainsWithPrefix(agentChainId(rootId, ''))) {
      try {
        const tail = this.#readTail(chainId);
        if (tail === undefined || isTerminal(tail.receipt)) continue;
        yield this.#headOf(tail);
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'CHAIN_TAIL_INVALID') throw error;
        onInvalid(error);
      }
    }
  }

  #hasEndedAgent(rootId: string): boolean {
    for (const chainId of this.#store.chainsWithPrefix(agentChainId(rootId, ''))) {
      const tail = this.#readTail(chainId);
      if (tail !== undefined && !this.#isOpen(tail)) return true;
    }
    return false;
  }

  #isOpen(tail: Tail): boolean {
    const { receipt } = tail;
    const { issuerId, verificationMethod } = this.#identity;
    const ours =
      receipt.issuer.id === issuerId && receipt.proof.verificationMethod === verificationMethod;
    return ours && !isTerminal(receipt) && !this.#isPastItsEnd(tail) && !this.#isRetired(tail);
  }

  /** The reference rotates behind a terminal receipt. Such a chain is broken: we add nothing to it. */
  #isPastItsEnd({ row, receipt }: Tail): boolean {
    if (receipt.credentialSubject.keyRotation === undefined) return false;
    const before = this.#readBefore(row);
    return before !== undefined && isTerminal(before.receipt);
  }

  #isRetired({ receipt, json }: Tail): boolean {
    if (this.#retired.length === 0) return false;
    const { keyRotation } = receipt.credentialSubject;
    // Whatever signed the handover: the key in force behind it is the one that it names.
    if (keyRotation !== undefined) {
      return this.#retired.some((key) => isFingerprintOf(key, keyRotation.new_key_fingerprint));
    }
    const signed = signedText(json);
    if (signatureHolds(this.#key, signed, receipt)) return false;
    return this.#retired.some((key) => signatureHolds(key, signed, receipt));
  }

  #readTail(chainId: string): Tail | undefined {
    const row = this.#store.tail(chainId);
    if (row === undefined) return undefined;
    try {
      return { row, ...parseReceipt(row.text) };
    } catch (cause) {
      const message = `last receipt of chain ${chainId} cannot be read`;
      throw new CodedError('CHAIN_TAIL_INVALID', message, { cause });
    }
  }

  /** Whatever we extend we vouch for: the tail is verified from its text, columns are not believed. */
  #headOf(tail: Tail): ChainHead {
    const { row, receipt, json } = tail;
    const { chain_id: chainId, sequence } = row.columns;
    const signed = signedText(json);
    const hash = hashUri(nodeSuite, hashedText(json, signed));
    const reject = (what: string) =>
      new CodedError('CHAIN_TAIL_INVALID', `chain ${chainId}, sequence ${sequence}: ${what}`);
    const problem = this.#keyProblem(tail, signed);
    if (problem !== undefined) throw reject(problem);
    const change = findUnsignedChange(row, tail, hash);
    if (change !== undefined) throw reject(change);
    if (sequence > 1 && !this.#linkHolds(row))
      throw reject('its link to the receipt before is broken');
    return { chainId, sequence, hash, receiptId: receipt.id };
  }

  /** Behind a rotation the key in force is the incoming one; the receipt itself is the outgoing's. */
  #keyProblem({ row, receipt }: Tail, signed: string): string | undefined {
    const rotation = receipt.credentialSubject.keyRotation;
    if (rotation === undefined) {
      if (signatureHolds(this.#key, signed, receipt)) return undefined;
      return 'the signature does not verify under the signing key';
    }
    if (!isFingerprintOf(this.#key, rotation.new_key_fingerprint)) {
      return `it hands over to ${rotation.new_key_fingerprint}, which is not the signing key`;
    }
    const outgoing = this.#retired.find((key) => checkRotation(nodeSuite, key, rotation).ok);
    if (outgoing === undefined || !signatureHolds(outgoing, signed, receipt)) {
      return `no archived public key proves the handover from ${rotation.old_key_fingerprint}; it belongs beside the public key, as *.rotated-${rotation.old_key_fingerprint.slice(-16)}`;
    }
    // Somebody else's key can sign a handover to ours: it must be the key that was in force here.
    return this.#wasInForce(outgoing, row) ? undefined : 'its key was not in force in this chain';
  }

  #wasInForce(key: VerifyKey, row: ReceiptRow): boolean {
    if (row.columns.sequence === 1) return true;
    const before = this.#readBefore(row);
    if (before === undefined) return false;
    const { keyRotation } = before.receipt.credentialSubject;
    if (keyRotation !== undefined) return isFingerprintOf(key, keyRotation.new_key_fingerprint);
    return signatureHolds(key, signedText(before.json), before.receipt);
  }

  #readBefore({ columns }: ReceiptRow): ReturnType<typeof parseReceipt> | undefined {
    const before = this.#store.at(columns.chain_id, columns.sequence - 1);
    try {
      return before === undefined ? undefined : parseReceipt(before.text);
    } catch {
      return undefined; // what cannot be read cannot be what the tail was built on
    }
  }

  #linkHolds(row: ReceiptRow): boolean {
    const before = this.#readBefore(row);
    if (before === undefined) return false;
    return hashUri(nodeSuite, hashedText(before.json)) === row.columns.previous_receipt_hash;
  }
}

interface Tail {
  readonly row: ReceiptRow;
  readonly receipt: Receipt;
  readonly json: ReturnType<typeof parseReceipt>['json'];
}

export function agentChainId(rootId: string, agentId: string): string {
  return `${rootId}/agent/${agentId}`;
}

/** The daily name of a root chain: the UTC date. */
export function dailyChainId(now: Date): string {
  return now.toISOString().slice(0, 10);
}

function emptyHead(chainId: string): ChainHead {
  return { chainId, sequence: 0, hash: null, receiptId: undefined };
}

function isTerminal(receipt: Receipt): boolean {
  return receipt.credentialSubject.chain.terminal === true;
}

function isFingerprintOf(key: VerifyKey, fingerprint: string): boolean {
  return keyFingerprint(nodeSuite, key.raw) === fingerprint;
}

function signatureHolds(key: VerifyKey, signed: string, { proof }: Receipt): boolean {
  try {
    return verifyProof(key, signed, proof);
  } catch {
    return false; // a proof that cannot be read holds nothing
  }
}
