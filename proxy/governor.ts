import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { decide, stripToolPrefix, type Decision } from '../policy/decide.ts';
import type { RuleSet } from '../policy/rule.ts';
import { CodedError, type ErrorCode } from '../shared/errors.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import {
  codedData,
  errorAnswer,
  RPC_BLOCKED,
  RPC_INTERNAL,
  RPC_NO_APPROVER,
  RPC_RECEIPT_REQUIRED,
} from './answers.ts';
import { findingsMember } from './finding-context.ts';
import type { ClientAnswer, Refusal, SurveyRequest, TaskRequest, ToolCall } from './inspect.ts';
import { MAX_OPEN_CALLS } from './open-requests.ts';
import { Outcomes } from './outcomes.ts';
import type { ServerTools, ToolFacts } from './pins/server-tools.ts';
import { printable, type ProxyLog } from './proxy-log.ts';
import type { OpenRecord, Recorder } from './recorder.ts';
import { ResultWatch } from './result-watch.ts';
import { WaitingCalls, type FinalRuling, type WaitingRuling } from './waiting-calls.ts';

export interface GovernorOptions {
  readonly serverName: string;
  readonly rules: RuleSet;
  /** `sha256:` of the rules in force. */
  readonly policyDigest: string;
  readonly recorder: Recorder;
  readonly log: ProxyLog;
  /** What the server has listed, beside what was accepted of it. */
  readonly tools?: ServerTools;
}

/** What a transport does with a call, at once or later. */
export type Ruling = FinalRuling | WaitingRuling;

const FORWARD: FinalRuling = { forward: true };
/** How long an approver would have had; peers read it from the refusal. */
const APPROVAL_TIMEOUT_MS = 60_000;

/**
 * The governance of one session, whatever the transport: every call is decided and announced before
 * a byte of it moves, and ends in exactly one report.
 */
