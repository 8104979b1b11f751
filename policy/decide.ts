import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import { isDrift, type Finding } from './finding.ts';
import type { Risk } from './risk.ts';
import { scoreRisk } from './risk.ts';
import type { Action, CompiledRule, Rule, RuleSet } from './rule.ts';
import { compareSeverity } from './rule.ts';

export type PolicyRequest = {
  /** The server's name as the operator gave it. */
  readonly server: string;
  /** The tool's own name; `stripToolPrefix` has been applied. */
  readonly tool: string;
  /** Decodes the arguments; called at most once. */
  readonly arguments: () => JsonValue | undefined;
  /** As the server lists them. */
  readonly annotations?: JsonObject | undefined;
  /** What is known about the tool and its server. */
  readonly findings?: readonly Finding[];
};

export type Decision = {
  readonly action: Action;
  /** The rule that decided; absent when none matched. */
  readonly rule?: Rule;
  readonly risk: Risk;
  /** The names of all rules that matched, in the order of the file. */
  readonly matched: readonly string[];
  /** What was known about the tool and its server, where there was anything. */
  readonly findings?: readonly Finding[];
};

/** The setting `on_drift`, as the rule that it stands for. */
const ON_DRIFT = {
  name: 'on_drift',
  description: 'the tool or its server is not what it was',
  enabled: true,
};
const TOOL_PREFIX = 'mcp__';
const PREFIX_END = '__';

/**
 * Decides one call. Every enabled rule is asked; the most restrictive match wins, and among equals
 * the first. A call that no rule matches passes. So a further rule can only tighten a policy: a
 * `pass` rule takes nothing back.
 *
 * Answers for every input; throws only what `request.arguments` throws.
 */
export function decide(rules: RuleSet, request: PolicyRequest): Decision {
  const risk = scoreRisk(request);
  const matches = rules.compiled.filter((compiled) => holds(compiled, request, risk));
  const matched = matches.map(({ rule }) => rule.name);

  let winner: Rule | undefined;
  for (const { rule } of matches) {
    if (winner === undefined || compareSeverity(rule.action, winner.action) > 0) winner = rule;
  }
  const { onDrift = 'flag' } = rules.settings;
  const drifts = (request.findings ?? []).some(isDrift);
  if (drifts && compareSeverity(onDrift, winner?.action ?? 'pass') > 0) {
    winner = { ...ON_DRIFT, action: onDrift };
    return { action: onDrift, rule: winner, risk, matched: [...matched, winner.name] };
  }
  if (winner === undefined) return { action: 'pass', risk, matched };
  return { action: winner.action, rule: winner, risk, matched };
}

/** Every condition that is present must hold; a rule without any matches every call. */
function holds({ rule, tool, server }: CompiledRule, request: PolicyRequest, risk: Risk): boolean {
  if (tool !== undefined && !tool.matches(request.tool)) return false;
  if (server !== undefined && !server.matches(request.server)) return false;
  if (rule.operationTypes !== undefined && !rule.operationTypes.includes(risk.operation)) {
    return false;
  }
  return rule.minRiskScore === undefined || risk.score >= rule.minRiskScore;
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
