import type { JsonObject, JsonValue } from '../json/value.ts';

/**
 * The members of a receipt, in the order in which they are written. Wire names stay as the
 * specification has them; optional members are absent, never null.
 *
 * @see Receipt specification 0.5.0
 */
export interface Receipt {
  readonly '@context': readonly [string, string];
  readonly id: string;
  readonly type: readonly [string, string];
  readonly version: string;
  readonly issuer: Issuer;
  readonly issuanceDate: string;
  readonly credentialSubject: CredentialSubject;
  readonly proof: Proof;
}

/** What is hashed and signed: everything but the proof. */
export type ReceiptBody = Omit<Receipt, 'proof'>;

export interface Issuer {
  readonly id: string;
  readonly type?: string;
  readonly name?: string;
  readonly operator?: { readonly id: string; readonly name: string };
  readonly model?: string;
  readonly session_id?: string;
  /** Open object: the only place of a receipt where members of our own may stand. */
  readonly runtime?: JsonObject;
}

export interface CredentialSubject {
  readonly principal: { readonly id: string; readonly type?: string };
  readonly action: Action;
  readonly intent?: JsonObject;
  readonly outcome: Outcome;
  readonly authorization?: JsonObject;
  readonly chain: ChainPosition;
  readonly keyRotation?: KeyRotation;
  readonly correlation_id?: string;
  readonly delegation?: Delegation;
}

export const RISK_LEVELS = ['low', 'medium', 'high', 'critical'] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

export interface Action {
  readonly id: string;
  readonly type: string;
  readonly tool_name?: string;
  readonly risk_level: RiskLevel;
  readonly target?: { readonly system: string; readonly resource?: string };
  readonly parameters_hash?: string;
  readonly parameters_disclosure?: JsonObject;
  readonly peer_credential?: PeerCredential;
  readonly emitter_metadata?: { readonly drop_count?: number };
  readonly timestamp: string;
  readonly trusted_timestamp?: string;
  readonly idempotency_key?: string;
}

/** Who was at the other end of the socket, in the kernel's words. */
export interface PeerCredential {
  readonly platform: string;
  readonly pid: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly exe_path?: string;
}

export const OUTCOME_STATUSES = ['success', 'failure', 'pending'] as const;
export type OutcomeStatus = (typeof OUTCOME_STATUSES)[number];

export interface Outcome {
  readonly status: OutcomeStatus;
  readonly error?: string;
  readonly reversible?: boolean;
  readonly reversal_method?: string;
  readonly reversal_window_seconds?: number;
  readonly reversal_of?: string;
  readonly state_change?: { readonly before_hash: string; readonly after_hash: string };
  readonly response_hash?: string;
  readonly response_disclosure?: JsonObject;
}

export interface ChainPosition {
  readonly sequence: number;
  readonly previous_receipt_hash: string | null;
  readonly chain_id: string;
  readonly terminal?: true;
  readonly status?: string;
}

export interface KeyRotation {
  readonly event_type: string;
  readonly new_public_key: string;
  readonly old_key_fingerprint: string;
  readonly new_key_fingerprint: string;
  readonly old_algorithm: string;
  readonly new_algorithm: string;
  readonly signed_with: string;
}

export interface Delegation {
  readonly parent_chain_id: string;
  readonly parent_receipt_id: string;
  readonly delegator: { readonly id: string };
}

export interface Proof {
  readonly type: string;
  readonly created: string;
  readonly verificationMethod: string;
  readonly proofPurpose: string;
  readonly proofValue: string;
}

/** A receipt as it was read: the typed view, and every member that the text really had. */
export interface ReadReceipt {
  readonly receipt: Receipt;
  readonly json: { readonly [name: string]: JsonValue };
}

export const PROOF_TYPE = 'Ed25519Signature2020';
export const PROOF_PURPOSE = 'assertionMethod';
export const CREDENTIALS_CONTEXT = 'https://www.w3.org/ns/credentials/v2';

/** Receipts are written in this version; readers accept 0.1.0 to 0.6.0. */
export const WRITTEN_VERSION = '0.5.0';
export const WRITTEN_CONTEXT = 'https://agentreceipts.ai/context/v2';
/** Of a receipt with `outcome.response_disclosure`, which 0.5.0 does not know. */
export const RESPONSE_DISCLOSURE_VERSION = '0.6.0';
export const RESPONSE_DISCLOSURE_CONTEXT = 'https://agentreceipts.ai/context/v3';
