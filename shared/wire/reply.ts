import { CodedError, type ErrorCode } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json/value.ts';
import { parseJson } from '../json/text.ts';

/** The one reply to a frame that carried `ack`. Sent only after the commit is durable. */
export type Reply = ReplyOk | ReplyRefused;

export interface ReplyOk {
  readonly ack: number;
  readonly ok: true;
  /** Where the receipt stands; absent in the reply to `hello`. */
  readonly chain_id?: string;
  readonly sequence?: number;
  readonly receipt_hash?: string;
  readonly hello?: JsonObject;
  /** Questions, in the reply to `list` and `show`. */
  readonly approvals?: readonly JsonObject[];
}

export interface ReplyRefused {
  readonly ack: number;
  readonly ok: false;
  readonly code: ErrorCode;
  readonly error: string;
  readonly remedy: string;
}

/** The refusal for any error: a coded one tells its code, everything else is INTERNAL. */
export function refusal(ack: number, error: unknown): ReplyRefused {
  const coded =
    error instanceof CodedError ? error : new CodedError('INTERNAL', 'the daemon failed to write');
  return { ack, ok: false, code: coded.code, error: coded.message, remedy: coded.remedy };
}

/**
 * Reads a reply frame. Members of later versions are let through.
 *
 * @throws CodedError `FRAME_INVALID` when it is not a reply at all
 */
export function parseReply(text: string): Reply {
  const value = parseJson(text);
  const fits =
    isJsonObject(value) && Number.isSafeInteger(value['ack']) && typeof value['ok'] === 'boolean';
  if (!fits) throw new CodedError('FRAME_INVALID', 'the daemon sent a frame that is not a reply');
  return value as unknown as Reply;
}
