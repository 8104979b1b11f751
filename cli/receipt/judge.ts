import { checkRotation } from '../../shared/chain/rotation.ts';
import type { ChainVerdict, ReceiptVerdict } from '../../shared/chain/verdict.ts';
import { ChainVerifier } from '../../shared/chain/verify-chain.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../../shared/crypto/public-key.ts';
import type { VerifyKey } from '../../shared/crypto/suite.ts';
import { signedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { verifyProof } from '../../shared/receipt/proof.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import type { Keyring, NamedKey } from '../keyring.ts';
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
  /** The chain begins with an archived key, and rotations lead to the published one. */
  readonly isRotated: boolean;
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
 * Judges one chain as it streams by. The key is the published one, or an archived one that signed
 * the first receipt. A file beside the published key proves nothing, so an archived key counts only
 * if rotations, each signed by the key it retires, lead from the end of the chain to the published
 * key: inside this chain or in other chains of the store.
 *
 * @param seen - Told of every receipt, in order.
 */
export function judgeChain(
  reader: ReceiptReader,
  chain: StoredChain,
  keyring: Keyring,
  seen: (verdict: ReceiptVerdict, row: StoredRow) => void,
): ChainReport {
  const genesis = genesisKey(reader.first(chain), keyring);
  const verifier = new ChainVerifier(nodeSuite, chain.id, { key: genesis.key });
  let last = genesis.key;
  let rotations = 0;
  let first: Receipt | undefined;
  for (const row of reader.chain(chain)) {
    const judged = verifier.push(row);
    if (judged.index === 0) first = judged.receipt;
    seen(judged, row);
    const next = nextKey(row, judged, last);
    if (next === undefined) continue;
    last = next;
    rotations += 1;
  }
  const verdict = verifier.finish();
  const isRotated = genesis !== keyring.published;
  const report = { chain, verdict, genesis, isRotated, first };
  if (!isRotated || verdict.result !== 'valid') return report;
  if (leadsToPublished(reader, last, keyring.published)) return report;
  const untrustedKey =
    rotations === 0
      ? `signed by the archived key ${genesis.path}, and no rotation leads from it to the published key`
      : 'its rotation chain does not end at the published key';
  return { ...report, untrustedKey };
}

function genesisKey(first: StoredRow | undefined, { published, archived }: Keyring): NamedKey {
  if (first === undefined || archived.length === 0) return published;
  return [published, ...archived].find(({ key }) => signs(key, first)) ?? published;
}

/** Whether a key signed a row, whatever else is wrong with it. */
export function signs(key: VerifyKey, { text }: StoredRow): boolean {
  try {
    const { receipt, json } = parseReceipt(text);
    return verifyProof(key, signedText(json), receipt.proof);
  } catch {
    return false; // the verifier says what is wrong with it
  }
}

function nextKey(
  { text }: StoredRow,
  judged: ReceiptVerdict,
  active: VerifyKey,
): VerifyKey | undefined {
  if (!text.includes('"keyRotation"') || !judged.signatureValid) return undefined;
  const rotation = parseReceipt(text).receipt.credentialSubject.keyRotation;
  if (rotation === undefined) return undefined;
  const checked = checkRotation(nodeSuite, active, rotation);
  return checked.ok ? checked.key : undefined;
}

/** Follows rotations anywhere in the store, from key to key, until the published one or the end. */
function leadsToPublished(reader: ReceiptReader, from: VerifyKey, published: NamedKey): boolean {
  const visited = new Set<string>();
  const queue = [from];
  for (const key of queue) {
    const fingerprint = keyFingerprint(nodeSuite, key.raw);
    if (fingerprint === published.fingerprint) return true;
    if (visited.has(fingerprint)) continue;
    visited.add(fingerprint);
    for (const row of reader.rotations()) {
      if (!row.text.includes(fingerprint) || !signs(key, row)) continue;
      const rotation = parseReceipt(row.text).receipt.credentialSubject.keyRotation;
      const checked = rotation === undefined ? undefined : checkRotation(nodeSuite, key, rotation);
      if (checked?.ok === true) queue.push(checked.key);
    }
  }
  return false;
}
