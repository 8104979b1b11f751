import type { JsonObject } from '../../shared/json/value.ts';
import type { Verdict } from './approval-queue.ts';
import type { Grant } from './grants.ts';
import type { Question } from './question.ts';

/** Who was asked, how, when and for how long: `decision.approval` of the call's receipt. */
export function approvalContext(
  question: Question,
  verdict: Verdict,
  grant: Grant | undefined,
): JsonObject {
  const answer = 'answer' in verdict ? verdict.answer : undefined;
  const reason = verdict.kind === 'withdrawn' ? verdict.reason : answer?.reason;
  return {
    id: question.id,
    digest: question.digest,
    outcome: verdict.kind,
    ...(answer !== undefined && { by: answer.by, door: answer.door }),
    ...(answer?.peer !== undefined && { peer: answer.peer }),
    asked_at: new Date(question.askedAtMs).toISOString(),
    waited_ms: verdict.waitedMs,
    ...(reason !== undefined && { reason }),
    ...(grant !== undefined && { grant: grant.id }),
  };
}

/** The same for a call that nobody had to be asked about again. */
export function grantContext({ id, scope, question, answer }: Grant): JsonObject {
  return {
    id: question.id,
    outcome: 'approved',
    by: answer.by,
    door: answer.door,
    asked_at: new Date(question.askedAtMs).toISOString(),
    waited_ms: 0,
    grant: id,
    grant_scope: scope,
  };
}
