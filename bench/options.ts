import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { withMarked } from './report.ts';
import { againstDaemon } from './rows/against-daemon.ts';
import { againstProxy } from './rows/against-proxy.ts';
import type { Bench } from './rows/bench.ts';

export interface Options {
  readonly isFull: boolean;
  readonly isJson: boolean;
  readonly isMarkdown: boolean;
  /** A page of Markdown that is to hold the figures. */
  readonly page: string | undefined;
  readonly profileFolder: string | undefined;
  readonly benches: readonly Bench[];
}

export const USAGE = `Usage: npm run bench [-- [flags]]

  --full   more rounds, all workloads, and a store of 200,000 receipts
  --only NAME[,NAME...]
           take these measurements only; a wrong name lists the right ones
  --against 'COMMAND'
           compare with another stdio proxy: its command line, to which the server's command is
           appended, such as 'other-proxy --quiet --'. Nothing else is measured without --only
  --daemon 'COMMAND'
           compare with another daemon that takes the protocol's frames. It finds its socket,
           database and key by AGENTRECEIPTS_SOCKET, _DB and _KEY, or by {socket}, {db}, {key} in
           the command line. Nothing else is measured without --only
  --json   print the results as JSON instead of a table
  --markdown
           print Markdown: the machine, and a table for each measurement under its command
  --into FILE
           write that into a page as well, between its lines <!-- figures --> and <!-- end of figures -->
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
      markdown: { type: 'boolean' },
      into: { type: 'string' },
      against: { type: 'string' },
      daemon: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const { full: isFull = false, json: isJson = false, markdown: isMarkdown = false } = values;
  const profileFolder = values.profile === undefined ? undefined : resolve(values.profile);
  const page = values.into === undefined ? undefined : resolve(values.into);
  // Before anything is measured: a wrong page must not cost ten minutes.
  if (page !== undefined) withMarked(readFileSync(page, 'utf8'), 'figures', '');
  const others = comparisons(values);
  const names = values.only?.flatMap((text) => text.split(','));
  const unknown = names?.find((name) => !all.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(' ');
    throw new TypeError(`no measurement is called ${unknown}; there are: ${known}`);
  }
  const wanted = all.filter(({ name, isLong }) => {
    if (names !== undefined) return names.includes(name);
    return others.length === 0 && (isFull || isLong !== true);
  });
  return { isFull, isJson, isMarkdown, page, profileFolder, benches: [...wanted, ...others] };
}

interface Others {
  readonly against?: string | undefined;
  readonly daemon?: string | undefined;
}

function comparisons({ against, daemon }: Others): readonly Bench[] {
  if (against?.trim() === '' || daemon?.trim() === '') {
    throw new TypeError('--against and --daemon need a command line');
  }
  return [
    ...(against === undefined ? [] : [againstProxy(against)]),
    ...(daemon === undefined ? [] : [againstDaemon(daemon)]),
  ];
}
