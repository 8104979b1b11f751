import { expect, test } from 'vitest';
import { DEFAULT_RULES } from './default-rules.ts';
import { parseRules } from './load-rules.ts';
import { STARTER_RULES } from './starter-rules.ts';

test('the file to start from is the built-in policy', () => {
  const { canonicalText } = parseRules(STARTER_RULES, 'rules.yaml');
  expect(canonicalText).toBe(DEFAULT_RULES.canonicalText);
});

test('what it offers in comments are rules, too', () => {
  const [, offered = ''] = STARTER_RULES.split('take the # away.');
  const text = offered
    .split('\n')
    .filter((line) => /^ {2}# (?:- | {2})/.test(line))
    .map((line) => line.replace('  # ', '  '));
  const { rules } = parseRules(`rules:\n${text.join('\n')}\n`, 'offered.yaml');
  expect(rules.map(({ name }) => name)).toEqual([
    'no_deletes_in_production',
    'files_are_read_only',
  ]);
});
