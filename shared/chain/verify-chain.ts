import { hashUri, type CryptoSuite, type VerifyKey } from '../crypto/suite.ts';
import { canonicalizeText } from '../json/text.ts';
import { isLateOutcome } from '../receipt/call.ts';
import type { Receipt } from '../receipt/receipt.ts';
import { DuplicateKeys } from './idempotency.ts';
import { openReceipt, type OpenedReceipt, type UnreadableReceipt } from './open-receipt.ts';
import { checkRotation } from './rotation.ts';
import type { StoredReceipt } from './stored.ts';
import { findUnsignedChange } from './unsigned.ts';
import {
  RESPONSE_HASH_NOTE,
  type ChainStatus,
  type ChainVerdict,
  type ReceiptVerdict,
  type Unchecked,
} from './verdict.ts';

/** The place up to which receipts of a chain were removed, as a signed receipt says. */
export interface ChainCut {
  readonly sequence: number;
  readonly hash: string;
}

export interface VerifyOptions {
  /** Key that the caller expects the first receipt to be signed with. */
  readonly key: VerifyKey;
  /** Where the chain goes on from; without it the first receipt has to be the first of all. */
  readonly cut?: ChainCut;
  /** Answer of the tool, as JSON text, for whoever kept it. */
  readonly responseBody?: (receiptId: string) => Uint8Array | undefined;
  readonly expectedLength?: number;
  readonly expectedFinalHash?: string;
  readonly requireTerminal?: boolean;
}

interface Break {
  readonly index: number;
  readonly receiptId: string;
  readonly sequence: number | undefined;
  readonly error?: string;
}

/**
 * Verifies one chain as it streams by, oldest receipt first, and keeps nothing but the last link:
 * memory does not grow with the chain.
 *
 * Every check of the reference verifier in its order of precedence, and what it lacks: members
 * outside the signature, columns, one issuer per chain, a first receipt that is the first.
 *
 * @see Receipt specification, "Chain verification"
 */
export class ChainVerifier {
  readonly #suite: CryptoSuite;
  readonly #options: VerifyOptions;
  readonly #chainId: string;
  readonly #duplicates = new DuplicateKeys();
  #active: VerifyKey;
  #index = -1;
  #previous:
    | { readonly hash: string | undefined; readonly sequence: number | undefined }
    | undefined;
  #first: Receipt | undefined;
  #last: Receipt | undefined;
  #terminalAt: number | undefined;
  #break: Break | undefined;
  /** Overrides every other error: the rows are not one chain at all. */
  #mixed: Break | undefined;
  #afterTerminal: Break | undefined;
  #bodyMismatch: Break | undefined;
  #hasUnseenBody = false;
  #ptyOpen = 0;
  #ptyClose = 0;
  #outcomesUnknown = 0;
  #eventsDropped = 0;

  /** @param chainId - The chain that the caller asked for, as a store files it. */
  constructor(suite: CryptoSuite, chainId: string, options: VerifyOptions) {
    this.#suite = suite;
    this.#chainId = chainId;
    this.#options = options;
    this.#active = options.key;
    this.#previous = options.cut;
  }

  /** The key in force for the next receipt. */
  get activeKey(): VerifyKey {
    return this.#active;
  }

