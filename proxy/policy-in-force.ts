import { hash } from 'node:crypto';
import { DEFAULT_RULES, DEFAULT_RULES_DIGEST } from '../policy/default-rules.ts';
import type { RuleSet } from '../policy/rule.ts';

/** Rules and their name in receipts. One object, so that no decision can have the name of others. */
export interface PolicyInForce {
  readonly rules: RuleSet;
  /** `sha256:` of the canonical text. */
  readonly digest: string;
}

export function policyInForce(rules: RuleSet): PolicyInForce {
  if (rules === DEFAULT_RULES) return { rules, digest: DEFAULT_RULES_DIGEST };
  let digest: string | undefined;
  return {
    rules,
    get digest() {
      return (digest ??= `sha256:${hash('sha256', rules.canonicalText, 'hex')}`);
    },
  };
}
