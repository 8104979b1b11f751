import { ACTION_KEY_ROTATED } from '../../shared/chain/handovers.ts';
import { linkStatement, type ChainLink } from '../../shared/chain/links.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../../shared/crypto/public-key.ts';
import {
  CREDENTIALS_CONTEXT,
  WRITTEN_CONTEXT,
  WRITTEN_VERSION,
  type ReceiptBody,
} from '../../shared/receipt/receipt.ts';
import type { ReceiptContext } from '../event-receipt.ts';

/**
 * The receipt by which one key gives way to the next. The outgoing key signs it: from the following
 * receipt of the chain on, the incoming one is in force.
 *
 * @param outgoing - 32 raw bytes, as is `incoming`.
 * @param previous - The root chain before, when this receipt begins a new one.
 * @see Receipt specification, "Key rotation"
 */
export function rotationReceipt(
  context: Omit<ReceiptContext, 'principalId'>,
  outgoing: Uint8Array,
  incoming: Uint8Array,
  previous?: ChainLink,
): ReceiptBody {
  const link = previous && { previous_chain: linkStatement(previous) };
  return {
    '@context': [CREDENTIALS_CONTEXT, WRITTEN_CONTEXT],
    id: context.receiptId,
    type: ['VerifiableCredential', 'AgentReceipt'],
    version: WRITTEN_VERSION,
    issuer: { id: context.issuerId, ...(link && { runtime: { obsigna: link } }) },
    issuanceDate: context.timestamp,
    credentialSubject: {
      principal: { id: context.issuerId },
      action: {
        id: context.actionId,
        type: ACTION_KEY_ROTATED,
        risk_level: 'high',
        timestamp: context.timestamp,
      },
      outcome: { status: 'success' },
      chain: context.chain,
      keyRotation: {
        event_type: 'key_rotated',
        new_public_key: `u${Buffer.from(incoming).toString('base64url')}`,
        old_key_fingerprint: keyFingerprint(nodeSuite, outgoing),
        new_key_fingerprint: keyFingerprint(nodeSuite, incoming),
        old_algorithm: 'ed25519',
        new_algorithm: 'ed25519',
        signed_with: 'old',
      },
    },
  };
}
