import type { Buffer } from 'node:buffer';
import type { Decision } from '../../policy/decide.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import type { FinalRuling, WaitingCalls, WaitingRuling } from '../waiting-calls.ts';
import { ApprovalQueue, type Asked, type RefusedAnswer, type Verdict } from './approval-queue.ts';
import { approvalContext, grantContext } from './approval-context.ts';
import { ClientChannel } from './client-channel.ts';
import type { Door } from './door.ts';
import { ElicitDoor } from './elicit-door.ts';
import { Grants } from './grants.ts';
import {
  answeredQuestion,
  canBeAnsweredWithQuestion,
  choiceIn,
  inputRequired,
  withoutRound,
} from './input-required.ts';
import { reportProgress } from './progress.ts';
import { digestOf, newQuestion, subjectOf, type Question } from './question.ts';
import { policyEvent, refusalOf, type RefusedCall } from './refusals.ts';
import { approvalStatements, type Statements } from './statements.ts';

type Ruling = FinalRuling | WaitingRuling;

/** Ten minutes of a person's attention; what asks for more than this asks for nothing. */
const MAX_QUESTIONS = 256;
/** Arguments of calls that wait: reading must go on, or the answer itself could not be read. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export interface ApprovalOptions {
  readonly doors: readonly Door[];
  /** How messages of ours reach the client; an `ElicitDoor` has the same. */
  readonly channel?: ClientChannel;
  /** There are several clients: each conversation has an `ElicitDoor` and a channel of its own. */
  readonly asksEachClient?: boolean;
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
  readonly asker: Asker;
}

/** The conversation that a paused call belongs to. */
export interface Asker {
  readonly gate: Gate;
  readonly channel: ClientChannel;
  /** Whom it can ask. */
  readonly doors: readonly Door[];
}

/** A call that was answered with a question. */
interface Parked {
  readonly paused: PausedCall;
  readonly asked: Asked;
  verdict: Verdict | undefined;
  timer?: NodeJS.Timeout;
}

const VOID: Verdict = { kind: 'void', waitedMs: 0 };
const LATE: Verdict = { kind: 'timed_out', waitedMs: 0 };
const DENY = { verdict: 'deny' } as const;

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
}

export interface PausedCallsOptions extends ApprovalOptions {
  readonly server: string;
  readonly policyDigest: () => string;
  readonly log: ProxyLog;
  readonly stated: Statements['recorder'];
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
  /** The channel of the one client, or of none: its space is that of all. */
  readonly #channel: ClientChannel;
  /** Calls that were answered with a question and have not come back, by the question's id. */
  readonly #parked = new Map<string, Parked>();
  #heldBytes = 0;

  constructor(options: PausedCallsOptions) {
    const { doors, policyDigest, log, stated } = options;
    this.#options = options;
    this.#channel = options.channel ?? new ClientChannel();
    this.#url = doors.find(({ url }) => url !== undefined)?.url ?? '';
    this.#statements = approvalStatements(stated, log);
    const refused = (answer: RefusedAnswer) => this.#statements.answerRefused(answer);
    this.#queue = new ApprovalQueue({ doors, policyDigest, refused });
  }

