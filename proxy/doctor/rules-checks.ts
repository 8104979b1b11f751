import { readFileSync, statSync } from 'node:fs';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import type { RuleSet } from '../../policy/rule.ts';
import { CodedError } from '../../shared/errors.ts';
import { fail, ok, warn, type HealthCheck } from '../../shared/health/check.ts';

/** The rules that would be in force, as far as they can be read, and what there is to say of them. */
export interface RulesFindings {
  readonly rules: RuleSet | undefined;
  readonly checks: readonly HealthCheck[];
}

const CHECK = 'rules';
const OTHERS_MAY_WRITE = 0o022;

/** One line for each problem: who mends a file wants all of them at once. */
export async function rulesChecks(file: string | undefined): Promise<RulesFindings> {
  if (file === undefined) return summary(DEFAULT_RULES, 'built-in rules');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const { remedy } = new CodedError('RULES_UNREADABLE', '');
    return { rules: undefined, checks: [fail(CHECK, `cannot read ${file} (${code})`, remedy)] };
  }
  const { checkRules } = await import('../../policy/load-rules.ts');
  const { ruleSet, problems } = checkRules(text, file);
  if (ruleSet === undefined) {
    const checks = problems.map(({ line, column, message, remedy }) =>
      fail(CHECK, `${file}:${line}:${column}: ${message}`, remedy),
    );
    return { rules: undefined, checks };
  }
  const { rules, checks } = summary(ruleSet, file);
  return { rules, checks: [...checks, ...permissionChecks(file)] };
}

function summary(rules: RuleSet, name: string): RulesFindings {
  const enabled = rules.rules.filter((rule) => rule.enabled);
  const count = (action: string) => enabled.filter((rule) => rule.action === action).length;
  const parts = ['block', 'pause', 'flag', 'pass']
    .map((action) => [count(action), action] as const)
    .filter(([number]) => number > 0)
    .map(([number, action]) => `${number} ${action}`);
  const of = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
  const reason = `${name}, ${enabled.length} of ${rules.rules.length} enabled${of}`;
  return { rules, checks: [ok(CHECK, reason)] };
}

/** Whoever may write the rules decides about every call. */
function permissionChecks(file: string): readonly HealthCheck[] {
  const mode = statSync(file).mode & 0o777;
  if ((mode & OTHERS_MAY_WRITE) === 0) return [];
  const shown = `0${mode.toString(8)}`;
  return [
    warn(
      'rules permissions',
      `${file} has mode ${shown}: others may change it`,
      `chmod go-w ${file}`,
    ),
  ];
}
