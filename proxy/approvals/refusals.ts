import { formatGoDuration } from '../../shared/duration.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { RPC_APPROVAL, RPC_NO_APPROVER } from '../answers.ts';
import { printable } from '../proxy-log.ts';
import type { Verdict } from './approval-queue.ts';

/** What the client of a paused call is told. */
export interface Refusal {
  readonly rpcCode: number;
  readonly message: string;
  readonly data: JsonObject;
  readonly status: 'denied' | 'timed_out' | 'no_approver';
}

export interface RefusedCall {
  readonly tool: string;
  readonly rule: string;
  readonly riskScore: number;
  readonly approvalId: string;
  readonly timeoutMs: number;
  /** Where a person could have answered; empty when nowhere. */
  readonly url: string;
}

const CODES: Readonly<Record<Exclude<Verdict['kind'], 'approved'>, ErrorCode>> = {
  denied: 'APPROVAL_DENIED',
  timed_out: 'APPROVAL_TIMED_OUT',
  no_approver: 'NO_APPROVER',
  withdrawn: 'APPROVAL_WITHDRAWN',
  void: 'APPROVAL_VOID',
};

/**
 * The answer to a paused call that does not run: texts and members as clients of the protocol know
 * them, and a code of ours beside them that tells the cases apart for good.
 *
 * @param code - In place of the verdict's own.
 * @see Agent Receipts 0.5.0, "Outcomes and JSON-RPC errors"
 */
export function refusalOf(
  kind: Exclude<Verdict['kind'], 'approved'>,
  call: RefusedCall,
  code: ErrorCode = CODES[kind],
): Refusal {
  const status = kind === 'timed_out' || kind === 'no_approver' ? kind : 'denied';
  return {
    rpcCode: status === 'no_approver' ? RPC_NO_APPROVER : RPC_APPROVAL,
    message: messageOf(status, call),
    status,
    data: {
      approval_id: call.approvalId,
      approval_required: true,
      approval_timeout_ms: call.timeoutMs,
      approval_token_required: true,
      approval_url: call.url,
      code,
      risk_score: call.riskScore,
      rule_name: call.rule,
      status,
      tool_name: call.tool,
    },
  };
}

function messageOf(status: Refusal['status'], call: RefusedCall): string {
  const { tool, rule, riskScore, approvalId, timeoutMs } = call;
  const about = `tool=${tool} rule=${rule} risk=${riskScore} approval_id=${approvalId}`;
  switch (status) {
    case 'denied':
      return `tool call denied by approval workflow: ${about}`;
    case 'timed_out':
      return `tool call approval timed out after ${formatGoDuration(timeoutMs)}: ${about}`;
    case 'no_approver':
      return (
        `tool call rejected: no approver configured for pause rule ${JSON.stringify(rule)} ` +
        `(pass -http=ADDR to enable, or -http=none to acknowledge): tool=${tool} risk=${riskScore}`
      );
  }
}

export interface PolicyEvent {
  readonly tool: string;
  readonly rule: string;
  readonly riskScore: number;
  readonly action: 'block' | 'pause';
  /** Who was asked, or `NONE`. */
  readonly approver: string;
  readonly outcome: string;
  readonly durationMs: number;
}

/** The line that programs look for when a call was stopped or asked about. */
export function policyEvent(event: PolicyEvent): string {
  const quoted = (text: string) => JSON.stringify(printable(text));
  const { tool, rule, riskScore, action, approver, outcome, durationMs } = event;
  return (
    `policy_event tool=${quoted(tool)} rule=${quoted(rule)} risk=${riskScore} ` +
    `action=${quoted(action)} approver=${quoted(approver)} outcome=${quoted(outcome)} ` +
    `duration_ms=${durationMs}`
  );
}
