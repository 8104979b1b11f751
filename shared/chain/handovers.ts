import { keyFingerprint } from '../crypto/public-key.ts';
import type { CryptoSuite, VerifyKey } from '../crypto/suite.ts';
import { signedText } from '../receipt/hash.ts';
import { parseReceipt } from '../receipt/parse.ts';
import { verifyProof } from '../receipt/proof.ts';
import type { Receipt } from '../receipt/receipt.ts';
import { checkRotation } from './rotation.ts';

export const ACTION_KEY_ROTATED = 'agent.key.rotate';

/** One key gave way to the next, and the outgoing one signed that it did. */
export interface Handover {
  readonly from: VerifyKey;
  readonly to: VerifyKey;
  readonly fromFingerprint: string;
  readonly toFingerprint: string;
  /** The first receipt that says so; a rotation may be told in several chains. */
  readonly receiptId: string;
  readonly timestamp: string;
}

/**
 * Which key gave way to which, as far as rotation receipts prove it. Only the outgoing key signs a
 * rotation. So trust flows from a key to its successors and never back: anybody can write a receipt
 * in which a key of their own hands over to ours.
 */
export class Handovers {
  readonly #byFrom = new Map<string, Map<string, Handover>>();

  /**
   * Reads again until nothing new is found, and keeps proven handovers only: what somebody planted
   * costs no memory.
   *
   * @param texts - The rotation receipts of a store, in any order; asked for several times.
   * @param keyOf - A public key by fingerprint, from wherever old keys are kept.
   */
  constructor(
    suite: CryptoSuite,
    texts: () => Iterable<string>,
    keyOf: (fingerprint: string) => VerifyKey | undefined,
  ) {
    const incoming = new Map<string, VerifyKey>();
    for (let found = true; found;) {
      found = false;
      for (const text of texts()) {
        const handover = readHandover(suite, text, (it) => incoming.get(it) ?? keyOf(it));
        if (handover === undefined || !this.#add(handover)) continue;
        incoming.set(handover.toFingerprint, handover.to);
        found = true;
      }
    }
  }

  #add(handover: Handover): boolean {
    const { fromFingerprint, toFingerprint } = handover;
    const successors = this.#byFrom.get(fromFingerprint) ?? new Map<string, Handover>();
    if (successors.has(toFingerprint)) return false;
    this.#byFrom.set(fromFingerprint, successors.set(toFingerprint, handover));
    return true;
  }

  *all(): IterableIterator<Handover> {
    for (const successors of this.#byFrom.values()) yield* successors.values();
  }

  /** The handover that retired a key; undefined for one that none did. */
  from(fingerprint: string): Handover | undefined {
    const [first] = this.#byFrom.get(fingerprint)?.values() ?? [];
    return first;
  }

  /** Whether handovers lead from one key to another. Every key leads to itself. */
  leads(from: string, to: string): boolean {
    const visited = new Set([from]);
    for (const fingerprint of visited) {
      if (fingerprint === to) return true;
      for (const next of this.#byFrom.get(fingerprint)?.keys() ?? []) visited.add(next);
    }
    return false;
  }

  /** The keys that lead to this one, itself not among them. */
  predecessors(of: string): readonly VerifyKey[] {
    const keys = new Map<string, VerifyKey>();
    for (const { from, fromFingerprint } of this.all()) keys.set(fromFingerprint, from);
    return Array.from(keys)
      .filter(([fingerprint]) => fingerprint !== of && this.leads(fingerprint, of))
      .map(([, key]) => key);
  }
}

function readHandover(
  suite: CryptoSuite,
  text: string,
  keyOf: (fingerprint: string) => VerifyKey | undefined,
): Handover | undefined {
  let receipt: Receipt;
  let signed: string;
  try {
    const read = parseReceipt(text);
    receipt = read.receipt;
    signed = signedText(read.json);
  } catch {
    return undefined; // whoever verifies its chain says what is wrong with it
  }
  const { keyRotation, action } = receipt.credentialSubject;
  if (keyRotation === undefined) return undefined;
  const from = keyOf(keyRotation.old_key_fingerprint);
  if (from === undefined || !holds(from, signed, receipt)) return undefined;
  const checked = checkRotation(suite, from, keyRotation);
  if (!checked.ok) return undefined;
  return {
    from,
    to: checked.key,
    fromFingerprint: keyFingerprint(suite, from.raw),
    toFingerprint: keyFingerprint(suite, checked.key.raw),
    receiptId: receipt.id,
    timestamp: action.timestamp,
  };
}

function holds(key: VerifyKey, signed: string, { proof }: Receipt): boolean {
  try {
    return verifyProof(key, signed, proof);
  } catch {
    return false; // a proof that cannot be read holds nothing
  }
}
