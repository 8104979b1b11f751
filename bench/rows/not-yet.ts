import { missingRow } from '../row.ts';
import type { Bench } from './bench.ts';

const ROWS = [
  ['call with -require-receipt, 1 KB, p50', 'the flag does not exist in this version'],
] as const;

/** Budgets whose feature is still to come: promised, so they stand in the table. */
export const notYet: Bench = {
  name: 'not-yet',
  title: 'features to come',
  run: () => Promise.resolve(ROWS.map(([row, why]) => missingRow(row, 'not yet', why))),
};
