import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { decide, stripToolPrefix, type Decision } from '../policy/decide.ts';
import type { RuleSet } from '../policy/rule.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import { codedData, errorAnswer, RPC_BLOCKED, RPC_INTERNAL, RPC_NO_APPROVER } from './answers.ts';
import type { Refusal, ToolCall } from './inspect.ts';
import { MAX_OPEN_CALLS, OpenCalls, type OpenCall } from './open-calls.ts';
import { printable, type ProxyLog } from './proxy-log.ts';
import type { Recorder } from './recorder.ts';
import { readAnswer } from './server-message.ts';

export interface GovernorOptions {
  readonly serverName: string;
  readonly rules: RuleSet;
  /** `sha256:` of the rules in force. */
  readonly policyDigest: string;
  readonly recorder: Recorder;
  readonly log: ProxyLog;
}

/** What a transport does with a call: send it on, or answer the client itself (or say nothing). */
export type Ruling =
  | { readonly forward: true }
  | { readonly forward: false; readonly answer: Buffer | undefined };

const FORWARD: Ruling = { forward: true };
/** How long an approver would have had; peers read it from the refusal. */
const APPROVAL_TIMEOUT_MS = 60_000;

/**
 * The governance of one session, whatever the transport: every call is decided before a byte of it
 * moves, and ends in exactly one report.
 */
export class Governor {
  readonly #options: GovernorOptions;
  readonly #open = new OpenCalls();

  constructor(options: GovernorOptions) {
    this.#options = options;
  }

  /** True while an answer of the server may belong to a call. */
  get hasOpenCalls(): boolean {
    return this.#open.count > 0;
  }

  /** Decides a call. Once this says forward, the call is open until its outcome is known. */
  rule(call: ToolCall): Ruling {
    const { serverName, rules } = this.#options;
    if (this.#open.count >= MAX_OPEN_CALLS) return this.#refuseForRoom(call);
    const tool = stripToolPrefix(call.name);
    let decision: Decision;
    try {
      decision = decide(rules, {
        server: serverName,
        tool,
        arguments: () =>
          call.arguments === undefined ? undefined : parseJson(decodeUtf8(call.arguments)),
      });
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
    recorder.denied({ tool: stripToolPrefix(toolName), call: undefined, error: message, context });
    return errorAnswer(id, rpcCode, message, codedData('MESSAGE_NOT_UNDERSTOOD'));
  }

  cancel(requestId: Uint8Array): void {
    this.#open.cancel(requestId);
  }

  /** Looks at a message of the server for answers to open calls. */
  observe(message: Buffer): void {
    for (const answer of readAnswer(message)) {
      const open = this.#open.take(answer.id);
      if (open === undefined) continue;
      this.#options.recorder.answered({
        ...recordOf(open),
        output: answer.result,
        error: answer.error,
      });
    }
  }

  /** Nothing more will come: what is open has an outcome that nobody saw. */
  end(reason: string): void {
    for (const open of this.#open.takeAll()) {
      const why = open.cancelled ? `cancelled by the client; ${reason}` : reason;
      this.#options.recorder.unknown({ ...recordOf(open), error: `outcome unknown: ${why}` });
    }
  }

  #pass(call: ToolCall, tool: string, decision: Decision): Ruling {
    const context = this.#context(decision);
    this.#open.add({ call, tool, context, cancelled: false, ambiguous: false });
    for (const open of this.#open.takeUnanswerable()) {
      const error = 'outcome unknown: the call was sent without an id, so no answer can come';
      this.#options.recorder.unknown({ ...recordOf(open), error });
    }
    return FORWARD;
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
  ): Ruling {
    // The report leaves before the answer: a client that kills us on refusal hides nothing.
    this.#options.recorder.denied({ tool, call, error: message, context: this.#context(decision) });
    return {
      forward: false,
      answer: call.id === undefined ? undefined : errorAnswer(call.id, code, message, data),
    };
  }

  #refuseForRoom(call: ToolCall): Ruling {
    const error = `${MAX_OPEN_CALLS} calls are open already`;
    return this.#refuseCall(call, 'TOO_MANY_OPEN_CALLS', error);
  }

  #refuseUndecided(call: ToolCall, cause: Error): Ruling {
    this.#options.log(`policy failed: ${printable(String(cause.stack))}`);
    return this.#refuseCall(call, 'INTERNAL', 'the policy could not decide about this call');
  }

  #refuseCall(call: ToolCall, code: ErrorCode, error: string): Ruling {
    const context = { action: 'block', refused: code };
    this.#options.recorder.denied({ tool: stripToolPrefix(call.name), call, error, context });
    const answer =
      call.id === undefined
        ? undefined
        : errorAnswer(call.id, RPC_INTERNAL, error, codedData(code));
    return { forward: false, answer };
  }

  #context({ action, rule, matched, risk }: Decision): JsonObject {
    return {
      action,
      ...(rule !== undefined && { rule: rule.name }),
      ...(matched.length > 1 && { matched }),
      risk: {
        score: risk.score,
        reasons: risk.reasons.map(({ reason, points }) => ({ reason, points })),
      },
      policy_digest: this.#options.policyDigest,
    };
  }
}

/** Stands where a tool's name would, when no name could be read. */
const UNREADABLE = '(unreadable)';

function recordOf({ tool, call, context, ambiguous }: OpenCall) {
  const note = 'another call with the same id was open: answers were matched in order of arrival';
  return { tool, call, context: ambiguous ? { ...context, note } : context };
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
