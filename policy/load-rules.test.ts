import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../shared/errors.ts';
import { decide } from './decide.ts';
import { DEFAULT_RULES, DEFAULT_RULES_DIGEST } from './default-rules.ts';
import { checkRules, parseRules } from './load-rules.ts';
import { createRuleSet } from './rule-set.ts';
import { ACTIONS, OPERATION_TYPES } from './rule.ts';

/** One good rule on lines 1 to 3; `more` begins on line 4. */
const after = (more: string): string => `rules:\n  - name: a\n    action: flag\n${more}`;

// file text -> `LINE:COLUMN` and a part of the message, for every problem it has
const BROKEN: [name: string, text: string, ...problems: [place: string, part: string][]][] = [
  ['an empty file', '', ['1:1', 'the file is empty']],
  ['only comments', '# rules\n\n', ['1:1', 'the file is empty']],
  ['only a document mark', '---\n', ['1:1', 'the file is empty']],
  ['a list at the top', '- name: a\n', ['1:1', 'the file must be a map, found a list']],
  ['a text at the top', 'block all', ['1:1', 'found the text "block all"']],
  ['no rules', 'ruels: []\n', ['1:1', 'unknown key "ruels"'], ['1:1', 'no "rules" list']],
  ['rules without a value', 'rules:\n', ['1:1', '"rules" must be a list, found nothing']],
  ['rules as a map', 'rules:\n  name: a\n', ['2:3', '"rules" must be a list, found a map']],
  ['rules twice', 'rules: []\n\nrules: []\n', ['3:1', 'key "rules" is set already on line 1']],
  ['an unknown key at the top', 'version: 1\nrules: []\n', ['1:1', 'unknown key "version"']],
  ['a line ending in CR LF', 'rules: []\r\nfoo: 1\r\n', ['2:1', 'unknown key "foo"']],
  ['a byte order mark', '\uFEFFfoo: 1\nrules: []\n', ['1:1', 'unknown key "foo"']],

  ['an open list', 'rules: [\n', ['2:1', 'not valid YAML: flow sequence']],
  ['three open lists, one problem', '[[[', ['1:4', 'not valid YAML: flow sequence']],
  ['an open quote', 'rules:\n  - name: "a\n', ['3:1', 'missing closing "quote']],
  ['a tab as indentation', 'rules:\n\t- name: a\n', ['2:1', 'tabs are not allowed']],
  ['two colons', 'rules:\n  - name: a: b\n', ['2:11', 'nested mappings are not allowed']],
  ['a bad indentation', 'rules:\n  - name: a\n   action: flag\n', ['3:1', 'not valid YAML']],
  ['a reserved character', after('    tool_pattern: @x\n'), ['4:19', 'reserved character @']],
  [
    'a star that is an alias',
    after('    tool_pattern: *auth\n'),
    ['4:19', 'unknown anchor "auth"'],
  ],
  ['an unknown escape', after('    tool_pattern: "\\d"\n'), ['4:20', 'invalid escape sequence']],
  ['two anchors', after('    description: &x &y z\n'), ['4:21', 'at most one anchor']],
  ['two documents', 'rules: []\n---\nrules: []\n', ['2:1', 'a second YAML document']],
  ['YAML 1.1', '%YAML 1.1\n---\nrules: []\n', ['1:1', 'YAML 1.1 is not read']],
  ['an unknown directive', '%FOO\n---\nrules: []\n', ['1:1', 'unknown directive %FOO']],
  ['an unknown tag', after('    description: !secret x\n'), ['4:18', 'unresolved tag: !secret']],
  ['a tag beyond the core', after('    description: !!binary eA==\n'), ['4:18', 'unresolved tag']],
  ['a list in itself', 'rules: &r\n  - *r\n', ['2:5', 'rule 1 must be a map, found a list']],
  ['nesting without end', '['.repeat(30_000), ['1:66', 'more than 64 levels']],
  ['dashes without end', '- '.repeat(30_000), ['1:131', 'more than 64 levels']],
  [
    'aliases that explode',
    `a: &a [${'x,'.repeat(9)}x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\n` +
      `rules: [${'*c,'.repeat(9)}*c]\n`,
    ['2:8', 'aliases expand to more than 100 nodes'],
  ],

  ['a mistyped key', after('    tool_patern: x\n'), ['4:5', 'unknown key "tool_patern"']],
  ['a merge key', after('    <<: {enabled: true}\n'), ['4:5', 'unknown key "<<"']],
  ['a key of a prototype', after('    constructor: x\n'), ['4:5', 'unknown key "constructor"']],
  ['a key that is a number', after('    1: x\n'), ['4:5', 'a key must be text, found the value 1']],
  ['a key that is a list', after('    ? [x]\n    : y\n'), ['4:7', 'a key must be text']],
  ['a key twice', after('    action: block\n'), ['4:5', 'key "action" is set already on line 3']],
  ['a rule that is nothing', after('  -\n'), ['4:4', 'rule 2 must be a map, found nothing']],
  ['a rule that is a text', after('  - x\n'), ['4:5', 'rule 2 must be a map, found the text "x"']],
  ['a rule that is a list', after('  - [x]\n'), ['4:5', 'rule 2 must be a map, found a list']],

  ['no name', after('  - action: pass\n'), ['4:5', 'rule 2 has no name']],
  ['an empty name', after('  - name: ""\n    action: pass\n'), ['4:11', 'name of rule 2 is empty']],
  ['a blank name', after('  - name: " "\n    action: pass\n'), ['4:11', 'name of rule 2 is empty']],
  ['a name without value', after('  - name:\n    action: pass\n'), ['4:5', '"name" must be text']],
  [
    'a bare name',
    after('  - {name, action: pass}\n'),
    ['4:6', '"name" must be text, found nothing'],
  ],
  ['a number as name', after('  - name: 7\n    action: pass\n'), ['4:11', 'found the value 7']],
  ['a line break in a name', after('  - name: "x\\ny"\n    action: pass\n'), ['4:11', 'control']],
  ['a name twice', after('  - action: pass\n    name: a\n'), ['5:5', 'is used already on line 2']],
  ['a rule twice', 'rules:\n  - &r {name: a, action: pass}\n  - *r\n', ['3:5', 'used already']],

  ['no action', 'rules:\n  - name: a\n', ['2:5', 'rule 1 has no action']],
  ['an unknown action', 'rules:\n  - name: a\n    action: deny\n', ['3:13', 'action "deny"']],
  ['an action in capitals', 'rules: [{name: a, action: Block}]', ['1:27', 'action "Block"']],
  ['an action that is a list', 'rules: [{name: a, action: [block]}]', ['1:27', 'found a list']],

  ['enabled: yes', after('    enabled: yes\n'), ['4:14', 'true or false, found the text "yes"']],
  ['enabled in quotes', after('    enabled: "true"\n'), ['4:14', 'must be true or false']],
  ['enabled: 1', after('    enabled: 1\n'), ['4:14', 'must be true or false, found the value 1']],
  [
    'a list as description',
    after('    description: [x]\n'),
    ['4:18', '"description" must be text'],
  ],
  ['a number as pattern', after('    tool_pattern: 5\n'), ['4:19', '"tool_pattern" must be text']],
  ['an empty pattern', after('    server_pattern: ""\n'), ['4:21', '"server_pattern" is empty']],
  ['an open class', after('    tool_pattern: "ab[c"\n'), ['4:19', 'malformed at character 3']],
  ['an empty class', after('    server_pattern: "[]a]"\n'), ['4:21', 'malformed at character 2']],
  ['a last backslash', after('    tool_pattern: a\\\n'), ['4:19', 'malformed at character 2']],
  [
    'a bad glob in a disabled rule',
    after('    enabled: false\n    tool_pattern: "["\n'),
    ['5:19', 'at character 1'],
  ],
  ['types that are no list', after('    operation_types: delete\n'), ['4:22', 'must be a list']],
  ['no types', after('    operation_types: []\n'), ['4:22', '"operation_types" is empty']],
  [
    'unknown types',
    after('    operation_types: [Delete, write, nuke, 3]\n'),
    ['4:23', 'unknown operation type "Delete"'],
    ['4:38', 'unknown operation type "nuke"'],
    ['4:44', 'the operation type must be text, found the value 3'],
  ],
  [
    'a score above 100',
    after('    min_risk_score: 101\n'),
    ['4:21', '0 to 100, found the value 101'],
  ],
  ['a score below 0', after('    min_risk_score: -1\n'), ['4:21', 'found the value -1']],
  ['half a point', after('    min_risk_score: 1.5\n'), ['4:21', 'found the value 1.5']],
  ['a score in quotes', after('    min_risk_score: "50"\n'), ['4:21', 'found the text "50"']],
  ['no number', after('    min_risk_score: .nan\n'), ['4:21', 'found the value NaN']],
  ['no score', after('    min_risk_score:\n'), ['4:5', 'found nothing']],

  [
    'everything at once, in the order of the file',
    'rules:\n  - name: a\n    enabeld: false\n    action: blok\n  - nam: b\n    min_risk_score: 300\nextra: 1\n',
    ['3:5', 'unknown key "enabeld"'],
    ['4:13', 'unknown action "blok"'],
    ['5:5', 'unknown key "nam"'],
    ['5:5', 'rule 2 has no name'],
    ['5:5', 'rule 2 has no action'],
    ['6:21', 'found the value 300'],
    ['7:1', 'unknown key "extra"'],
  ],
];

