import { parse as parseToml, TomlError } from 'smol-toml';
import { parse as parseYaml, stringify, YAMLParseError } from 'yaml';
import { checkRules } from '../../policy/load-rules.ts';
import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { importEstoppl } from './estoppl.ts';
import { readText } from './files.ts';
import { importLenient } from './lenient-rules.ts';

const spec = {} as const;

const notes = `The rules file goes to standard output, with what could not be said in it as comments
at its top; the same goes to standard error. Example:
  obsigna rules import estoppl.toml > rules.yaml

A .yaml file is taken for the rules of another Agent Receipts proxy, as they are
understood there: a rule without "enabled" is off, and so is one that is malformed.

Exit codes: 0 carried over; 2 wrong usage, or not readable.
`;

/** `obsigna rules import` */
export const importRulesCommand = defineVerb({
  name: 'rules import',
  operands: ['FILE'],
  about: 'Carries over estoppl.toml, or rules of another proxy, and says what differs.',
  spec,
  notes,
  run: importRules,
});

function importRules({ operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const [file = ''] = operands;
  const { file: rules, notes: differences } = /\.ya?ml$/i.test(file)
    ? importLenient(readYaml(file))
    : importEstoppl(readToml(operands[0], file));
  const lines = differences.map((note) => `# ${note.replaceAll(/\s+/g, ' ')}\n`);
  const text = `# Carried over. What differs:\n${lines.join('')}\n${stringify(rules)}`;
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

function readYaml(file: string): JsonObject {
  try {
    const value: unknown = parseYaml(readText(file, 'file'));
    return isJsonObject(value) ? value : {};
  } catch (cause) {
    if (!(cause instanceof YAMLParseError)) throw cause;
    const [message = ''] = cause.message.split('\n');
    throw new CodedError('RULES_INVALID', `${file}: ${message}`, { cause });
  }
}
