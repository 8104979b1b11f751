import { formatGoDuration } from '../../shared/duration.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';

type Row = readonly [label: string, value: string];

/**
 * Who was asked about the call and what came of it, in one line; everything else of it as JSON
 * behind that. Undefined for another shape.
 */
export function approvalRows(approval: JsonValue | undefined): readonly Row[] | undefined {
  if (!isJsonObject(approval)) return undefined;
  const { outcome, by, door, waited_ms: waitedMs, reason, ...rest } = approval;
  if (typeof outcome !== 'string' || typeof waitedMs !== 'number') return undefined;
  if (![by, door, reason].every((it) => it === undefined || typeof it === 'string')) {
    return undefined;
  }
  const who = by === undefined ? '' : ` by ${String(by)}`;
  const how = door === undefined ? '' : ` (${String(door)})`;
  const why = reason === undefined ? '' : `: ${String(reason)}`;
  const line = `${outcome.replaceAll('_', ' ')}${who}${how} after ${formatGoDuration(waitedMs)}${why}`;
  const summary: Row = ['Approval', line];
  if (Object.keys(rest).length === 0) return [summary];
  return [summary, ['Approval details', JSON.stringify(rest)]];
}
