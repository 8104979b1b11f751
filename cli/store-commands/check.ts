import type { Cli, ExitCode } from '../cli.ts';
import { dbFlag, PATH_NOTE, storePath } from '../common-flags.ts';
import { checkStore } from '../store/check.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';

const spec = {
  db: dbFlag,
  json: { type: 'boolean', describe: 'print the findings as JSON' },
} as const;

const notes = `${PATH_NOTE}
Checks the file, not the evidence: pages and indices, tables and columns, and that
every row holds a receipt that its columns repeat. Signatures and links are the
business of obsigna verify.

Exit codes: 0 sound; 1 there are faults; 2 wrong usage, or not readable at all.
`;

/** `obsigna store check` */
export const checkCommand = defineVerb({
  name: 'store check',
  operands: [],
  about: 'Checks that the store is sound as a database.',
  spec,
  notes,
  run: check,
});

function check({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const { receipts, schema, faults, more } = checkStore(storePath(cli, flags.db));
  if (flags.json === true) {
    const json = { ok: faults.length === 0, receipts, schema, faults, more_faults: more };
    cli.out.write(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    for (const fault of faults) cli.out.write(`fault: ${printable(fault)}\n`);
    if (more > 0) cli.out.write(`and ${more} more\n`);
    const verdict = faults.length === 0 ? 'sound' : 'not sound';
    cli.out.write(`${verdict}: ${receipts} receipts, schema ${schema}\n`);
  }
  return faults.length === 0 ? 0 : 1;
}
