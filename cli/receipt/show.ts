import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import { Table } from '../table.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { describeReceipt } from './describe.ts';
import { findReceipt, parseSelector } from './selector.ts';

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
The receipt is named by its sequence number, by CHAIN:SEQ, by its id
(urn:receipt:..., or the UUID alone), or by the call that it is about,
SESSION/CALL, as a server reads it in Obsigna-Receipt. Options may stand before
or behind it.

Exit codes: 0 shown; 1 no such receipt; 2 wrong usage, several chains have SEQ,
or the store is not readable.
`;

/** `obsigna receipt show` */
export const showCommand = defineVerb({
  name: 'receipt show',
  operands: ['SEQ|CHAIN:SEQ|ID|SESSION/CALL'],
  about: 'Shows one receipt. Shows what it says; obsigna verify tells whether it is true.',
  spec,
  notes,
  run: show,
});

function show({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const paint = paintFor(cli, flags.color);
  const selector = parseSelector(operands[0], flags['chain-id']);
  const row = findReceipt(storePath(cli, flags.db), selector);
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
