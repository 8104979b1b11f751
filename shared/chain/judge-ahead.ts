import type { VerifyKey } from '../crypto/suite.ts';
import type { OpenedReceipt, UnreadableReceipt } from './open-receipt.ts';
import type { StoredReceipt } from './stored.ts';
import type { ReceiptVerdict } from './verdict.ts';
import { holds, type ChainVerifier } from './verify-chain.ts';

/** Receipts that are open at a time: enough for every core, and few in memory. */
const MOST_OPEN = 64;
/** Characters of their texts, so that large ones are fewer. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

interface Pending<R> {
  readonly stored: R;
  readonly opened: OpenedReceipt | UnreadableReceipt;
  readonly signatureHolds: boolean | Promise<boolean>;
}

/**
 * Judges receipts as `push` would one after the other, while signatures of those that follow are
 * checked on other threads, where the key can do that. Verdicts are the same and come in the same
 * order; only signatures are checked ahead, each with the key that is in force for it: what hands over to
 * another key is judged before the next receipt is looked at.
 *
 * @param rows - Oldest first; read at most 64 receipts ahead.
 * @param seen - Told of every receipt, in order.
 */
export async function judgeAhead<R extends StoredReceipt>(
  verifier: ChainVerifier,
  rows: Iterable<R>,
  seen: (verdict: ReceiptVerdict, stored: R) => void,
): Promise<void> {
  const open: Pending<R>[] = [];
  let characters = 0;
  const judgeDownTo = async (count: number, size: number) => {
    while (open.length > count || characters > size) {
      const { stored, opened, signatureHolds } = open[0] as Pending<R>;
      const verdict = verifier.judge(opened, await signatureHolds);
      open.shift();
      characters -= stored.text.length;
      seen(verdict, stored);
    }
  };
  try {
    for (const stored of rows) {
      const opened = verifier.open(stored);
      open.push({ stored, opened, signatureHolds: ask(verifier.activeKey, opened) });
      characters += stored.text.length;
      if (handsOver(opened)) await judgeDownTo(0, 0);
      else await judgeDownTo(MOST_OPEN, MOST_CHARACTERS);
    }
    await judgeDownTo(0, 0);
  } finally {
    // After a fault nobody waits for these, and an answer that fails must not end the process.
    await Promise.allSettled(open.map(({ signatureHolds }) => Promise.resolve(signatureHolds)));
  }
}

function ask(
  key: VerifyKey,
  opened: OpenedReceipt | UnreadableReceipt,
): boolean | Promise<boolean> {
  if (key.verifyLater === undefined) return holds(key, opened);
  if ('unreadable' in opened || opened.signature === undefined) return false;
  return key.verifyLater(opened.signed, opened.signature);
}

function handsOver(opened: OpenedReceipt | UnreadableReceipt): boolean {
  if ('unreadable' in opened) return false;
  return opened.read.receipt.credentialSubject.keyRotation !== undefined;
}
