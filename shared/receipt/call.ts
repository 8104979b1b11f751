import { isJsonObject, type JsonObject } from '../json/value.ts';
import type { Receipt } from './receipt.ts';

/** What our daemon writes about the call behind a receipt, in `issuer.runtime.obsigna.call`. */
export interface CallNote {
  /** Unique in the session; our emitters count from 1. */
  readonly id?: string;
  /** When the daemon took the intent. */
  readonly began?: string;
  /** `missing` for an outcome that nobody had announced. */
  readonly intent?: string;
  /** `daemon` when nobody reported an outcome and the daemon closed the call itself. */
  readonly closedBy?: string;
  /** Id of the receipt that said `pending` of this same call. */
  readonly completes?: string;
  /** Id of the receipt in which somebody else told of this same call. */
  readonly sameAs?: string;
}

/** Undefined for receipts that say nothing of the kind: frames without a call, other daemons. */
export function callNoteOf(receipt: Receipt): CallNote | undefined {
  const call = callOf(receipt);
  if (call === undefined) return undefined;
  const text = (name: string) => (typeof call[name] === 'string' ? call[name] : undefined);
  const [id, began, closedBy] = [text('id'), text('began'), text('closed_by')];
  const [completes, sameAs, intent] = [text('completes'), text('same_as'), text('intent')];
  // One by one: every receipt of a store comes through here, and spreading is ten times the price.
  const note: { -readonly [Name in keyof CallNote]: CallNote[Name] } = {};
  if (id !== undefined) note.id = id;
  if (began !== undefined) note.began = began;
  if (closedBy !== undefined) note.closedBy = closedBy;
  if (completes !== undefined) note.completes = completes;
  if (sameAs !== undefined) note.sameAs = sameAs;
  if (intent !== undefined) note.intent = intent;
  return note;
}

/** Whether a receipt tells how a call ended that another one says `pending` of. */
export function isLateOutcome(receipt: Receipt): boolean {
  return typeof callOf(receipt)?.['completes'] === 'string';
}

function callOf({ issuer }: Receipt): JsonObject | undefined {
  const ours = issuer.runtime?.['obsigna'];
  const call = isJsonObject(ours) ? ours['call'] : undefined;
  return isJsonObject(call) ? call : undefined;
}

/** Which call of its session this is; undefined for an id that is no plain number. */
export function callNumber(id: string | undefined): number | undefined {
  return id !== undefined && /^[1-9]\d{0,8}$/.test(id) ? Number(id) : undefined;
}