  /** What one conversation needs to have its calls asked about. */
  asker(gate: Gate): Asker {
    const { doors, asksEachClient } = this.#options;
    if (asksEachClient !== true) return { gate, channel: this.#channel, doors };
    const channel = new ClientChannel(this.#channel.space);
    const elicit = new ElicitDoor(channel);
    elicit.attach(this.#queue);
    return { gate, channel, doors: [...doors, elicit] };
  }

  /** Asks, or refuses where nobody can be asked. */
  pause(paused: PausedCall): Ruling {
    const { server, sessionId, policyDigest, timeoutMs } = this.#options;
    const { call, decision, tool, context, asker } = paused;
    const now = {
      call,
      tool,
      decision,
      server,
      sessionId,
      policyDigest: policyDigest(),
      timeoutMs,
    };
    const { subject } = subjectOf(now);
    const grant = this.#grants.find(subject, decision.risk.score);
    if (grant !== undefined) {
      this.#options.log(`APPROVED ${printable(tool)} (grant ${grant.id})`);
      return asker.gate.pass(call, tool, { ...context, approval: grantContext(grant) });
    }
    const answers = answeredQuestion(call, this.#channel);
    if (answers !== undefined) return this.#resume(paused, answers, newQuestion(now));
    const question = newQuestion(now);
    const open = asker.doors.filter((door) => door.isOpenFor(call));
    const rule = printable(question.subject.rule);
    this.#options.log(
      `PAUSED ${printable(tool)} (rule: ${rule}, risk: ${decision.risk.score}) \u2014 approval id: ${question.id}`,
    );
    // The client would forget a round of the server's over ours.
    const parks =
      elicitOf(asker) !== undefined && call.round === undefined && canBeAnsweredWithQuestion(call);
    if (open.length === 0 && !parks)
      return this.#refuse(paused, question, { kind: 'no_approver', waitedMs: 0 });
    if (!this.#hasRoom(question)) {
      return this.#refuse(
        paused,
        question,
        { kind: 'no_approver', waitedMs: 0 },
        'TOO_MANY_APPROVALS',
      );
    }
    if (parks) return this.#park(paused, this.#queue.ask(question, open, true));
    return this.#hold(paused, this.#queue.ask(question, open));
  }

  /** Whether this repeated call answers a question of ours. */
  asked(call: ToolCall): boolean {
    return answeredQuestion(call, this.#channel) !== undefined;
  }

  /** The call without what the client sent back to us; undefined where that is all of it. */
  withoutOurs(call: ToolCall): Buffer | undefined {
    if (call.round === undefined || answeredQuestion(call, this.#channel) === undefined) {
      return undefined;
    }
    return withoutRound(call.round.message);
  }

  /** What waits will not be answered any more, and is refused. */
  withdrawAll(reason: string): void {
    this.#queue.withdrawAll(reason);
  }

  close(): void {
    for (const id of this.#parked.keys()) this.#unpark(id);
    this.withdrawAll('the session ended');
    for (const door of this.#options.doors) door.close();
  }

  #hasRoom(question: Question): boolean {
    return (
      this.#queue.count + this.#parked.size < MAX_QUESTIONS &&
      this.#heldBytes + bytesOf(question) <= MAX_HELD_BYTES
    );
  }

  /**
   * Answers the call with the question. It is not in flight while the person thinks, so no timer of
   * the client runs; it comes back as a call of its own, or it is told of when time is up.
   */
  #park(paused: PausedCall, asked: Asked): FinalRuling {
    const { call } = paused;
    const { question } = asked;
    const parked: Parked = { paused, asked, verdict: undefined };
    this.#parked.set(question.id, parked);
    this.#heldBytes += bytesOf(question);
    void asked.verdict.then((verdict) => {
      parked.verdict = verdict;
      // Settled elsewhere: the call may still come for it.
      const left = Math.max(0, question.expiresAtMs - Date.now());
      parked.timer = setTimeout(() => this.#unpark(question.id), left).unref();
      return undefined;
    });
    const answer = inputRequired(call.id as Buffer, question, this.#channel);
    return { forward: false, answer };
  }

  /** The call did not come back. */
  #unpark(id: string): void {
    const parked = this.#takeParked(id);
    if (parked === undefined) return;
    const { paused, asked, verdict } = parked;
    const reason = `the client did not repeat the call (${verdict?.kind ?? 'not answered'})`;
    this.#withdrawn(paused, asked.question, reason);
  }

  #takeParked(id: string): Parked | undefined {
    const parked = this.#parked.get(id);
    if (parked === undefined) return undefined;
    this.#parked.delete(id);
    this.#heldBytes -= bytesOf(parked.asked.question);
    clearTimeout(parked.timer);
    return parked;
  }

  /** The call is back, with what the person said. It has to be the same call. */
  #resume(paused: PausedCall, id: string, now: Question): Ruling {
    const { call } = paused;
    const choice = choiceIn(call);
    const answer = { ...(choice ?? DENY), door: 'elicit', by: 'client' } as const;
    const parked = this.#parked.get(id);
    if (parked === undefined) {
      const code = this.#queue.answer(id, answer);
      if (code === 'APPROVAL_EXPIRED') return this.#refuse(paused, now, LATE);
      return this.#refuse(paused, now, VOID, code === 'taken' ? undefined : code);
    }
    const { asked } = parked;
    const { question } = asked;
    const { policyDigest } = question.subject;
    // The rules are looked at by the desk, which has a word of its own for them.
    const digest = digestOf({ ...now.subject, policyDigest }, id);
    if (digest !== question.digest) {
      const { by, door } = answer;
      this.#statements.answerRefused({ code: 'APPROVAL_MISMATCH', id, question, door, by });
      return this.#refuse(paused, now, VOID, 'APPROVAL_MISMATCH');
    }
    this.#takeParked(id);
    if (choice === undefined) this.#queue.closed(id, 'other');
    else this.#queue.answer(id, answer); // where another door was first, it is recorded
    return this.#hold(paused, asked);
  }

  /** Keeps the call until its verdict, and until its receipt is as safe as it has to be. */
  #hold(paused: PausedCall, asked: Asked): WaitingRuling {
    const { call, tool } = paused;
    const { gate, channel } = paused.asker;
    const bytes = bytesOf(asked.question);
    this.#heldBytes += bytes;
    let leaving: Leaving | undefined;
    let isGone = false;
    const endProgress = reportProgress(call, channel);
    const settled = async (): Promise<Verdict> => {
      const verdict = await asked.verdict;
      endProgress();
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
    const approval = approvalContext(question, verdict, grant);
    return { ...context, approval };
  }

  #refuse(paused: PausedCall, question: Question, verdict: Verdict, code?: ErrorCode): FinalRuling {
    const { log } = this.#options;
    const { call, tool, context, asker } = paused;
    const { gate } = asker;
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
    const { log } = this.#options;
    const { gate } = paused.asker;
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

function bytesOf({ arguments: text = '' }: Question): number {
  return text.length;
}

/** The client of a conversation, as somebody who can be asked. */
export function elicitOf({ doors }: Asker): ElicitDoor | undefined {
  return doors.find((door) => door instanceof ElicitDoor);
}