describe('checkRules() reports [R.strict]', () => {
  test.each(BROKEN)('%s', (_name, text, ...wanted) => {
    const { ruleSet, problems } = checkRules(text, 'rules.yaml');
    expect(ruleSet).toBeUndefined();
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual(
      wanted.map(([place]) => place),
    );
    for (const [index, [, part]] of wanted.entries()) {
      expect(problems[index]?.message).toContain(part);
      expect(problems[index]?.remedy).not.toBe('');
    }
  });

  test.each([
    ['    tool_patern: x\n', 'did you mean "tool_pattern"?'],
    ['    toolPattern: x\n', 'did you mean "tool_pattern"?'],
    ['    server-pattern: x\n', 'did you mean "server_pattern"?'],
    ['    risk_score: 5\n', 'did you mean "min_risk_score"?'],
    ['    Enabled: true\n', 'did you mean "enabled"?'],
    ['    operation_types: [writes]\n', 'did you mean "write"?'],
    ['    zzz: 1\n', 'known keys: name, description, enabled,'],
    ['    operation_types: [ls]\n', 'write one of read, write,'],
    [`    ${'x'.repeat(500)}: 1\n`, 'known keys: name,'],
  ])('the way out of %j', (more, remedy) => {
    expect(checkRules(after(more), 'f').problems[0]?.remedy).toContain(remedy);
  });
});

