import type { ReceiptColumns } from '../shared/chain/stored.ts';
import type { Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import type { ReceiptBody } from '../shared/receipt/receipt.ts';
import type { Identity } from './chains.ts';
import type { Signature, SigningThread } from './keys/signing-thread.ts';
import { close, prepare, type Unsigned } from './sealer.ts';
import type { ReceiptStore } from './store/receipt-store.ts';

export interface UnwrittenOptions {
  readonly store: ReceiptStore;
  readonly signer: Signer;
  /** Signs for `signer` what a large batch holds; absent where that cannot be. */
  readonly signingThread?: SigningThread | undefined;
  readonly identity: Identity;
}

/** Characters of receipts that wait for their signatures: large envelopes must not pile up. */
const MAX_LENGTH = 1024 * 1024;

/**
 * Receipts of a batch that are built and not in the store yet, in the order of their chains. Their
 * signatures may still be on their way: see ADR 0034.
 */
export class Unwritten {
  readonly #options: UnwrittenOptions;
  #receipts: { readonly unsigned: Unsigned; readonly signature: Signature }[] = [];
  #length = 0;

  constructor(options: UnwrittenOptions) {
    this.#options = options;
  }

  /**
   * Only inside the transaction of the batch.
   *
   * @throws CodedError `JSON_TOO_DEEP`, and what the signer throws; nothing is added then
   */
  add(body: ReceiptBody): ReceiptColumns {
    const { canonical, ...unsigned } = prepare(body, this.#options.identity.verificationMethod);
    this.#receipts.push({ unsigned, signature: this.#sign(canonical) });
    this.#length += unsigned.open.length;
    if (this.#length > MAX_LENGTH) this.write();
    return unsigned.columns;
  }

  /** @throws CodedError `STORE_WRITE_FAILED`: it concerns all of the batch, not the frame at hand */
  write(): void {
    try {
      for (const { unsigned, signature } of this.#receipts) {
        this.#options.store.insert(close(unsigned, signature()));
      }
    } catch (cause) {
      throw new CodedError('STORE_WRITE_FAILED', (cause as Error).message, { cause });
    }
    this.#receipts = [];
    this.#length = 0;
  }

  #sign(canonical: Uint8Array): Signature {
    const { signer, signingThread } = this.#options;
    if (signingThread !== undefined) return signingThread.sign(canonical);
    const signature = signer.sign(canonical);
    return () => signature;
  }
}
