import { linkStatement, parseLink } from '../../shared/chain/links.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { approvalRows } from './approval-rows.ts';
import { callRows } from './call-rows.ts';

/** Our member of the open object `issuer.runtime`, and the members of others beside it. */
export function runtimeOf(receipt: Receipt): {
  readonly ours: JsonValue | undefined;
  readonly others: JsonObject;
} {
  const { obsigna: ours, ...others } = receipt.issuer.runtime ?? {};
  return { ours, others };
}

/** `pass`, `flag`, `pause` or `block`, where the receipt says so. */
export function decisionOf(receipt: Receipt): string | undefined {
  const { ours } = runtimeOf(receipt);
  if (!isJsonObject(ours) || !isJsonObject(ours['decision'])) return undefined;
  const { action } = ours['decision'];
  return typeof action === 'string' ? action : undefined;
}

export type LabelledRow = readonly [label: string, value: string];

/**
 * What our daemon and proxy said about the call, as labelled rows. Whatever has another shape than
 * expected is shown as JSON under `Extension`: nothing signed is left out.
 */
export function extensionRows(receipt: Receipt): readonly LabelledRow[] {
  const { ours } = runtimeOf(receipt);
  if (ours === undefined) return [];
  if (!isJsonObject(ours)) return [['Extension', JSON.stringify(ours)]];
  const rows: LabelledRow[] = [];
  const rest = new Map(Object.entries(ours));
  const take = (label: string, name: string, format: Format) => {
    const text = format(rest.get(name));
    if (text === undefined) return;
    rows.push([label, text]);
    rest.delete(name);
  };
  const decision = rest.get('decision');
  if (isJsonObject(decision)) {
    rest.delete('decision');
    rows.push(...decisionRows(decision));
  }
  const call = rest.get('call');
  if (isJsonObject(call)) {
    rest.delete('call');
    rows.push(...callRows(call, receipt));
  }
  take('Note', 'note', asText);
  take('Daemon', 'daemon', asWords);
  take('Previous chain', 'previous_chain', asLink);
  take('Input size', 'input', asSize);
  take('Output size', 'output', asSize);
  if (rest.size > 0) rows.push(['Extension', JSON.stringify(Object.fromEntries(rest))]);
  return rows;
}

type Format = (value: JsonValue | undefined) => string | undefined;

function decisionRows(decision: JsonObject): readonly LabelledRow[] {
  const rows: LabelledRow[] = [];
  const rest = new Map(Object.entries(decision));
  const take = (label: string, name: string, format: Format) => {
    const text = format(rest.get(name));
    if (text === undefined) return;
    rows.push([label, text]);
    rest.delete(name);
  };
  take('Statement', 'statement', asText);
  take('Decision', 'action', asText);
  take('Rule', 'rule', asText);
  take('Because', 'reasons', asTexts);
  take('Matched rules', 'matched', asTexts);
  take('Risk score', 'risk', asRisk);
  take('Policy digest', 'policy_digest', asText);
  const approval = approvalRows(rest.get('approval'));
  if (approval !== undefined) {
    rest.delete('approval');
    rows.push(...approval);
  }
  if (rest.size > 0) rows.push(['Decision details', JSON.stringify(Object.fromEntries(rest))]);
  return rows;
}

function asText(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function asTexts(value: JsonValue | undefined): string | undefined {
  if (!Array.isArray(value) || !value.every((it) => typeof it === 'string')) return undefined;
  return value.join(', ');
}

/** `70 (delete 40, production 30)` */
function asRisk(value: JsonValue | undefined): string | undefined {
  if (!isJsonObject(value) || typeof value['score'] !== 'number') return undefined;
  const { score, reasons, ...rest } = value;
  if (Object.keys(rest).length > 0) return undefined;
  if (reasons === undefined) return String(score);
  if (!Array.isArray(reasons)) return undefined;
  const parts: string[] = [];
  for (const entry of reasons as readonly JsonValue[]) {
    if (!isJsonObject(entry) || Object.keys(entry).length !== 2) return undefined;
    const { reason, points } = entry;
    if (typeof reason !== 'string' || typeof points !== 'number') return undefined;
    parts.push(`${reason} ${points}`);
  }
  return parts.length === 0 ? String(score) : `${score} (${parts.join(', ')})`;
}

/** `version 0.1.0, pid 4242, boot crash` */
function asWords(value: JsonValue | undefined): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const words = Object.entries(value).map(([name, it]) =>
    typeof it === 'string' || typeof it === 'number' ? `${name.replaceAll('_', ' ')} ${it}` : '',
  );
  return words.length === 0 || words.includes('') ? undefined : words.join(', ');
}

/** `2026-11-20:42 sha256:..., chains of sub-agents 2 sha256:...` */
function asLink(value: JsonValue | undefined): string | undefined {
  const link = parseLink(value);
  if (link === undefined || !isJsonObject(value)) return undefined;
  if (Object.keys(value).length !== Object.keys(linkStatement(link)).length) return undefined;
  const { chainId, sequence, receiptHash, agents } = link;
  const below = agents && `, chains of sub-agents ${agents.count} ${agents.digest}`;
  return `${chainId}:${sequence} ${receiptHash}${below ?? ''}`;
}

/** `1048577 bytes, hashed by the emitter` */
function asSize(value: JsonValue | undefined): string | undefined {
  if (!isJsonObject(value) || typeof value['bytes'] !== 'number') return undefined;
  const { bytes, hashed_by: by, ...rest } = value;
  if (Object.keys(rest).length > 0) return undefined;
  if (by === undefined) return `${bytes} bytes`;
  return typeof by === 'string' ? `${bytes} bytes, hashed by the ${by}` : undefined;
}
