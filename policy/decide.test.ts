import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../shared/json/value.ts';
import { decide, stripToolPrefix } from './decide.ts';
import type { Decision } from './decide.ts';
import { DEFAULT_RULES } from './default-rules.ts';
import type { Rule, RuleSet } from './rule.ts';
import { createRuleSet } from './rule-set.ts';
import { ACTIONS, compareSeverity, OPERATION_TYPES } from './rule.ts';

function ask(rules: RuleSet, tool: string, args?: JsonValue, server = 'srv'): Decision {
  return decide(rules, { server, tool, arguments: () => args });
}

function rule(members: Partial<Rule> & Pick<Rule, 'name' | 'action'>): Rule {
  return { description: '', enabled: true, ...members };
}

describe('decide() with the built-in rules [R.defaults]', () => {
  for (const [tool, action, matched, args, server] of [
    ['delete_token', 'block', ['block_destructive_ops', 'pause_high_risk']],
    ['delete_credential', 'block', ['block_destructive_ops', 'pause_high_risk']],
    ['remove_token', 'pause', ['pause_high_risk']], // risk 70, but not delete_*
    ['create_token', 'pause', ['pause_high_risk']],
    ['delete_config', 'pause', ['pause_high_risk', 'flag_config_changes']],
    ['update_auth_config', 'pause', ['pause_high_risk', 'flag_auth_tools', 'flag_config_changes']],
    ['exec_sql', 'pause', ['pause_high_risk'], { sql: 'DELETE FROM t' }],
    ['run_query', 'pause', ['pause_high_risk'], { sql: 'DROP TABLE x' }],
    ['run_query', 'flag', ['flag_sql_mutations'], {}, 'Postgres-main'],
    ['run_query', 'pass', [], {}, 'my-postgres'],
    ['get_rows', 'pass', [], {}, 'postgres'],
    ['get_author', 'flag', ['flag_auth_tools']],
    ['update_config', 'flag', ['flag_config_changes']],
    ['get_config', 'pass', []],
    ['send_mail', 'flag', ['flag_external_messages']],
    ['delete_file', 'pass', []],
    ['delete_branch', 'pass', []],
    ['get_token', 'pass', []],
    ['create_pull_request', 'pass', []],
    ['merge_pull_request', 'pass', []],
    ['post_message', 'pass', []],
  ] as [string, string, string[], JsonValue?, string?][]) {
    test(`${tool} on ${server ?? 'srv'}: ${action}`, () => {
      const decision = ask(DEFAULT_RULES, tool, args, server);
      expect(decision.action).toBe(action);
      expect(decision.matched).toEqual(matched);
      expect(decision.rule?.name).toBe(matched[0]);
    });
  }
});

describe('decide() picks [R.most-restrictive]', () => {
  const cases: { name: string; rules: Rule[]; action: string; by?: string; matched?: string[] }[] =
    [
      { name: 'pass without rules', rules: [], action: 'pass', matched: [] },
      {
        name: 'the most restrictive, wherever it stands',
        rules: [
          rule({ name: 'a', action: 'flag' }),
          rule({ name: 'b', action: 'block' }),
          rule({ name: 'c', action: 'pause' }),
        ],
        action: 'block',
        by: 'b',
        matched: ['a', 'b', 'c'],
      },
      {
        name: 'the first among equals',
        rules: [rule({ name: 'a', action: 'pause' }), rule({ name: 'b', action: 'pause' })],
        action: 'pause',
        by: 'a',
      },
      {
        name: 'no pass over a flag',
        rules: [rule({ name: 'a', action: 'pass' }), rule({ name: 'b', action: 'flag' })],
        action: 'flag',
        by: 'b',
      },
      {
        name: 'a pass rule when nothing else matches, and names it',
        rules: [rule({ name: 'a', action: 'pass' })],
        action: 'pass',
        by: 'a',
      },
      {
        name: 'no disabled rule',
        rules: [rule({ name: 'a', action: 'block', enabled: false })],
        action: 'pass',
        matched: [],
      },
      {
        name: 'a rule only when every condition holds',
        rules: [
          rule({ name: 'tool', action: 'block', toolPattern: 'x*', serverPattern: 'srv' }),
          rule({ name: 'server', action: 'block', toolPattern: 'delete_*', serverPattern: 'x' }),
          rule({ name: 'operation', action: 'block', operationTypes: ['read', 'write'] }),
          rule({ name: 'risk', action: 'block', minRiskScore: 41 }),
          rule({
            name: 'all',
            action: 'flag',
            toolPattern: 'DELETE_?ile',
            serverPattern: 's*',
            operationTypes: ['read', 'delete'],
            minRiskScore: 40,
          }),
        ],
        action: 'flag',
        by: 'all',
        matched: ['all'],
      },
    ];
  for (const { name, rules, action, by, matched } of cases) {
    test(`${name}: ${action}`, () => {
      const decision = ask(createRuleSet(rules, 'test'), 'delete_file');
      expect(decision.action).toBe(action);
      expect(decision.rule?.name).toBe(by);
      if (matched !== undefined) expect(decision.matched).toEqual(matched);
    });
  }
});

test('decide() decodes the arguments at most once, however many rules ask for the score', () => {
  let calls = 0;
  const decode = () => {
    calls += 1;
    return {};
  };
  decide(DEFAULT_RULES, { server: 's', tool: 'run_x', arguments: decode });
  expect(calls).toBeLessThanOrEqual(1);
});

const anyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('delete_token', 'run_sql', 'get_config', 'send_x', 'constructor', '__proto__'),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    action: fc.constantFrom(...ACTIONS),
    enabled: fc.boolean(),
    toolPattern: optional(fc.constantFrom('*', 'delete_*', '*config*', '[a-m]*', 'x')),
    serverPattern: optional(fc.constantFrom('*', 'postgres*', '?')),
    operationTypes: optional(fc.subarray([...OPERATION_TYPES], { minLength: 1 })),
    minRiskScore: optional(fc.integer({ min: 0, max: 100 })),
  })
  .map(({ action, enabled, ...conditions }) => {
    const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
    return rule({ name: 'any', action, enabled, ...Object.fromEntries(given) });
  });

test('decide() is total, and a further rule never loosens a decision [R.total]', () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 6 }),
      anyRule,
      fc.nat(),
      anyName,
      anyName,
      fc.jsonValue(),
      (rules, extra, place, server, tool, args) => {
        const request = { server, tool, arguments: () => args as JsonValue };
        const before = decide(createRuleSet(rules, 'test'), request);
        expect(ACTIONS).toContain(before.action);
        const more = rules.toSpliced(place % (rules.length + 1), 0, extra);
        const after = decide(createRuleSet(more, 'test'), request);
        expect(compareSeverity(after.action, before.action)).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 1000 },
  );
});

test.each([
  ['mcp__github__delete_repo', 'delete_repo'],
  ['mcp__a__b__c', 'b__c'],
  ['mcp__a_b__c', 'c'],
  ['mcp____c', 'c'],
  ['mcp__a__', 'mcp__a__'],
  ['mcp__a', 'mcp__a'],
  ['mcp__', 'mcp__'],
  ['MCP__a__b', 'MCP__a__b'],
  ['x_mcp__a__b', 'x_mcp__a__b'],
  ['delete_repo', 'delete_repo'],
  ['', ''],
])('stripToolPrefix(%j) is %j', (name, want) => {
  expect(stripToolPrefix(name)).toBe(want);
});
