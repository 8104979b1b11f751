import { median, range } from './stats.ts';

/** Where a figure comes from; decides nothing, but tells the reader how much noise to expect. */
export type Basis = 'wall' | 'cpu' | 'count' | 'bytes' | 'memory';

export interface Budget {
  readonly sense: 'at most' | 'at least';
  readonly limit: number;
}

/** One round: the floor and what is held against it, moments apart. */
export interface Round {
  readonly floor: number;
  readonly measured: number;
}

export type Unit = 'ns' | 'MB' | '/s' | 'B' | '';

export interface RowSpec {
  readonly row: string;
  readonly basis: Basis;
  readonly unit: Unit;
  /** What the floor is; empty for a row without one. */
  readonly floorName: string;
  readonly budget?: Budget;
  readonly note?: string;
}

export type Outcome = 'ok' | 'over' | 'info' | 'not measured';

/** One line of the table, and one object of the JSON. Numbers are medians over the rounds. */
export interface Row {
  /** The measurement it is from, as `--only` names it. */
  readonly bench?: string;
  readonly row: string;
  readonly basis: Basis;
  readonly unit: Unit;
  readonly floorName: string;
  readonly floor?: number;
  readonly measured?: number;
  /** How `value` was made: measured / floor, measured - floor, or measured as it is. */
  readonly relation: 'ratio' | 'difference' | 'plain';
  readonly value?: number;
  readonly spread?: readonly [number, number];
  readonly rounds?: number;
  /** The same by the other clock, for whoever wants to know whether the machine was busy. */
  readonly also?: Readonly<Record<string, number>>;
  readonly budget?: Budget;
  readonly outcome: Outcome;
  readonly note?: string;
}

/** Median of the ratios of each round, not the ratio of medians: noise hits both sides of a round. */
export function ratioRow(
  spec: RowSpec,
  rounds: readonly Round[],
  also?: Readonly<Record<string, readonly Round[]>>,
): Row {
  const ratios = (list: readonly Round[]) => list.map(({ floor, measured }) => measured / floor);
  const entries = Object.entries(also ?? {});
  return {
    ...summary(spec, rounds, ratios(rounds)),
    relation: 'ratio',
    ...(entries.length > 0 && {
      also: Object.fromEntries(entries.map(([name, list]) => [name, median(ratios(list))])),
    }),
  };
}

export function differenceRow(spec: RowSpec, rounds: readonly Round[]): Row {
  const differences = rounds.map(({ floor, measured }) => measured - floor);
  return { ...summary(spec, rounds, differences), relation: 'difference' };
}

/** A figure that needs no floor, such as a count. */
export function plainRow(spec: RowSpec, values: readonly number[]): Row {
  const value = median(values);
  return {
    ...spec,
    measured: value,
    value,
    spread: range(values),
    rounds: values.length,
    relation: 'plain',
    outcome: judge(spec.budget, value),
  };
}

export function missingRow(row: string, note: string): Row {
  const spec: RowSpec = { row, basis: 'wall', unit: '', floorName: '' };
  return { ...spec, relation: 'plain', outcome: 'not measured', note };
}

function summary(spec: RowSpec, rounds: readonly Round[], values: readonly number[]) {
  const value = median(values);
  return {
    ...spec,
    floor: median(rounds.map(({ floor }) => floor)),
    measured: median(rounds.map(({ measured }) => measured)),
    value,
    spread: range(values),
    rounds: rounds.length,
    outcome: judge(spec.budget, value),
  };
}

export function judge(budget: Budget | undefined, value: number): Outcome {
  if (budget === undefined) return 'info';
  const fits = budget.sense === 'at most' ? value <= budget.limit : value >= budget.limit;
  return fits ? 'ok' : 'over';
}

export const atMost = (limit: number): Budget => ({ sense: 'at most', limit });
export const atLeast = (limit: number): Budget => ({ sense: 'at least', limit });
