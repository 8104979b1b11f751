import { parseArgs } from 'node:util';
import type { Bench } from './rows/bench.ts';

export interface Options {
  readonly isFull: boolean;
  readonly isJson: boolean;
  readonly benches: readonly Bench[];
}

export const USAGE = `Usage: npm run bench [-- --full] [--json] [--only NAME[,NAME...]]

  --full   more rounds, and a store of 200,000 receipts
  --json   print the results as JSON instead of a table
  --only   take these measurements only
`;

/** @throws TypeError for wrong usage, with a message for the person */
export function readOptions(args: readonly string[], all: readonly Bench[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      full: { type: 'boolean' },
      json: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const names = values.only?.flatMap((text) => text.split(','));
  const known = all.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`no measurement is called ${unknown}; there are: ${known.join(' ')}`);
  }
  const benches = all.filter(({ name }) => names === undefined || names.includes(name));
  return { isFull: values.full === true, isJson: values.json === true, benches };
}
