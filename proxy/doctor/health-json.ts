import type { Action, RuleSet } from '../../policy/rule.ts';
import type { HealthCheck } from '../../shared/health/check.ts';
import type { Reachability } from './approver-checks.ts';

/** Everything that was looked at. */
export interface Examination {
  readonly rulesPath: string | undefined;
  /** Undefined where the file cannot be used. */
  readonly rules: RuleSet | undefined;
  readonly approverUrl: string;
  readonly approver: Reachability;
  readonly checks: readonly HealthCheck[];
}

/** What `-json` prints: the members that peers print too, and then every check. */
export function healthJson(examination: Examination, code: 0 | 1): object {
  const { rulesPath, rules, approverUrl, approver, checks } = examination;
  const all = rules?.rules ?? [];
  const enabled = all.filter((rule) => rule.enabled);
  const disabled = all.filter((rule) => !rule.enabled).map(({ name }) => name);
  const named = (action: Action) =>
    enabled.filter((rule) => rule.action === action).map(({ name }) => name);
  // A warning that does not fail is no issue: peers end with 1 whenever there is one.
  const isIssue = ({ status }: HealthCheck) =>
    status === 'fail' || (status === 'warn' && code === 1);
  return {
    rules_path: rulesPath ?? '(built-in defaults)',
    total_rules: all.length,
    enabled_rules: enabled.length,
    pause_rules: named('pause'),
    block_rules: named('block'),
    flag_rules: named('flag'),
    ...(disabled.length > 0 && { disabled_rules: disabled }),
    approver_url: approverUrl,
    approver_reachable: approver.state,
    ...(approver.detail !== undefined && { approver_detail: approver.detail }),
    issues: checks.filter(isIssue).map(({ check, reason }) => `${check}: ${reason}`),
    healthy: code === 0,
    checks,
  };
}
