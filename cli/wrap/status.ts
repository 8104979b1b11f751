import type { Client } from '../clients/client.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { answerFlags, paintFor } from '../common-flags.ts';
import { Table } from '../table.ts';
import { printable, type Colour } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { readSearch, searchFlags } from './search-flags.ts';
import { signSurvey, surveyJson } from './statement.ts';
import { survey, surveyText, type Standing, type Survey } from './survey.ts';

const spec = {
  client: searchFlags.client,
  project: searchFlags.project,
  sign: { type: 'boolean', describe: 'make the answer a receipt; needs a running daemon' },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    describe: "the daemon's socket",
    env: 'AGENTRECEIPTS_SOCKET',
    default: '$XDG_RUNTIME_DIR/agentreceipts/events.sock',
  },
  ...answerFlags,
} as const;

const notes = `governed: its calls pass the proxy. broken: its proxy or rules are gone, and it does not
start. open: not wrapped. remote, builtin, unclear: \`obsigna wrap\` leaves it, and the
reason stands beside it. disabled: switched off, and not counted.

Exit codes: 0 every configured server is governed; 1 some are not, or a file cannot be
read; 2 wrong usage, or no receipt with -sign.
`;

/** `obsigna status` */
export const statusCommand = defineVerb({
  name: 'status',
  operands: [],
  about: 'Says which servers of the clients on this machine are governed, and which are not.',
  spec,
  notes,
  run: status,
});

const COLOURS: Readonly<Record<Standing, Colour>> = {
  governed: 'green',
  broken: 'red',
  open: 'red',
  remote: 'yellow',
  builtin: 'yellow',
  unclear: 'yellow',
  disabled: 'bold',
};

async function status({ flags }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const search = readSearch(cli, { ...flags, server: undefined, scope: undefined });
  const found = survey(search);
  const receipt =
    flags.sign === true ? await signSurvey(found, flags.socket ?? cli.paths.socket) : undefined;
  const isWhole = found.governed === found.configured && found.unread.length === 0;
  const code = isWhole ? 0 : 1;
  if (flags.json === true) {
    const signed = receipt === undefined ? {} : { receipt: { ...receipt } };
    cli.out.write(`${JSON.stringify({ ok: isWhole, ...surveyJson(found), ...signed }, null, 2)}\n`);
    return code;
  }
  print(found, search.project, cli, flags.color);
  if (receipt !== undefined) {
    cli.out.write(`receipt ${receipt.chainId}:${receipt.sequence} ${receipt.receiptHash}\n`);
  }
  return code;
}

function print(found: Survey, project: string, cli: Cli, color: string | undefined): void {
  const paint = paintFor(cli, color);
  if (found.servers.length > 0) {
    const table = new Table(cli.out, paint);
    table.row(['STANDING', 'CLIENT', 'SERVER', 'WHERE', 'WHY'].map((text) => ({ text })));
    for (const { standing, clients, server, path, line, reason } of found.servers) {
      table.row([
        { text: standing, colour: COLOURS[standing] },
        { text: clients.join(',') },
        { text: printable(server) },
        { text: `${printable(path)}:${line}` },
        { text: printable(reason) },
      ]);
    }
    table.end();
    cli.out.write('\n');
  }
  for (const { error } of found.unread) {
    cli.out.write(`not read: ${printable(error.message)} (${error.code})\n`);
  }
  for (const { name, elsewhere } of clientsOf(found)) {
    if (elsewhere.length > 0) cli.out.write(`not looked at: ${name}: ${elsewhere.join('; ')}\n`);
  }
  cli.out.write(`not looked at: projects other than ${printable(project)}\n`);
  const none = found.files.length === 0 ? 'no configuration of a known client found; ' : '';
  cli.out.write(`${none}${surveyText(found)}\n`);
}

/** The clients that have a file here. */
function clientsOf({ files }: Survey): readonly Client[] {
  return [...new Set(files.flatMap(({ places }) => places.map(({ client }) => client)))];
}
