import { judgeAhead } from '../../shared/chain/judge-ahead.ts';
import { checkRotation } from '../../shared/chain/rotation.ts';
import type { ChainVerdict, ReceiptVerdict } from '../../shared/chain/verdict.ts';
import { ChainVerifier, type ChainCut } from '../../shared/chain/verify-chain.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import type { VerifyKey } from '../../shared/crypto/suite.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import type { KeyTrust } from '../key-trust.ts';
import { useEveryCore } from '../every-core.ts';
import type { NamedKey } from '../keyring.ts';
import type { PrunedRecord } from './pruned.ts';
import type { ReceiptReader, StoredChain, StoredRow } from '../store/reader.ts';

export interface ChainReport {
  readonly chain: StoredChain;
  readonly verdict: ChainVerdict;
  /** The key that the first receipt was expected to be signed with. */
  readonly genesis: NamedKey;
  /** Set when every receipt is fine but the key is not one to trust; the chain is broken then. */
  readonly untrustedKey?: string;
  /** Another chain of the store says otherwise; the chain is broken then. */
  readonly contradiction?: string;
  /** The receipt of a later chain that names this one's last receipt: nothing was cut off. */
  readonly endNamedBy?: string;
  /** The chain begins with an archived key. */
  readonly isRotated: boolean;
  /** Set when a prune receipt says that the chain, or all before `cut`, was removed. */
  readonly pruned?: PrunedRecord;
  /** Set when the chain goes on behind a beginning that was removed. */
  readonly cut?: ChainCut;
  /** The first receipt, where it can be read. */
  readonly first: Receipt | undefined;
}

/** What speaks against a chain although every receipt in it is fine. */
export function objectionTo({ untrustedKey, contradiction }: ChainReport): string | undefined {
  return untrustedKey ?? contradiction;
}

/** `valid` is said of a chain only when nothing speaks against it. */
export function resultOf(report: ChainReport): ChainVerdict['result'] {
  return objectionTo(report) === undefined ? report.verdict.result : 'broken';
}

/**
 * Judges one chain as it streams by, on every core: every receipt, then whether its key is one to
 * trust.
 *
 * @param seen - Told of every receipt, in order.
 * @param cut - Where the chain goes on, when its beginning was removed as a prune receipt says.
 */
export async function judgeChain(
  reader: ReceiptReader,
  chain: StoredChain,
  trust: KeyTrust,
  seen: (verdict: ReceiptVerdict, row: StoredRow) => void,
  cut?: ChainCut,
): Promise<ChainReport> {
  const genesis = trust.genesisOf(reader.first(chain));
  const verifier = verifierOf(chain, genesis, cut);
  let last = genesis.key;
  let first: Receipt | undefined;
  useEveryCore();
  await judgeAhead(verifier, reader.chain(chain), (judged, row) => {
    if (judged.index === 0) first = judged.receipt;
    seen(judged, row);
    last = nextKey(judged, last) ?? last;
  });
  const verdict = verifier.finish();
  const isRotated = genesis !== trust.keyring.published;
  const report = { chain, verdict, genesis, isRotated, first, ...(cut !== undefined && { cut }) };
  if (verdict.result !== 'valid') return report;
  const untrustedKey = trust.objectionTo(genesis, last);
  return untrustedKey === undefined ? report : { ...report, untrustedKey };
}

/** For the first look at a chain, and for every further one. */
export function verifierOf(
  chain: StoredChain,
  genesis: NamedKey,
  cut: ChainCut | undefined,
): ChainVerifier {
  const options = { key: genesis.key, ...(cut !== undefined && { cut }) };
  return new ChainVerifier(nodeSuite, chain.id, options);
}

function nextKey(judged: ReceiptVerdict, active: VerifyKey): VerifyKey | undefined {
  const rotation = judged.receipt?.credentialSubject.keyRotation;
  if (rotation === undefined || !judged.signatureValid) return undefined;
  const checked = checkRotation(nodeSuite, active, rotation);
  return checked.ok ? checked.key : undefined;
}
