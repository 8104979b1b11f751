import { OUTCOME_STATUSES, RISK_LEVELS, type ReadReceipt } from '../../shared/receipt/receipt.ts';
import { CodedError } from '../../shared/errors.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import { parseMoment, secondText } from '../moment.ts';
import type { ReceiptFilter } from '../store/newest.ts';
import { ReceiptReader, type StoredRow } from '../store/reader.ts';
import { Table, type Cell } from '../table.ts';
import { printable, type Colour } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { callNoteOf } from '../../shared/receipt/call.ts';
import { tookText } from './call-rows.ts';
import { decisionOf } from './extension.ts';

const DEFAULT_LIMIT = 50;

const spec = {
  db: dbFlag,
  chain: { type: 'string', placeholder: 'ID', describe: 'only this chain, in its own order' },
  tool: {
    type: 'string',
    placeholder: 'NAME',
    describe: 'only this tool, or the action type of a receipt without one; * stands for any text',
  },
  risk: { type: 'string', placeholder: 'LEVEL', describe: `only ${RISK_LEVELS.join(', ')}` },
  status: {
    type: 'string',
    placeholder: 'STATUS',
    describe: `only ${OUTCOME_STATUSES.join(', ')}`,
  },
  since: {
    type: 'string',
    placeholder: 'WHEN',
    describe: 'not before: a time (2026-06-15T12:00:00Z), a date (UTC), or how long ago (90m, 7d)',
  },
  until: { type: 'string', placeholder: 'WHEN', describe: 'not after; a date means its end' },
  limit: { type: 'integer', describe: 'show at most this many', default: DEFAULT_LIMIT },
  all: { type: 'boolean', describe: 'show every receipt that fits' },
  long: { type: 'boolean', describe: 'add columns for status, risk, decision, call and time' },
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

interface Printer {
  receipt(read: ReadReceipt): void;
  end(): void;
}

function list({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const filter = filterOf(flags);
  const limit = limitOf(flags);
  const printer = choosePrinter(flags, cli);
  const reader = new ReceiptReader(storePath(cli, flags.db));
  try {
    const gaveUp = (lookedAt: number) => {
      const text = `looked at the newest ${lookedAt.toLocaleString('en')} receipts; -all looks at every one`;
      cli.say.warn(text);
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
  const risk = oneOf('risk', RISK_LEVELS, flags.risk);
  const status = oneOf('status', OUTCOME_STATUSES, flags.status);
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

function oneOf(flag: string, allowed: readonly string[], value: string | undefined) {
  if (value === undefined || allowed.includes(value)) return value;
  const expected = allowed.join(', ');
  throw new CodedError('USAGE', `-${flag} is ${JSON.stringify(value)}, expected ${expected}`);
}

function limitOf({ limit, all }: VerbInput<typeof spec>['flags']): number | undefined {
  if (limit !== undefined && limit <= 0) {
    throw new CodedError('USAGE', `-limit is ${limit}, expected a number above 0`);
  }
  if (all !== true) return limit ?? DEFAULT_LIMIT;
  if (limit !== undefined) throw new CodedError('USAGE', '-all and -limit exclude each other');
  return undefined;
}

function readRow({ text, columns }: StoredRow, cli: Cli): ReadReceipt | undefined {
  try {
    return parseReceipt(text);
  } catch (error) {
    const place = printable(`${columns.chain_id}:${columns.sequence} (${columns.id})`);
    cli.say.warn(`${place} is not a readable receipt: ${(error as Error).message}`);
    return undefined;
  }
}

function choosePrinter(
  { json, jsonl, long, color }: VerbInput<typeof spec>['flags'],
  cli: Cli,
): Printer {
  const paint = paintFor(cli, color);
  if (json === true && jsonl === true) {
    throw new CodedError('USAGE', '-json and -jsonl exclude each other');
  }
  if (json === true) return new JsonPrinter(cli);
  if (jsonl === true) {
    return { receipt: (read) => cli.out.write(`${JSON.stringify(read.json)}\n`), end: () => {} };
  }
  return new TablePrinter(cli, new Table(cli.out, paint), long === true);
}

/** The text of `JSON.stringify(receipts, null, 2)`, one receipt at a time. */
class JsonPrinter implements Printer {
  readonly #cli: Cli;
  #isEmpty = true;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  receipt({ json }: ReadReceipt): void {
    const text = JSON.stringify(json, null, 2).replaceAll('\n', '\n  ');
    this.#cli.out.write(`${this.#isEmpty ? '[' : ','}\n  ${text}`);
    this.#isEmpty = false;
  }

  end(): void {
    this.#cli.out.write(this.#isEmpty ? '[]\n' : '\n]\n');
  }
}

const HEADER = ['SEQ', 'TIMESTAMP', 'CHAIN', 'TOOL / ACTION TYPE'];
const LONG_HEADER = ['STATUS', 'RISK', 'DECISION', 'CALL', 'TOOK'];
const COLOURS: Readonly<Record<string, Colour>> = {
  failure: 'red',
  pending: 'yellow',
  high: 'yellow',
  critical: 'red',
  block: 'red',
  pause: 'yellow',
  flag: 'yellow',
};

class TablePrinter implements Printer {
  readonly #cli: Cli;
  readonly #table: Table;
  readonly #isLong: boolean;
  #isEmpty = true;

  constructor(cli: Cli, table: Table, isLong: boolean) {
    this.#cli = cli;
    this.#table = table;
    this.#isLong = isLong;
  }

  receipt({ receipt }: ReadReceipt): void {
    if (this.#isEmpty) {
      const header = this.#isLong ? [...HEADER, ...LONG_HEADER] : HEADER;
      this.#table.row(header.map((text) => ({ text, colour: 'bold' })));
    }
    this.#isEmpty = false;
    const { action, chain, outcome } = receipt.credentialSubject;
    const tool =
      action.tool_name === undefined || action.tool_name === '' ? action.type : action.tool_name;
    const texts = [String(chain.sequence), action.timestamp, chain.chain_id, tool];
    const cells: Cell[] = texts.map((text) => ({ text: printable(text) }));
    if (this.#isLong) {
      const words = [outcome.status, action.risk_level, decisionOf(receipt) ?? '-'];
      cells.push(...words.map(coloured));
      const call = [callNoteOf(receipt)?.id ?? '-', tookText(receipt) ?? '-'];
      cells.push(...call.map((text) => ({ text: printable(text) })));
    }
    this.#table.row(cells);
  }

  end(): void {
    if (this.#isEmpty) this.#cli.out.write('no receipts found\n');
    else this.#table.end();
  }
}

function coloured(word: string): Cell {
  const colour = Object.hasOwn(COLOURS, word) ? COLOURS[word] : undefined;
  const text = printable(word);
  return colour === undefined ? { text } : { text, colour };
}
