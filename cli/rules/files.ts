import { readFileSync } from 'node:fs';
import { hash } from 'node:crypto';
import { parseRules } from '../../policy/load-rules.ts';
import type { RuleSet } from '../../policy/rule.ts';
import { CodedError } from '../../shared/errors.ts';

/** @throws CodedError `USAGE` without a name, `RULES_UNREADABLE` */
export function readText(path: string | undefined, what: string): string {
  if (path === undefined) throw new CodedError('USAGE', `name the ${what}`);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('RULES_UNREADABLE', `cannot read ${path} (${code})`, { cause });
  }
}

/** @throws CodedError as `readText`, and `RULES_INVALID` */
export function readRules(path: string | undefined): RuleSet {
  return parseRules(readText(path, 'rules file'), path ?? '');
}

/** As receipts have it. */
export function digestOf({ canonicalText }: RuleSet): string {
  return `sha256:${hash('sha256', canonicalText, 'hex')}`;
}
