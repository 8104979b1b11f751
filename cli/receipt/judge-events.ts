import type { ReceiptVerdict } from '../../shared/chain/verdict.ts';
import type { KeyTrust } from '../key-trust.ts';
import type { ReceiptReader, StoredChain, StoredRow } from '../store/reader.ts';
import { confirmParent } from './delegation.ts';
import { judgeEvent, type ChainFacts, type EventResult, type JudgedEvent } from './event-checks.ts';
import { judgeChain, objectionTo, verifierOf, type ChainReport } from './judge.ts';
import { cutOf, findPruned } from './pruned.ts';

/** Receipts of one chain that are remembered until its end; for more it is read a second time. */
const MOST_HELD = 100;

interface Held {
  readonly judged: ReceiptVerdict;
  nextFollows: boolean | undefined;
}

/**
 * Verifies a chain once and judges the receipts of it that were asked about, oldest first. Whether a
 * receipt is sound depends on the whole chain, so nothing is returned before its end.
 *
 * @param isSelected - Asked for every row, in order.
 */
export async function* judgeEvents(
  reader: ReceiptReader,
  chain: StoredChain,
  trust: KeyTrust,
  isSelected: (row: StoredRow) => boolean,
  allowed: readonly string[] | undefined,
): AsyncIterableIterator<EventResult> {
  let held: Held[] = [];
  let selected = 0;
  let before: Held | undefined;
  let brokenLinkAt = -1;
  const cut = await cutOf(reader, chain, () => findPruned(reader, trust));
  const see = (verdict: ReceiptVerdict, row: StoredRow) => {
    if (before !== undefined) before.nextFollows = verdict.sequenceValid;
    before = undefined;
    if (!verdict.hashLinkValid && brokenLinkAt === -1) brokenLinkAt = verdict.index;
    if (!isSelected(row)) return;
    selected += 1;
    before = { judged: verdict, nextFollows: undefined };
    if (selected <= MOST_HELD) held.push(before);
    else held = [];
  };
  const judged = await judgeChain(reader, chain, trust, see, cut);
  const report = confirmParent(reader, trust.keyring, judged);
  const facts: ChainFacts = {
    chainId: chain.id,
    verdict: report.verdict,
    objection: objectionTo(report),
    brokenLinkAt,
    isPinned: trust.pins.length > 0,
  };
  const events = selected <= MOST_HELD ? held : secondPass(reader, report, isSelected);
  for (const event of events) yield judgeEvent(event, facts, allowed);
}

function* secondPass(
  reader: ReceiptReader,
  { chain, genesis, cut }: ChainReport,
  isSelected: (row: StoredRow) => boolean,
): IterableIterator<JudgedEvent> {
  const verifier = verifierOf(chain, genesis, cut);
  let before: ReceiptVerdict | undefined;
  for (const row of reader.chain(chain)) {
    const judged = verifier.push(row);
    if (before !== undefined) yield { judged: before, nextFollows: judged.sequenceValid };
    before = isSelected(row) ? judged : undefined;
  }
  if (before !== undefined) yield { judged: before, nextFollows: undefined };
}
