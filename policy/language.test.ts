import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import { blocksAlways, decide, messageOf, type Decision, type PolicyRequest } from './decide.ts';
import { finding } from './finding.ts';
import { PolicyHistory } from './history.ts';
import { parseRules } from './load-rules.ts';
import type { RuleSet } from './rule.ts';

const AT = Date.UTC(2026, 10, 20, 12, 0); // a Friday

function rulesOf(text: string): RuleSet {
  return parseRules(text, 'test');
}

/** One rule that blocks where its condition holds. */
function when(condition: string): RuleSet {
  return rulesOf(`rules: [{name: r, when: ${condition}, action: block}]`);
}

interface Call extends Partial<Omit<PolicyRequest, 'arguments'>> {
  readonly args?: JsonValue;
}

function ask(rules: RuleSet, { args, ...rest }: Call = {}): Decision {
  return decide(rules, { server: 's', tool: 't', nowMs: AT, arguments: () => args, ...rest });
}

describe('when [R.conditions]', () => {
  const CASES: [condition: string, holds: JsonValue[], not: (JsonValue | undefined)[]][] = [
    ['{field: a, eq: 1}', [{ a: 1 }, { A: 1 }, { a: 2, A: 1 }], [{ a: '1' }, { a: 2 }, { b: 1 }]],
    ['{field: a, eq: "1"}', [{ a: '1' }], [{ a: 1 }]],
    ['{field: a, eq: null}', [{ a: null }], [{}, undefined, { a: 0 }]],
    [
      '{field: a, eq: {b: [1, x]}}',
      [{ a: { b: [1, 'x'] } }],
      [{ a: { b: [1] } }, { a: { b: [1, 'x'], c: 1 } }],
    ],
    ['{field: a, eq: []}', [{ a: [] }], [{ a: {} }, { a: [1] }]],
    ['{field: a, neq: 1}', [{ a: 2 }, { a: '1' }, { a: null }], [{ a: 1 }, {}]],
    [
      '{field: a, gt: 10}',
      [
        { a: 11 },
        { a: '11' },
        { a: ' 1e3 ' },
        { a: '50,000' },
        { a: '0xff' },
        { a: '\uff15\uff10' },
      ],
      [{ a: 10 }, { a: 'x' }, { a: null }, { a: [11] }, { a: true }],
    ],
    ['{field: a, gte: 10, lt: 20}', [{ a: 10 }, { a: '19.9' }], [{ a: 9 }, { a: 20 }]],
    ['{field: "a[*]", gt: 1, lt: 3}', [{ a: [9, 2] }], [{ a: [0, 9] }]], // both for one item
    ['{field: a, lte: -1}', [{ a: -1 }, { a: '-5' }], [{ a: 0 }]],
    ['{field: a, in: [1, x, null]}', [{ a: 'x' }, { a: null }], [{ a: '1' }, {}]],
    [
      '{field: a, contains: "/etc"}',
      [{ a: 'x/etc/y' }, { a: ['/etc', 1] }],
      [{ a: ['/etc/y'] }, { a: 1 }, { a: '/ETC' }],
    ],
    ['{field: a, contains: 5}', [{ a: [5] }], [{ a: '5' }]],
    [
      '{field: a, not_contains: "@corp"}',
      [{ a: 'x' }, { a: 1 }, { a: ['@corpx'] }],
      [{ a: 'a@corp' }, { a: ['@corp'] }, {}],
    ],
    [
      '{field: "to[*]", not_contains: "@corp.test"}',
      [{ to: ['a@corp.test', 'b@x.test'] }],
      [{ to: ['a@corp.test'] }, { to: [] }],
    ],
    ['{field: a, matches: "^v[0-9]+$"}', [{ a: 'v12' }], [{ a: 'xv1' }, { a: 1 }]],
    ['{field: a, matches: "(?i)secret"}', [{ a: 'a SECRET' }], [{ a: 'secre' }]],
    ['{field: a, exists: true}', [{ a: null }], [{}, undefined, [1]]],
    ['{field: a, exists: false}', [{}, { b: 1 }], [{ a: 1 }]],
    ['{field: a.b.c, eq: 1}', [{ a: { B: { c: 1 } } }], [{ a: { b: 1 } }, { 'a.b.c': 1 }]],
    ['{field: "a[1].b", eq: 1}', [{ a: [0, { b: 1 }] }], [{ a: [{ b: 1 }] }]],
    ['{field: "a.*", eq: 1}', [{ a: { x: 1 } }, { a: [1] }], [{ a: 1 }]],
    ['{field: "**", matches: "^sk-"}', [{ a: [{ b: 'sk-1' }] }, 'sk-2'], [{ 'sk-1': 1 }]],
    ['{field: "**.url", contains: x}', [{ a: [{ url: 'x' }] }, { url: 'x' }], [{ a: 'x' }]],
    ['{field: \'["a.b"]\', eq: 1}', [{ 'a.b': 1 }], [{ a: { b: 1 } }]],
    ['{any: [{field: a, eq: 1}, {field: b, eq: 1}]}', [{ b: 1 }], [{ c: 1 }]],
    ['{all: [{field: a, eq: 1}, {field: b, eq: 1}]}', [{ a: 1, b: 1 }], [{ a: 1 }]],
    ['[{field: a, eq: 1}, {field: b, eq: 1}]', [{ a: 1, b: 1 }], [{ a: 1 }]],
    ['{not: {field: a, eq: 1}}', [{}, undefined as never, { a: 2 }], [{ a: 1 }]],
  ];
  for (const [name, holds, not] of CASES) {
    test(`${name} holds where it should`, () => {
      const rules = when(name);
      for (const args of holds)
        expect([args, ask(rules, { args }).action]).toEqual([args, 'block']);
      for (const args of not) {
        const call = args === undefined ? {} : { args };
        expect([args, ask(rules, call).action]).toEqual([args, 'pass']);
      }
    });
  }

  test('looks at own members only', () => {
    const rules = when('{field: __proto__.x, eq: 1}');
    expect(ask(rules, { args: Object.create({ __proto__: { x: 1 } }) as JsonValue }).action).toBe(
      'pass',
    );
    expect(ask(rules, { args: JSON.parse('{"__proto__":{"x":1}}') as JsonValue }).action).toBe(
      'block',
    );
  });

  test('reaches a depth that no recursion survives', () => {
    let args: JsonValue = { deep: 'sk-x' };
    for (let i = 0; i < 100_000; i++) args = i % 2 === 0 ? [args] : { a: args };
    expect(ask(when('{field: "**", matches: "^sk-"}'), { args }).action).toBe('block');
  });
});

