import { CodedError, ERROR_REMEDIES, type ErrorCode } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';

/** Longest question, as JSON text in characters. */
export const MAX_QUESTION_LENGTH = 64 * 1024;

/** What a frame with `approvals` wants of the daemon. See docs/protocol.md, "Approvals". */
export type ApprovalRequest =
  /** A question that this connection wants answered. */
  | { readonly op: 'ask'; readonly id: string; readonly question: JsonObject }
  | { readonly op: 'withdraw'; readonly id: string }
  /** What became of an answer that was relayed to this connection. */
  | { readonly op: 'received'; readonly relay: number; readonly refused: RefusedRelay | undefined }
  | { readonly op: 'list' }
  | { readonly op: 'show'; readonly id: string }
  | { readonly op: 'answer'; readonly answer: ApprovalAnswer };

export interface RefusedRelay {
  readonly code: ErrorCode;
  readonly error: string;
}

/** What a person answers, and to which question exactly. */
export interface ApprovalAnswer {
  readonly id: string;
  readonly digest: string;
  readonly verdict: 'approve' | 'deny';
  readonly reason?: string | undefined;
  readonly grant?: 'call' | 'session' | undefined;
}

/** An answer on its way to whoever asked; who gave it is the daemon's word. */
export interface RelayedAnswer extends ApprovalAnswer {
  readonly relay: number;
  readonly by: string;
  readonly peer: JsonObject;
}

const MAX_REASON = 1000;

/** @throws CodedError `FRAME_INVALID` naming the member */
export function parseApprovalRequest(approvals: JsonObject): ApprovalRequest {
  const { op, relay, question } = approvals;
  switch (op) {
    case 'ask':
      return { op, ...questionOf(question) };
    case 'withdraw':
    case 'show':
      return { op, id: idOf(approvals) };
    case 'list':
      return { op };
    case 'answer':
      return { op, answer: answerOf(approvals) };
    case 'received':
      if (!Number.isSafeInteger(relay)) throw invalid('relay is not a whole number');
      return { op, relay: relay as number, refused: refusedOf(approvals) };
    default:
      throw invalid('op is not one of ask, withdraw, received, list, show, answer');
  }
}

/** @throws CodedError `FRAME_INVALID` */
export function parseRelayedAnswer(approvals: JsonObject): RelayedAnswer {
  const { op, relay, by, peer } = approvals;
  if (op !== 'answer' || !Number.isSafeInteger(relay)) throw invalid('no answer to relay');
  if (typeof by !== 'string' || !isJsonObject(peer)) throw invalid('nobody is named');
  return { ...answerOf(approvals), relay: relay as number, by, peer };
}

function questionOf(question: JsonValue | undefined): { id: string; question: JsonObject } {
  if (!isJsonObject(question)) throw invalid('question is not an object');
  if (JSON.stringify(question).length > MAX_QUESTION_LENGTH) throw invalid('question is too long');
  for (const name of ['server', 'tool', 'rule', 'expires_at']) {
    if (typeof question[name] !== 'string') throw invalid(`question.${name} is not a string`);
  }
  digestOf(question);
  return { id: idOf(question), question };
}

function answerOf(members: JsonObject): ApprovalAnswer {
  const { verdict, reason, grant } = members;
  if (verdict !== 'approve' && verdict !== 'deny') throw invalid('verdict is unknown');
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > MAX_REASON)) {
    throw invalid(`reason is not a text of at most ${MAX_REASON} characters`);
  }
  if (grant !== undefined && grant !== 'call' && grant !== 'session') {
    throw invalid('grant is not one of call, session');
  }
  return { id: idOf(members), digest: digestOf(members), verdict, reason, grant };
}

function refusedOf({ ok, code, error }: JsonObject): RefusedRelay | undefined {
  if (ok === true) return undefined;
  const isKnown = typeof code === 'string' && Object.hasOwn(ERROR_REMEDIES, code);
  return {
    code: isKnown ? (code as ErrorCode) : 'APPROVAL_UNKNOWN',
    error: typeof error === 'string' ? error.slice(0, MAX_REASON) : 'refused',
  };
}

function idOf({ id }: JsonObject): string {
  if (typeof id === 'string' && /^[0-9a-f]{32}$/.test(id)) return id;
  throw invalid('id is not 32 hex digits');
}

function digestOf({ digest }: JsonObject): string {
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw invalid('digest is not sha256: and 64 hex digits');
}

function invalid(what: string): CodedError {
  return new CodedError('FRAME_INVALID', `invalid approvals frame: ${what}`);
}
