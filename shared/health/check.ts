/** `note` is worth knowing and nothing to repair: it counts neither as good nor as a warning. */
export type HealthStatus = 'ok' | 'warn' | 'fail' | 'note';

/** One line of a `doctor`. Names are public: add one, never rename one. */
export interface HealthCheck {
  readonly check: string;
  readonly status: HealthStatus;
  readonly reason: string;
  /** What to do about it; there whenever the status is `warn` or `fail`. */
  readonly fix?: string;
}

export function ok(check: string, reason: string): HealthCheck {
  return { check, status: 'ok', reason };
}

export function warn(check: string, reason: string, fix: string): HealthCheck {
  return { check, status: 'warn', reason, fix };
}

export function fail(check: string, reason: string, fix: string): HealthCheck {
  return { check, status: 'fail', reason, fix };
}

export function note(check: string, reason: string, fix?: string): HealthCheck {
  return { check, status: 'note', reason, ...(fix !== undefined && { fix }) };
}

export interface HealthCounts {
  readonly ok: number;
  readonly warn: number;
  readonly fail: number;
}

export function countHealth(checks: readonly HealthCheck[]): HealthCounts {
  const count = (wanted: HealthStatus) => checks.filter(({ status }) => status === wanted).length;
  return { ok: count('ok'), warn: count('warn'), fail: count('fail') };
}

export function exitCodeOf(
  { warn: warnings, fail: failures }: HealthCounts,
  strict: boolean,
): 0 | 1 {
  return failures > 0 || (strict && warnings > 0) ? 1 : 0;
}
