import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { answerFlags } from '../common-flags.ts';
import { defineVerb } from '../verb.ts';
import { ApprovalDesk, socketFlag } from './desk.ts';
import { textOf } from './render.ts';

const reasonFlag = {
  type: 'string',
  placeholder: 'TEXT',
  describe: 'why; stands in the receipt',
} as const;

const digestFlag = {
  type: 'string',
  placeholder: 'DIGEST',
  describe: 'the question that was looked at; another one is not answered',
} as const;

const grantFlag = {
  type: 'string',
  placeholder: 'SCOPE',
  describe: 'call: this exact call again for 10 minutes; session: this tool until the session ends',
} as const;

const common = {
  socket: socketFlag,
  reason: reasonFlag,
  digest: digestFlag,
  json: answerFlags.json,
};

const NOTES = `
ID is an id of \`obsigna approvals list\`, or its first digits. An answer counts once, for
this very call. Exit status: 1 when it does not count any more.
`;

export const approveCommand = defineVerb({
  name: 'approvals approve',
  operands: ['ID'],
  about: 'Lets a tool call that waits run.',
  spec: { ...common, grant: grantFlag },
  notes: NOTES,
  run: ({ flags, operands: [id] }, cli) => {
    const { grant } = flags;
    if (grant !== undefined && grant !== 'call' && grant !== 'session') {
      throw new CodedError('USAGE', `-grant is "${grant}", expected call or session`);
    }
    return answer(cli, id, flags, { verdict: 'approve', ...(grant !== undefined && { grant }) });
  },
});

export const denyCommand = defineVerb({
  name: 'approvals deny',
  operands: ['ID'],
  about: 'Refuses a tool call that waits.',
  spec: common,
  notes: NOTES,
  run: ({ flags, operands: [id] }, cli) => answer(cli, id, flags, { verdict: 'deny' }),
});

interface AnswerFlags {
  readonly socket: string | undefined;
  readonly reason: string | undefined;
  readonly digest: string | undefined;
  readonly json: boolean | undefined;
}

async function answer(
  cli: Cli,
  start: string | undefined,
  { socket, reason, digest: seen, json }: AnswerFlags,
  said: JsonObject,
): Promise<ExitCode> {
  if (start === undefined) throw new CodedError('USAGE', 'no id given');
  const desk = await ApprovalDesk.open(socket);
  try {
    const question = await desk.find(start);
    const [id, digest] = [textOf(question['id']), textOf(question['digest'])];
    if (seen !== undefined && seen !== digest) {
      throw new CodedError('APPROVAL_MISMATCH', `the question has digest ${digest}`);
    }
    await desk.answer({ ...said, id, digest, ...(reason !== undefined && { reason }) });
    const word = said['verdict'] === 'approve' ? 'approved' : 'denied';
    cli.out.write(
      json === true
        ? `${JSON.stringify({ id, digest, status: word })}\n`
        : `${word} ${textOf(question['tool'])} of ${textOf(question['server'])} (${id})\n`,
    );
    return 0;
  } finally {
    desk.close();
  }
}
