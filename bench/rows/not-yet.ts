import { missingRow } from '../row.ts';
import type { Bench } from './bench.ts';

const ROWS = [
  ['verify, two cores', 'the verifier runs on one thread in this version'],
  ['receipt tail', 'the command does not exist in this version'],
] as const;

/** Budgets whose feature is still to come: promised, so they stand in the table. */
export const notYet: Bench = {
  name: 'not-yet',
  title: 'features to come',
  run: () => Promise.resolve(ROWS.map(([row, why]) => missingRow(row, 'not yet', why))),
};
