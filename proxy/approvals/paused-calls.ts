import type { Decision } from '../../policy/decide.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import type { FinalRuling, WaitingCalls, WaitingRuling } from '../waiting-calls.ts';
import { ApprovalQueue, type Asked, type RefusedAnswer, type Verdict } from './approval-queue.ts';
import { approvalContext, grantContext } from './approval-context.ts';
import type { Door } from './door.ts';
import { Grants } from './grants.ts';
import { newQuestion, subjectOf, type Question } from './question.ts';
import { policyEvent, refusalOf, type RefusedCall } from './refusals.ts';
import { approvalStatements, type Statements } from './statements.ts';

type Ruling = FinalRuling | WaitingRuling;

/** Ten minutes of a person's attention; what asks for more than this asks for nothing. */
const MAX_QUESTIONS = 256;
/** Arguments of calls that wait: reading must go on, or the answer itself could not be read. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export interface ApprovalOptions {
  readonly doors: readonly Door[];
  readonly sessionId: string;
  readonly timeoutMs: number;
}

/** A call that a rule wants a person to be asked about. */
export interface PausedCall {
  readonly call: ToolCall;
  readonly tool: string;
  readonly decision: Decision;
  /** What its receipt will say about the decision. */
  readonly context: JsonObject;
}

/** A call that is announced and may leave. */
export interface Leaving {
  /** Settles when the call may leave, where it has to wait for its receipt. */
  readonly durable: Promise<void> | undefined;
  send(): FinalRuling;
  /** Its receipt cannot be promised. */
  fail(fault: unknown): FinalRuling;
  withdrawn(reason: string): void;
}

/** What the governor does with a paused call in the end. */
export interface Gate {
  readonly waiting: WaitingCalls;
  /** Lets the call go at once, by its usual way. */
  pass(call: ToolCall, tool: string, context: JsonObject): Ruling;
  leave(call: ToolCall, tool: string, context: JsonObject): Leaving;
  /** Reports the call as denied. */
  denied(call: ToolCall, tool: string, context: JsonObject, error: string): void;
  answer(call: ToolCall, rpcCode: number, message: string, data: JsonObject): FinalRuling;
  stated: Statements['recorder'];
}

export interface PausedCallsOptions extends ApprovalOptions {
  readonly server: string;
  readonly policyDigest: () => string;
  readonly log: ProxyLog;
  readonly gate: Gate;
}

/**
 * Calls that a rule pauses: asks a person through every open door, holds the call meanwhile, and
 * lets it go or refuses it. Nothing else waits behind it. See docs/adr/0025.
 */
export class PausedCalls {
  readonly #options: PausedCallsOptions;
  readonly #queue: ApprovalQueue;
  readonly #grants = new Grants();
  readonly #statements: Statements;
  readonly #url: string;
  #heldBytes = 0;

  constructor(options: PausedCallsOptions) {
    const { doors, policyDigest, log, gate } = options;
    this.#options = options;
    this.#url = doors.find(({ url }) => url !== undefined)?.url ?? '';
    this.#statements = approvalStatements(gate.stated, log);
    const refused = (answer: RefusedAnswer) => this.#statements.answerRefused(answer);
    this.#queue = new ApprovalQueue({ doors, policyDigest, refused });
  }

