import { CodedError } from '../../shared/errors.ts';
import type { ExitCode } from '../cli.ts';
import { answerFlags, paintFor } from '../common-flags.ts';
import { defineVerb } from '../verb.ts';
import { ApprovalDesk, socketFlag } from './desk.ts';
import { renderQuestion } from './render.ts';

export const showCommand = defineVerb({
  name: 'approvals show',
  operands: ['ID'],
  about: 'Shows one tool call that waits for a person, with its arguments.',
  spec: { socket: socketFlag, ...answerFlags },
  notes: `
ID is an id of \`obsigna approvals list\`, or its first digits. The digest stands for
everything that an answer is bound to. Exit status: 1 when no such question waits.
`,
  run: async ({ flags, operands: [id] }, cli): Promise<ExitCode> => {
    if (id === undefined) throw new CodedError('USAGE', 'no id given');
    const paint = paintFor(cli, flags.color);
    const desk = await ApprovalDesk.open(flags.socket);
    try {
      const question = await desk.find(id);
      cli.out.write(
        flags.json === true
          ? `${JSON.stringify(question, undefined, 2)}\n`
          : renderQuestion(question, paint, Date.now()),
      );
      return 0;
    } finally {
      desk.close();
    }
  },
});
