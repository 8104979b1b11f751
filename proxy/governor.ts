import { Buffer } from 'node:buffer';
import { messageOf, stripToolPrefix, type Decision } from '../policy/decide.ts';
import { CodedError, type ErrorCode } from '../shared/errors.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import {
  codedData,
  errorAnswer,
  RPC_BLOCKED,
  RPC_INTERNAL,
  RPC_RECEIPT_REQUIRED,
} from './answers.ts';
import type { SendLine } from './approvals/client-channel.ts';
import { elicitOf, type Asker, type Leaving } from './approvals/paused-calls.ts';
import { policyEvent } from './approvals/refusals.ts';
import { ClientName } from './client-name.ts';
import { GovernedServer, type Decided, type GovernorOptions } from './governed-server.ts';
import type {
  ClientReply,
  OwnAnswer,
  Refusal,
  SurveyInspection,
  TaskRequest,
  ToolCall,
} from './inspect.ts';
import { MAX_OPEN_CALLS } from './open-requests.ts';
import { Outcomes } from './outcomes.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import { printable } from './proxy-log.ts';
import type { OpenRecord } from './recorder.ts';
import type { SentCall } from './sent-call.ts';
import { mayHoldRequest, mayHoldWord, readServerLine } from './server-message.ts';
import { ServerRequests } from './server-requests.ts';
import { reviewServerLine, type Reviewed, type ServerJudge } from './server-review.ts';
import { WaitingCalls, type FinalRuling, type WaitingRuling } from './waiting-calls.ts';

/** What a transport does with a call, at once or later. */
export type Ruling = FinalRuling | WaitingRuling;

/** Longer than any client keeps asking its person. */
const ALLOWED_MS = 10 * 60_000;

/**
 * The governance of one conversation, whatever the transport: every call is decided and announced
 * before a byte of it moves, and ends in exactly one report.
 */
export class Governor {
  readonly #options: GovernorOptions;
  readonly #server: GovernedServer;
  /** Nobody else talks to the server: it is not governed any longer than this. */
  readonly #isOnly: boolean;
  readonly #waiting = new WaitingCalls();
  readonly #client = new ClientName();
  readonly #asker: Asker;
  readonly #outcomes: Outcomes;
  readonly #requests: ServerRequests;
  readonly #judge: ServerJudge;