  /** Judges the next receipt. Bad evidence is an answer, so this never throws for it. */
  push(stored: StoredReceipt): ReceiptVerdict {
    const opened = this.open(stored);
    return this.judge(opened, holds(this.#active, opened));
  }

  /** Reads a receipt and judges nothing: `judge` does, when somebody has checked the signature. */
  open(stored: StoredReceipt): OpenedReceipt | UnreadableReceipt {
    return openReceipt(this.#suite, stored);
  }

  /**
   * The second half of `push`; receipts come in the order in which they were opened.
   *
   * @param signatureHolds - Whether `activeKey`, as it is now, has signed what the receipt says.
   */
  judge(opened: OpenedReceipt | UnreadableReceipt, signatureHolds: boolean): ReceiptVerdict {
    this.#index += 1;
    return 'unreadable' in opened ? this.#unreadable(opened) : this.#judge(opened, signatureHolds);
  }

  #unreadable({ stored, unreadable }: UnreadableReceipt): ReceiptVerdict {
    const { id, sequence: column } = (stored.columns ?? {}) as Readonly<Record<string, unknown>>;
    // Columns have types in our schema only: another program may have put anything there.
    const receiptId = typeof id === 'string' ? id : '(unreadable)';
    const sequence = typeof column === 'number' ? column : undefined;
    const problem = `unreadable receipt at index ${this.#index}: ${unreadable}`;
    this.#note({ index: this.#index, receiptId, sequence, error: problem });
    // Its hash is unknown, so the next link cannot be judged; its place in the row is known.
    this.#previous = { hash: undefined, sequence };
    this.#last = undefined; // how the chain ended is not known either
    const flags = { signatureValid: false, hashLinkValid: false, sequenceValid: false };
    return { index: this.#index, receiptId, sequence, ...flags, problem };
  }

  #judge(opened: OpenedReceipt, signatureValid: boolean): ReceiptVerdict {
    const index = this.#index;
    const { read, hash } = opened;
    const { receipt } = read;
    const { chain, keyRotation } = receipt.credentialSubject;
    const hashLinkValid = this.#checkLink(chain.previous_receipt_hash);
    const sequenceValid = this.#checkSequence(chain.sequence);
    let rotationError: string | undefined;
    if (keyRotation !== undefined) {
      const rotation = checkRotation(this.#suite, this.#active, keyRotation);
      if (!rotation.ok) rotationError = `key rotation invalid at index ${index}: ${rotation.cause}`;
      else if (signatureValid) this.#active = rotation.key;
    }
    // The order is the precedence of the reference when several checks fail on one receipt.
    const error =
      this.#proofError(opened) ??
      rotationError ??
      this.#statusError(receipt) ??
      this.#constancyError(receipt) ??
      // With a broken signature everything else is only its echo: columns no longer match either.
      (signatureValid ? this.#unsignedError(opened) : undefined);
    const flagged = !signatureValid || !hashLinkValid || !sequenceValid;
    const place = { index, receiptId: receipt.id, sequence: chain.sequence };
    if (flagged || error !== undefined)
      this.#note({ ...place, ...(error !== undefined && { error }) });
    this.#checkBinding(receipt, place);
    this.#checkBody(receipt, place);
    this.#count(receipt);
    this.#previous = { hash, sequence: chain.sequence };
    const { id: receiptId } = receipt;
    const { sequence } = chain;
    const flags = { signatureValid, hashLinkValid, sequenceValid };
    if (error !== undefined)
      return { index, receiptId, sequence, ...flags, problem: error, receipt };
    return { index, receiptId, sequence, signatureValid, hashLinkValid, sequenceValid, receipt };
  }

  #proofError({ proofError }: OpenedReceipt): string | undefined {
    if (proofError === undefined) return undefined;
    return `signature compute failed at index ${this.#index}: ${proofError}`;
  }

  #checkLink(previousHash: string | null): boolean {
    if (this.#previous === undefined) return previousHash === null;
    return this.#previous.hash === undefined || previousHash === this.#previous.hash;
  }

  #checkSequence(sequence: number): boolean {
    if (this.#previous === undefined) return sequence === 1;
    return this.#previous.sequence === undefined || sequence === this.#previous.sequence + 1;
  }

  #statusError(receipt: Receipt): string | undefined {
    const { status, terminal } = receipt.credentialSubject.chain;
    if (status === undefined || status === '') return undefined;
    if (status !== 'complete' && status !== 'interrupted') {
      return `invalid chain.status value at index ${this.#index}: ${status} is not a valid wire value (spec \u00a77.3.3)`;
    }
    if (terminal === true) return undefined;
    return `chain.status without chain.terminal: true at index ${this.#index} (spec \u00a77.3.3)`;
  }

  #constancyError(receipt: Receipt): string | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    if (receipt.issuer.id !== first.issuer.id) {
      return `issuer changes at index ${this.#index}: expected "${first.issuer.id}", got "${receipt.issuer.id}"`;
    }
    const expected = first.proof.verificationMethod;
    const { verificationMethod } = receipt.proof;
    if (verificationMethod === expected) return undefined;
    return `proof.verificationMethod changes at index ${this.#index}: expected "${expected}", got "${verificationMethod}"`;
  }

