import type { PeerCredential, Receipt } from '../../shared/receipt/receipt.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';
import { extensionRows, runtimeOf, type LabelledRow } from './extension.ts';

/**
 * A receipt as labelled rows. First what readers of the protocol show, in their order and under
 * their labels; then what they leave out. Rows without a value are not there.
 */
export function describeReceipt(receipt: Receipt): readonly LabelledRow[] {
  const { others } = runtimeOf(receipt);
  const rows: readonly (readonly [label: string, value: string | undefined])[] = [
    ...publishedRows(receipt),
    ['Session', receipt.issuer.session_id],
    ['Peer', peerText(receipt.credentialSubject.action.peer_credential)],
    ['Correlation', receipt.credentialSubject.correlation_id],
    ['Idempotency key', receipt.credentialSubject.action.idempotency_key],
    ['Disclosure', disclosureText(receipt)],
    ['Runtime', Object.keys(others).length === 0 ? undefined : JSON.stringify(others)],
    ...extensionRows(receipt),
  ];
  return rows.filter((row): row is LabelledRow => row[1] !== undefined && row[1] !== '');
}

function publishedRows(
  receipt: Receipt,
): readonly (readonly [label: string, value: string | undefined])[] {
  const { principal, action, outcome, chain } = receipt.credentialSubject;
  return [
    ['Receipt ID', receipt.id],
    ['Chain', chain.chain_id],
    ['Sequence', String(chain.sequence)],
    ['Previous hash', chain.previous_receipt_hash ?? undefined],
    ['Terminal', terminalText(receipt)],
    ['Issued', receipt.issuanceDate],
    ['Issuer', receipt.issuer.id],
    ['Principal', principal.id],
    ['Action type', action.type],
    ['Tool', action.tool_name],
    ['Risk level', action.risk_level],
    ['Timestamp', action.timestamp],
    ['Parameters hash', action.parameters_hash],
    ['Target', targetText(action.target)],
    ['Dropped count', dropText(action.emitter_metadata?.drop_count)],
    ['Outcome', outcome.status],
    ['Error', outcome.error],
    ['Response hash', outcome.response_hash],
    ['Signature', receipt.proof.proofValue],
    ['Verification method', receipt.proof.verificationMethod],
  ];
}

function terminalText(receipt: Receipt): string | undefined {
  const { terminal, status } = receipt.credentialSubject.chain;
  if (terminal !== true) return undefined;
  return status === undefined || status === '' || status === 'complete'
    ? 'true'
    : `true (${status})`;
}

function targetText(target: Receipt['credentialSubject']['action']['target']): string | undefined {
  return target === undefined
    ? undefined
    : [target.system, target.resource].filter(Boolean).join(' ');
}

function dropText(count: number | undefined): string | undefined {
  return count === undefined || count === 0 ? undefined : String(count);
}

/** `parameters sealed for sha256:...`; `obsigna receipt disclose` opens it. */
function disclosureText(receipt: Receipt): string | undefined {
  const { action, outcome } = receipt.credentialSubject;
  const parts = [
    ['parameters', action.parameters_disclosure] as const,
    ['response', outcome.response_disclosure] as const,
  ].flatMap(([what, disclosure]) =>
    disclosure === undefined ? [] : [`${what} ${describeDisclosure(disclosure)}`],
  );
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** Receipts of others may hold something else there, and the first versions hold plain text. */
function describeDisclosure({ recipients }: JsonObject): string {
  if (recipients === undefined) return 'in plain text';
  const kids = Array.isArray(recipients)
    ? recipients.map((it: unknown) => (isJsonObject(it) ? it['kid'] : undefined))
    : [];
  return `sealed for ${kids.map((kid) => (typeof kid === 'string' ? kid : '?')).join(', ')}`;
}

/** `linux, pid 4242, uid 1000, gid 1000, /usr/local/bin/mcp-proxy` */
function peerText(peer: PeerCredential | undefined): string | undefined {
  if (peer === undefined) return undefined;
  const { platform, pid, uid, gid, exe_path: exe } = peer;
  const ids = Object.entries({ pid, uid, gid }).filter(([, id]) => id !== undefined);
  const parts = [platform, ...ids.map(([name, id]) => `${name} ${id}`), exe];
  return parts.filter((part) => part !== undefined).join(', ');
}
