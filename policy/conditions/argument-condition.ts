import { compilePattern } from '../../shared/pattern/compile-pattern.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Facts } from '../facts.ts';
import type { AmountCondition, Condition, TestCondition } from '../rule.ts';
import { compilePath } from './argument-path.ts';
import { limitFor, readAmount, readNumber } from './numbers.ts';

/**
 * Steps that an expression may take for one character. Arguments can be megabytes, so it is less
 * than where texts are short.
 */
export const MAX_EXPRESSION_STEPS = 100;

/**
 * Asked with what to assume where arguments are not known, as when a receipt is all there is. With
 * `false` and with `true` it gives the two ends between which the answer lies.
 */
type Ask = (facts: Facts, assume: boolean) => boolean;

/** Compiles `when`. Recursion follows the rules file, which is nested 64 deep at most. */
export function compileCondition(condition: Condition): Ask {
  if (isConditionList(condition)) return all(condition);
  if ('all' in condition) return all(condition.all);
  if ('any' in condition) {
    const asks = condition.any.map(compileCondition);
    return (facts, assume) => asks.some((ask) => ask(facts, assume));
  }
  if ('not' in condition) {
    const ask = compileCondition(condition.not);
    return (facts, assume) => !ask(facts, !assume);
  }
  return ifKnown('amount' in condition ? compileAmount(condition) : compileTest(condition));
}

function all(conditions: readonly Condition[]): Ask {
  const asks = conditions.map(compileCondition);
  return (facts, assume) => asks.every((ask) => ask(facts, assume));
}

function ifKnown(holds: (facts: Facts) => boolean): Ask {
  return (facts, assume) => (facts.argumentsKnown ? holds(facts) : assume);
}

function compileTest(condition: TestCondition): (facts: Facts) => boolean {
  const path = compilePath(condition.field);
  const tests = testsOf(condition);
  const { exists } = condition;
  return (facts) => {
    const found = facts.find(path);
    if (exists === false) return found.length === 0;
    return found.some((value) => tests.every((test) => test(value)));
  };
}

type Test = (value: JsonValue) => boolean;

function testsOf(condition: TestCondition): Test[] {
  const tests: Test[] = [];
  const { eq, neq, gt, gte, lt, lte, contains, matches, in: options } = condition;
  const { not_contains: absent } = condition;
  if (eq !== undefined) tests.push((value) => isSame(eq, value));
  if (neq !== undefined) tests.push((value) => !isSame(neq, value));
  if (options !== undefined) tests.push((value) => options.some((option) => isSame(option, value)));
  if (gt !== undefined) tests.push(comparing((number) => number > gt));
  if (gte !== undefined) tests.push(comparing((number) => number >= gte));
  if (lt !== undefined) tests.push(comparing((number) => number < lt));
  if (lte !== undefined) tests.push(comparing((number) => number <= lte));
  if (contains !== undefined) tests.push((value) => hasInside(value, contains));
  if (absent !== undefined) tests.push((value) => !hasInside(value, absent));
  if (matches !== undefined) {
    const expression = compilePattern(matches, MAX_EXPRESSION_STEPS);
    // `search` and not `test`: the latter goes on where it stopped for the call before.
    tests.push((value) => typeof value === 'string' && value.search(expression) !== -1);
  }
  return tests;
}

function comparing(fits: (number: number) => boolean): Test {
  return (value) => {
    const number = readNumber(value);
    return number !== undefined && fits(number);
  };
}

/**
 * Holds when any amount is above the limit of any currency that stands beside it. An amount that
 * cannot be read is above every limit: it is the server that will read it.
 */
function compileAmount(condition: AmountCondition): (facts: Facts) => boolean {
  const { above } = condition;
  const amountPath = compilePath(condition.amount);
  const currencyPath =
    condition.currency === undefined ? undefined : compilePath(condition.currency);
  return (facts) => {
    const amounts = facts.find(amountPath);
    if (amounts.length === 0) return false;
    const limit = limitFor(above, currencyPath === undefined ? [] : facts.find(currencyPath));
    return amounts.some((value) => (readAmount(value) ?? Infinity) > limit);
  };
}

/** Equal in type and in everything inside. Recursion follows `written`, which is the operator's. */
export function isSame(written: JsonValue, value: JsonValue): boolean {
  if (typeof written !== 'object' || written === null) return written === value;
  if (isList(written)) {
    if (!isList(value) || value.length !== written.length) return false;
    return written.every((item, index) => isSame(item, value[index] as JsonValue));
  }
  if (!isJsonObject(value)) return false;
  const names = Object.keys(written);
  if (names.length !== Object.keys(value).length) return false;
  return names.every(
    (name) =>
      Object.hasOwn(value, name) && isSame(written[name] as JsonValue, value[name] as JsonValue),
  );
}

function hasInside(value: JsonValue, wanted: JsonValue): boolean {
  if (typeof value === 'string') return typeof wanted === 'string' && value.includes(wanted);
  return isList(value) && value.some((item) => isSame(wanted, item));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isConditionList(condition: Condition): condition is readonly Condition[] {
  return Array.isArray(condition);
}