  #unsignedError(opened: OpenedReceipt): string | undefined {
    const change = findUnsignedChange(opened.stored, opened.read, opened.hash, opened.isPlain);
    return change === undefined ? undefined : `${change} at index ${this.#index}`;
  }

  #checkBinding(receipt: Receipt, place: Break): void {
    const { chain_id: chainId } = receipt.credentialSubject.chain;
    const expected = this.#first?.credentialSubject.chain.chain_id ?? this.#chainId;
    if (chainId !== expected) {
      const error = `chain_id mismatch at index ${place.index}: expected "${expected}", got "${chainId}"`;
      this.#mixed ??= { ...place, error };
    }
    if (this.#terminalAt !== undefined) {
      const at = this.#terminalAt;
      const error = `receipt after terminal: receipt at index ${place.index} follows a terminal receipt at index ${at}`;
      this.#afterTerminal ??= { ...place, error };
    } else if (receipt.credentialSubject.chain.terminal === true) {
      this.#terminalAt = place.index;
    }
    this.#first ??= receipt;
    this.#last = receipt;
  }

  #checkBody(receipt: Receipt, place: Break): void {
    const expected = receipt.credentialSubject.outcome.response_hash;
    if (expected === undefined) return;
    const body = this.#options.responseBody?.(receipt.id);
    if (body === undefined) {
      this.#hasUnseenBody = true;
      return;
    }
    let error: string;
    try {
      const actual = hashUri(this.#suite, canonicalizeText(body));
      if (actual === expected) return;
      error = `response_hash mismatch at index ${place.index}: receipt has ${expected}, body hashes to ${actual}`;
    } catch (cause) {
      error = `response_hash: failed to parse response body at index ${place.index}: ${(cause as Error).message}`;
    }
    this.#bodyMismatch ??= { ...place, error };
  }

  #count(receipt: Receipt): void {
    const { action, outcome } = receipt.credentialSubject;
    if (action.type === 'system.pty.open') this.#ptyOpen += 1;
    if (action.type === 'system.pty.close') this.#ptyClose += 1;
    if (outcome.status === 'pending') this.#outcomesUnknown += 1;
    this.#eventsDropped += action.emitter_metadata?.drop_count ?? 0;
    // The late outcome of a call that was `pending` repeats its key, and is no second call.
    if (!action.idempotency_key || isLateOutcome(receipt)) return;
    this.#duplicates.add(action.idempotency_key, this.#index, receipt.issuer.session_id);
  }

  #note(found: Break): void {
    this.#break ??= found;
  }

  /** The verdict over everything that was pushed. Call once, at the end. */
  finish(): ChainVerdict {
    const length = this.#index + 1;
    const broken = this.#firstBreak(length);
    const last = this.#last;
    const previous = this.#previous;
    const status = statusOf(last);
    return {
      chainId: this.#chainId,
      result: broken !== undefined ? 'broken' : length === 0 ? 'empty' : 'valid',
      length,
      status,
      brokenAt: broken?.index ?? -1,
      ...(broken !== undefined &&
        broken.receiptId !== '' && {
          brokenReceipt: { receiptId: broken.receiptId, sequence: broken.sequence },
        }),
      ...(broken?.error !== undefined && { error: broken.error }),
      ...(broken === undefined &&
        previous?.hash !== undefined && {
          head: { sequence: previous.sequence ?? 0, receiptHash: previous.hash },
        }),
      warnings: this.#duplicates.warnings(),
      ...(this.#hasUnseenBody && { responseHashNote: RESPONSE_HASH_NOTE }),
      incompleteToolRoundtrip:
        last !== undefined &&
        last.credentialSubject.chain.terminal !== true &&
        last.credentialSubject.outcome.status === 'pending',
      incompleteSession: this.#ptyOpen !== this.#ptyClose,
      outcomesUnknown: this.#outcomesUnknown,
      eventsDropped: this.#eventsDropped,
      unchecked: this.#unchecked(length),
    };
  }

  #firstBreak(length: number): Break | undefined {
    if (this.#mixed !== undefined) return this.#mixed;
    const after = this.#afterTerminal;
    if (after !== undefined) {
      const earlier = this.#break !== undefined && this.#break.index <= after.index;
      return earlier && this.#break?.error !== undefined
        ? this.#break
        : minimum(this.#break, after);
    }
    return this.#break ?? this.#bodyMismatch ?? this.#unmetExpectation(length);
  }

  #unmetExpectation(length: number): Break | undefined {
    const { expectedLength, expectedFinalHash, requireTerminal } = this.#options;
    const index = Math.max(length - 1, 0);
    const place = {
      index,
      receiptId: this.#last?.id ?? '',
      sequence: this.#last?.credentialSubject.chain.sequence,
    };
    if (expectedLength !== undefined && expectedLength !== length) {
      const error = `expected chain length does not match: expected ${expectedLength}, got ${length}`;
      return { ...place, error };
    }
    if (length === 0) return undefined;
    const hash = this.#previous?.hash;
    if (expectedFinalHash !== undefined && expectedFinalHash !== hash) {
      const error = `final receipt hash mismatch at index ${index}: expected ${expectedFinalHash}, got ${hash}`;
      return { ...place, error };
    }
    if (requireTerminal === true && this.#last?.credentialSubject.chain.terminal !== true) {
      const error = 'require_terminal: last receipt does not have chain.terminal: true';
      return { ...place, error };
    }
    return undefined;
  }

  #unchecked(length: number): readonly Unchecked[] {
    const { expectedLength, expectedFinalHash } = this.#options;
    const unchecked: Unchecked[] = [];
    const add = (code: Unchecked['code'], text: string) => unchecked.push({ code, text });
    if (expectedLength === undefined && expectedFinalHash === undefined) {
      add(
        'TRUNCATION',
        'receipts removed from the end of the chain leave no trace in the chain itself',
      );
    }
    if (length === 0) return unchecked;
    add('TIMESTAMPS', "times are the issuer's clock; only the order of receipts is proved");
    if (this.#hasUnseenBody) {
      add(
        'RESPONSE_BODIES',
        'the bodies behind response_hash and parameters_hash were not supplied',
      );
    }
    if (this.#first?.credentialSubject.delegation !== undefined) {
      add('DELEGATION', 'the link to the parent chain was not followed');
    }
    if (this.#outcomesUnknown > 0) {
      add(
        'OUTCOME_UNKNOWN',
        `${this.#outcomesUnknown} receipts say pending: nobody had seen the outcome when they were written`,
      );
    }
    if (this.#eventsDropped > 0) {
      add(
        'EVENTS_DROPPED',
        `${this.#eventsDropped} actions were counted by emitters but not reported`,
      );
    }
    if (!this.#duplicates.isComplete) {
      add('DUPLICATES_BOUNDED', 'the search for duplicate idempotency keys stopped at 50,000 keys');
    }
    return unchecked;
  }
}

/** Whether a key has signed what a receipt says; no key has signed what cannot be read. */
export function holds(key: VerifyKey, opened: OpenedReceipt | UnreadableReceipt): boolean {
  if ('unreadable' in opened || opened.signature === undefined) return false;
  return key.verify(opened.signed, opened.signature);
}

function statusOf(last: Receipt | undefined): ChainStatus {
  if (last === undefined || last.credentialSubject.chain.terminal !== true) return 'unknown';
  return last.credentialSubject.chain.status === 'interrupted' ? 'interrupted' : 'complete';
}

/** The reference moves `broken_at` to the earlier of the two but tells of the terminal receipt. */
function minimum(found: Break | undefined, after: Break): Break {
  if (found === undefined || found.index >= after.index) return after;
  return { ...found, ...(after.error !== undefined && { error: after.error }) };
}
