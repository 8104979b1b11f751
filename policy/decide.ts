import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import type { CompiledRule } from './conditions/plain-rule.ts';
import { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import type { PolicyHistory } from './history.ts';
import type { Risk } from './risk.ts';
import type { Action, Rule, RuleSet } from './rule.ts';
import { compareSeverity } from './rule.ts';

export type PolicyRequest = {
  /** The server's name as the operator gave it. */
  readonly server: string;
  /** The tool's own name; `stripToolPrefix` has been applied. */
  readonly tool: string;
  /** Decodes the arguments; called at most once. */
  readonly arguments: () => JsonValue | undefined;
  /**
   * Whether a member of the arguments, at any depth, has one of these names (in lower case), for whom
   * that is cheaper to tell than to decode them. Absent: that is not known.
   */
  readonly argumentsName?: ((names: ReadonlySet<string>) => boolean) | undefined;
  /** As the server lists them. */
  readonly annotations?: JsonObject | undefined;
  readonly client?: { readonly name: string; readonly version?: string } | undefined;
  /** The name of the issuer: the agent that calls. */
  readonly agent?: string | undefined;
  /** The clock, in milliseconds since 1970. Without it time stands still at 1970. */
  readonly nowMs?: number;
  /** What rates, budgets and sequences remember of this session; `decide` writes into it. */
  readonly history?: PolicyHistory | undefined;
  /** What was noticed about the tool and its server. */
  readonly findings?: readonly Finding[] | undefined;
  /** Folders that are no outside, beside those of the rules file. */
  readonly workspace?: readonly string[] | undefined;
  /**
   * Set where a receipt is all that is left of a call: what a condition on arguments, annotations or the
   * client is taken to say. Asked once with each, a decision has two ends.
   */
  readonly assume?: boolean;
  /** The score that a receipt proves, where `assume` is set and risk is standard. */
  readonly recordedScore?: number;
};

export type Decision = {
  readonly action: Action;
  /** The rule that decided; absent when none matched. */
  readonly rule?: Rule | undefined;
  readonly risk: Risk;
  /** The names of all rules that matched, in the order of the file. */
  readonly matched: readonly string[];
  /** Why the rule matched: one text for each of its conditions. Quotes the rule, never the call. */
  readonly reasons: readonly string[];
  /** What was known about the tool and its server, where there was anything. */
  readonly findings?: readonly Finding[] | undefined;
};

const TOOL_PREFIX = 'mcp__';
const PREFIX_END = '__';

/**
 * Decides one call. Every enabled rule is asked; the most restrictive match wins, and among equals
 * the first. A call that no rule matches passes. So a further rule can only tighten a policy: a
 * `pass` rule takes nothing back. Only an allow list with more entries lets more through.
 *
 * A call that is not blocked is noted in `request.history`; a blocked one is not, so that an agent that
 * keeps trying does not keep itself out.
 *
 * Answers for every input; throws only what `request.arguments` throws.
 */
export function decide(rules: RuleSet, request: PolicyRequest): Decision {
  const facts = new Facts(rules, request);
  const matches: CompiledRule[] = [];
  const counting: CompiledRule[] = [];
  for (const compiled of rules.compiled) {
    if (!compiled.conditions.every((condition) => condition.holds(facts))) continue;
    if (compiled.limits.length > 0) counting.push(compiled);
    if (compiled.limits.every(({ condition }) => condition.holds(facts))) matches.push(compiled);
  }
  const winner = mostRestrictive(matches);
  const action = winner?.rule.action ?? 'pass';
  const { risk } = facts; // before the call becomes part of what it is judged by
  if (action !== 'block') note(rules, facts, counting);
  return {
    action,
    rule: winner?.rule,
    risk,
    matched: matches.map(({ rule }) => rule.name),
    reasons: winner === undefined ? [] : reasonsOf(winner),
    findings: request.findings,
  };
}

/** Conditions that hold now and may not hold later. */
const PASSING = new Set(['during', 'outside', 'after']);

/**
 * Whether a tool can only be blocked: by a rule that holds whatever the arguments are, and at any time.
 * What `hide_blocked` is about. The request's own arguments are not looked at.
 */
export function blocksAlways(rules: RuleSet, request: Omit<PolicyRequest, 'arguments'>): boolean {
  const facts = new Facts(rules, { ...request, arguments: () => undefined, assume: false });
  return rules.compiled.some(
    ({ rule, conditions, limits }) =>
      rule.action === 'block' &&
      limits.length === 0 &&
      conditions.every((condition) => !PASSING.has(condition.key) && condition.holds(facts)),
  );
}

function mostRestrictive(matches: readonly CompiledRule[]): CompiledRule | undefined {
  let winner: CompiledRule | undefined;
  for (const match of matches) {
    const isStricter =
      winner === undefined || compareSeverity(match.rule.action, winner.rule.action) > 0;
    if (isStricter) winner = match;
  }
  return winner;
}

function note(rules: RuleSet, facts: Facts, counting: readonly CompiledRule[]): void {
  if (facts.request.history === undefined) return;
  for (const { limits } of counting) {
    for (const limit of limits) limit.note(facts);
  }
  for (const { sequence } of rules.compiled) sequence?.note(facts);
  rules.extendedRisk?.note(facts);
}

function reasonsOf({ conditions, limits }: CompiledRule): readonly string[] {
  return [...conditions, ...limits.map(({ condition }) => condition)].map(({ text }) => text);
}

/** What the agent is told about a rule that keeps its call: without the rule's name where it can be. */
export function messageOf({ name, description, message, hint }: Rule): string {
  const text = message ?? (description === '' ? name : description);
  return hint === undefined ? text : `${text}. Instead: ${hint}`;
}

/**
 * Reduces `mcp__<server>__<tool>`, as some hosts call a tool, to `<tool>`. The server's name ends
 * at the first `__`. A name without both parts is returned as it is.
 */
export function stripToolPrefix(name: string): string {
  if (!name.startsWith(TOOL_PREFIX)) return name;
  const end = name.indexOf(PREFIX_END, TOOL_PREFIX.length);
  if (end === -1) return name;
  const tool = name.slice(end + PREFIX_END.length);
  return tool === '' ? name : tool;
}