test('parseRules() throws one RULES_INVALID with one line per problem', () => {
  let thrown: unknown;
  try {
    parseRules('rule: []\nrules:\n  - name: a\n    action: deny\n', '/etc/rules.yaml');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CodedError);
  expect(thrown).toMatchObject({ code: 'RULES_INVALID' });
  expect((thrown as CodedError).message).toBe(
    '/etc/rules.yaml:1:1: unknown key "rule"; did you mean "rules"?\n' +
      '/etc/rules.yaml:4:13: unknown action "deny"; write one of pass, flag, pause, block',
  );
});

describe('parseRules() reads', () => {
  test('every key', () => {
    const text = `# a comment
rules:
  - name: a b
    description: why not
    enabled: false
    tool_pattern: "*x*"
    server_pattern: 'y'
    operation_types: [write, read]
    min_risk_score: 0
    action: pause
`;
    const { rules, source, compiled } = parseRules(text, 'f.yaml');
    expect(source).toBe('f.yaml');
    expect(compiled.map(({ rule }) => rule.name)).toEqual(['on_drift']);
    expect(rules).toEqual([
      {
        name: 'a b',
        description: 'why not',
        enabled: false,
        toolPattern: '*x*',
        serverPattern: 'y',
        operationTypes: ['write', 'read'],
        minRiskScore: 0,
        action: 'pause',
      },
    ]);
  });

  test('a rule without "enabled" as one that is on, and without conditions as one for every call [R.enabled-default]', () => {
    const rules = parseRules('rules: [{name: all, action: block}]', 'f');
    const decision = decide(rules, { server: '', tool: 'get_x', arguments: () => undefined });
    expect(decision).toMatchObject({ action: 'block', matched: ['all'] });
    expect(rules.rules[0]).toEqual({
      name: 'all',
      description: '',
      enabled: true,
      action: 'block',
    });
  });

  test('aliases, an empty list, a byte order mark, JSON and a %YAML 1.2 mark', () => {
    const aliased = `rules:
  - {name: a, action: flag, operation_types: &changes [write, delete]}
  - {name: b, action: block, operation_types: *changes}
`;
    expect(parseRules(aliased, 'f').rules[1]?.operationTypes).toEqual(['write', 'delete']);
    for (const text of [
      'rules: []',
      '\uFEFFrules: []',
      '{"rules":[]}',
      '%YAML 1.2\n---\nrules: []',
    ]) {
      expect(parseRules(text, 'f').rules).toEqual([]);
    }
  });
});