  /** Asks, or refuses where nobody can be asked. */
  pause(paused: PausedCall): Ruling {
    const { server, sessionId, policyDigest, timeoutMs, doors } = this.#options;
    const { call, decision, tool, context } = paused;
    const now = {
      call,
      tool,
      decision,
      server,
      sessionId,
      policyDigest: policyDigest(),
      timeoutMs,
    };
    const grant = this.#grants.find(subjectOf(now).subject, decision.risk.score);
    if (grant !== undefined) {
      this.#options.log(`APPROVED ${printable(tool)} (grant ${grant.id})`);
      return this.#options.gate.pass(call, tool, { ...context, approval: grantContext(grant) });
    }
    const question = newQuestion(now);
    const open = doors.filter((door) => door.isOpenFor(call));
    const rule = printable(question.subject.rule);
    this.#options.log(
      `PAUSED ${printable(tool)} (rule: ${rule}, risk: ${decision.risk.score}) \u2014 approval id: ${question.id}`,
    );
    if (open.length === 0)
      return this.#refuse(paused, question, { kind: 'no_approver', waitedMs: 0 });
    if (!this.#hasRoom(question)) {
      return this.#refuse(
        paused,
        question,
        { kind: 'no_approver', waitedMs: 0 },
        'TOO_MANY_APPROVALS',
      );
    }
    return this.#hold(paused, this.#queue.ask(question, open));
  }

  /** What waits will not be answered any more, and is refused. */
  withdrawAll(reason: string): void {
    this.#queue.withdrawAll(reason);
  }

  close(): void {
    this.withdrawAll('the session ended');
    for (const door of this.#options.doors) door.close();
  }

  #hasRoom({ arguments: given = '' }: Question): boolean {
    return this.#queue.count < MAX_QUESTIONS && this.#heldBytes + given.length <= MAX_HELD_BYTES;
  }

  /** Keeps the call until its verdict, and until its receipt is as safe as it has to be. */
  #hold(paused: PausedCall, asked: Asked): WaitingRuling {
    const { call, tool } = paused;
    const { gate } = this.#options;
    const bytes = asked.question.arguments?.length ?? 0;
    this.#heldBytes += bytes;
    let leaving: Leaving | undefined;
    let isGone = false;
    const settled = async (): Promise<Verdict> => {
      const verdict = await asked.verdict;
      this.#heldBytes -= bytes;
      if (isGone) return verdict;
      if (verdict.kind !== 'approved') return verdict;
      const context = this.#approved(paused, asked.question, verdict);
      leaving = gate.leave(call, tool, context);
      await leaving.durable;
      return verdict;
    };
    return gate.waiting.hold({
      id: call.id,
      until: settled(),
      rule: (result) => {
        if (result.status === 'rejected') {
          if (leaving !== undefined) return leaving.fail(result.reason);
          throw result.reason;
        }
        return leaving?.send() ?? this.#refuse(paused, asked.question, result.value);
      },
      withdrawn: (reason) => {
        isGone = true;
        asked.withdraw(reason);
        if (leaving !== undefined) leaving.withdrawn(reason);
        else this.#withdrawn(paused, asked.question, reason);
      },
    });
  }

  #approved(
    { tool, context }: PausedCall,
    question: Question,
    verdict: Extract<Verdict, { kind: 'approved' | 'denied' }>,
  ): JsonObject {
    this.#event(question, 'approved', verdict);
    this.#options.log(`APPROVED ${printable(tool)}`);
    const { answer } = verdict;
    const scope = answer.grant;
    const grant = scope === undefined ? undefined : this.#grants.add(question, answer, scope);
    if (grant !== undefined) this.#statements.granted(grant);
    return { ...context, approval: approvalContext(question, verdict, grant) };
  }

  #refuse(paused: PausedCall, question: Question, verdict: Verdict, code?: ErrorCode): FinalRuling {
    const { gate, log } = this.#options;
    const { call, tool, context } = paused;
    if (verdict.kind === 'approved') throw new TypeError('an approved call is not refused');
    const refusal = refusalOf(verdict.kind, this.#named(question), code);
    this.#event(question, refusal.status, verdict);
    log(`DENIED ${printable(tool)} (${refusal.status})`);
    const approval = approvalContext(question, verdict, undefined);
    // The report leaves before the answer: a client that kills us on refusal hides nothing.
    gate.denied(call, tool, { ...context, approval }, refusal.message);
    return gate.answer(call, refusal.rpcCode, refusal.message, refusal.data);
  }

  #withdrawn(paused: PausedCall, question: Question, reason: string): void {
    const { gate, log } = this.#options;
    const waitedMs = Math.max(0, Date.now() - question.askedAtMs);
    const verdict: Verdict = { kind: 'withdrawn', reason, waitedMs };
    this.#event(question, 'withdrawn', verdict);
    log(`DENIED ${printable(paused.tool)} (withdrawn)`);
    const approval = approvalContext(question, verdict, undefined);
    gate.denied(paused.call, paused.tool, { ...paused.context, approval }, reason);
  }

  #event(question: Question, outcome: string, verdict: Verdict): void {
    const { doors, log } = this.#options;
    const door = 'answer' in verdict ? verdict.answer.door : undefined;
    const nobody = verdict.kind === 'no_approver' ? 'NONE' : '';
    const answered = doors.find(({ name }) => name === door)?.url ?? door;
    const { tool, subject, risk } = question;
    log(
      policyEvent({
        tool,
        rule: subject.rule,
        riskScore: risk.score,
        action: 'pause',
        approver: nobody || (answered ?? (this.#url || doors.map(({ name }) => name).join('+'))),
        outcome,
        durationMs: verdict.waitedMs,
      }),
    );
  }

  #named({ tool, subject, risk, id }: Question): RefusedCall {
    const { timeoutMs } = this.#options;
    return {
      tool,
      rule: subject.rule,
      riskScore: risk.score,
      approvalId: id,
      timeoutMs,
      url: this.#url,
    };
  }
}
