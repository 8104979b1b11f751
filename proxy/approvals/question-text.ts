import type { JsonObject } from '../../shared/json/value.ts';
import type { Question } from './question.ts';

const MAX_NAME = 120;
const MAX_ARGUMENTS = 2000;
const MANY_SPACES = / {8,}/g;
/**
 * Not seen, or seen elsewhere than they stand: controls, blanks but the space, fillers, selectors.
 * Made when somebody is asked: to look those up takes longer than all our other constants.
 */
const unseen = () => /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Values of the form's one field; they are shown as they stand here. */
export const CHOICES = {
  deny: 'deny',
  approve: 'approve once',
  call: 'approve, and this exact call again for 10 minutes',
  session: 'approve, and this tool until the session ends',
} as const;

/** Parameters of `elicitation/create`: a text, and a choice that has to be made. */
export function elicitationOf(question: Question): JsonObject {
  return {
    message: questionText(question),
    requestedSchema: {
      type: 'object',
      properties: {
        decision: { type: 'string', title: 'Decision', enum: Object.values(CHOICES) },
      },
      required: ['decision'],
    },
  };
}

/**
 * The question in words. The agent chose the tool and the arguments, and would like a yes: what it
 * sent stands in quotation marks, or behind everything else, on one line that it cannot end.
 */
export function questionText(question: Question): string {
  const { subject, risk, ruleDescription, digest, expiresAtMs, askedAtMs } = question;
  const reasons = risk.reasons.map(({ reason, points }) => `${oneLine(reason)} +${points}`);
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
  const says = ruleDescription === '' ? '' : `: ${oneLine(ruleDescription)}`;
  return [
    'obsigna: may this tool call run? What stands in quotation marks, and the arguments, come from the agent.',
    `Tool: ${quoted(subject.toolName)}`,
    `Server: ${quoted(subject.server)}`,
    `Rule: ${quoted(subject.rule)}${says}`,
    `Risk: ${risk.score} of 100${why}`,
    `Answer within: ${Math.ceil((expiresAtMs - askedAtMs) / 1000)} s`,
    `Question: ${digest}`,
    `Arguments: ${argumentsText(question)}`,
  ].join('\n');
}

function argumentsText({ arguments: text, subject }: Question): string {
  if (text === undefined) return '(none)';
  const shown = oneLine(text.slice(0, MAX_ARGUMENTS));
  if (text.length <= MAX_ARGUMENTS) return shown;
  return `${shown}... [cut; ${text.length} characters in all, ${subject.argumentsHash ?? ''}]`;
}

function quoted(name: string): string {
  const cut = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}...` : name;
  return `"${oneLine(cut).replaceAll('"', '\\"')}"`;
}

function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(unseen(), (character) =>
      character === ' ' ? ' ' : `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
    )
    .replace(MANY_SPACES, (run) => `[${run.length} spaces]`);
}
