import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { decide, stripToolPrefix, type Decision } from '../policy/decide.ts';
import { finding } from '../policy/finding.ts';
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
import type { ClientReply, Refusal, SurveyRequest, TaskRequest, ToolCall } from './inspect.ts';
import { MAX_OPEN_CALLS } from './open-requests.ts';
import { Outcomes } from './outcomes.ts';
import type { SentCall } from './sent-call.ts';
import { mayHoldRequest, readServerLine, type Answer } from './server-message.ts';
import { guardsServerRequests, ServerRequests } from './server-requests.ts';
import { reviewServerLine, type Reviewed, type ServerJudge } from './server-review.ts';
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
  readonly #requests: ServerRequests;
  readonly #judge: ServerJudge;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#outcomes = new Outcomes((request, answer) => options.tools?.observe(request, answer));
    const context = (decision: Decision) => this.#context(decision);
    this.#requests = new ServerRequests({ ...options, context });
    this.#judge = {
      refuse: (request) => this.#requests.consider(this.#options.rules, request),
      refusal: (method, params) => this.#requests.refusal(this.#options.rules, method, params),
      hides: (answer) => this.#hides(answer),
    };
  }

  /** True while what the server says may end a call. */
  get hasOpenCalls(): boolean {
    return !this.#outcomes.isEmpty;
  }

  /** Whether a line of the server is of any interest once it has passed. */
  hears(line: Buffer): boolean {
    return this.hasOpenCalls || mayHoldRequest(line);
  }

  /** Whether rules decide about what the server says: its lines are judged before they pass. */
  get judgesServer(): boolean {
    const { rules, tools } = this.#options;
    return (
      (rules.settings.hideBlocked === true && tools !== undefined) || guardsServerRequests(rules)
    );
  }

  /** Judges a line of the server that the client has not seen. */
  review(line: Buffer): Reviewed {
    return reviewServerLine(line, this.#judge);
  }

  /**
   * Decides a call. Once this says forward, the call is open until its outcome is known; a transport
   * that is told to wait holds the call back, and nothing else.
   */
  rule(call: ToolCall): Ruling {
    if (this.#outcomes.openCount + this.#waiting.count >= MAX_OPEN_CALLS)
      return this.#refuseForRoom(call);
    const tool = stripToolPrefix(call.name);
    const before = this.#outcomes.takeRound(call);
    let decision: Decision;
    try {
      decision = this.#decide(call, tool, before);
    } catch (error) {
      before?.unknown('the policy could not decide about its next round');
      return this.#refuseUndecided(call, error as Error); // no decision is not a yes
    }
    const next = before && this.#nextRound(call, tool, before, decision);
    if (next !== undefined) return next;
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
  answered(answer: ClientReply): void {
    this.#requests.answered(answer);
  }

  /**
   * Looks at a message that the client has: what became of open calls, and what the server asks.
   *
   * @param isJudged - `review` has seen to the requests in it.
   */
  observe(message: Buffer, isJudged = false): void {
    const words = readServerLine(message);
    this.#outcomes.observe(words);
    if (isJudged) return;
    for (const word of words) {
      // No rule is about it: it passed, and is recorded.
      if (word.kind === 'request') this.#requests.consider(this.#options.rules, word);
    }
  }

  /** A line of the server that should have been judged, and is too long to be. */
  unjudged(bytes: number): void {
    const error = `line of the server longer than can be judged (${bytes} bytes so far)`;
    this.#options.log(`REFUSED ${error}`);
    const context = { action: 'block', refused: 'MESSAGE_NOT_UNDERSTOOD', direction: 'server' };
    this.#options.recorder.denied({ tool: UNREADABLE, call: undefined, context }, error);
  }

  /** What still waits will not be sent: there is nobody left to send it to, or to answer. */
  withdrawWaiting(reason: string): void {
    this.#waiting.withdrawAll(`not sent: ${reason}`);
  }

  /** Nothing more will come, in either direction, because of `what`. */
  end(what: string): void {
    this.withdrawWaiting(what);
    this.#outcomes.end(what);
    this.#requests.end(what);
  }

  #decide(call: ToolCall, tool: string, before: SentCall | undefined): Decision {
    const { serverName: server, rules, tools } = this.#options;
    const { annotations, findings: known } = tools?.of(call.name) ?? NOTHING_KNOWN;
    const isAlone = call.round !== undefined && before === undefined;
    const findings = [...known, ...this.#results.findings, ...(isAlone ? [ROUND_UNKNOWN] : [])];
    const given = () =>
      call.arguments === undefined ? undefined : parseJson(decodeUtf8(call.arguments));
    const decision = decide(rules, { server, tool, arguments: given, annotations, findings });
    return findings.length === 0 ? decision : { ...decision, findings };
  }

  /**
   * The client goes on with a call that the server has asked back about: the rules decide again, the
   * record goes on, and a person who has allowed the call is not asked twice.
   */
  #nextRound(
    call: ToolCall,
    tool: string,
    before: SentCall,
    decision: Decision,
  ): Ruling | undefined {
    const { action, rule } = decision;
    const wasAllowed =
      before.context['action'] === 'pause' && before.context['rule'] === rule?.name;
    if (action === 'pause' && !wasAllowed) {
      before.unknown('a rule wants to ask a person about its next round');
      return undefined;
    }
    if (action !== 'block') {
      this.#outcomes.resumed(call, before);
      return FORWARD;
    }
    const message = `blocked by policy: ${rule?.description || (rule?.name ?? '')}`;
    this.#options.log(`BLOCKED ${printable(tool)} in a later round (${summary(decision)})`);
    before.refused(message, this.#context(decision));
    return refuseWith(call, RPC_BLOCKED, message);
  }

  /** Tools that a rule blocks whatever they are called with. */
  #hides(answer: Answer): ((name: string) => boolean) | undefined {
    const { rules, serverName, tools } = this.#options;
    if (rules.settings.hideBlocked !== true || tools === undefined) return undefined;
    const survey = this.#outcomes.surveyWith(answer.id);
    if (survey?.method !== 'tools/list') return undefined;
    tools.observe(survey, answer); // first, so that what has changed is known
    return (name) => {
      const tool = stripToolPrefix(name);
      const request = { server: serverName, tool, arguments: () => undefined, ...tools.of(name) };
      return decide(rules, request).action === 'block';
    };
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

const ROUND_UNKNOWN = finding(
  'round_unknown',
  'goes on with a call that did not pass here, or had other arguments',
);
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
