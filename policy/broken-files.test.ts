import { expect, test } from 'vitest';
import { checkRules } from './load-rules.ts';

/** One good rule on lines 1 to 3; `more` begins on line 4. */
const after = (more: string): string => `rules:\n  - name: a\n    action: flag\n${more}`;

// Mistakes in what the language has beyond patterns and scores; load-rules.test.ts has those. For each
// problem: its place, a part of the message, a part of the remedy.
type Wanted = [place: string, message: string, remedy: string];
const BROKEN: [name: string, text: string, ...wanted: Wanted[]][] = [
  [
    'a list and no rules',
    'alow: [x]\n',
    ['1:1', 'unknown key "alow"', 'did you mean "allow"?'],
    ['1:1', 'no "rules" list', 'write "rules:"'],
  ],
  ['an empty allow list', 'allow: []\n', ['1:8', '"allow" is empty', 'leave "allow" out']],
  [
    'a text for a list',
    'block: x\nrules: []\n',
    ['1:8', '"block" must be a list, found the text "x"', '["read_*"'],
  ],
  [
    'an entry that says nothing',
    'allow:\n  - {}\n',
    ['2:5', '"allow" says nothing', 'tool_pattern, server_pattern'],
  ],
  [
    'an entry with a wrong key',
    'allow: [{tool: x}]\n',
    ['1:10', 'unknown key "tool"', '"tool_pattern"'],
    ['1:9', 'says nothing', 'at least one'],
  ],
  [
    'a bad pattern in a list',
    'block: ["a[", b]\n',
    ['1:9', 'malformed at character 2', 'see "Patterns"'],
  ],
  [
    'a kind of risk',
    'risk: high\nrules: []\n',
    ['1:7', 'unknown kind of risk score "high"', 'standard, extended'],
  ],
  [
    'an action for drift',
    'on_drift: stop\nrules: []\n',
    ['1:11', 'unknown action "stop"', 'pass, flag, pause, block'],
  ],
  [
    'a text for a flag',
    'hide_blocked: yes\nrules: []\n',
    ['1:15', 'must be true or false', 'without quotes'],
  ],
  [
    'a list of patterns',
    after('    tool_pattern: [x, 5]\n'),
    ['4:23', '"tool_pattern" must be text, found the value 5', 'write text'],
  ],
  [
    'no patterns',
    after('    agent_pattern: []\n'),
    ['4:20', '"agent_pattern" is empty', 'leave "agent_pattern" out'],
  ],
  [
    'annotations that say nothing',
    after('    annotations: {}\n'),
    ['4:18', '"annotations" says nothing', 'read_only, destructive'],
  ],
  [
    'the name of the protocol',
    after('    annotations: {readOnlyHint: true}\n'),
    ['4:19', 'unknown key "readOnlyHint"', 'known keys: read_only'],
    ['4:18', 'says nothing', 'at least one'],
  ],
  [
    'a finding',
    after('    findings: [tool_drifts]\n'),
    ['4:16', 'unknown finding "tool_drifts"', 'did you mean "tool_drift"?'],
  ],
  [
    'a condition as text',
    after('    when: amount > 5\n'),
    ['4:11', 'a condition must be a map, found the text', 'known keys: field'],
  ],
  ['no condition', after('    when: []\n'), ['4:11', '"when" is empty', '{field: path']],
  [
    'a condition without a field',
    after('    when: {eq: 5}\n'),
    ['4:11', 'a condition needs "field", "amount"', '{field: path'],
  ],
  [
    'a condition without a test',
    after('    when: {field: a}\n'),
    ['4:11', 'a condition without a test', 'add one of eq, neq'],
  ],
  [
    'an operator of the peer',
    after('    when: {field: a, equals: 5}\n'),
    ['4:22', 'unknown key "equals"', 'did you mean "eq"?'],
    ['4:11', 'without a test', 'add one of'],
  ],
  [
    'two conditions in one',
    after('    when: {field: a, eq: 1, any: [{field: b, eq: 2}]}\n'),
    ['4:12', '"field" cannot stand beside "any"', 'list of two conditions'],
  ],
  [
    'a test beside an amount',
    after('    when: {amount: a, above: 1, eq: 5}\n'),
    ['4:33', '"eq" cannot stand beside "amount"', 'list of two'],
  ],
  [
    'an amount without limit',
    after('    when: {amount: a}\n'),
    ['4:11', 'an amount has no above', 'add "above: 1000"'],
  ],
  [
    'a negative limit',
    after('    when: {amount: a, above: -1}\n'),
    ['4:30', '"above" must be a number from 0', 'by currency'],
  ],
  [
    'a currency in small letters',
    after('    when: {amount: a, above: {eur: 5}}\n'),
    ['4:31', 'a currency of "above" must be capitals', 'EUR'],
  ],
  [
    'a limit in quotes',
    after('    when: {amount: a, above: {EUR: "5"}}\n'),
    ['4:36', 'the limit of "EUR" must be a number', 'by currency'],
  ],
  [
    'a bound in quotes',
    after('    when: {field: a, gt: "5"}\n'),
    ['4:26', '"gt" must be a number, found the text "5"', 'without quotes'],
  ],
  [
    'a path with two dots',
    after('    when: {field: a..b, eq: 1}\n'),
    ['4:19', '"field" "a..b" is malformed at character 2', 'see "Paths"'],
  ],
  [
    'a path with an open bracket',
    after('    when: {field: "a[*", eq: 1}\n'),
    ['4:19', 'malformed at character 2', 'see "Paths"'],
  ],
  [
    'a path that looks everywhere twice',
    after('    when: {field: "**.a.**", eq: 1}\n'),
    ['4:19', '"**" may stand once', 'see "Paths"'],
  ],
  [
    'an expression that could hang',
    after('    when: {field: a, matches: "(a+)+b"}\n'),
    ['4:31', 'malformed at character 5: a repetition without limit inside', 'see "Expressions"'],
  ],
  [
    'an expression with look-ahead',
    after('    when: {field: a, matches: "(?=a)b"}\n'),
    ['4:31', '"matches" "(?=a)b" is malformed', 'see "Expressions"'],
  ],
  [
    'not a number',
    after('    when: {field: a, eq: .nan}\n'),
    ['4:26', '"eq" is no JSON value', 'write a number'],
  ],
  [
    'a text for the list of in',
    after('    when: {field: a, in: x}\n'),
    ['4:26', '"in" must be a list', '[EUR, USD]'],
  ],
  [
    'a test of what is not there',
    after('    when: {field: a, exists: false, eq: 1}\n'),
    ['4:30', '"exists: false" leaves nothing to test', 'remove it'],
  ],
  ['any of nothing', after('    when: {any: []}\n'), ['4:17', '"any" is empty', 'leave "any" out']],
  [
    'not of a list of mistakes',
    after('    when: {not: {field: a, eqq: 1}}\n'),
    ['4:28', 'unknown key "eqq"', '"eq"'],
    ['4:17', 'without a test', 'add one of'],
  ],
  [
    'a window that says nothing',
    after('    during: {zone: UTC}\n'),
    ['4:13', '"during" says nothing', 'days, from, to'],
  ],
  [
    'a day',
    after('    during: {days: [monday]}\n'),
    ['4:21', 'unknown day "monday"', 'did you mean "mon"?'],
  ],
  [
    'a time of day',
    after('    during: {from: "8:00"}\n'),
    ['4:20', '"from" must be a time of day', '"08:30"'],
  ],
  [
    'a time that YAML reads as text',
    after('    outside: {from: 25:00}\n'),
    ['4:21', '"from" must be a time of day', '"08:30"'],
  ],
  [
    'a time zone',
    after('    during: {days: [mon], zone: Mars/Base}\n'),
    ['4:33', '"zone" must be a time zone', 'Europe/Berlin'],
  ],
  [
    'a rate without a period',
    after('    rate: {max: 5}\n'),
    ['4:11', '"rate" has no per', 'per: session'],
  ],
  [
    'a period',
    after('    rate: {max: 5, per: 1 minute}\n'),
    ['4:25', '"per" must be a period, found the text "1 minute"', '30s, 5m'],
  ],
  [
    'a scope',
    after('    rate: {max: 5, per: 1m, by: user}\n'),
    ['4:33', 'unknown scope "user"', 'session, tool, server'],
  ],
  [
    'half a call',
    after('    rate: {max: 1.5, per: 1m}\n'),
    ['4:17', '"max" must be a whole number', 'see "Rates"'],
  ],
  [
    'a budget of nothing',
    after('    budget: {max: 5, per: 1m}\n'),
    ['4:13', '"budget" has no field', 'field: amount'],
  ],
  [
    'a step that says nothing',
    after('    after: {within: 5m}\n'),
    ['4:12', '"after" says nothing', 'tool_pattern'],
  ],
  [
    'a session as distance',
    after('    after: {tool_pattern: a, within: session}\n'),
    ['4:38', '"within" must be a period', '30s, 5m'],
  ],
  [
    'a message of two lines',
    after('    message: "a\\nb"\n'),
    ['4:14', 'the message of rule 1 contains a control character', 'on one line'],
  ],
  [
    'an empty hint',
    after('    hint: ""\n'),
    ['4:11', 'the hint of rule 1 is empty', 'leave "hint" out'],
  ],
];