describe('amounts [R.amounts]', () => {
  const one = when('{amount: amount, above: 1000}');
  const two = when('{amount: "p[*].sum", currency: "p[*].cur", above: {EUR: 100, USD: 110}}');
  test.each<[RuleSet, JsonValue, string]>([
    [one, { amount: 1000 }, 'pass'],
    [one, { amount: 1000.01 }, 'block'],
    [one, { amount: '50000' }, 'block'],
    [one, { Amount: '1,001' }, 'block'],
    [one, { amount: -5000 }, 'block'],
    [one, { amount: 'fifty thousand' }, 'block'],
    [one, { amount: '50.000,00' }, 'block'],
    [one, { amount: null }, 'block'],
    [one, { amount: [5] }, 'block'],
    [one, {}, 'pass'],
    [two, { p: [{ sum: 105, cur: 'usd' }] }, 'pass'],
    [two, { p: [{ sum: 105, cur: 'EUR' }] }, 'block'],
    [two, { p: [{ sum: 105 }] }, 'block'],
    [two, { p: [{ sum: 1, cur: 'JPY' }] }, 'block'],
    [two, { p: [{ sum: 0, cur: 'JPY' }] }, 'pass'],
    [
      two,
      {
        p: [
          { sum: 1, cur: 'EUR' },
          { sum: 105, cur: 'USD' },
        ],
      },
      'block',
    ],
  ])('%#', (rules, args, want) => {
    expect(ask(rules, { args }).action).toBe(want);
  });
});

