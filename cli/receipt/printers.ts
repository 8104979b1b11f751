import { callNoteOf } from '../../shared/receipt/call.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { ReadReceipt } from '../../shared/receipt/receipt.ts';
import type { Cli } from '../cli.ts';
import type { StoredRow } from '../store/reader.ts';
import { Table, type Cell } from '../table.ts';
import { printable, type Colour, type Paint } from '../terminal.ts';
import { tookText } from './call-rows.ts';
import { decisionOf } from './extension.ts';

/** How receipts of a list become output. */
export interface ReceiptPrinter {
  receipt(read: ReadReceipt): void;
  /** Writes what is held back; more may follow. */
  pause(): void;
  end(): void;
}

/** The receipt of a row; one that cannot be read is reported and hides no other. */
export function readRow({ text, columns }: StoredRow, cli: Cli): ReadReceipt | undefined {
  try {
    return parseReceipt(text);
  } catch (error) {
    const place = printable(`${columns.chain_id}:${columns.sequence} (${columns.id})`);
    cli.say.warn(`${place} is not a readable receipt: ${(error as Error).message}`);
    return undefined;
  }
}

/** The text of `JSON.stringify(receipts, null, 2)`, one receipt at a time. */
export class JsonPrinter implements ReceiptPrinter {
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

  pause(): void {
    // Nothing is held back.
  }

  end(): void {
    this.#cli.out.write(this.#isEmpty ? '[]\n' : '\n]\n');
  }
}

/** One receipt a line, as JSON. */
export class LinePrinter implements ReceiptPrinter {
  readonly #cli: Cli;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  receipt({ json }: ReadReceipt): void {
    this.#cli.out.write(`${JSON.stringify(json)}\n`);
  }

  pause(): void {
    // Every line stands for itself.
  }

  end(): void {
    // Nothing found is no line.
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

export class TablePrinter implements ReceiptPrinter {
  readonly #cli: Cli;
  readonly #table: Table;
  readonly #isLong: boolean;
  #isEmpty = true;

  constructor(cli: Cli, paint: Paint, isLong: boolean) {
    this.#cli = cli;
    this.#table = new Table(cli.out, paint);
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

  pause(): void {
    this.#table.end();
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
