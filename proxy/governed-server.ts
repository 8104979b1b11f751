import { blocksAlways, decide, stripToolPrefix, type Decision } from '../policy/decide.ts';
import { finding } from '../policy/finding.ts';
import { PolicyHistory } from '../policy/history.ts';
import type { RuleSet } from '../policy/rule.ts';
import { hasName } from '../shared/json/names.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import { PausedCalls, type ApprovalOptions } from './approvals/paused-calls.ts';
import type { ClientInfo } from './client-name.ts';
import { findingsMember } from './finding-context.ts';
import type { SurveyRequest, ToolCall } from './inspect.ts';
import { endLasting, lastingCalls } from './outcomes.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import type { ServerTools, ToolFacts } from './pins/server-tools.ts';
import type { ProxyLog } from './proxy-log.ts';
import type { Recorder } from './recorder.ts';
import { ResultWatch } from './result-watch.ts';
import { guardsServerRequests } from './server-requests.ts';
import type { Answer } from './server-message.ts';

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
  readonly tools?: ServerTools | undefined;
}

/** A decision, and the digest of the rules that made it. */
export type Decided = Decision & { readonly policyDigest: string };

/** What a decision needs to know of the conversation that the call came in. */
export interface Caller {
  readonly client: ClientInfo | undefined;
  /** A later round of a call is the same call: it counts once. */
  readonly isNextRound: boolean;
}

/** Peers read from a refusal how long an approver would have had. */
const NO_APPROVALS: ApprovalOptions = { doors: [], sessionId: '', timeoutMs: 60_000 };

/**
 * What is governed alike for everybody who talks to one server: the rules in force, what was counted
 * and seen so far, the tools, and the people who are asked. Conversations are `Governor`s of it.
 */
export class GovernedServer {
  readonly options: GovernorOptions;
  readonly paused: PausedCalls;
  readonly results = new ResultWatch();
  /** For conversations that are shorter than what happens in them. */
  readonly lasting = lastingCalls();
  readonly #history = new PolicyHistory();
  #policy: PolicyInForce;

  constructor(options: GovernorOptions) {
    const { serverName: server, approvals = NO_APPROVALS, recorder, log } = options;
    this.options = options;
    this.#policy = {
      rules: options.rules,
      get digest() {
        return options.policyDigest;
      },
    };
    this.paused = new PausedCalls({
      ...approvals,
      server,
      policyDigest: () => this.#policy.digest,
      log,
      stated: (statement) => recorder.stated(statement),
    });
  }

  get policy(): PolicyInForce {
    return this.#policy;
  }

  /** From the next call on other rules decide. What was counted goes on to count. */
  adopt(policy: PolicyInForce): void {
    this.#policy = policy;
  }

  /** Whether rules decide about what the server says: its messages are judged before they pass. */
  get judgesServer(): boolean {
    const { rules } = this.#policy;
    return this.#hidesTools || guardsServerRequests(rules);
  }

  /** The rules that decided and their digest belong together, whatever is adopted meanwhile. */
  decide(call: ToolCall, tool: string, { client, isNextRound }: Caller): Decided {
    const { serverName, agent, workspace } = this.options;
    const { rules, digest } = this.#policy;
    const facts = this.options.tools?.of(call.name) ?? NOTHING_KNOWN;
    // A round of the server's that nobody knows of; our own questions are answered that way too.
    const isAlone = call.round !== undefined && !isNextRound && !this.paused.asked(call);
    const findings = facts.findings.concat(this.results.findings, isAlone ? ROUND_UNKNOWN : []);
    const given = call.arguments;
    const isLarge = given !== undefined && given.length > LARGE_BYTES;
    // Written out, here and where it is read: every call has the same shape.
    const decision = decide(rules, {
      server: serverName,
      tool,
      annotations: facts.annotations,
      findings: findings.length > 0 ? findings : undefined,
      arguments: () => (given === undefined ? undefined : parseJson(decodeUtf8(given))),
      argumentsName: isLarge ? (names) => hasName(given, names, call.strings?.hop) : undefined,
      client,
      agent,
      workspace: workspace === undefined ? undefined : [workspace],
      nowMs: Date.now(),
      history: isNextRound ? undefined : this.#history,
    });
    const { action, rule, risk, matched, reasons } = decision;
    return {
      action,
      rule,
      risk,
      matched,
      reasons,
      findings: decision.findings,
      policyDigest: digest,
    };
  }

  /** Tools that a rule blocks whatever they are called with, where they are not to be shown. */
  hides(
    survey: SurveyRequest | undefined,
    answer: Answer,
    client: ClientInfo | undefined,
  ): ((name: string) => boolean) | undefined {
    const { serverName, agent, tools } = this.options;
    const { rules } = this.#policy;
    if (!this.#hidesTools || tools === undefined || survey?.method !== 'tools/list')
      return undefined;
    tools.observe(survey, answer); // first, so that what has changed is known
    return (name) => {
      const tool = stripToolPrefix(name);
      return blocksAlways(rules, { server: serverName, tool, client, agent, ...tools.of(name) });
    };
  }

  /** What a receipt says of a decision; by the rules of this moment unless it says which. */
  context(decision: Decision & { readonly policyDigest?: string }): JsonObject {
    const { action, rule, matched, reasons, risk, findings = [] } = decision;
    const context: Record<string, JsonValue> = { action };
    if (rule !== undefined) context['rule'] = rule.name;
    if (matched.length > 1) context['matched'] = matched;
    if (reasons.length > 0) context['reasons'] = reasons;
    const why = risk.reasons.map(({ reason, points }) => ({ reason, points }));
    context['risk'] = { score: risk.score, reasons: why };
    if (findings.length > 0) Object.assign(context, findingsMember(findings));
    context['policy_digest'] = decision.policyDigest ?? this.#policy.digest;
    return context;
  }

  /** Nobody talks to the server any more, because of `what`. */
  end(what: string): void {
    this.paused.close();
    endLasting(this.lasting, what);
  }

  get #hidesTools(): boolean {
    return this.#policy.rules.settings.hideBlocked === true && this.options.tools !== undefined;
  }
}

const ROUND_UNKNOWN = finding(
  'round_unknown',
  'goes on with a call that did not pass here, or had other arguments',
);
const NOTHING_KNOWN: ToolFacts = { annotations: undefined, findings: [] };

/** Arguments of this size are decoded only if a rule, or the risk, depends on what they hold. */
const LARGE_BYTES = 256;
