import { FINDING_CODES, finding, type Finding } from '../../policy/finding.ts';
import { scoreRisk } from '../../policy/risk.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import { callNoteOf } from '../../shared/receipt/call.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { decisionOf, runtimeOf } from '../receipt/extension.ts';

/** What a receipt still tells about a call of a tool. */
export interface RecordedCall {
  readonly server: string;
  readonly tool: string;
  readonly agent: string | undefined;
  readonly session: string;
  readonly atMs: number;
  /** What was decided; undefined where the receipt does not say. */
  readonly action: string | undefined;
  readonly score: number | undefined;
  readonly findings: readonly Finding[];
}

const CHANNEL = 'mcp.';

/**
 * The call behind a receipt; undefined for what is no call that rules decide: statements of the daemon,
 * other channels, messages that were refused as unreadable, results that came after their call was told.
 */
export function recordedCall(receipt: Receipt): RecordedCall | undefined {
  const { action } = receipt.credentialSubject;
  const { type, tool_name: tool = '' } = action;
  if (tool === '' || !type.startsWith(CHANNEL) || !type.endsWith(tool)) return undefined;
  if (callNoteOf(receipt)?.completes !== undefined) return undefined;
  const { ours } = runtimeOf(receipt);
  const decision = isJsonObject(ours) ? ours['decision'] : undefined;
  if (isJsonObject(decision) && decision['refused'] !== undefined) return undefined;
  const atMs = Date.parse(callNoteOf(receipt)?.began ?? action.timestamp);
  return {
    server: type.slice(CHANNEL.length, -tool.length).replace(/\.$/, ''),
    tool,
    agent: receipt.issuer.name,
    session: receipt.issuer.session_id ?? '',
    atMs: Number.isNaN(atMs) ? 0 : atMs,
    action: decisionOf(receipt),
    score: scoreOf(tool, decision),
    findings: findingsOf(decision),
  };
}

/** The reasons of a recorded score tell whether SQL was found; the rest is in the name. */
function scoreOf(tool: string, decision: JsonValue | undefined): number | undefined {
  const risk = isJsonObject(decision) ? decision['risk'] : undefined;
  const reasons = isJsonObject(risk) ? risk['reasons'] : undefined;
  if (!Array.isArray(reasons)) return undefined;
  const { score } = scoreRisk({ tool, arguments: () => undefined });
  const hasSql = reasons.some((it: unknown) => {
    const reason = isJsonObject(it) ? it['reason'] : undefined;
    return typeof reason === 'string' && reason.startsWith('SQL change without where');
  });
  return Math.min(100, score + (hasSql ? 30 : 0));
}

function findingsOf(decision: JsonValue | undefined): readonly Finding[] {
  const list = isJsonObject(decision) ? decision['findings'] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((it: unknown) => {
    const found = FINDING_CODES.find((code) => code === (isJsonObject(it) ? it['code'] : it));
    return found === undefined ? [] : [finding(found, 'as recorded')];
  });
}
