import { Buffer } from 'node:buffer';
import {
  blocksAlways,
  decide,
  messageOf,
  stripToolPrefix,
  type Decision,
} from '../policy/decide.ts';
import { finding } from '../policy/finding.ts';
import { PolicyHistory } from '../policy/history.ts';
import type { RuleSet } from '../policy/rule.ts';
import { CodedError, type ErrorCode } from '../shared/errors.ts';
import { hasName } from '../shared/json/names.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import {
  codedData,
  errorAnswer,
  RPC_BLOCKED,
  RPC_INTERNAL,
  RPC_RECEIPT_REQUIRED,
} from './answers.ts';
import { ClientName } from './client-name.ts';
import { PausedCalls, type ApprovalOptions, type Leaving } from './approvals/paused-calls.ts';
import { policyEvent } from './approvals/refusals.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import { findingsMember } from './finding-context.ts';
import type {
  ClientReply,
  OwnAnswer,
  Refusal,
  SurveyRequest,
  TaskRequest,
  ToolCall,
} from './inspect.ts';
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
  /** The rules at the start; `adopt` brings others. */
  readonly rules: RuleSet;
  /** `sha256:` of these rules. */
  readonly policyDigest: string;
  /** The agent, for rules about it. */
  readonly agent?: string | undefined;
  /** The folder the server works in, for extended risk. */
  readonly workspace?: string | undefined;
  readonly recorder: Recorder;
  readonly log: ProxyLog;
  /** How a person is asked about calls that a rule pauses. Absent: nobody is. */
  readonly approvals?: ApprovalOptions | undefined;
  /** What the server has listed, beside what was accepted of it. */
  readonly tools?: ServerTools;
}

/** A decision, and the digest of the rules that made it. */
type Decided = Decision & { readonly policyDigest: string };

/** What a transport does with a call, at once or later. */
export type Ruling = FinalRuling | WaitingRuling;

/** Longer than any client keeps asking its person. */
const ALLOWED_MS = 10 * 60_000;
const FORWARD: FinalRuling = { forward: true };
/** Peers read from a refusal how long an approver would have had. */
const NO_APPROVALS: ApprovalOptions = { doors: [], sessionId: '', timeoutMs: 60_000 };

/**
 * The governance of one session, whatever the transport: every call is decided and announced before
 * a byte of it moves, and ends in exactly one report.
 */
export class Governor {
  readonly #options: GovernorOptions;
  readonly #waiting = new WaitingCalls();
  readonly #client = new ClientName();
  readonly #history = new PolicyHistory();
  #policy: PolicyInForce;
  readonly #paused: PausedCalls;
  readonly #results = new ResultWatch();
  readonly #outcomes: Outcomes;
  readonly #requests: ServerRequests;
  readonly #judge: ServerJudge;