describe('lists [R.lists]', () => {
  const allow = rulesOf(
    'allow: ["get_*", {tool_pattern: "*", agent_pattern: ci}]\nblock: [get_secret]\n',
  );
  test.each<[Call, string, string | undefined]>([
    [{ tool: 'get_x' }, 'pass', undefined],
    [{ tool: 'set_x' }, 'block', 'allow list'],
    [{ tool: 'set_x', agent: 'CI' }, 'pass', undefined],
    [{ tool: 'GET_SECRET', agent: 'ci' }, 'block', 'block list'],
  ])('%#', (call, action, by) => {
    const decision = ask(allow, call);
    expect([decision.action, decision.rule?.name]).toEqual([action, by]);
  });
});

describe('who is asked for [R.conditions]', () => {
  const rules = rulesOf(`rules:
  - {name: client, client_pattern: "claude*", action: flag}
  - {name: agent, agent_pattern: [codex, cursor], action: pause}
  - {name: tools, tool_pattern: ["a_*", "b_*"], action: block}
`);
  test.each<[Call, string]>([
    [{ client: { name: 'Claude-Code' } }, 'flag'],
    [{ agent: 'Cursor' }, 'pause'],
    [{ tool: 'b_x' }, 'block'],
    [{}, 'pass'],
  ])('%#', (call, action) => {
    expect(ask(rules, call).action).toBe(action);
  });
});

test('annotations count only as far as the server says them [R.annotations]', () => {
  const rules = rulesOf(`rules:
  - {name: d, annotations: {destructive: true}, action: block}
  - {name: r, annotations: {read_only: false}, action: pause}
`);
  const said = (annotations?: JsonObject) => ask(rules, { annotations }).action;
  expect(said()).toBe('pass');
  expect(said({ destructiveHint: true })).toBe('block');
  expect(said({ destructiveHint: 'true' })).toBe('pass');
  expect(said({ readOnlyHint: false })).toBe('pause');
  expect(said({ readOnlyHint: true, destructiveHint: false })).toBe('pass');
});

test('findings are conditions, and drift is one without a rule [R.conditions]', () => {
  const drift = [finding('tool_drift', 'x')];
  const rules = rulesOf('rules: [{name: h, findings: [hidden_unicode], action: block}]');
  expect(ask(rules, { findings: [finding('hidden_unicode', 'x')] }).action).toBe('block');
  expect(ask(rules, { findings: drift })).toMatchObject({ action: 'flag', matched: ['on_drift'] });
  for (const action of ['pass', 'pause', 'block']) {
    expect(ask(rulesOf(`rules: []\non_drift: ${action}`), { findings: drift }).action).toBe(action);
  }
});

describe('time windows [R.time]', () => {
  const rules = (window: string) => rulesOf(`rules: [{name: w, during: ${window}, action: block}]`);
  test.each<[window: string, at: string, inside: boolean]>([
    ['{from: "08:00", to: "18:00"}', '2026-11-20T08:00:00Z', true],
    ['{from: "08:00", to: "18:00"}', '2026-11-20T18:00:00Z', false],
    ['{from: "08:00", to: "18:00", zone: Europe/Berlin}', '2026-11-20T07:00:00Z', true],
    ['{from: "08:00", to: "18:00", zone: Europe/Berlin}', '2026-07-20T06:00:00Z', true],
    ['{from: "08:00", to: "18:00", zone: Europe/Berlin}', '2026-07-20T05:59:00Z', false],
    ['{days: [sat, sun]}', '2026-11-21T00:00:00Z', true],
    ['{days: [sat, sun]}', '2026-11-20T23:59:59Z', false],
    ['{days: [sat], zone: Asia/Tokyo}', '2026-11-20T15:00:00Z', true],
    ['{days: [fri], from: "22:00", to: "06:00"}', '2026-11-21T05:59:00Z', true],
    ['{days: [fri], from: "22:00", to: "06:00"}', '2026-11-20T05:59:00Z', false],
    ['{days: [fri], from: "22:00", to: "06:00"}', '2026-11-20T22:00:00Z', true],
    ['{from: "08:00", to: "24:00"}', '2026-11-20T23:59:00Z', true],
    ['[{days: [mon]}, {days: [fri]}]', '2026-11-20T12:00:00Z', true],
  ])('%s at %s: %s', (window, at, inside) => {
    const nowMs = Date.parse(at);
    expect(ask(rules(window), { nowMs }).action).toBe(inside ? 'block' : 'pass');
    const outside = rulesOf(`rules: [{name: w, outside: ${window}, action: block}]`);
    expect(ask(outside, { nowMs }).action).toBe(inside ? 'pass' : 'block');
  });
});

