import { decide, type Decision } from '../../policy/decide.ts';
import { PolicyHistory } from '../../policy/history.ts';
import type { RuleSet } from '../../policy/rule.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { findingsOf, parseCases, type RuleCase } from './cases.ts';
import { readRules, readText } from './files.ts';

const spec = { json: { type: 'boolean', describe: 'print the results as JSON' } } as const;

const notes = `The cases are a YAML file:

  cases:
    - name: big payments wait          # not needed
      tool: pay_invoice
      arguments: {amount: "60000"}
      expect: pause                    # pass, flag, pause or block
      rule: big_payments               # not needed; also score: 30
    - {tool: send_mail, session: s, at: "2026-06-15T12:00:00Z", expect: flag}

Cases of one session see each other, in the order of the file. Further members: server,
client, agent, annotations, findings.

Exit codes: 0 everything as expected; 1 something is not; 2 wrong usage, or not readable.
`;

/** `obsigna rules test` */
export const testRulesCommand = defineVerb({
  name: 'rules test',
  operands: ['FILE', 'CASES'],
  about: 'Compares what the rules decide with what is expected of them.',
  spec,
  notes,
  run: test,
});

/** Where time matters, a case says so; otherwise it is this moment in every run. */
const DEFAULT_AT = '2026-01-01T12:00:00Z';

export interface CaseResult {
  readonly case: RuleCase;
  readonly decision: Decision;
  /** What differs, in words; empty when nothing does. */
  readonly differences: readonly string[];
}

/** Decides every case, in order. */
export function runCases(rules: RuleSet, cases: readonly RuleCase[]): readonly CaseResult[] {
  const sessions = new Map<string, PolicyHistory>();
  return cases.map((it) => {
    const { session, tool, server = 'server', agent, client, annotations } = it;
    const history = sessions.get(session ?? '') ?? new PolicyHistory();
    if (session !== undefined) sessions.set(session, history);
    const decision = decide(rules, {
      tool,
      server,
      agent,
      annotations,
      client: client === undefined ? undefined : { name: client },
      arguments: () => it.arguments,
      nowMs: Date.parse(it.at ?? DEFAULT_AT),
      history: session === undefined ? new PolicyHistory() : history,
      findings: findingsOf(it),
    });
    return { case: it, decision, differences: differencesOf(it, decision) };
  });
}

function differencesOf(it: RuleCase, { action, rule, risk }: Decision): readonly string[] {
  const pairs: readonly (readonly [what: string, want: unknown, got: unknown])[] = [
    ['decision', it.expect, action],
    ['rule', it.rule, rule?.name ?? 'none'],
    ['score', it.score, risk.score],
  ];
  return pairs
    .filter(([, want, got]) => want !== undefined && want !== got)
    .map(([what, want, got]) => `${what} ${String(got)}, expected ${String(want)}`);
}

function test({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const [file, casesFile = ''] = operands;
  const rules = readRules(file);
  const cases = parseCases(readText(operands[1], 'file with the cases'), casesFile);
  const results = runCases(rules, cases);
  const failed = results.filter(({ differences }) => differences.length > 0);
  if (flags.json === true) {
    const rows = results.map(({ case: it, decision, differences }) => ({
      line: it.line,
      name: it.name ?? null,
      ok: differences.length === 0,
      decision: decision.action,
      rule: decision.rule?.name ?? null,
      score: decision.risk.score,
      differences,
    }));
    const answer = { ok: failed.length === 0, cases: rows };
    cli.out.write(`${JSON.stringify(answer, null, 2)}\n`);
  } else {
    for (const { case: it, differences } of failed) {
      const name = printable(it.name ?? it.tool);
      cli.out.write(
        `${printable(casesFile)}:${it.line}: ${name}: ${printable(differences.join('; '))}\n`,
      );
    }
    cli.out.write(`${results.length - failed.length} of ${results.length} cases as expected\n`);
  }
  return failed.length === 0 ? 0 : 1;
}
