import { hashUri, type CryptoSuite } from '../crypto/suite.ts';
import { MemberSorter } from '../json/sort-members.ts';
import { encodeUtf8 } from '../json/text.ts';
import { hashedText, signedText } from '../receipt/hash.ts';
import { parseReceipt } from '../receipt/parse.ts';
import { decodeProofValue } from '../receipt/proof.ts';
import type { ReadReceipt } from '../receipt/receipt.ts';
import type { StoredReceipt } from './stored.ts';

/** A receipt as it says itself: everything that can be known of it without those before it. */
export interface OpenedReceipt {
  readonly stored: StoredReceipt;
  readonly read: ReadReceipt;
  /** Of the receipt itself, never of a column. */
  readonly hash: string;
  /** What the signature covers. Holds until another receipt is opened. */
  readonly signed: Uint8Array;
  /** Undefined for a proof that holds no signature; `proofError` says why. */
  readonly signature: Uint8Array | undefined;
  readonly proofError: string | undefined;
  /** The text is canonical but for the order of members: no name stands twice in one object. */
  readonly isPlain: boolean;
}

/** Text that cannot be read as a receipt. */
export interface UnreadableReceipt {
  readonly stored: StoredReceipt;
  readonly unreadable: string;
}

/** One for all: what it returns is used before the next receipt is opened. */
const sorter = new MemberSorter();

/** Reads a receipt and judges nothing. Bad evidence is an answer, so this never throws for it. */
export function openReceipt(
  suite: CryptoSuite,
  stored: StoredReceipt,
): OpenedReceipt | UnreadableReceipt {
  try {
    const read = parseReceipt(stored.text);
    const { signed, hash, isPlain } = digestOf(suite, stored.text, read);
    const { signature, proofError } = signatureOf(read);
    return { stored, read, signed, hash, isPlain, signature, proofError };
  } catch (error) {
    return { stored, unreadable: (error as Error).message };
  }
}

function digestOf(suite: CryptoSuite, text: string, { json }: ReadReceipt) {
  const sorted = sorter.sort(text, 'proof');
  if (sorted?.hasNull === false) {
    const { bytes: signed } = sorted;
    return { signed, hash: hashUri(suite, signed), isPlain: true };
  }
  const asSigned = signedText(json);
  const signed = encodeUtf8(asSigned);
  const hashed = hashedText(json, asSigned);
  const hash = hashUri(suite, hashed === asSigned ? signed : hashed);
  return { signed, hash, isPlain: sorted !== undefined };
}

function signatureOf({ receipt }: ReadReceipt) {
  try {
    return { signature: decodeProofValue(receipt.proof), proofError: undefined };
  } catch (error) {
    return { signature: undefined, proofError: (error as Error).message };
  }
}
