import type { ReceiptBody } from '../receipt/receipt.ts';

/** The columns of a stored receipt that repeat what its JSON says. */
export interface ReceiptColumns {
  readonly id: string;
  readonly chain_id: string;
  readonly sequence: number;
  readonly action_type: string;
  readonly tool_name: string;
  readonly risk_level: string;
  readonly status: string;
  readonly timestamp: string;
  readonly issuer_id: string;
  readonly principal_id: string | null;
  readonly receipt_hash: string;
  readonly previous_receipt_hash: string | null;
}

/** Their names, in the order of the table. */
export const RECEIPT_COLUMNS = [
  'id',
  'chain_id',
  'sequence',
  'action_type',
  'tool_name',
  'risk_level',
  'status',
  'timestamp',
  'issuer_id',
  'principal_id',
  'receipt_hash',
  'previous_receipt_hash',
] as const satisfies readonly (keyof ReceiptColumns)[];

/** One receipt as it was found: its text, and the columns beside it if it came from a store. */
export interface StoredReceipt {
  readonly text: string;
  readonly columns?: ReceiptColumns;
}

/** The columns that belong to a receipt; what a store writes and what a verifier expects. */
export function columnsOf(receipt: ReceiptBody, receiptHash: string): ReceiptColumns {
  const { action, chain, outcome, principal } = receipt.credentialSubject;
  return {
    id: receipt.id,
    chain_id: chain.chain_id,
    sequence: chain.sequence,
    action_type: action.type,
    tool_name: action.tool_name ?? '',
    risk_level: action.risk_level,
    status: outcome.status,
    timestamp: action.timestamp,
    issuer_id: receipt.issuer.id,
    principal_id: principal.id,
    receipt_hash: receiptHash,
    previous_receipt_hash: chain.previous_receipt_hash,
  };
}