/** Calls of one session, one after the other; `after` is in seconds. */
function session(rules: RuleSet, calls: readonly (Call & { after?: number })[]): string[] {
  const history = new PolicyHistory();
  let nowMs = AT;
  return calls.map(({ after = 0, ...call }) => {
    nowMs += after * 1000;
    return ask(rules, { history, nowMs, ...call }).action;
  });
}

describe('rates [R.limits]', () => {
  const rules = (more: string) =>
    rulesOf(
      `rules: [{name: r, tool_pattern: "t*", rate: {max: 2, per: 1m${more}}, action: block}]`,
    );
  test('count what went on, in a window that slides', () => {
    const calls = [0, 10, 10, 39, 1, 9, 1].map((after) => ({ after }));
    // at 0, 10, 20, 59, 60, 69, 70 seconds
    expect(session(rules(''), calls)).toEqual([
      'pass',
      'pass',
      'block',
      'block',
      'pass',
      'block',
      'pass',
    ]);
  });

  test('count by tool where they are told to, whatever its case, and no other tools', () => {
    const tools = ['ta', 'TA', 'tb', 'ta', 'x', 'tb', 'tb'].map((tool) => ({ tool }));
    expect(session(rules(', by: tool'), tools)).toEqual([
      'pass',
      'pass',
      'pass',
      'block',
      'pass',
      'pass',
      'block',
    ]);
  });

  test('end with the session where they are told to', () => {
    const once = rulesOf('rules: [{name: r, rate: {max: 1, per: session}, action: pause}]');
    expect(session(once, [{}, { after: 1e7 }])).toEqual(['pass', 'pause']);
  });

  test('are not evaded by thousands of made-up names', () => {
    const calls = Array.from({ length: 5000 }, (_, i) => ({ tool: `t${i}` }));
    const actions = session(rules(', by: tool'), [
      { tool: 't' },
      { tool: 't' },
      ...calls,
      { tool: 't' },
    ]);
    expect(actions.at(-1)).toBe('block');
    expect(actions).toContain('block');
  });
});

describe('budgets [R.limits]', () => {
  const rules = rulesOf(`rules:
  - {name: b, budget: {field: amount, currency: cur, max: {EUR: 100, USD: 50}, per: 24h}, action: block}
`);
  test('sum what went on, each currency by itself', () => {
    const calls = [
      { args: { amount: 60, cur: 'EUR' } },
      { args: { amount: '41', cur: 'EUR' } },
      { args: { amount: 40, cur: 'eur' } },
      { args: { amount: 1, cur: 'EUR' } },
      { args: { amount: 50, cur: 'USD' } },
      { args: { amount: 'much', cur: 'USD' } },
      { args: {} },
      { args: { amount: 1, cur: 'EUR' }, after: 86_400 },
    ];
    expect(session(rules, calls)).toEqual([
      'pass',
      'block',
      'pass',
      'block',
      'pass',
      'block',
      'pass',
      'pass',
    ]);
  });
});

