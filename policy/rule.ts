import type { JsonValue } from '../shared/json/value.ts';
import type { CompiledRule } from './conditions/plain-rule.ts';
import type { ExtendedRisk } from './extended-risk/extended-risk.ts';
import type { FindingCode } from './finding.ts';
import type { Glob } from './glob.ts';
import type { Action, Day, OperationType, RiskMode, Scope } from './words.ts';

export * from './words.ts';
export type { CompiledRule } from './conditions/plain-rule.ts';

/** One pattern, or several of which one must match. */
export type Patterns = string | readonly string[];

/** What a server says about its tool. Only what it says counts; silence is no answer. */
export type Annotations = {
  readonly readOnly?: boolean;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
};

/** A number, or one for each currency. */
export type Limits = number | Readonly<Record<string, number>>;

/** A condition on the arguments, as written. A list means that all of them hold. */
export type Condition = TestCondition | AmountCondition | LogicCondition | readonly Condition[];

export type TestCondition = {
  readonly field: string;
  readonly eq?: JsonValue;
  readonly neq?: JsonValue;
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
  readonly in?: readonly JsonValue[];
  readonly contains?: JsonValue;
  readonly not_contains?: JsonValue;
  readonly matches?: string;
  readonly exists?: boolean;
};

export type AmountCondition = {
  readonly amount: string;
  readonly currency?: string;
  readonly above: Limits;
};

export type LogicCondition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

export type Window = {
  readonly days?: readonly Day[];
  readonly from?: string;
  readonly to?: string;
  readonly zone?: string;
};

export type Rate = { readonly max: number; readonly per: string; readonly by?: Scope };

export type Budget = {
  readonly field: string;
  readonly currency?: string;
  readonly max: Limits;
  readonly per: string;
  readonly by?: Scope;
};

/** What earlier calls are recognised by, and calls in general. */
export type Matcher = {
  readonly toolPattern?: Patterns;
  readonly serverPattern?: Patterns;
  readonly clientPattern?: Patterns;
  readonly agentPattern?: Patterns;
  readonly operationTypes?: readonly OperationType[];
  readonly annotations?: Annotations;
  readonly when?: Condition;
};

export type Step = Pick<Matcher, 'toolPattern' | 'operationTypes' | 'annotations' | 'when'> & {
  readonly within?: string;
};

/** One rule as written. A condition that is absent holds for every call. */
export type Rule = Matcher & {
  readonly name: string;
  /** Shown to the agent when the rule blocks and has no message of its own. */
  readonly description: string;
  readonly enabled: boolean;
  /** 0 to 100; the rule needs at least this score. */
  readonly minRiskScore?: number;
  readonly findings?: readonly FindingCode[];
  readonly during?: Window | readonly Window[];
  readonly outside?: Window | readonly Window[];
  readonly after?: Step | readonly Step[];
  readonly rate?: Rate;
  readonly budget?: Budget;
  readonly action: Action;
  readonly message?: string;
  readonly hint?: string;
};

/** One line of an allow or block list: a pattern for the tool, or a map that says more. */
export type Entry =
  | string
  | Pick<Matcher, 'toolPattern' | 'serverPattern' | 'clientPattern' | 'agentPattern'>;

/** What a rules file says beside its rules. */
export type Settings = {
  readonly risk?: RiskMode;
  readonly onDrift?: Action;
  readonly hideBlocked?: boolean;
  readonly allow?: readonly Entry[];
  readonly block?: readonly Entry[];
  readonly workspace?: Patterns;
  readonly knownHosts?: Patterns;
};

/** Rules in force, in the order they were written. Made by `createRuleSet`, and once by hand. */
export type RuleSet = {
  /** All rules, the disabled ones too. */
  readonly rules: readonly Rule[];
  /** What the file says beside them. Absent members mean what docs/rules.md says. */
  readonly settings: Settings;
  /**
   * JSON text of the settings and the enabled rules, in order, with sorted members. Hash it to name
   * a policy: comments, formatting, key order and disabled rules do not change it, and it is itself
   * a rules file that `parseRules` reads to the same text.
   */
  readonly canonicalText: string;
  /** Where the rules came from: a file name, or `built-in`. */
  readonly source: string;
  /** What is asked for each call: the lists, drift, and then the enabled rules. */
  readonly compiled: readonly CompiledRule[];
  readonly knownHosts: readonly Glob[];
  /** Present where the settings ask for it. */
  readonly extendedRisk?: ExtendedRisk;
};

/** A value that may stand for a list of one. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
