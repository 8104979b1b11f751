import { formatGoDuration } from '../../shared/duration.ts';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { callNoteOf } from '../../shared/receipt/call.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import type { LabelledRow } from './extension.ts';

/** What a receipt says about the time of its call, as rows; what is unknown here stays visible. */
export function callRows(call: JsonObject, receipt: Receipt): readonly LabelledRow[] {
  const rows: LabelledRow[] = [];
  const rest = new Map<string, JsonValue>(Object.entries(call));
  const take = (label: string, name: string) => {
    const value = rest.get(name);
    if (typeof value !== 'string') return;
    rows.push([label, value]);
    rest.delete(name);
  };
  take('Call', 'id');
  take('Began', 'began');
  const took = tookText(receipt);
  if (took !== undefined) rows.push(['Took', took]);
  take('Intent', 'intent');
  take('Closed by', 'closed_by');
  take('Completes', 'completes');
  take('Same as', 'same_as');
  if (rest.size > 0) rows.push(['Call details', JSON.stringify(Object.fromEntries(rest))]);
  return rows;
}

/**
 * `about 3s`: from the intent, which has milliseconds, to the receipt, which has whole seconds.
 * Undefined without an intent or an outcome, and where the clock was put back in between.
 */
export function tookText(receipt: Receipt): string | undefined {
  const { action, outcome } = receipt.credentialSubject;
  if (outcome.status === 'pending') return undefined;
  const began = Date.parse(callNoteOf(receipt)?.began ?? '');
  // The receipt's second was cut off: half of one more is the best guess.
  const ms = Date.parse(action.timestamp) - began + 500;
  if (Number.isNaN(ms) || ms <= -500) return undefined;
  return ms < 1000 ? 'about 1s or less' : `about ${formatGoDuration(Math.round(ms / 1000) * 1000)}`;
}
