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
  const [who, how, why] = [phrase(by, ' by '), phrase(door, ' ('), phrase(reason, ': ')];
  if (who === undefined || how === undefined || why === undefined) return undefined;
  const line = `${outcome.replaceAll('_', ' ')}${who}${how === '' ? '' : `${how})`} after ${formatGoDuration(waitedMs)}${why}`;
  const summary: Row = ['Approval', line];
  if (Object.keys(rest).length === 0) return [summary];
  return [summary, ['Approval details', JSON.stringify(rest)]];
}

/** Text behind some words; nothing for what is absent, undefined for what is no text. */
function phrase(value: JsonValue | undefined, words: string): string | undefined {
  if (value === undefined) return '';
  return typeof value === 'string' ? words + value : undefined;
}
