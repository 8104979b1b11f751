import type { Receipt } from '../receipt/receipt.ts';

/** How a chain ended, told by its last receipt alone. */
export type ChainStatus = 'complete' | 'interrupted' | 'unknown';

/** What the verifier thinks of one receipt, given everything before it. */
export interface ReceiptVerdict {
  readonly index: number;
  /** `(unreadable)` when the text does not decode. */
  readonly receiptId: string;
  readonly sequence: number | undefined;
  readonly signatureValid: boolean;
  readonly hashLinkValid: boolean;
  readonly sequenceValid: boolean;
  /** Why the receipt is not fine although the three flags may be; undefined when it is. */
  readonly problem?: string;
  /** What was read, so that nobody has to read it again; absent when the text does not decode. */
  readonly receipt?: Receipt;
}

/** Something the verdict does not cover. Codes are public: add one, never rename one. */
export interface Unchecked {
  readonly code:
    | 'TRUNCATION'
    | 'DELETED_CHAINS'
    | 'PRUNED'
    | 'KEY_NOT_PINNED'
    | 'RESPONSE_BODIES'
    | 'TIMESTAMPS'
    | 'DELEGATION'
    | 'OUTCOME_UNKNOWN'
    | 'EVENTS_DROPPED'
    | 'DUPLICATES_BOUNDED';
  readonly text: string;
}

export interface ChainVerdict {
  readonly chainId: string;
  /** `empty` is not `valid`: nothing was shown. */
  readonly result: 'valid' | 'broken' | 'empty';
  readonly length: number;
  readonly status: ChainStatus;
  /** Index of the first bad receipt, -1 when there is none. */
  readonly brokenAt: number;
  /** The receipt at `brokenAt`. */
  readonly brokenReceipt?: { readonly receiptId: string; readonly sequence: number | undefined };
  readonly error?: string;
  readonly head?: { readonly sequence: number; readonly receiptHash: string };
  readonly warnings: readonly string[];
  readonly responseHashNote?: string;
  readonly incompleteToolRoundtrip: boolean;
  readonly incompleteSession: boolean;
  /** Receipts that say `pending`: the call ran, or not; nobody saw the outcome. */
  readonly outcomesUnknown: number;
  /** Actions that emitters say they could not report. */
  readonly eventsDropped: number;
  readonly unchecked: readonly Unchecked[];
}

export const RESPONSE_HASH_NOTE =
  'response_hash present in one or more receipts; response body not supplied \u2014 hash cannot be verified offline';
