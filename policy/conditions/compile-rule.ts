import type { Entry, Rule, Window } from '../rule.ts';
import type { CompiledCondition } from './condition.ts';
import { compileBudget, compileRate } from './limit.ts';
import { compileMatcher } from './matcher.ts';
import { compilePlainRule, type CompiledRule } from './plain-rule.ts';
import { compileSequence } from './sequence.ts';
import { compileWindow } from './window.ts';

/** For the lists of a rules file, which are no conditions of a rule. */
export interface ListConditions {
  readonly listed?: readonly Entry[];
  readonly unlisted?: readonly Entry[];
}

/** @throws GlobError, PathError, PatternError for what the loader would have refused */
export function compileRule(rule: Rule, lists: ListConditions = {}): CompiledRule {
  const { during, outside, when } = rule;
  const conditions = [...compilePlainRule(rule).conditions];
  if (during !== undefined) conditions.push(compileWindows('during', during));
  if (outside !== undefined) conditions.push(compileWindows('outside', outside));
  const sequence = compileSequence(rule);
  if (sequence !== undefined) conditions.push(sequence.condition);
  if (lists.listed !== undefined) conditions.push(compileList('block', lists.listed));
  if (lists.unlisted !== undefined) {
    const list = compileList('allow', lists.unlisted);
    const text = 'not on the allow list';
    conditions.push({ key: 'allow', text, holds: (facts) => !list.holds(facts.opposite) });
  }
  if (when !== undefined) conditions.push(...compileMatcher({ when }));
  const limits = [compileRate(rule), compileBudget(rule)].filter((limit) => limit !== undefined);
  return { rule, conditions, limits, ...(sequence !== undefined && { sequence }) };
}

function compileWindows(
  key: 'during' | 'outside',
  windows: Window | readonly Window[],
): CompiledCondition {
  const list = isWindowList(windows) ? windows : [windows];
  const compiled = list.map(compileWindow);
  const isInside = (nowMs: number) => compiled.some((contains) => contains(nowMs));
  const text = `${key} ${list.map(windowText).join(' or ')}`;
  if (key === 'during') return { key, text, holds: ({ nowMs }) => isInside(nowMs) };
  return { key, text, holds: ({ nowMs }) => !isInside(nowMs) };
}

function isWindowList(windows: Window | readonly Window[]): windows is readonly Window[] {
  return Array.isArray(windows);
}

function windowText({ days, from = '00:00', to = '24:00', zone = 'UTC' }: Window): string {
  const on = days === undefined ? 'every day' : days.join(', ');
  return `${on} ${from}-${to} ${zone}`;
}

function compileList(key: string, entries: readonly Entry[]): CompiledCondition {
  const compiled = entries.map((entry) =>
    compileMatcher(typeof entry === 'string' ? { toolPattern: entry } : entry),
  );
  return {
    key,
    text: `on the ${key} list`,
    holds: (facts) =>
      compiled.some((conditions) => conditions.every((condition) => condition.holds(facts))),
  };
}
