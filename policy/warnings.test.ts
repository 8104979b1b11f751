import { describe, expect, test } from 'vitest';
import { DEFAULT_RULES } from './default-rules.ts';
import { checkRules } from './load-rules.ts';
import { findWarnings } from './warnings.ts';

const rule = (name: string, rest: string) => `  - {name: ${name}, ${rest}}\n`;
const CASES: [name: string, text: string, want: string][] = [
  [
    'other operations',
    rule('a', 'tool_pattern: "delete_*", operation_types: [read], action: block'),
    'the tools it names are delete',
  ],
  [
    'a score out of reach',
    rule('a', 'tool_pattern: get_x, min_risk_score: 60, action: block'),
    'score 30 at most',
  ],
  [
    'bounds without a number',
    rule('a', 'when: {field: x, gt: 5, lt: 5}, action: block'),
    'no number is within the bounds of "x"',
  ],
  [
    'equal and beyond',
    rule('a', 'when: [{field: x, eq: 3, gt: 5}], action: block'),
    'cannot be equal to 3',
  ],
  [
    'equal and not',
    rule('a', 'when: {all: [{field: x, eq: a, neq: a}]}, action: block'),
    'equal and not equal',
  ],
  [
    'during and outside',
    rule('a', 'during: {days: [mon]}, outside: [{days: [mon]}], action: block'),
    '"during" and "outside"',
  ],
  [
    'a stricter rule for all',
    rule('a', 'action: block') + rule('b', 'tool_pattern: x, action: pause'),
    'rule "b" never decides: rule "a"',
  ],
  [
    'a wider pattern',
    rule('b', 'tool_pattern: "delete_file*", action: block') +
      rule('a', 'tool_pattern: "delete_*", action: block'),
    '',
  ],
  [
    'a wider pattern before',
    rule('a', 'tool_pattern: "delete_*", action: block') +
      rule('b', 'tool_pattern: "delete_file*", min_risk_score: 3, action: block'),
    'rule "b" never decides: rule "a"',
  ],
  [
    'the same condition',
    rule('a', 'when: {field: x, eq: 1}, action: block') +
      rule('b', 'tool_pattern: y, when: {eq: 1, field: x}, action: flag'),
    'rule "b" never decides',
  ],
  [
    'another condition',
    rule('a', 'when: {field: x, eq: 1}, action: block') +
      rule('b', 'when: {field: x, eq: 2}, action: flag'),
    '',
  ],
  [
    'a rate is not always there',
    rule('a', 'rate: {max: 1, per: 1m}, action: block') +
      rule('b', 'tool_pattern: x, action: flag'),
    '',
  ],
  ['a pass rule', rule('a', 'tool_pattern: x, action: pass'), 'a pass rule is no exception'],
  ['a disabled rule', rule('a', 'enabled: false, tool_pattern: x, action: pass'), ''],
];

describe('checkRules() warns of [R.warnings]', () => {
  test.each(CASES)('%s', (_name, text, want) => {
    const { problems, warnings } = checkRules(`rules:\n${text}`, 'f');
    expect(problems).toEqual([]);
    if (want === '') expect(warnings).toEqual([]);
    else {
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.message).toContain(want);
      const line = text.includes('name: b') && want.includes('"b"') ? 3 : 2;
      expect(warnings[0]).toMatchObject({ line, column: 5 });
    }
  });

  test('what the lists have decided', () => {
    const warned = (lists: string, rules: string) =>
      checkRules(`${lists}\nrules:\n${rules}`, 'f').warnings.map(({ message }) => message);
    const one = rule('a', 'tool_pattern: set_x, action: flag');
    expect(warned('allow: ["get_*"]', one)).toEqual([
      'rule "a" never decides: the allow list leaves its tools out',
    ]);
    expect(warned('block: ["set_*"]', one)).toEqual([
      'rule "a" never decides: its tools are on the block list',
    ]);
    expect(warned('allow: [{server_pattern: x}]', one)).toEqual([]);
  });
});

test('the built-in rules have no warnings [R.warnings]', () => {
  expect(findWarnings(DEFAULT_RULES)).toEqual([]);
});
