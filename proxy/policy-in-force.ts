import { hash } from 'node:crypto';
import type { RuleSet } from '../policy/rule.ts';

/** Rules and their name in receipts. One object, so that no decision can have the name of others. */
export interface PolicyInForce {
  readonly rules: RuleSet;
  /** `sha256:` of the canonical text. */
  readonly digest: string;
}

export function policyInForce(rules: RuleSet): PolicyInForce {
  return { rules, digest: `sha256:${hash('sha256', rules.canonicalText, 'hex')}` };
}