  constructor(options: GovernorOptions) {
    const { serverName: server, approvals = NO_APPROVALS, recorder, log } = options;
    this.#options = options;
    this.#policy = { rules: options.rules, digest: options.policyDigest };
    this.#paused = new PausedCalls({
      ...approvals,
      server,
      policyDigest: () => this.#policy.digest,
      log,
      gate: {
        waiting: this.#waiting,
        pass: (call, tool, context) => this.#pass(call, tool, context),
        leave: (call, tool, context) => this.#leave(call, tool, context),
        denied: (call, tool, context, error) => recorder.denied({ tool, call, context }, error),
        answer: refuseWith,
        stated: (statement) => recorder.stated(statement),
      },
    });
    this.#outcomes = new Outcomes((request, answer) => options.tools?.observe(request, answer));
    const context = (decision: Decision) =>
      this.#context({ ...decision, policyDigest: this.#policy.digest });
    this.#requests = new ServerRequests({ ...options, context });
    this.#judge = {
      refuse: (request) => this.#requests.consider(this.#policy.rules, request),
      refusal: (method, params) => this.#requests.refusal(this.#policy.rules, method, params),
      hides: (answer) => this.#hides(answer),
    };
  }

  /** True while what the server says may end a call. */
  get hasOpenCalls(): boolean {
    return !this.#outcomes.isEmpty;
  }

  /** From the next call on other rules decide. What was counted goes on to count. */
  adopt(policy: PolicyInForce): void {
    this.#policy = policy;
  }

  /** A line of the client, which may say who it is. */
  hear(line: Buffer): void {
    this.#client.hear(line);
  }

  /** Whether a line of the server is of any interest once it has passed. */
  hears(line: Buffer): boolean {
    return this.hasOpenCalls || mayHoldRequest(line);
  }

  /** Whether rules decide about what the server says: its lines are judged before they pass. */
  get judgesServer(): boolean {
    const { tools } = this.#options;
    const { rules } = this.#policy;
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
    let decision: Decided;
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
        return this.#pass(call, tool, this.#context(decision));
      case 'pass':
        return this.#pass(call, tool, this.#context(decision));
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

  /** How messages of ours reach the client. */
  connectClient(send: (line: Buffer) => void): void {
    this.#paused.channel.connect(send);
  }

  /** The client says who it is. */
  introduced(params: Buffer): void {
    this.#paused.introduced(params);
  }

  /** @returns Whether the answer was to a request of ours, and is not for the server */
  heard(answer: OwnAnswer): boolean {
    return this.#paused.heard(answer);
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
      if (word.kind === 'request') this.#requests.consider(this.#policy.rules, word);
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

  /** The client says nothing more: whoever is asked now could not be heard through it. */
  clientEnded(): void {
    this.#paused.withdrawAll('the client has ended its input');
  }

  /** Nothing more will come, in either direction, because of `what`. */
  end(what: string): void {
    this.withdrawWaiting(what);
    this.#paused.close();
    this.#outcomes.end(what);
    this.#requests.end(what);
  }

  /**
   * The client goes on with a call that the server has asked back about: the rules decide again, the
   * record goes on, and a person who has allowed the call is not asked twice.
   */
  #nextRound(
    call: ToolCall,
    tool: string,
    before: SentCall,
    decision: Decided,
  ): Ruling | undefined {
    const { action, rule, policyDigest } = decision;
    // A person's answer is bound to the rule and the file that asked, and does not last for ever.
    const wasAllowed =
      before.context['action'] === 'pause' &&
      before.context['rule'] === rule?.name &&
      before.context['policy_digest'] === policyDigest &&
      before.sinceAskedMs < ALLOWED_MS;
    if (action === 'pause' && !wasAllowed) {
      before.unknown('a rule wants to ask a person about its next round');
      return undefined;
    }
    if (action !== 'block') {
      this.#outcomes.resumed(call, before);
      return FORWARD;
    }
    const message = `blocked by policy: ${rule === undefined ? '' : messageOf(rule)}`;
    this.#options.log(`BLOCKED ${printable(tool)} in a later round (${summary(decision)})`);
    before.refused(message, this.#context(decision));
    return refuseWith(call, RPC_BLOCKED, message);
  }

  /** Tools that a rule blocks whatever they are called with. */
  #hides(answer: Answer): ((name: string) => boolean) | undefined {
    const { serverName, agent, tools } = this.#options;
    const { rules } = this.#policy;
    if (rules.settings.hideBlocked !== true || tools === undefined) return undefined;
    const survey = this.#outcomes.surveyWith(answer.id);
    if (survey?.method !== 'tools/list') return undefined;
    tools.observe(survey, answer); // first, so that what has changed is known
    return (name) => {
      const tool = stripToolPrefix(name);
      const client = this.#client.info;
      return blocksAlways(rules, { server: serverName, tool, client, agent, ...tools.of(name) });
    };
  }

  /** The rules that decided and their digest belong together, whatever is adopted meanwhile. */
  #decide(call: ToolCall, tool: string, before: SentCall | undefined): Decided {
    const { serverName, agent, workspace } = this.#options;
    const { rules, digest } = this.#policy;
    const facts = this.#options.tools?.of(call.name) ?? NOTHING_KNOWN;
    // A round of the server's that nobody knows of; our own questions are answered that way too.
    const isAlone = call.round !== undefined && before === undefined && !this.#paused.asked(call);
    const findings = [
      ...facts.findings,
      ...this.#results.findings,
      ...(isAlone ? [ROUND_UNKNOWN] : []),
    ];
    const given = call.arguments;
    const decision = decide(rules, {
      server: serverName,
      tool,
      annotations: facts.annotations,
      ...(findings.length > 0 && { findings }),
      arguments: () => (given === undefined ? undefined : parseJson(decodeUtf8(given))),
      ...(given !== undefined &&
        given.length > LARGE_BYTES && {
          argumentsName: (names) => hasName(given, names, call.strings?.hop),
        }),
      client: this.#client.info,
      agent,
      ...(workspace !== undefined && { workspace: [workspace] }),
      nowMs: Date.now(),
      // A later round is the same call: it counts once.
      ...(before === undefined && { history: this.#history }),
    });
    return { ...decision, policyDigest: digest };
  }

  /** Announces the call, and lets it go once the record is as safe as it has to be. */
  #pass(call: ToolCall, tool: string, context: JsonObject): Ruling {
    const leaving = this.#leave(call, tool, context);
    if (leaving.durable === undefined) return leaving.send();
    return this.#waiting.hold({
      id: call.id,
      until: leaving.durable,
      rule: (result) =>
        result.status === 'fulfilled' ? leaving.send() : leaving.fail(result.reason),
      withdrawn: (reason) => leaving.withdrawn(reason),
    });
  }

  #leave(given: ToolCall, tool: string, context: JsonObject): Leaving {
    const call = retained(given);
    const record = this.#options.recorder.begin({ tool, call, context });
    return {
      durable: record.durable,
      send: () => {
        this.#outcomes.sent(call, this.#results.over(record, tool, context), context);
        const instead = this.#paused.withoutOurs(given);
        return instead === undefined ? FORWARD : { forward: true, instead };
      },
      fail: (fault) => this.#refuseUnrecorded(call, tool, record, fault),
      withdrawn: (reason) => record.denied(reason),
    };
  }

  #refuseUnrecorded(call: ToolCall, tool: string, record: OpenRecord, fault: unknown): FinalRuling {
    const cause = fault instanceof CodedError ? fault.code : 'INTERNAL';
    const error = `no receipt can be promised for this call: ${(fault as Error).message}`;
    this.#options.log(`REFUSED ${printable(tool)} (receipt required: ${cause})`);
    record.denied(error);
    const data = { cause, ...codedData('RECEIPT_REQUIRED') };
    return refuseWith(call, RPC_RECEIPT_REQUIRED, error, data);
  }

  #block(call: ToolCall, tool: string, decision: Decided): Ruling {
    const { log } = this.#options;
    const message = `blocked by policy: ${decision.rule === undefined ? '' : messageOf(decision.rule)}`;
    const name = decision.rule?.name ?? '';
    log(`BLOCKED ${printable(tool)} (${summary(decision)})`);
    const { score: riskScore } = decision.risk;
    const event = { action: 'block', approver: 'NONE', outcome: 'blocked', durationMs: 0 } as const;
    log(policyEvent({ tool, rule: name, riskScore, ...event }));
    return this.#deny(call, tool, decision, RPC_BLOCKED, message);
  }

  #pause(call: ToolCall, tool: string, decision: Decided): Ruling {
    try {
      return this.#paused.pause({ call, tool, decision, context: this.#context(decision) });
    } catch (error) {
      return this.#refuseUndecided(call, error as Error); // what cannot be asked is not allowed
    }
  }

  #deny(
    call: ToolCall,
    tool: string,
    decision: Decided,
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

  #context({
    action,
    rule,
    matched,
    reasons,
    risk,
    policyDigest,
    findings = [],
  }: Decided): JsonObject {
    return {
      action,
      ...(rule !== undefined && { rule: rule.name }),
      ...(matched.length > 1 && { matched }),
      ...(reasons.length > 0 && { reasons }),
      risk: {
        score: risk.score,
        reasons: risk.reasons.map(({ reason, points }) => ({ reason, points })),
      },
      ...findingsMember(findings),
      policy_digest: policyDigest,
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

/** Arguments of this size are decoded only if a rule, or the risk, depends on what they hold. */
const LARGE_BYTES = 16 * 1024;

/** From here on a view costs less than a copy, even though it keeps its whole chunk alive. */
const COPY_LIMIT_BYTES = 16 * 1024;

/** A call may stay open for hours: small texts must not hold on to the chunk they came in. */
function retained(call: ToolCall): ToolCall {
  const copy = (text: Buffer | undefined) =>
    text === undefined || text.length > COPY_LIMIT_BYTES ? text : Buffer.from(text);
  const { id, arguments: given } = call;
  const kept = copy(given);
  const isView = kept !== undefined && kept === given;
  const strings = isView ? call.strings : undefined; // it holds the chunk as well
  return { ...call, id: copy(id), arguments: kept, meta: undefined, round: undefined, strings };
}

/** A call without an id gets no answer, as none was asked for. */
function refuseWith(call: ToolCall, code: number, message: string, data?: JsonObject): FinalRuling {
  const { id } = call;
  return { forward: false, answer: id && errorAnswer(id, code, message, data) };
}

function summary({ rule, risk }: Decision): string {
  return `rule: ${printable(rule?.name ?? '')}, risk: ${risk.score}`;
}