test('there are more than forty broken files', () => {
  expect(BROKEN.length).toBeGreaterThanOrEqual(40);
});

test.each(BROKEN)(
  'checkRules() places and mends %s [P8.rules-position]',
  (_name, text, ...wanted) => {
    const { ruleSet, problems } = checkRules(text, 'rules.yaml');
    expect(ruleSet).toBeUndefined();
    const found = problems.map(({ line, column, message, remedy }) => [
      `${line}:${column}`,
      message,
      remedy,
    ]);
    const sorted = wanted.toSorted(([a], [b]) => Number(a.split(':')[1]) - Number(b.split(':')[1]));
    expect(found).toEqual(
      sorted.map(([place, message, remedy]) => [
        place,
        expect.stringContaining(message),
        expect.stringContaining(remedy),
      ]),
    );
  },
);

test('no expression that could hang gets into a file [R.linear]', () => {
  for (const expression of [
    '(a+)+b',
    '(a|a){30}b',
    '[a-z]+@corp',
    '[a-z]{1,90}[a-z]{1,90}!',
    '(a|aa)+$',
  ]) {
    const text = `rules: [{name: a, when: {field: a, matches: '${expression}'}, action: block}]`;
    expect(checkRules(text, 'f').problems).toHaveLength(1);
  }
});
