import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';
import type { Receipt } from '../receipt/receipt.ts';

/** The action of a receipt that names chains which were removed. */
export const ACTION_PRUNED = 'obsigna.store.prune';

/** What is left of a chain: enough to recognise it, should a copy of it turn up. */
export interface PrunedChain {
  readonly chainId: string;
  /** Receipts 1 to this one were there. */
  readonly lastSequence: number;
  /** Hash of the last receipt; through the links it stands for all of them. */
  readonly headHash: string;
  /** Fingerprint of the key that signed the first receipt. */
  readonly keyFingerprint: string;
}

/** The member of `issuer.runtime.obsigna` in which a prune receipt names its chains. */
export function pruneStatement(before: string, chains: readonly PrunedChain[]): JsonObject {
  return {
    before,
    chains: chains.map(({ chainId, lastSequence, headHash, keyFingerprint }) => ({
      chain_id: chainId,
      first_sequence: 1,
      last_sequence: lastSequence,
      head_hash: headHash,
      key_fingerprint: keyFingerprint,
    })),
  };
}

/** The chains that a receipt says were removed; none for every other receipt. */
export function readPruned(receipt: Receipt): readonly PrunedChain[] {
  const chains = statementOf(receipt)?.['chains'];
  return Array.isArray(chains) ? (chains as readonly JsonValue[]).flatMap(readEntry) : [];
}

/** Nothing that was written later was removed, RFC 3339; at the latest when the receipt says so. */
export function readPrunedBefore(receipt: Receipt): string {
  const before = statementOf(receipt)?.['before'];
  const isTime = typeof before === 'string' && !Number.isNaN(Date.parse(before));
  return isTime ? before : receipt.credentialSubject.action.timestamp;
}

function statementOf({ issuer, credentialSubject }: Receipt): JsonObject | undefined {
  if (credentialSubject.action.type !== ACTION_PRUNED) return undefined;
  const ours = issuer.runtime?.['obsigna'];
  const statement = isJsonObject(ours) ? ours['prune'] : undefined;
  return isJsonObject(statement) ? statement : undefined;
}

function readEntry(entry: JsonValue): readonly PrunedChain[] {
  if (!isJsonObject(entry)) return [];
  const {
    chain_id: chainId,
    last_sequence: lastSequence,
    head_hash: headHash,
    key_fingerprint: keyFingerprint,
  } = entry;
  if (typeof chainId !== 'string' || typeof lastSequence !== 'number') return [];
  if (typeof headHash !== 'string' || typeof keyFingerprint !== 'string') return [];
  return [{ chainId, lastSequence, headHash, keyFingerprint }];
}
