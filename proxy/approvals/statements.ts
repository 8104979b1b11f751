import type { JsonObject } from '../../shared/json/value.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import type { Statement } from '../recorder.ts';
import type { RefusedAnswer } from './approval-queue.ts';
import type { Grant } from './grants.ts';
import type { Question } from './question.ts';

/** Whoever can reach a door could otherwise write receipts without end. */
const MAX_REFUSED = 100;

/** What is recorded about approvals beside the calls themselves. */
export interface Statements {
  readonly recorder: (statement: Statement) => void;
  granted(grant: Grant): void;
  answerRefused(refused: RefusedAnswer): void;
}

export function approvalStatements(recorder: Statements['recorder'], log: ProxyLog): Statements {
  let refusals = 0;
  return {
    recorder,
    granted: ({ id, scope, question, answer, expiresAtMs }) => {
      recorder({
        tool: question.tool,
        actionType: 'obsigna.approval_granted',
        decision: 'allowed',
        context: {
          grant: {
            id,
            scope,
            ...(expiresAtMs !== undefined && { expires: new Date(expiresAtMs).toISOString() }),
            max_risk: question.risk.score,
          },
          approval: { ...named(question), by: answer.by, door: answer.door },
        },
      });
    },
    answerRefused: ({ code, id, question, door, by, reason }) => {
      refusals += 1;
      const about = question === undefined ? '' : ` for ${printable(question.tool)}`;
      if (refusals <= MAX_REFUSED) log(`REFUSED an answer${about} (${code}, ${door})`);
      if (refusals === MAX_REFUSED) log('more refused answers are neither logged nor recorded');
      if (refusals > MAX_REFUSED) return;
      recorder({
        tool: question?.tool ?? '(unknown)',
        actionType: 'obsigna.approval_refused',
        decision: 'denied',
        context: {
          refused: code,
          approval: {
            ...(question !== undefined ? named(question) : id !== undefined && { id: cut(id) }),
            by,
            door,
            ...(reason !== undefined && { reason }),
          },
          ...(refusals === MAX_REFUSED && { more_not_recorded: true }),
        },
        error: `an answer to an approval question was refused: ${code}`,
      });
    },
  };
}

function named({ id, digest, subject }: Question): JsonObject {
  return { id, digest, rule: subject.rule, policy_digest: subject.policyDigest };
}

const MAX_ID = 64;

/** Of whoever sent it. */
function cut(id: string): string {
  return id.length > MAX_ID ? `${id.slice(0, MAX_ID)}...` : id;
}
