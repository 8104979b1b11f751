import { readFile, readFileSync, stat, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { CodedError } from '../shared/errors.ts';
import type { RuleSet, Settings } from '../policy/rule.ts';

/** A policy that nobody could read is not read. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Without keeping anybody waiting.
 *
 * @throws CodedError `RULES_UNREADABLE`
 */
export async function readRulesText(file: string): Promise<string> {
  try {
    // Not `node:fs/promises`, which is one module more: every agent waits for our start.
    checkSize(file, (await promisify(stat)(file)).size);
    return await promisify(readFile)(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** At the start, where nobody does anything but wait for it: without a thread of its own. */
function readRulesTextNow(file: string): string {
  try {
    checkSize(file, statSync(file).size);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function checkSize(file: string, size: number): void {
  if (size <= MAX_FILE_BYTES) return;
  const message = `${file} has ${size} bytes, limit ${MAX_FILE_BYTES}`;
  throw new CodedError('RULES_UNREADABLE', message);
}

function unreadable(file: string, cause: unknown): CodedError {
  if (cause instanceof CodedError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  return new CodedError('RULES_UNREADABLE', `cannot read ${file} (${code})`, { cause });
}

/**
 * yaml is loaded only for whoever has a file to read: every agent waits for our start.
 *
 * @throws CodedError `RULES_UNREADABLE`, `RULES_INVALID`
 */
export async function readRulesFile(file: string): Promise<RuleSet> {
  const text = readRulesTextNow(file);
  const { parseRules } = await import('../policy/load-rules.ts');
  return parseRules(text, file);
}

/** What is in force beside the rules that the banner counts; empty for a file with rules only. */
export function settingsText({ allow, block, risk, onDrift, hideBlocked }: Settings): string {
  const parts = [
    allow && `allow list of ${allow.length}`,
    block && `block list of ${block.length}`,
    risk === 'extended' && 'extended risk',
    onDrift !== undefined && onDrift !== 'flag' && `drift: ${onDrift}`,
    hideBlocked === true && 'blocked tools are hidden',
  ];
  return parts.filter((part) => typeof part === 'string').join(', ');
}
