import type { ExitCode } from '../cli.ts';
import { answerFlags, paintFor } from '../common-flags.ts';
import { Table } from '../table.ts';
import { defineVerb } from '../verb.ts';
import { ApprovalDesk, socketFlag } from './desk.ts';
import { cellsOf, HEADINGS } from './render.ts';

export const listCommand = defineVerb({
  name: 'approvals list',
  operands: [],
  about: 'Shows the tool calls of this machine that wait for a person, oldest first.',
  spec: { socket: socketFlag, ...answerFlags },
  notes: `
Everything shown was sent by an agent. Only the user who owns the daemon's socket, and
root, may list and answer. Exit status: 0 also when nothing waits; 2 without a daemon.
`,
  run: async ({ flags }, cli): Promise<ExitCode> => {
    const paint = paintFor(cli, flags.color);
    const desk = await ApprovalDesk.open(flags.socket);
    try {
      const approvals = await desk.list();
      if (flags.json === true) {
        cli.out.write(`${JSON.stringify({ approvals }, undefined, 2)}\n`);
        return 0;
      }
      if (approvals.length === 0) {
        cli.out.write('nothing waits for an answer\n');
        return 0;
      }
      const table = new Table(cli.out, paint);
      table.row(HEADINGS.map((text) => ({ text, colour: 'bold' })));
      const now = Date.now();
      for (const each of approvals) table.row(cellsOf(each, now).map((text) => ({ text })));
      table.end();
      return 0;
    } finally {
      desk.close();
    }
  },
});
