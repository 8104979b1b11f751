import type { Facts } from '../facts.ts';

/** One condition of a rule, ready to be asked. Total on every call, and never recursing into one. */
export interface CompiledCondition {
  /** The key it stands under in a rules file. */
  readonly key: string;
  /** For people and receipts; quotes the rule, never a call. */
  readonly text: string;
  holds(facts: Facts): boolean;
}
