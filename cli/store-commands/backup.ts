import type { Cli, ExitCode } from '../cli.ts';
import { dbFlag, PATH_NOTE, storePath } from '../common-flags.ts';
import { backupStore } from '../store/backup.ts';
import { defineVerb, type VerbInput } from '../verb.ts';

const spec = { db: dbFlag } as const;

const notes = `${PATH_NOTE}
One moment of the store, whole, while the daemon goes on writing. DEST is a file that
is not there yet; it appears only when it is complete and on disk. The keys are no
part of it: back up the public key with it, and the signing key somewhere else.

Exit codes: 0 done; 2 wrong usage, or it could not be done.
`;

/** `obsigna store backup` */
export const backupCommand = defineVerb({
  name: 'store backup',
  operands: ['DEST'],
  about: 'Copies the store while it is in use.',
  spec,
  notes,
  run: backup,
});

function backup({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const { receipts, bytes } = backupStore(storePath(cli, flags.db), operands[0]);
  cli.out.write(`${operands[0]}: ${receipts} receipts, ${bytes} bytes\n`);
  return 0;
}
