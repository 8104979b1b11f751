import type { Facts } from '../facts.ts';
import type { Rule, Step } from '../rule.ts';
import type { CompiledCondition } from './condition.ts';
import { compileMatcher } from './matcher.ts';
import { periodMs } from './period.ts';

export interface CompiledSequence {
  readonly condition: CompiledCondition;
  /** Takes note of a call that goes on. */
  note(facts: Facts): void;
}

interface CompiledStep {
  readonly conditions: readonly CompiledCondition[];
  readonly withinMs: number;
}

/** Compiles `after`: steps that must have been seen in this order, the last one before the call. */
export function compileSequence({ name, after }: Rule): CompiledSequence | undefined {
  if (after === undefined) return undefined;
  const written: readonly Step[] = Array.isArray(after)
    ? (after as readonly Step[])
    : [after as Step];
  const steps = written.map((step): CompiledStep => ({
    conditions: compileMatcher(step),
    withinMs: periodMs(step.within ?? 'session'),
  }));
  // The text of the steps is part of the key: whoever changes them begins anew.
  const key = JSON.stringify([name, written]);
  const isOpen = (times: readonly (number | undefined)[], index: number, nowMs: number) => {
    const at = times[index];
    return at !== undefined && nowMs - at <= (steps[index]?.withinMs ?? Infinity);
  };
  const condition: CompiledCondition = {
    key: 'after',
    text:
      steps.length === 1 ? 'an earlier call was of the kind named' : 'the steps named came before',
    holds: ({ history, nowMs }) => isOpen(history.steps(key), steps.length - 1, nowMs),
  };
  return {
    condition,
    note: (facts) => {
      const times = facts.history.steps(key);
      // From the last step to the first, so that one call is not two steps.
      for (const [index, step] of [...steps.entries()].toReversed()) {
        if (index > 0 && !isOpen(times, index - 1, facts.nowMs)) continue;
        if (step.conditions.every((it) => it.holds(facts))) times[index] = facts.nowMs;
      }
    },
  };
}
