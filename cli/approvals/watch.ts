import { setTimeout as delay } from 'node:timers/promises';
import { answerFlags, paintFor } from '../common-flags.ts';
import { defineVerb } from '../verb.ts';
import { ApprovalDesk, socketFlag } from './desk.ts';
import { renderQuestion, textOf } from './render.ts';

const LOOK_MS = 500;

export const watchCommand = defineVerb({
  name: 'approvals watch',
  operands: [],
  about: 'Shows tool calls that wait for a person as they come, until it is interrupted.',
  spec: { socket: socketFlag, ...answerFlags },
  notes: `
Answer in another terminal with \`obsigna approvals approve ID\` or \`deny ID\`. With -json:
one object on a line for each question. Ends with 2 when the daemon does.
`,
  run: async ({ flags }, cli) => {
    const paint = paintFor(cli, flags.color);
    const desk = await ApprovalDesk.open(flags.socket);
    let known = new Set<string>();
    for (;;) {
      const waiting = await desk.list();
      for (const { id } of waiting) {
        if (typeof id !== 'string' || known.has(id)) continue;
        const question = await desk.find(id).catch(() => undefined);
        if (question === undefined) continue; // settled while we looked
        cli.out.write(
          flags.json === true
            ? `${JSON.stringify(question)}\n`
            : `${renderQuestion(question, paint, Date.now())}\n`,
        );
        cli.out.flush();
      }
      known = new Set(waiting.map(({ id }) => textOf(id)));
      await delay(LOOK_MS);
    }
  },
});
