import { CodedError } from '../../shared/errors.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import { ReceiptReader, type StoredChain, type StoredRow } from '../store/reader.ts';
import { Table } from '../table.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { describeReceipt } from './describe.ts';

const spec = {
  db: dbFlag,
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    describe: 'the chain that SEQ counts in; not needed when only one chain has it',
    env: 'AGENTRECEIPTS_CHAIN_ID',
  },
  json: { type: 'boolean', describe: 'print the whole receipt as JSON' },
  color: colorFlag,
} as const;

const notes = `${PATH_NOTE}
The receipt is named by its sequence number, by CHAIN:SEQ, or by its id
(urn:receipt:..., or the UUID alone). Options may stand before or behind it.

Exit codes: 0 shown; 1 no such receipt; 2 wrong usage, several chains have SEQ,
or the store is not readable.
`;

/** `obsigna receipt show` */
export const showCommand = defineVerb({
  name: 'receipt show',
  operands: ['SEQ|CHAIN:SEQ|ID'],
  about: 'Shows one receipt. Shows what it says; obsigna verify tells whether it is true.',
  spec,
  notes,
  run: show,
});

/** How a receipt was named on the command line. */
type Selector =
  | { readonly id: string }
  | { readonly chain: string | undefined; readonly sequence: number };

function show({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const paint = paintFor(cli, flags.color);
  const selector = parseSelector(operands[0], flags['chain-id']);
  const reader = new ReceiptReader(storePath(cli, flags.db));
  let row: StoredRow;
  try {
    row = find(reader, selector);
  } finally {
    reader.close();
  }
  const { receipt, json } = parseReceipt(row.text);
  if (flags.json === true) {
    cli.out.write(`${JSON.stringify(json, null, 2)}\n`);
    return 0;
  }
  const table = new Table(cli.out, paint);
  for (const [label, value] of describeReceipt(receipt)) {
    table.row([{ text: `${label}:`, colour: 'bold' }, { text: printable(value) }]);
  }
  table.end();
  return 0;
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

function parseSelector(text: string | undefined, chainId: string | undefined): Selector {
  if (text === undefined) throw new CodedError('USAGE', 'name a receipt: SEQ, CHAIN:SEQ or ID');
  if (text.startsWith('urn:receipt:')) return { id: text };
  if (UUID.test(text)) return { id: `urn:receipt:${text.toLowerCase()}` };
  const [, chain, digits] = /^(?:(.+):)?(\d+)$/s.exec(text) ?? [];
  const sequence = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(sequence)) {
    const message = `${JSON.stringify(text)} names no receipt, expected SEQ, CHAIN:SEQ or ID`;
    throw new CodedError('USAGE', message);
  }
  return { chain: chain ?? chainId, sequence };
}

function find(reader: ReceiptReader, selector: Selector): StoredRow {
  if ('id' in selector) {
    const row = reader.withId(selector.id);
    if (row === undefined) throw new CodedError('RECEIPT_NOT_FOUND', `no receipt ${selector.id}`);
    return row;
  }
  const { chain, sequence } = selector;
  const chains = reader.chains();
  const candidates = chains.filter(
    (candidate) =>
      (chain === undefined || candidate.id === chain) &&
      reader.at(candidate, sequence) !== undefined,
  );
  const [only, second] = candidates;
  if (only === undefined) throw notFound(chains, chain, sequence);
  if (second !== undefined) throw ambiguous(candidates, sequence);
  return reader.at(only, sequence) as StoredRow;
}

function notFound(chains: readonly StoredChain[], chain: string | undefined, sequence: number) {
  let where = 'the store is empty';
  if (chains.length > 0) where = chain === undefined ? 'in no chain' : `in chain ${chain}`;
  return new CodedError('RECEIPT_NOT_FOUND', `no receipt with sequence ${sequence}: ${where}`);
}

const MOST_CANDIDATES = 20;

function ambiguous(candidates: readonly StoredChain[], sequence: number): CodedError {
  const names = candidates.slice(-MOST_CANDIDATES).map(({ id }) => `${id}:${sequence}`);
  const more = candidates.length - names.length;
  const older = more > 0 ? ` and ${more} older` : '';
  const message = `${candidates.length} chains have sequence ${sequence}: ${names.join(', ')}${older}`;
  return new CodedError('SEQUENCE_AMBIGUOUS', message);
}
