import { parse as parseToml, TomlError } from 'smol-toml';
import { stringify } from 'yaml';
import { checkRules } from '../../policy/load-rules.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { importEstoppl } from './estoppl.ts';
import { readText } from './files.ts';

const spec = {} as const;

const notes = `The rules file goes to standard output, with what could not be said in it as comments
at its top; the same goes to standard error. Example:
  obsigna rules import estoppl.toml > rules.yaml

Rules files of other Agent Receipts proxies need no import. Beware of "enabled" in them:
a rule without it is on here and off there.

Exit codes: 0 carried over; 2 wrong usage, or not readable.
`;

/** `obsigna rules import` */
export const importRulesCommand = defineVerb({
  name: 'rules import',
  operands: ['FILE'],
  about: 'Carries over the rules of estoppl.toml, and says what differs.',
  spec,
  notes,
  run: importRules,
});

function importRules({ operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const [file = ''] = operands;
  const { file: rules, notes: differences } = importEstoppl(readToml(operands[0], file));
  const lines = differences.map((note) => `# ${note.replaceAll(/\s+/g, ' ')}\n`);
  const text = `# Carried over from estoppl.toml. What differs:\n${lines.join('')}\n${stringify(rules)}`;
  const { problems } = checkRules(text, file);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new CodedError('RULES_INVALID', `${file} cannot be carried over: ${problem.message}`);
  }
  for (const note of differences) cli.say.warn(note);
  cli.out.write(text);
  return 0;
}

function readToml(path: string | undefined, file: string): JsonObject {
  try {
    return parseToml(readText(path, 'file')) as unknown as JsonObject;
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [message = ''] = cause.message.split('\n');
    throw new CodedError('RULES_INVALID', `${file}:${cause.line}:${cause.column}: ${message}`, {
      cause,
    });
  }
}
