import type { Finding } from '../policy/finding.ts';
import type { JsonObject } from '../shared/json/value.ts';

/** So many findings are named one by one, in a log and in a receipt. */
export const MAX_TOLD = 64;

/** Findings as a decision context has them; no member where there are none. */
export function findingsMember(findings: readonly Finding[], name = 'findings'): JsonObject {
  if (findings.length === 0) return {};
  const told = findings
    .slice(0, MAX_TOLD)
    .map(({ code, text, points }) => ({ code, text, points }));
  const left = findings.length - told.length;
  return { [name]: told, ...(left > 0 && { [`${name}_left_out`]: left }) };
}
