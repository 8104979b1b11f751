import { setTimeout as delay } from 'node:timers/promises';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import type { ReceiptFilter } from '../store/newest.ts';
import { stateOf } from '../store/open.ts';
import { ReceiptReader, type StoredRow, type WrittenPlace } from '../store/reader.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { filterFlags, knownWords, longFlag, lookedAtText } from './filter-flags.ts';
import { LinePrinter, readRow, TablePrinter, type ReceiptPrinter } from './printers.ts';

const DEFAULT_COUNT = 10;
/** Between two looks at the files: soon enough for a person, and next to nothing for the machine. */
const LOOK_MS = 250;

const spec = {
  db: dbFlag,
  n: {
    type: 'integer',
    placeholder: 'N',
    describe: 'receipts to begin with',
    default: DEFAULT_COUNT,
  },
  f: { type: 'boolean', describe: 'go on with receipts as they are written, until interrupted' },
  follow: { type: 'boolean', describe: 'as -f' },
  ...filterFlags,
  long: longFlag,
  json: { type: 'boolean', describe: 'print one receipt a line, as JSON' },
  color: colorFlag,
} as const;

const notes = `${PATH_NOTE}
In the order of writing, which is the order of their chains whatever the clock said.
Needs no daemon; -f shows what one writes within the second, also one that is
started later. A row that is not a receipt is reported on standard error.

Exit codes: 0 also when nothing fits, and when -f is interrupted; 2 wrong usage,
or the store is not readable.
`;

/** `obsigna receipt tail` */
export const tailCommand = defineVerb({
  name: 'receipt tail',
  operands: [],
  about:
    'Shows the newest receipts, the last one at the end, and those that follow. Shows what they say; obsigna verify tells whether it is true.',
  spec,
  notes,
  run: tail,
});

async function tail({ flags }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const { n = DEFAULT_COUNT, json, long } = flags;
  if (n < 0) throw new CodedError('USAGE', `-n is ${n}, expected 0 or more`);
  const paint = paintFor(cli, flags.color);
  const printer =
    json === true ? new LinePrinter(cli) : new TablePrinter(cli, paint, long === true);
  const path = storePath(cli, flags.db);
  const print = (rows: Iterable<StoredRow>) => printRows(rows, printer, cli);
  const tailer = new Tailer(path, filterOf(flags), cli);
  if (flags.f !== true && flags.follow !== true) {
    print(tailer.newest(n));
    printer.end();
    return 0;
  }
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt);
  try {
    let state = stateOf(path);
    print(tailer.newest(n));
    let isSettled = false;
    while (!interrupted.signal.aborted) {
      printer.pause();
      cli.out.flush();
      await delay(LOOK_MS, undefined, { signal: interrupted.signal }).catch(() => undefined);
      const now = stateOf(path);
      // Once more behind every change: two within one tick of the file system's clock look like one.
      if (now !== state || !isSettled) print(tailer.written());
      isSettled = now === state;
      state = now;
    }
    return 0;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function filterOf({ chain, tool, ...words }: VerbInput<typeof spec>['flags']): ReceiptFilter {
  const { risk, status } = knownWords(words);
  return {
    ...(chain !== undefined && { chain }),
    ...(tool !== undefined && { tool }),
    ...(risk !== undefined && { risk }),
    ...(status !== undefined && { status }),
  };
}

function printRows(rows: Iterable<StoredRow>, printer: ReceiptPrinter, cli: Cli): void {
  for (const row of rows) {
    const read = readRow(row, cli);
    if (read !== undefined) printer.receipt(read);
  }
}

/**
 * Reads a store from its end on. Each look opens it anew and closes it: nothing is held meanwhile, so that
 * daemons may come and go, and the store may be made smaller or put back from a copy.
 */
class Tailer {
  readonly #path: string;
  readonly #filter: ReceiptFilter;
  readonly #cli: Cli;
  #seen: WrittenPlace | undefined;

  constructor(path: string, filter: ReceiptFilter, cli: Cli) {
    this.#path = path;
    this.#filter = filter;
    this.#cli = cli;
  }

  /** The last so many receipts that fit, oldest first. */
  *newest(count: number): IterableIterator<StoredRow> {
    const reader = new ReceiptReader(this.#path);
    try {
      this.#seen = reader.end();
      if (count === 0) return;
      const gaveUp = (lookedAt: number) => this.#cli.say.warn(lookedAtText(lookedAt));
      yield* reader.lastWritten(this.#filter, count, gaveUp);
    } finally {
      reader.close();
    }
  }

  /** What was written since the last look. */
  *written(): IterableIterator<StoredRow> {
    const reader = new ReceiptReader(this.#path);
    try {
      const end = reader.end();
      const seen = this.#seen === undefined ? end : reader.placeAgain(this.#seen);
      if (seen === undefined) {
        this.#cli.say.warn('the receipt shown up to is gone: others may be missing here');
      } else {
        yield* reader.between(this.#filter, seen, end);
      }
      this.#seen = end;
    } finally {
      reader.close();
    }
  }
}