describe('RuleSet.canonicalText', () => {
  test('is this text', () => {
    const text = `rules:
  - action: flag # last
    operation_types: [write, delete, write]
    tool_pattern: "x*"
    name: "é"
`;
    expect(parseRules(text, 'f').canonicalText).toBe(
      '{"rules":[{"action":"flag","name":"é","operation_types":["delete","write"],"tool_pattern":"x*"}]}',
    );
  });

  test('does not change with comments, form, key order or disabled rules, but with the rest', () => {
    const text = (source: string) => parseRules(source, 'f').canonicalText;
    const base = text('rules: [{name: a, action: flag, min_risk_score: 5}]');
    expect(
      text('rules:\n  # why\n  - min_risk_score: 0x5\n    "action": flag\n    name: "a"\n'),
    ).toBe(base);
    expect(
      text('rules: [{name: a, action: flag, min_risk_score: 5, enabled: true, description: ""}]'),
    ).toBe(base);
    expect(
      text(
        'rules: [{name: z, action: block, enabled: false}, {name: a, action: flag, min_risk_score: 5}]',
      ),
    ).toBe(base);
    for (const other of [
      'rules: []',
      'rules: [{name: b, action: flag, min_risk_score: 5}]',
      'rules: [{name: a, action: block, min_risk_score: 5}]',
      'rules: [{name: a, action: flag, min_risk_score: 6}]',
      'rules: [{name: a, action: flag, min_risk_score: 5, description: d}]',
      'rules: [{name: a, action: flag, min_risk_score: 5, server_pattern: s}]',
    ]) {
      expect(text(other)).not.toBe(base);
    }
  });

  test('is a rules file that reads to the same text', () => {
    const word = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((s) => /^[^\p{C}\p{Z}]+$/u.test(s));
    const anyRule = fc.record(
      {
        name: word,
        description: fc.string(),
        enabled: fc.boolean(),
        toolPattern: word.map((s) => s.replaceAll(/[[\\]/g, '*')),
        operationTypes: fc.subarray([...OPERATION_TYPES], { minLength: 1 }),
        minRiskScore: fc.integer({ min: 0, max: 100 }),
        action: fc.constantFrom(...ACTIONS),
      },
      { requiredKeys: ['name', 'description', 'enabled', 'action'] },
    );
    const anyRules = fc.uniqueArray(anyRule, { selector: ({ name }) => name, maxLength: 4 });
    fc.assert(
      fc.property(anyRules, (rules) => {
        const { canonicalText } = createRuleSet(rules, 'x');
        expect(parseRules(canonicalText, 'y').canonicalText).toBe(canonicalText);
      }),
    );
  });
});

test('checkRules() never throws, and a file without problems has rules', () => {
  const words =
    'rules name action block tool_pattern : - [ ] { } , *a &a " \' | > # ? !x --- % null 1 <<';
  const blanks = ['\n', '\n  ', '  - ', ': ', ' ', '\t', '\r', '\uFEFF', '\0', '\uD800'];
  const piece = fc.constantFrom(...words.split(' '), ...blanks);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const { ruleSet, problems } = checkRules(pieces.join(''), 'f');
      expect(ruleSet === undefined).toBe(problems.length > 0);
      for (const { line, column } of problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(column).toBeGreaterThanOrEqual(1);
      }
    }),
    { numRuns: 3000 },
  );
});

test('DEFAULT_RULES are the rules docs/rules.md shows', () => {
  const page = readFileSync(new URL('../docs/rules.md', import.meta.url), 'utf8');
  const yaml = /## Built-in rules\n[\s\S]*?```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const shown = parseRules(yaml, 'docs/rules.md');
  expect(shown.rules).toEqual(DEFAULT_RULES.rules);
  expect(shown.canonicalText).toBe(DEFAULT_RULES.canonicalText);
  // Put together by hand: every condition of every rule, in words, and nothing beside them.
  const inWords = (set: object) => JSON.parse(JSON.stringify(set)) as unknown;
  expect(inWords({ ...shown, source: 'built-in' })).toEqual(inWords(DEFAULT_RULES));
  expect(`sha256:${hash('sha256', shown.canonicalText, 'hex')}`).toBe(DEFAULT_RULES_DIGEST);
});

test('every whole example in docs/rules.md is a rules file', () => {
  const page = readFileSync(new URL('../docs/rules.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/```yaml\n(rules:[\s\S]*?)```/g)].map(
    (match) => match[1] ?? '',
  );
  expect(examples.length).toBeGreaterThanOrEqual(3);
  for (const example of examples) expect(checkRules(example, 'docs').problems).toEqual([]);
});
