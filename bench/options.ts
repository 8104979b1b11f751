import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './rows/bench.ts';

export interface Options {
  readonly isFull: boolean;
  readonly isJson: boolean;
  readonly profileFolder: string | undefined;
  readonly benches: readonly Bench[];
}

export const USAGE = `Usage: npm run bench [-- --full] [--json] [--only NAME[,NAME...]] [--profile FOLDER]

  --full   more rounds, and a store of 200,000 receipts
  --json   print the results as JSON instead of a table
  --only   take these measurements only
  --profile FOLDER
           every start of our programs leaves a CPU profile there; the figures suffer
`;

/** @throws TypeError for wrong usage, with a message for the person */
export function readOptions(args: readonly string[], all: readonly Bench[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      full: { type: 'boolean' },
      json: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      profile: { type: 'string' },
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
  const { full: isFull = false, json: isJson = false } = values;
  const benches = all.filter(({ name, isLong }) =>
    names === undefined ? isFull || isLong !== true : names.includes(name),
  );
  const profileFolder = values.profile === undefined ? undefined : resolve(values.profile);
  return { isFull, isJson, profileFolder, benches };
}