describe('sequences [R.sequences]', () => {
  const rules = rulesOf(`rules:
  - name: exfiltration
    tool_pattern: "send_*"
    after: {tool_pattern: "*secret*", within: 10m}
    action: block
`);
  test('B after A, while it is not too long ago, and not before', () => {
    const calls = [
      { tool: 'send_x' },
      { tool: 'get_secret' },
      { tool: 'send_x', after: 600 },
      { tool: 'send_x', after: 1 },
    ];
    expect(session(rules, calls)).toEqual(['pass', 'pass', 'block', 'pass']);
  });

  test('steps in their order, and no call is two steps', () => {
    const steps = rulesOf(`rules:
  - {name: s, tool_pattern: c, after: [{tool_pattern: "a*"}, {tool_pattern: "[ab]*"}], action: block}
`);
    const seen = (...tools: string[]) =>
      session(
        steps,
        tools.map((tool) => ({ tool })),
      ).at(-1);
    expect(seen('a', 'c')).toBe('pass');
    expect(seen('b', 'a', 'c')).toBe('pass');
    expect(seen('a', 'b', 'c')).toBe('block');
    expect(seen('a', 'x', 'a', 'c')).toBe('block');
  });

  test('a blocked call is not seen, and what was seen outlives other rules', () => {
    const blocked = rulesOf(`rules:
  - {name: no, tool_pattern: get_secret, action: block}
  - {name: s, tool_pattern: "send_*", after: {tool_pattern: get_secret}, action: block}
`);
    expect(session(blocked, [{ tool: 'get_secret' }, { tool: 'send_x' }])).toEqual([
      'block',
      'pass',
    ]);
    const history = new PolicyHistory();
    ask(rules, { tool: 'get_secret', history });
    const reloaded = rulesOf(rules.canonicalText);
    expect(ask(reloaded, { tool: 'send_x', history }).action).toBe('block');
  });
});

test('a decision says why, and what the agent is told', () => {
  const rules = rulesOf(`rules:
  - name: r
    description: why
    tool_pattern: t
    when: {field: a, eq: secret-value}
    rate: {max: 0, per: 1m}
    message: Not now
    hint: Ask a colleague
    action: block
`);
  const decision = ask(rules, { args: { a: 'secret-value' } });
  expect(decision.reasons).toEqual([
    'tool matches "t"',
    'the conditions on the arguments hold',
    'more than 0 calls per 1m',
  ]);
  expect(decision.rule && messageOf(decision.rule)).toBe('Not now. Instead: Ask a colleague');
});

test('unknown arguments give a decision two ends', () => {
  const rules = rulesOf(`rules:
  - {name: a, tool_pattern: a, when: {field: x, eq: 1}, action: block}
  - {name: b, tool_pattern: b, when: {not: {field: x, eq: 1}}, action: block}
  - {name: c, tool_pattern: run_c, min_risk_score: 60, action: block}
  - {name: d, tool_pattern: d, action: pause}
`);
  const ends = (tool: string) => [false, true].map((assume) => ask(rules, { tool, assume }).action);
  expect(ends('a')).toEqual(['pass', 'block']);
  expect(ends('b')).toEqual(['pass', 'block']);
  expect(ends('run_c')).toEqual(['pass', 'block']);
  expect(ends('d')).toEqual(['pause', 'pause']);
  expect(ends('e')).toEqual(['pass', 'pass']);
});

test('blocksAlways() is about tools that can only be blocked', () => {
  const rules = rulesOf(`allow: ["a*", "b*"]
rules:
  - {name: always, tool_pattern: a1, action: block}
  - {name: never, tool_pattern: a2, when: {not: {field: x, exists: true}}, action: block}
  - {name: now, tool_pattern: a3, during: {days: [mon, tue, wed, thu, fri, sat, sun]}, action: block}
  - {name: often, tool_pattern: b1, rate: {max: 0, per: 1m}, action: block}
  - {name: asked, tool_pattern: b2, action: pause}
`);
  const hidden = ['a1', 'a2', 'a3', 'b1', 'b2', 'c'].filter((tool) =>
    blocksAlways(rules, { server: 's', tool }),
  );
  expect(hidden).toEqual(['a1', 'c']);
});

