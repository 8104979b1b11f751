import type { Facts } from '../facts.ts';
import type { Risk } from '../risk.ts';
import type { RuleSet } from '../rule.ts';

export function extendRisk(standard: Risk, _facts: Facts, _rules: RuleSet): Risk {
  return standard;
}

export function noteHosts(_facts: Facts): void {}