export class Governor {
  readonly #options: GovernorOptions;
  readonly #waiting = new WaitingCalls();
  readonly #results = new ResultWatch();
  readonly #outcomes: Outcomes;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#outcomes = new Outcomes((request, answer) => options.tools?.observe(request, answer));
  }

  /** True while what the server says may end a call. */
  get hasOpenCalls(): boolean {
    return !this.#outcomes.isEmpty;
  }

  /**
   * Decides a call. Once this says forward, the call is open until its outcome is known; a transport
   * that is told to wait holds the call back, and nothing else.
   */
  rule(call: ToolCall): Ruling {
    const { serverName, rules } = this.#options;
    if (this.#outcomes.openCount + this.#waiting.count >= MAX_OPEN_CALLS)
      return this.#refuseForRoom(call);
    const tool = stripToolPrefix(call.name);
    let decision: Decision;
    try {
      const facts = this.#options.tools?.of(call.name) ?? NOTHING_KNOWN;
      const findings = [...facts.findings, ...this.#results.findings];
      decision = decide(rules, {
        server: serverName,
        tool,
        annotations: facts.annotations,
        findings,
        arguments: () =>
          call.arguments === undefined ? undefined : parseJson(decodeUtf8(call.arguments)),
      });
      if (findings.length > 0) decision = { ...decision, findings };
    } catch (error) {
      return this.#refuseUndecided(call, error as Error); // no decision is not a yes
    }
    switch (decision.action) {
      case 'block':
        return this.#block(call, tool, decision);
      case 'pause':
        return this.#pause(call, tool, decision);
      case 'flag':
        this.#options.log(`FLAGGED ${printable(tool)} (${summary(decision)})`);
        return this.#pass(call, tool, decision);
      case 'pass':
        return this.#pass(call, tool, decision);
    }
  }

  /** A message that is not passed on because it cannot be read in exactly one way. */
  refuse(refusal: Refusal): Buffer {
    const { log, recorder } = this.#options;
    const { reason, rpcCode, id, toolName = UNREADABLE } = refusal;
    const message = `message not understood: ${reason}`;
    log(`REFUSED ${printable(toolName)} (${printable(reason)})`);
    const context = { action: 'block', refused: 'MESSAGE_NOT_UNDERSTOOD' };
    recorder.denied({ tool: stripToolPrefix(toolName), call: undefined, context }, message);
    return errorAnswer(id, rpcCode, message, codedData('MESSAGE_NOT_UNDERSTOOD'));
  }

  /** @returns Whether the server is to hear of it: not of a call that it never got. */
  cancel(requestId: Buffer): boolean {
    const withdrawn = this.#waiting.withdraw(requestId, 'cancelled before it was sent');
    const isOpen = this.#outcomes.cancel(requestId);
    return isOpen || withdrawn === 0;
  }

  /** A request about a task leaves for the server. */
  follow(request: TaskRequest): void {
    this.#outcomes.follow(request);
  }

  /** A request for what the server is or has leaves for the server. */
  watch(request: SurveyRequest): void {
    if (this.#options.tools !== undefined) this.#outcomes.watch(request);
  }

  /** An answer of the client leaves for the server. */
  answered(_answer: ClientAnswer): void {}

  /** Looks at a message of the server for what became of open calls. */
  observe(message: Buffer): void {
    this.#outcomes.observe(message);
  }

  /** What still waits will not be sent: there is nobody left to send it to, or to answer. */
  withdrawWaiting(reason: string): void {
    this.#waiting.withdrawAll(`not sent: ${reason}`);
  }

  /** Nothing more will come, in either direction, because of `what`. */
  end(what: string): void {
    this.withdrawWaiting(what);
    this.#outcomes.end(what);
  }

  /** Announces the call, and lets it go once the record is as safe as it has to be. */
  #pass(call: ToolCall, tool: string, decision: Decision): Ruling {
    const context = this.#context(decision);
    const record = this.#options.recorder.begin({ tool, call, context });
    const send = (): FinalRuling => {
      this.#outcomes.sent(call, this.#results.over(record, tool, context), context);
      return FORWARD;
    };
    if (record.durable === undefined) return send();
    return this.#waiting.hold({
      id: call.id,
      until: record.durable,
      rule: (result) =>
        result.status === 'fulfilled'
          ? send()
          : this.#refuseUnrecorded(call, tool, record, result.reason),
      withdrawn: (reason) => record.denied(reason),
    });
  }

  #refuseUnrecorded(call: ToolCall, tool: string, record: OpenRecord, fault: unknown): FinalRuling {
    const cause = fault instanceof CodedError ? fault.code : 'INTERNAL';
    const error = `no receipt can be promised for this call: ${(fault as Error).message}`;
    this.#options.log(`REFUSED ${printable(tool)} (receipt required: ${cause})`);
    record.denied(error);
    const data = { cause, ...codedData('RECEIPT_REQUIRED') };
    return refuseWith(call, RPC_RECEIPT_REQUIRED, error, data);
  }

  #block(call: ToolCall, tool: string, decision: Decision): Ruling {
    const { log } = this.#options;
    const name = decision.rule?.name ?? '';
    const message = `blocked by policy: ${decision.rule?.description || name}`;
    log(`BLOCKED ${printable(tool)} (${summary(decision)})`);
    log(policyEvent(tool, decision, 'block', 'blocked'));
    return this.#deny(call, tool, decision, RPC_BLOCKED, message);
  }

  /** No door to a person exists yet: a rule that wants one can only be kept by refusing. */
  #pause(call: ToolCall, tool: string, decision: Decision): Ruling {
    const { log } = this.#options;
    const name = decision.rule?.name ?? '';
    const { score } = decision.risk;
    const approvalId = randomBytes(16).toString('hex');
    const message =
      `tool call rejected: no approver configured for pause rule ${JSON.stringify(name)} ` +
      `(pass -http=ADDR to enable, or -http=none to acknowledge): tool=${tool} risk=${score}`;
    log(`PAUSED ${printable(tool)} (${summary(decision)}) \u2014 approval id: ${approvalId}`);
    log(policyEvent(tool, decision, 'pause', 'no_approver'));
    log(`DENIED ${printable(tool)} (no_approver)`);
    return this.#deny(call, tool, decision, RPC_NO_APPROVER, message, {
      approval_id: approvalId,
      approval_required: true,
      approval_timeout_ms: APPROVAL_TIMEOUT_MS,
      approval_token_required: true,
      approval_url: '',
      risk_score: score,
      rule_name: name,
      status: 'no_approver',
      tool_name: tool,
    });
  }

  #deny(
    call: ToolCall,
    tool: string,
    decision: Decision,
    code: number,
    message: string,
    data?: JsonObject,
  ): FinalRuling {
    // The report leaves before the answer: a client that kills us on refusal hides nothing.
    this.#options.recorder.denied({ tool, call, context: this.#context(decision) }, message);
    return refuseWith(call, code, message, data);
  }

  #refuseForRoom(call: ToolCall): FinalRuling {
    const error = `${MAX_OPEN_CALLS} calls are open already`;
    return this.#refuseCall(call, 'TOO_MANY_OPEN_CALLS', error);
  }

  #refuseUndecided(call: ToolCall, cause: Error): FinalRuling {
    this.#options.log(`policy failed: ${printable(String(cause.stack))}`);
    return this.#refuseCall(call, 'INTERNAL', 'the policy could not decide about this call');
  }

  #refuseCall(call: ToolCall, code: ErrorCode, error: string): FinalRuling {
    const context = { action: 'block', refused: code };
    this.#options.recorder.denied({ tool: stripToolPrefix(call.name), call, context }, error);
    return refuseWith(call, RPC_INTERNAL, error, codedData(code));
  }

  #context({ action, rule, matched, risk, findings = [] }: Decision): JsonObject {
    return {
      action,
      ...(rule !== undefined && { rule: rule.name }),
      ...(matched.length > 1 && { matched }),
      risk: {
        score: risk.score,
        reasons: risk.reasons.map(({ reason, points }) => ({ reason, points })),
      },
      ...findingsMember(findings),
      policy_digest: this.#options.policyDigest,
    };
  }
}

const NOTHING_KNOWN: ToolFacts = { annotations: undefined, findings: [] };

/** Stands where a tool's name would, when no name could be read. */
const UNREADABLE = '(unreadable)';

/** A call without an id gets no answer, as none was asked for. */
function refuseWith(call: ToolCall, code: number, message: string, data?: JsonObject): FinalRuling {
  const { id } = call;
  return { forward: false, answer: id && errorAnswer(id, code, message, data) };
}

function summary({ rule, risk }: Decision): string {
  return `rule: ${printable(rule?.name ?? '')}, risk: ${risk.score}`;
}

function policyEvent(tool: string, decision: Decision, action: string, outcome: string): string {
  const quoted = (text: string) => JSON.stringify(printable(text));
  return (
    `policy_event tool=${quoted(tool)} rule=${quoted(decision.rule?.name ?? '')} ` +
    `risk=${decision.risk.score} action=${quoted(action)} approver="NONE" ` +
    `outcome=${quoted(outcome)} duration_ms=0`
  );
}
