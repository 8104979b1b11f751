import type { Glob } from './glob.ts';
import { compileGlob } from './glob.ts';

/** What to do with a call, from the least restrictive to the most. */
export const ACTIONS = ['pass', 'flag', 'pause', 'block'] as const;
export type Action = (typeof ACTIONS)[number];

export const OPERATION_TYPES = ['read', 'write', 'delete', 'execute', 'unknown'] as const;
export type OperationType = (typeof OPERATION_TYPES)[number];

/** One rule as written. A condition that is absent holds for every call. */
export type Rule = {
  readonly name: string;
  /** Shown to the agent when the rule blocks. */
  readonly description: string;
  readonly enabled: boolean;
  readonly toolPattern?: string;
  readonly serverPattern?: string;
  readonly operationTypes?: readonly OperationType[];
  /** 0 to 100; the rule needs at least this score. */
  readonly minRiskScore?: number;
  readonly action: Action;
};

/** An enabled rule, ready to be asked. */
export type CompiledRule = {
  readonly rule: Rule;
  readonly tool?: Glob;
  readonly server?: Glob;
};

/** What a rules file says beside its rules. */
export type Settings = {
  /** What follows when a tool or its server is not what was accepted. Absent: `flag`. */
  readonly onDrift?: Action;
  /** Tools that a rule blocks whatever their arguments are left out of what the server lists. */
  readonly hideBlocked?: boolean;
};

/** Rules in force, in the order they were written. Made by `createRuleSet` only. */
export type RuleSet = {
  /** All rules, the disabled ones too. */
  readonly rules: readonly Rule[];
  readonly settings: Settings;
  /**
   * JSON text of the enabled rules, in order, with sorted members. Hash it to name a policy:
   * comments, formatting, key order and disabled rules do not change it, and it is itself a rules
   * file that `parseRules` reads to the same text.
   */
  readonly canonicalText: string;
  /** Where the rules came from: a file name, or `built-in`. */
  readonly source: string;
  readonly compiled: readonly CompiledRule[];
};

/** Negative, zero or positive as `a` is less, equally or more restrictive than `b`. */
export function compareSeverity(a: Action, b: Action): number {
  return ACTIONS.indexOf(a) - ACTIONS.indexOf(b);
}

/**
 * Compiles every enabled rule once, so that deciding a call parses nothing.
 *
 * @throws GlobError if an enabled rule has a malformed pattern; `checkRules` finds those first.
 */
export function createRuleSet(
  rules: readonly Rule[],
  source: string,
  settings: Settings = {},
): RuleSet {
  const enabled = rules.filter((rule) => rule.enabled);
  return {
    rules,
    settings,
    canonicalText: JSON.stringify({
      ...(settings.hideBlocked === true && { hide_blocked: true }),
      ...(settings.onDrift !== undefined && { on_drift: settings.onDrift }),
      rules: enabled.map(canonicalMembers),
    }),
    source,
    compiled: enabled.map(compileRule),
  };
}

function compileRule(rule: Rule): CompiledRule {
  return {
    rule,
    ...(rule.toolPattern !== undefined && { tool: compileGlob(rule.toolPattern) }),
    ...(rule.serverPattern !== undefined && { server: compileGlob(rule.serverPattern) }),
  };
}

/**
 * The members in the order they are serialised: sorted, and named as in the file. `enabled` is
 * left out because only enabled rules come here. Receipts carry a hash of this text: changing it
 * changes the digest of every policy in the world.
 */
function canonicalMembers(rule: Rule): Record<string, unknown> {
  const { action, description, minRiskScore, name, operationTypes, serverPattern, toolPattern } =
    rule;
  return {
    action,
    ...(description !== '' && { description }),
    ...(minRiskScore !== undefined && { min_risk_score: minRiskScore }),
    name,
    // A set: the order in which the file lists the types means nothing.
    ...(operationTypes !== undefined && { operation_types: [...new Set(operationTypes)].sort() }),
    ...(serverPattern !== undefined && { server_pattern: serverPattern }),
    ...(toolPattern !== undefined && { tool_pattern: toolPattern }),
  };
}