  /**
   * @param given - A server that others talk to as well; or options, for a server that has nobody
   *   else, as on stdio.
   * @param isLasting - Tasks, and calls that go on in several rounds, begin and end in it.
   */
  constructor(given: GovernorOptions | GovernedServer, isLasting = true) {
    this.#isOnly = !(given instanceof GovernedServer);
    const server = given instanceof GovernedServer ? given : new GovernedServer(given);
    const { options } = server;
    const { serverName, recorder, log, tools } = options;
    this.#options = options;
    this.#server = server;
    this.#asker = server.paused.asker({
      waiting: this.#waiting,
      pass: (call, tool, context) => this.#pass(call, tool, context),
      leave: (call, tool, context) => this.#leave(call, tool, context),
      denied: (call, tool, context, error) => recorder.denied({ tool, call, context }, error),
      answer: refuseWith,
    });
    this.#outcomes = new Outcomes(
      (request, answer) => tools?.observe(request, answer),
      isLasting ? undefined : server.lasting,
    );
    const context = (decision: Decision) => server.context(decision);
    this.#requests = new ServerRequests({ serverName, recorder, log, context });
    this.#judge = {
      refuse: (request) => this.#requests.consider(server.policy.rules, request),
      refusal: (method, params) => this.#requests.refusal(server.policy.rules, method, params),
      hides: (answer) =>
        server.hides(this.#outcomes.surveyWith(answer.id), answer, this.#client.info),
    };
  }

  /** True while what the server says may end a call. */
  get hasOpenCalls(): boolean {
    return !this.#outcomes.isEmpty;
  }

  /** From the next call on other rules decide. What was counted goes on to count. */
  adopt(policy: PolicyInForce): void {
    this.#server.adopt(policy);
  }

  /** Whether any of these lines of the server is of interest once it has passed. */
  hears(lines: Buffer): boolean {
    return this.hasOpenCalls ? mayHoldWord(lines) : mayHoldRequest(lines);
  }

  /** Whether rules decide about what the server says: its lines are judged before they pass. */
  get judgesServer(): boolean {
    return this.#server.judgesServer;
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
      this.#client.calls(call.meta);
      const caller = { client: this.#client.info, isNextRound: before !== undefined };
      decision = this.#server.decide(call, tool, caller);
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
        return this.#pass(call, tool, this.#server.context(decision));
      case 'pass':
        return this.#pass(call, tool, this.#server.context(decision));
    }
  }

  /** What the calls that `work` rules on are announced with leaves in one piece. */
  together(work: () => void): void {
    this.#options.recorder.together(work);
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

  /** How messages of ours reach the client; undefined where none can, for now. */
  connectClient(send: SendLine | undefined): void {
    this.#asker.channel.connect(send);
  }

  /** @returns Whether the answer was to a request of ours, and is not for the server */
  heard(answer: OwnAnswer): boolean {
    return elicitOf(this.#asker)?.heard(answer) ?? false;
  }

  /** A request about a task leaves for the server. */
  follow(request: TaskRequest): void {
    this.#outcomes.follow(request);
  }

  /** A request for what the server is or has leaves for the server; it may say who the client is. */
  watch({ request, params, meta }: SurveyInspection): void {
    if (request.method === 'initialize' && params !== undefined) {
      const value = parseJson(decodeUtf8(params));
      this.#client.introduced(value);
      elicitOf(this.#asker)?.introduced(value);
    }
    this.#client.calls(meta);
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
      if (word.kind === 'request') this.#requests.consider(this.#server.policy.rules, word);
    }
  }

  /** A line of the server that should have been judged, and is too long to be. */
  unjudged(bytes: number): void {
    const error = `line of the server longer than can be judged (${bytes} bytes so far)`;
    this.#options.log(`REFUSED ${error}`);
    const context = { action: 'block', refused: 'MESSAGE_NOT_UNDERSTOOD', direction: 'server' };
    this.#options.recorder.denied({ tool: UNREADABLE, call: undefined, context }, error);
  }

  /** The server has refused this request in a way of the transport. @param error - JSON text. */
  failed(id: Buffer, error: Buffer): void {
    this.#outcomes.failed(id, error);
  }

  /** No answer to this request can come any more, because of `reason`. */
  giveUp(id: Buffer, reason: string): void {
    this.#outcomes.giveUp(id, reason);
  }

  /** What still waits will not be sent: there is nobody left to send it to, or to answer. */
  withdrawWaiting(reason: string): void {
    this.#waiting.withdrawAll(`not sent: ${reason}`);
  }

  /** The client says nothing more: whoever is asked now could not be heard through it. */
  clientEnded(): void {
    this.#server.paused.withdrawAll('the client has ended its input');
  }

  /** Nothing more will come, in either direction, because of `what`. */
  end(what: string): void {
    this.withdrawWaiting(what);
    if (this.#isOnly) this.#server.end(what);
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
      return { forward: true, reference: before.reference };
    }
    const message = `blocked by policy: ${rule === undefined ? '' : messageOf(rule)}`;
    this.#options.log(`BLOCKED ${printable(tool)} in a later round (${summary(decision)})`);
    before.refused(message, this.#server.context(decision));
    return refuseWith(call, RPC_BLOCKED, message);
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
        this.#outcomes.sent(call, this.#server.results.over(record, tool, context), context);
        const instead = this.#server.paused.withoutOurs(given);
        const { reference } = record;
        return { forward: true, reference, instead };
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
      const context = this.#server.context(decision);
      return this.#server.paused.pause({ call, tool, decision, context, asker: this.#asker });
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
    this.#options.recorder.denied({ tool, call, context: this.#server.context(decision) }, message);
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
}

/** Stands where a tool's name would, when no name could be read. */
const UNREADABLE = '(unreadable)';

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
  return {
    name: call.name,
    id: copy(id),
    arguments: kept,
    toolUseId: call.toolUseId,
    wantsTask: call.wantsTask,
    meta: undefined,
    round: undefined,
    strings,
  };
}

/** A call without an id gets no answer, as none was asked for. */
function refuseWith(call: ToolCall, code: number, message: string, data?: JsonObject): FinalRuling {
  const { id } = call;
  return { forward: false, answer: id && errorAnswer(id, code, message, data) };
}

function summary({ rule, risk }: Decision): string {
  return `rule: ${printable(rule?.name ?? '')}, risk: ${risk.score}`;
}
