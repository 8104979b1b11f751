import { defineCommand, type CommandDef } from 'citty';
import { renderRows } from '../shared/flags.ts';

const RECEIPT_COMMANDS = [
  ['receipt list', 'Show receipts, newest first, with filters'],
  ['receipt show SEQ', 'Show one receipt'],
  ['receipt disclose SEQ', 'Open what was sealed into one receipt'],
  ['receipt verify', 'Verify signatures, links and columns of every chain'],
] as const;

const ALIASES = [
  ['verify', 'receipt verify'],
  ['show', 'receipt show'],
] as const;

const MORE = `Every command explains itself with -h. Exit codes: 0 good, 1 the answer is no,
2 wrong usage or not readable.
`;

/** Usage texts by group; the key is what stands behind `obsigna`. */
export const USAGES: Readonly<Record<string, string>> = {
  '': `Usage: obsigna <command> [options]

Reads and verifies the receipts of AI agents' tool calls. Needs no daemon.

Receipt commands:
${renderRows(RECEIPT_COMMANDS)}
Aliases:
${renderRows(ALIASES)}
Other:
${renderRows([
  ['help', 'This text; with a command, its help'],
  ['--version', 'The version of this program'],
])}
${MORE}`,
  receipt: `Usage: obsigna receipt <command> [options]

Receipt commands:
${renderRows(RECEIPT_COMMANDS.map(([name, text]) => [name.replace('receipt ', ''), text]))}
${MORE}`,
};

const list = async () => (await import('./receipt/list.ts')).listCommand;
const show = async () => (await import('./receipt/show.ts')).showCommand;
const disclose = async () => (await import('./receipt/disclose.ts')).discloseCommand;
const verify = async () => (await import('./receipt/verify.ts')).verifyCommand;

/** The tree of commands. A command's code, and the database driver, load when it is asked for. */
export const ROOT: CommandDef = defineCommand({
  meta: { name: 'obsigna' },
  subCommands: {
    receipt: defineCommand({
      meta: { name: 'receipt' },
      subCommands: { list, show, disclose, verify },
    }),
    show,
    verify,
  },
});