describe('RuleSet.canonicalText', () => {
  test('holds every key, and reads to itself', () => {
    const text = `risk: extended
on_drift: block
hide_blocked: true
allow: [a, {tool_pattern: [b, c]}]
block: [{server_pattern: s}]
workspace: /w
known_hosts: [a.test, b.test]
rules:
  - name: r
    tool_pattern: [only]
    client_pattern: c
    agent_pattern: a
    annotations: {read_only: false, open_world: true}
    findings: [tool_drift, hidden_unicode]
    when:
      - {field: a, eq: {z: 1, a: [true]}, not_contains: x}
      - {any: [{amount: b, currency: c, above: {USD: 1, EUR: 2}}, {not: {field: c, exists: true}}]}
    during: {days: [sun, mon], from: "08:00", to: "09:00", zone: Europe/Berlin}
    outside: [{days: [tue]}, {days: [wed]}]
    after: [{tool_pattern: x, within: 5m}, {operation_types: [read]}]
    rate: {max: 1, per: 1m, by: tool}
    budget: {field: a, max: 5, per: session}
    action: pause
    message: m
    hint: h
`;
    const { canonicalText } = rulesOf(text);
    expect(rulesOf(canonicalText).canonicalText).toBe(canonicalText);
    expect(canonicalText).toContain(
      '"when":[{"eq":{"a":[true],"z":1},"field":"a","not_contains":"x"}',
    );
    expect(canonicalText).toContain('"tool_pattern":"only"');
    expect(canonicalText).toContain('"above":{"EUR":2,"USD":1}');
    expect(canonicalText.startsWith('{"allow":["a",')).toBe(true);
  });

  test('does not change with what is the default anyway', () => {
    const base = rulesOf('rules: [{name: a, during: {days: [mon]}, action: flag}]').canonicalText;
    const spelled = `risk: standard
on_drift: flag
hide_blocked: false
rules: [{name: a, during: [{days: [mon], zone: UTC}], action: flag}]`;
    expect(rulesOf(spelled).canonicalText).toBe(base);
  });
});

const anyCondition = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      '{field: a, gt: 1}',
      '{field: "**", matches: "^x"}',
      '{field: "a[*]", neq: 1}',
      '{field: "*.b", contains: x}',
      '{amount: a, currency: b, above: {EUR: 1}}',
      '{field: a, exists: false}',
    ),
    fc
      .array(tie('condition'), { minLength: 1, maxLength: 3 })
      .map((c) => `{any: [${c.join(',')}]}`),
    tie('condition').map((c) => `{not: ${c}}`),
  ),
})).condition;

const anyRule = fc.record({
  condition: anyCondition,
  more: fc.constantFrom(
    '',
    ', rate: {max: 1, per: 1m}',
    ', budget: {field: a, max: 3, per: 1h, by: tool}',
    ', after: {tool_pattern: "*", within: 1m}',
    ', during: {days: [fri]}',
    ', annotations: {destructive: true}',
  ),
  action: fc.constantFrom('pass', 'flag', 'pause', 'block'),
});
type AnyRule = { condition: string; more: string; action: string };
const fileOf = (rules: readonly AnyRule[]) =>
  rulesOf(
    `rules: [${rules.map(({ condition, more, action }, i) => `{name: r${i}, when: ${condition}${more}, action: ${action}}`).join(', ')}]`,
  );
const ORDER = ['pass', 'flag', 'pause', 'block'];
const strictness = (action: string) => ORDER.indexOf(action);
const anyArguments = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom('a', 'A', 'b', '__proto__'), fc.jsonValue()),
) as fc.Arbitrary<JsonValue>;

test('decide() is total on every JSON, and a further rule never weakens [R.total]', () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 4 }),
      anyRule,
      fc.array(anyArguments, { maxLength: 3 }),
      anyArguments,
      (rules, extra, earlier, args) => {
        const less = fileOf(rules);
        const more = fileOf([...rules, extra]);
        // The same past for both: a stricter past may leave fewer calls to count.
        const past = () => {
          const history = new PolicyHistory();
          for (const before of earlier) ask(rulesOf(less.canonicalText), { args: before, history });
          return history;
        };
        const weak = ask(less, { args, history: past() }).action;
        expect(ORDER).toContain(weak);
        const strong = ask(more, { args, history: past() }).action;
        expect(strictness(strong)).toBeGreaterThanOrEqual(strictness(weak));
        const said = ask(less, { args, history: past(), annotations: { destructiveHint: true } });
        expect(strictness(said.action)).toBeGreaterThanOrEqual(strictness(weak));
      },
    ),
    { numRuns: 300 },
  );
});
