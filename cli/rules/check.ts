import { checkRules, problemLine, type RulesProblem } from '../../policy/load-rules.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { digestOf, readText } from './files.ts';

const spec = {
  strict: { type: 'boolean', describe: 'count warnings as mistakes' },
  json: { type: 'boolean', describe: 'print the findings as JSON' },
} as const;

const notes = `Mistakes keep a proxy from starting, or from taking the file when it changes. A warning
names a rule that can never match, or never decides.

Exit codes: 0 in order; 1 there are mistakes; 2 wrong usage, or not readable.
`;

/** `obsigna rules check` */
export const checkRulesCommand = defineVerb({
  name: 'rules check',
  operands: ['FILE'],
  about: 'Checks a rules file, with the place of everything that is wrong and what to do.',
  spec,
  notes,
  run: check,
});

function check({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const [file = ''] = operands;
  const { ruleSet, problems, warnings } = checkRules(readText(operands[0], 'rules file'), file);
  const isWrong = problems.length > 0 || (flags.strict === true && warnings.length > 0);
  const digest = ruleSet === undefined ? undefined : digestOf(ruleSet);
  const enabled = ruleSet?.rules.filter((rule) => rule.enabled).length ?? 0;
  if (flags.json === true) {
    const answer = { ok: !isWrong, file, rules_enabled: enabled, policy_digest: digest ?? null };
    cli.out.write(`${JSON.stringify({ ...answer, problems, warnings }, null, 2)}\n`);
    return isWrong ? 1 : 0;
  }
  const print = (word: string, list: readonly RulesProblem[]) => {
    for (const it of list) cli.out.write(`${word}: ${printable(problemLine(file, it))}\n`);
  };
  print('mistake', problems);
  print('warning', warnings);
  const name = printable(file);
  const mistakes = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
  if (digest === undefined) cli.out.write(`${name} is not in order: ${mistakes}\n`);
  else cli.out.write(`${name} is in order: ${enabled} rules enabled, ${digest}\n`);
  return isWrong ? 1 : 0;
}
