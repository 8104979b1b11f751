import type { Lab } from '../lab.ts';
import type { Row } from '../row.ts';

/** One measurement: some rows of the table that are taken together. */
export interface Bench {
  /** For `--only`. */
  readonly name: string;
  /** The rows it answers for, shown when it cannot be taken. */
  readonly title: string;
  /** Taken in the long form, and when it is asked for by name. */
  readonly isLong?: boolean;
  run(lab: Lab): Promise<readonly Row[]>;
}
