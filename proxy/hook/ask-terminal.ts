import type { Verdict } from '../approvals/approval-queue.ts';
import { approvalContext } from '../approvals/approval-context.ts';
import { newQuestion } from '../approvals/question.ts';
import { TerminalDoor } from '../approvals/terminal-door.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { callOf, type HookRuling } from './decide-call.ts';
import type { HookEvent } from './hook-event.ts';

export interface AskOptions {
  readonly socketPath: string;
  readonly sessionId: string;
  readonly timeoutMs: number;
}

/** What a person said, and how it stands in the receipt. */
export interface TerminalAnswer {
  readonly isApproved: boolean;
  /** For the agent. */
  readonly words: string;
  readonly context: JsonObject;
}

/**
 * Puts the call to whoever sits at `obsigna approvals`. One question, one answer, bound to this call;
 * no answer is a no.
 */
export async function askTerminal(
  event: HookEvent,
  ruling: HookRuling,
  { socketPath, sessionId, timeoutMs }: AskOptions,
): Promise<TerminalAnswer> {
  const { tool, decision, server, policyDigest } = ruling;
  const parts = { call: callOf(event), tool, decision, server, policyDigest, sessionId, timeoutMs };
  const question = newQuestion(parts);
  const verdict = await new Promise<Verdict>((resolve) => {
    const waitedMs = () => Date.now() - question.askedAtMs;
    // Holds the process: the connection does not.
    const timer = setTimeout(() => settle({ kind: 'timed_out', waitedMs: waitedMs() }), timeoutMs);
    let isSettled = false;
    const settle = (outcome: Verdict) => {
      clearTimeout(timer);
      isSettled = true;
      resolve(outcome);
    };
    const door = new TerminalDoor(socketPath);
    door.attach({
      answer: (id, answer) => {
        if (id !== question.id) return 'APPROVAL_UNKNOWN';
        if (isSettled) return 'APPROVAL_USED';
        if (answer.digest !== question.digest) return 'APPROVAL_MISMATCH';
        const kind = answer.verdict === 'approve' ? 'approved' : 'denied';
        settle({ kind, answer, waitedMs: waitedMs() });
        return 'taken';
      },
      closed: () => settle({ kind: 'no_approver', waitedMs: waitedMs() }),
      turnedAway: () => undefined,
    });
    door.ask(question);
  });
  return {
    isApproved: verdict.kind === 'approved',
    words: WORDS[verdict.kind] ?? 'not approved',
    context: approvalContext(question, verdict, undefined),
  };
}

const WORDS: Partial<Readonly<Record<Verdict['kind'], string>>> = {
  denied: 'a person has denied it',
  timed_out: 'nobody has answered in time',
  no_approver: 'nobody can be asked: the daemon is away, or keeps no questions',
};
