import { compileCondition } from './conditions/argument-condition.ts';
import { decide, type Decision, type PolicyRequest } from './decide.ts';
import { Facts } from './facts.ts';
import type { Action, Condition, RuleSet } from './rule.ts';

/** One condition and its answer; what it is made of stands inside. */
export interface ExplainedCondition {
  readonly key: string;
  readonly text: string;
  readonly holds: boolean;
  readonly inside: readonly ExplainedCondition[];
}

export interface ExplainedRule {
  readonly name: string;
  readonly action: Action;
  readonly matches: boolean;
  readonly conditions: readonly ExplainedCondition[];
}

export interface Explanation {
  readonly decision: Decision;
  /** Everything that is asked, in its order: lists and settings first. Disabled rules are left out. */
  readonly rules: readonly ExplainedRule[];
}

/** Asks every condition of every rule, also those that `decide` need not look at. */
export function explain(rules: RuleSet, request: PolicyRequest): Explanation {
  // Asked before deciding: a decision becomes part of the history that conditions look at.
  const facts = new Facts(rules, request);
  const explained = rules.compiled.map(({ rule, conditions, limits }): ExplainedRule => {
    const asked = [...conditions, ...limits.map(({ condition }) => condition)].map(
      (condition): ExplainedCondition => ({
        key: condition.key,
        text: condition.text,
        holds: condition.holds(facts),
        inside:
          condition.key === 'when' && rule.when !== undefined
            ? partsOf(rule.when).map((part) => explainCondition(part, facts))
            : [],
      }),
    );
    const { name, action } = rule;
    return { name, action, matches: asked.every(({ holds }) => holds), conditions: asked };
  });
  return { decision: decide(rules, request), rules: explained };
}

/** Recursion follows the rules file, which is nested 64 deep at most. */
function explainCondition(condition: Condition, facts: Facts): ExplainedCondition {
  const isLeaf = 'field' in condition || 'amount' in condition;
  return {
    key: 'when',
    text: conditionText(condition),
    holds: compileCondition(condition)(facts, facts.assume),
    inside: isLeaf ? [] : partsOf(condition).map((part) => explainCondition(part, facts)),
  };
}

function partsOf(condition: Condition): readonly Condition[] {
  if (isList(condition)) return condition;
  if ('all' in condition) return condition.all;
  if ('any' in condition) return condition.any;
  return 'not' in condition ? [condition.not] : [condition];
}

function conditionText(condition: Condition): string {
  if (isList(condition) || 'all' in condition) return 'all of';
  if ('any' in condition) return 'any of';
  if ('not' in condition) return 'not';
  if ('amount' in condition) {
    const { amount, above, currency } = condition;
    const by = currency === undefined ? '' : ` in ${currency}`;
    return `amount ${amount}${by} above ${JSON.stringify(above)}`;
  }
  const { field, ...tests } = condition;
  const parts = Object.entries(tests).map(([test, value]) => `${test} ${JSON.stringify(value)}`);
  return `${field} ${parts.join(' and ')}`;
}

function isList(condition: Condition): condition is readonly Condition[] {
  return Array.isArray(condition);
}
