import { explain, type ExplainedCondition, type Explanation } from '../../policy/explain.ts';
import { messageOf, stripToolPrefix } from '../../policy/decide.ts';
import { CodedError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { readRules } from './files.ts';

const text = { type: 'string', placeholder: 'NAME' } as const;
const spec = {
  tool: { ...text, describe: 'tool that is called' },
  args: { type: 'string', placeholder: 'JSON', describe: 'its arguments', default: '{}' },
  server: { ...text, describe: 'name of the server', default: 'server' },
  client: { ...text, describe: 'name of the client' },
  agent: { ...text, describe: 'agent' },
  annotations: {
    type: 'string',
    placeholder: 'JSON',
    describe: 'what the server says about the tool',
  },
  json: { type: 'boolean', describe: 'print the explanation as JSON' },
} as const;

const notes = `Example:
  obsigna rules explain rules.yaml -tool pay_invoice -args '{"amount": "60000"}'

Every rule is shown with its conditions: + holds, - does not. Rates, budgets and
sequences are asked as in the first call of a session, and time is now.

Exit codes: 0 whatever is decided; 2 wrong usage, or not readable.
`;

/** `obsigna rules explain` */
export const explainRulesCommand = defineVerb({
  name: 'rules explain',
  operands: ['FILE'],
  about: 'Says why a call is decided as it is: each rule, each condition, each point of risk.',
  spec,
  notes,
  run,
});

function run({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const rules = readRules(operands[0]);
  if (flags.tool === undefined) throw new CodedError('USAGE', '-tool is required');
  const args = jsonFlag('args', flags.args ?? '{}');
  const said = flags.annotations === undefined ? {} : jsonFlag('annotations', flags.annotations);
  if (!isJsonObject(said)) throw new CodedError('USAGE', '-annotations must be a JSON object');
  const explanation = explain(rules, {
    tool: stripToolPrefix(flags.tool),
    server: flags.server ?? 'server',
    agent: flags.agent,
    client: flags.client === undefined ? undefined : { name: flags.client },
    annotations: said,
    arguments: () => args,
    nowMs: Date.now(),
    workspace: [process.cwd()],
  });
  if (flags.json === true) cli.out.write(`${JSON.stringify(toJson(explanation), null, 2)}\n`);
  else for (const line of linesOf(explanation)) cli.out.write(`${printable(line)}\n`);
  return 0;
}

function jsonFlag(name: string, value: string): JsonValue {
  try {
    return parseJson(value);
  } catch (cause) {
    throw new CodedError('USAGE', `-${name}: ${(cause as Error).message}`, { cause });
  }
}

function toJson({ decision, rules }: Explanation) {
  const { action, rule, matched, reasons, risk } = decision;
  return {
    decision: action,
    rule: rule?.name ?? null,
    message: rule === undefined || action !== 'block' ? null : messageOf(rule),
    matched,
    reasons,
    risk: { score: risk.score, operation: risk.operation, reasons: risk.reasons },
    rules,
  };
}

function* linesOf({ decision, rules }: Explanation): Generator<string> {
  const { action, rule, risk } = decision;
  yield `decision: ${action}${rule === undefined ? ', no rule matches' : ` by rule "${rule.name}"`}`;
  if (rule !== undefined && action === 'block') yield `the agent is told: ${messageOf(rule)}`;
  yield `risk: ${risk.score}, operation ${risk.operation}`;
  for (const { points, reason } of risk.reasons) yield `  ${String(points).padStart(3)}  ${reason}`;
  for (const { name, action: wants, matches, conditions } of rules) {
    yield `${matches ? '+' : '-'} rule "${name}" (${wants})${matches ? ' matches' : ''}`;
    if (conditions.length === 0) yield '    + no conditions: every call';
    for (const condition of conditions) yield* conditionLines(condition, '    ');
  }
}

function* conditionLines(condition: ExplainedCondition, indent: string): Generator<string> {
  yield `${indent}${condition.holds ? '+' : '-'} ${condition.text}`;
  for (const part of condition.inside) yield* conditionLines(part, `${indent}  `);
}
