import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import { parseMoment, secondText } from '../moment.ts';
import type { ReceiptFilter } from '../store/newest.ts';
import { ReceiptReader } from '../store/reader.ts';
import { filterFlags, knownWords, longFlag, lookedAtText } from './filter-flags.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import {
  JsonPrinter,
  LinePrinter,
  readRow,
  TablePrinter,
  type ReceiptPrinter,
} from './printers.ts';

const DEFAULT_LIMIT = 50;

const spec = {
  db: dbFlag,
  ...filterFlags,
  since: {
    type: 'string',
    placeholder: 'WHEN',
    describe: 'not before: a time (2026-06-15T12:00:00Z), a date (UTC), or how long ago (90m, 7d)',
  },
  until: { type: 'string', placeholder: 'WHEN', describe: 'not after; a date means its end' },
  limit: { type: 'integer', describe: 'show at most this many', default: DEFAULT_LIMIT },
  all: { type: 'boolean', describe: 'show every receipt that fits' },
  long: longFlag,
  json: { type: 'boolean', describe: 'print a JSON array of whole receipts' },
  jsonl: { type: 'boolean', describe: 'print one receipt a line, as JSON' },
  color: colorFlag,
} as const;

const notes = `${PATH_NOTE}
A sequence number counts within its chain: CHAIN and SEQ together name a receipt
(obsigna show CHAIN:SEQ). A row that is not a receipt is reported on standard
error and does not hide the others; obsigna verify tells what is wrong with it.

Exit codes: 0 also when nothing fits; 2 wrong usage, or the store is not readable.
`;

/** `obsigna receipt list` */
export const listCommand = defineVerb({
  name: 'receipt list',
  operands: [],
  about:
    'Shows receipts, newest first. Shows what they say; obsigna verify tells whether it is true.',
  spec,
  notes,
  run: list,
});

function list({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const filter = filterOf(flags);
  const limit = limitOf(flags);
  const printer = choosePrinter(flags, cli);
  const reader = new ReceiptReader(storePath(cli, flags.db));
  try {
    const gaveUp = (lookedAt: number) => {
      cli.say.warn(`${lookedAtText(lookedAt)}; -all looks at every one`);
    };
    for (const row of reader.newest(filter, limit, gaveUp)) {
      const read = readRow(row, cli);
      if (read !== undefined) printer.receipt(read);
    }
  } finally {
    reader.close();
  }
  printer.end();
  return 0;
}

function filterOf(flags: VerbInput<typeof spec>['flags']): ReceiptFilter {
  const { chain, tool } = flags;
  const { risk, status } = knownWords(flags);
  const moment = (flag: 'since' | 'until') => {
    const text = flags[flag];
    return text === undefined ? undefined : secondText(parseMoment(flag, text, Date.now()));
  };
  const [since, until] = [moment('since'), moment('until')];
  return {
    ...(chain !== undefined && { chain }),
    ...(tool !== undefined && { tool }),
    ...(risk !== undefined && { risk }),
    ...(status !== undefined && { status }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

function limitOf({ limit, all }: VerbInput<typeof spec>['flags']): number | undefined {
  if (limit !== undefined && limit <= 0) {
    throw new CodedError('USAGE', `-limit is ${limit}, expected a number above 0`);
  }
  if (all !== true) return limit ?? DEFAULT_LIMIT;
  if (limit !== undefined) throw new CodedError('USAGE', '-all and -limit exclude each other');
  return undefined;
}

function choosePrinter(
  { json, jsonl, long, color }: VerbInput<typeof spec>['flags'],
  cli: Cli,
): ReceiptPrinter {
  const paint = paintFor(cli, color);
  if (json === true && jsonl === true) {
    throw new CodedError('USAGE', '-json and -jsonl exclude each other');
  }
  if (json === true) return new JsonPrinter(cli);
  if (jsonl === true) return new LinePrinter(cli);
  return new TablePrinter(cli, paint, long === true);
}
