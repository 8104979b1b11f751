import type { Receipt } from './receipt.ts';

const OWN_NAMESPACE = 'agent_receipts.';
const ACTION_KEY_ROTATED = 'agent.key.rotate';
const ACTION_PRUNED = 'obsigna.store.prune';

/**
 * Whether the daemon speaks for itself: it started, it stopped, a chain ends here, a key gave way,
 * chains were pruned.
 * Such a receipt has no caller, so a missing peer credential is no missing evidence.
 *
 * The action type alone would be a claim, because emitters may choose theirs. What they report always
 * carries their session, which no frame may leave out, so none of it can pass for this.
 *
 * @see Daemon protocol, "Synthetic receipts"; ADR 0020
 */
export function isDaemonStatement({ issuer, credentialSubject }: Receipt): boolean {
  const { action, keyRotation } = credentialSubject;
  if (action.peer_credential !== undefined || issuer.session_id !== undefined) return false;
  if (action.type === ACTION_KEY_ROTATED) return keyRotation !== undefined;
  return action.type === ACTION_PRUNED || action.type.startsWith(OWN_NAMESPACE);
}

/**
 * Whether a receipt tells of an action of the agent, and not of the record itself. Drop counts carry
 * the caller of the receipt that follows them; only the daemon can write `emitter_metadata`.
 */
export function isActionReceipt(receipt: Receipt): boolean {
  const isDropCount = receipt.credentialSubject.action.emitter_metadata?.drop_count !== undefined;
  return !isDropCount && !isDaemonStatement(receipt);
}

const STATEMENTS = 'obsigna.';

/**
 * Whether an emitter speaks of something beside the calls: a grant, an answer that was refused, a
 * server that was seen for the first time. A claim of the emitter, as every action type is: readers
 * count such receipts apart, and leave none out.
 *
 * @see docs/protocol.md, ADR 0025 and 0026
 */
export function isEmitterStatement(receipt: Receipt): boolean {
  const { type } = receipt.credentialSubject.action;
  return type.startsWith(STATEMENTS) && !isDaemonStatement(receipt);
}
