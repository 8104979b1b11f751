import type { Matcher } from '../rule.ts';
import { compileCondition } from './argument-condition.ts';
import type { CompiledCondition } from './condition.ts';
import { compileNames } from './plain-rule.ts';

/** The conditions that say which calls are meant, cheapest first. */
export function compileMatcher(matcher: Matcher): CompiledCondition[] {
  const conditions = compileNames(matcher);
  const { when } = matcher;
  if (when !== undefined) {
    const ask = compileCondition(when);
    const text = 'the conditions on the arguments hold';
    conditions.push({ key: 'when', text, holds: (facts) => ask(facts, facts.assume) });
  }
  return conditions;
}
