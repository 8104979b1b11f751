import type { LongStrings } from '../shared/json/long-strings.ts';
import type { JsonObject } from '../shared/json/value.ts';
import type { EventDecision } from '../shared/wire/event.ts';
import { CodedError } from '../shared/errors.ts';
import type { CallMembers } from './frame-body.ts';
import type { Pending } from './outbox.ts';
import type { ActionReport, JsonText } from './report.ts';

/** What became of an action that was announced. */
export interface OutcomeReport {
  /** What the announcement said, when absent. */
  readonly decision?: EventDecision | undefined;
  readonly output?: JsonText | undefined;
  readonly outputStrings?: LongStrings | undefined;
  readonly error?: string | undefined;
  /** In place of the announcement's. */
  readonly decisionContext?: JsonObject | undefined;
}

/** An action that was announced and has not ended. */
export interface OpenReport {
  /** Number of the action in this session, as its receipt will have it. */
  readonly callId: string;
  /**
   * Tells the outcome, once. A second time tells a result that came after the action had been
   * reported as ended without one; the record then holds both, and the second names the first.
   */
  end(outcome: OutcomeReport): void;
}

/** How announcements and outcomes leave; an emitter. */
export interface ReportPort {
  /** Whether an announcement is of use: it waits, or somebody waits for it. */
  mayAnnounce(isAwaited: boolean): boolean;
  /** @returns undefined for a report that was dropped */
  take(report: ActionReport, call: CallMembers, settle: Pending['settle']): Pending | undefined;
  /** Whether the daemon of this moment joins an outcome with what was announced. */
  joins(): boolean;
  /** @returns false for one that is on its way no more */
  withdraw(pending: Pending): boolean;
}

/** An action between its announcement and its end. */
export class AnnouncedAction implements OpenReport {
  readonly #report: ActionReport;
  readonly callId: string;
  readonly #port: ReportPort;
  /** Absent where the outcome alone will tell everything. */
  #intent: Pending | undefined;
  #hasEnded = false;

  /** @param settle - Told what became of the announcement, where somebody waits for it. */
  constructor(report: ActionReport, callId: string, port: ReportPort, settle: Pending['settle']) {
    this.#report = report;
    this.callId = callId;
    this.#port = port;
    const isAwaited = settle !== undefined;
    if (port.mayAnnounce(isAwaited)) {
      this.#intent = port.take(report, { call_id: callId, phase: 'intent' }, settle);
    } else settle?.(new CodedError('DAEMON_UNREACHABLE', 'this daemon keeps no announcements'));
  }

  end(outcome: OutcomeReport): void {
    const isLate = this.#hasEnded;
    const intent = this.#intent;
    this.#hasEnded = true;
    this.#intent = undefined;
    const hasLeft = intent !== undefined && intent.sent && !intent.isVoid;
    const isTold = hasLeft && this.#port.joins();
    if (intent !== undefined && !hasLeft && this.#port.withdraw(intent)) {
      // Never left, or came back: one frame tells it all.
      intent.settle?.(new CodedError('DAEMON_UNREACHABLE', 'the action has ended meanwhile'));
    }
    const report = isTold ? outcomeAlone(this.#report, outcome) : wholeStory(this.#report, outcome);
    const phase = isTold || isLate ? 'outcome' : undefined;
    this.#port.take(report, { call_id: this.callId, phase }, undefined);
  }
}

/** The daemon has the rest. Written out, so that all reports of calls have one shape. */
function outcomeAlone(report: ActionReport, outcome: OutcomeReport): ActionReport {
  return {
    channel: report.channel,
    tool: report.tool,
    decision: outcome.decision ?? report.decision,
    decisionContext: outcome.decisionContext,
    input: undefined,
    inputStrings: undefined,
    output: outcome.output,
    outputStrings: outcome.outputStrings,
    error: outcome.error,
  };
}

function wholeStory(report: ActionReport, outcome: OutcomeReport): ActionReport {
  return {
    ...report,
    decision: outcome.decision ?? report.decision,
    decisionContext: outcome.decisionContext ?? report.decisionContext,
    output: outcome.output,
    outputStrings: outcome.outputStrings,
    error: outcome.error ?? report.error,
  };
}
