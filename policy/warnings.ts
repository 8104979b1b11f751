import type { Rule, RuleSet } from './rule.ts';

/** A rule that is in order and yet cannot do what somebody hoped for. */
export interface Warning {
  readonly rule: Rule;
  readonly message: string;
  readonly remedy: string;
}

export function findWarnings(_ruleSet: RuleSet): readonly Warning[] {
  return [];
}
