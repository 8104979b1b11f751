import type { JsonValue } from '../../shared/json/value.ts';
import type { Facts } from '../facts.ts';
import type { Limits, Rule, Scope } from '../rule.ts';
import { compilePath, type ArgumentPath } from './argument-path.ts';
import type { CompiledCondition } from './condition.ts';
import { currencyName, limitFor, readAmount } from './numbers.ts';
import { periodMs } from './period.ts';

/** A rate or a budget: a condition that remembers. */
export interface CompiledLimit {
  readonly condition: CompiledCondition;
  /** Takes note of a call that goes on. */
  note(facts: Facts): void;
}

export function compileRate({ name, rate }: Rule): CompiledLimit | undefined {
  if (rate === undefined) return undefined;
  const { max, per, by = 'session' } = rate;
  const window = periodMs(per);
  const key = JSON.stringify(['rate', name, per, by]);
  const sumOf = (facts: Facts) => facts.history.sum(key, scopeOf(facts, by));
  return {
    condition: {
      key: 'rate',
      text: `more than ${max} calls per ${per}${by === 'session' ? '' : ` by ${by}`}`,
      holds: (facts) => sumOf(facts).total(facts.nowMs, window) + 1 > max,
    },
    note: (facts) => sumOf(facts).add(facts.nowMs, 1),
  };
}

export function compileBudget({ name, budget }: Rule): CompiledLimit | undefined {
  if (budget === undefined) return undefined;
  const { max, per, by = 'session' } = budget;
  const window = periodMs(per);
  const amountPath = compilePath(budget.field);
  const currencyPath = budget.currency === undefined ? undefined : compilePath(budget.currency);
  const read = (facts: Facts) => spending(facts, amountPath, currencyPath);
  const key = JSON.stringify(['budget', name, budget.field, per, by]);
  const sumOf = (facts: Facts, currency: string) =>
    facts.history.sum(`${key} ${currency}`, scopeOf(facts, by));
  const nameIn = (currencies: readonly JsonValue[]) => budgetName(max, currencies);
  return {
    condition: {
      key: 'budget',
      text: `sum of ${budget.field} above ${JSON.stringify(max)} per ${per}`,
      holds: (facts) => {
        if (!facts.argumentsKnown) return facts.assume;
        const { amount, currencies } = read(facts);
        if (amount === undefined) return false;
        const spent = sumOf(facts, nameIn(currencies)).total(facts.nowMs, window);
        return spent + amount > limitFor(max, currencies);
      },
    },
    note: (facts) => {
      if (!facts.argumentsKnown) return;
      const { amount, currencies } = read(facts);
      // What cannot be read was above the limit; it would keep every later call above it too.
      if (amount === undefined || !Number.isFinite(amount)) return;
      sumOf(facts, nameIn(currencies)).add(facts.nowMs, amount);
    },
  };
}

/** What a call spends: `Infinity` where an amount cannot be read, nothing where there is none. */
function spending(
  facts: Facts,
  amountPath: ArgumentPath,
  currencyPath: ArgumentPath | undefined,
): { amount: number | undefined; currencies: readonly JsonValue[] } {
  const amounts = facts.find(amountPath);
  const total = amounts.reduce((sum: number, value) => sum + (readAmount(value) ?? Infinity), 0);
  return {
    amount: amounts.length === 0 ? undefined : total,
    currencies: currencyPath === undefined ? [] : facts.find(currencyPath),
  };
}

/** Sums of listed currencies are kept apart; everything else shares one, so that names cost nothing. */
function budgetName(max: Limits, currencies: readonly JsonValue[]): string {
  if (typeof max === 'number' || currencies.length !== 1) return '';
  const name = currencyName(currencies[0]);
  return Object.hasOwn(max, name) ? name : '';
}

function scopeOf({ request }: Facts, by: Scope): string {
  switch (by) {
    case 'session':
      return '';
    case 'tool':
      // As patterns see it: another spelling is not another tool.
      return request.tool.toLowerCase();
    case 'server':
      return request.server;
    case 'agent':
      return request.agent ?? '';
    case 'client':
      return request.client?.name ?? '';
  }
}
