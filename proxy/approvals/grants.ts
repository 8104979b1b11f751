import { randomBytes } from 'node:crypto';
import type { Answer, GrantScope } from './door.ts';
import type { Question, Subject } from './question.ts';

/** How long "this exact call again" holds. */
export const CALL_GRANT_MS = 10 * 60_000;
/** Beyond it the oldest is forgotten, and its calls are asked about again. */
const MAX_GRANTS = 256;

/** A yes that holds for more than one call. Lives in this process and ends with it. */
export interface Grant {
  readonly id: string;
  readonly scope: GrantScope;
  readonly question: Question;
  readonly answer: Answer;
  /** Undefined: until the session ends. */
  readonly expiresAtMs: number | undefined;
}

/**
 * What a person has allowed in advance. A grant answers one rule of one rules file only: another
 * rule that pauses the same tool, or rules that changed, ask again; so does a call of more risk
 * than the one that the person was shown.
 */
export class Grants {
  readonly #grants = new Map<string, Grant>();

  add(question: Question, answer: Answer, scope: GrantScope): Grant {
    const expiresAtMs = scope === 'call' ? Date.now() + CALL_GRANT_MS : undefined;
    const id = randomBytes(16).toString('hex');
    const grant = {
      id,
      scope,
      question: { ...question, arguments: undefined },
      answer,
      expiresAtMs,
    };
    this.#grants.set(id, grant);
    const [oldest] = this.#grants.keys();
    if (this.#grants.size > MAX_GRANTS && oldest !== undefined) this.#grants.delete(oldest);
    return grant;
  }

  /** The grant that covers a call, if there is one. */
  find(subject: Subject, riskScore: number): Grant | undefined {
    const now = Date.now();
    for (const grant of this.#grants.values()) {
      if (grant.expiresAtMs !== undefined && now >= grant.expiresAtMs)
        this.#grants.delete(grant.id);
      else if (covers(grant, subject, riskScore)) return grant;
    }
    return undefined;
  }
}

function covers({ scope, question }: Grant, subject: Subject, riskScore: number): boolean {
  const granted = question.subject;
  const isSameTool =
    granted.server === subject.server &&
    granted.toolName === subject.toolName &&
    granted.rule === subject.rule &&
    granted.policyDigest === subject.policyDigest &&
    granted.sessionId === subject.sessionId;
  if (!isSameTool || riskScore > question.risk.score) return false;
  return scope === 'session' || granted.argumentsHash === subject.argumentsHash;
}
