import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRules } from '../../policy/load-rules.ts';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let folder = '';

beforeAll(async () => {
  cli = await bundleCli();
  folder = mkdtempSync(join(tmpdir(), 'obs-'));
  store = new FixtureStore();
});
afterAll(() => {
  cli.remove();
  store.remove();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const RULES = `rules:
  - {name: big, tool_pattern: "pay_*", when: {amount: amount, above: 100}, action: pause}
  - {name: no, tool_pattern: "delete_*", action: block, message: Never, hint: Archive it}
`;

describe('obsigna rules check [R.commands]', () => {
  test('says that a file is in order, with its digest', () => {
    const path = file('good.yaml', RULES);
    const { code, stdout } = cli.run(['rules', 'check', path]);
    expect(stdout).toMatch(/good\.yaml is in order: 2 rules enabled, sha256:[0-9a-f]{64}\n$/);
    expect(code).toBe(0);
  });

  test('shows every mistake with its place, and ends with 1 [P8.rules-position]', () => {
    const path = file('bad.yaml', 'rules:\n  - nam: a\n    action: blok\n');
    const { code, stdout } = cli.run(['rules', 'check', path]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      `mistake: ${path}:2:5: unknown key "nam"; did you mean "name"?
mistake: ${path}:2:5: rule 1 has no name; add "name: ..."; logs and receipts show it
mistake: ${path}:3:13: unknown action "blok"; did you mean "block"?
${path} is not in order: 3 mistakes
`,
    );
    const json = JSON.parse(cli.run(['rules', 'check', path, '-json']).stdout) as object;
    expect(json).toMatchObject({
      ok: false,
      policy_digest: null,
      problems: [{ line: 2, column: 5 }, {}, {}],
    });
  });

  test('warns, and ends with 1 where it is told to be strict [R.warnings]', () => {
    const path = file('warn.yaml', 'rules: [{name: a, tool_pattern: x, action: pass}]');
    expect(cli.run(['rules', 'check', path])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`warning: ${path}:1:9: rule "a" changes nothing`),
    });
    expect(cli.run(['rules', 'check', path, '-strict']).code).toBe(1);
  });

  test('ends with 2 where there is no file', () => {
    expect(cli.run(['rules', 'check', '/no/such'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot read /no/such (ENOENT)'),
    });
  });
});

describe('obsigna rules test [R.commands]', () => {
  test('counts what is as expected, and shows what is not', () => {
    const rules = file('rules.yaml', RULES);
    const cases = file(
      'cases.yaml',
      `cases:
  - {tool: pay_x, arguments: {amount: "101"}, expect: pause, rule: big, score: 10}
  - {name: small, tool: pay_x, arguments: {amount: 1}, expect: block}
`,
    );
    expect(cli.run(['rules', 'test', rules, cases])).toMatchObject({
      code: 1,
      stdout: `${cases}:3: small: decision pass, expected block\n1 of 2 cases as expected\n`,
    });
  });

  test('refuses cases that it does not understand', () => {
    const cases = file('bad-cases.yaml', 'cases:\n  - {tool: x, expct: pass}\n');
    expect(cli.run(['rules', 'test', file('r.yaml', RULES), cases])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${cases}:2:15: unknown key "expct"; did you mean "expect"?`),
    });
  });
});

test('obsigna rules explain shows rules, conditions and points [R.commands]', () => {
  const args = ['-tool', 'mcp__bank__pay_token', '-args', '{"amount": "5,000"}'];
  const { stdout, code } = cli.run(['rules', 'explain', file('rules.yaml', RULES), ...args]);
  expect(code).toBe(0);
  expect(stdout).toContain(`decision: pause by rule "big"
risk: 40, operation unknown
   10  operation unknown (no known verb in the name)
   30  sensitive (name contains token)
`);
  expect(stdout).toContain(`+ rule "big" (pause) matches
    + tool matches "pay_*"
    + the conditions on the arguments hold
      + amount amount above 100
- rule "no" (block)
    - tool matches "delete_*"
`);
});

test('obsigna rules schema prints a JSON Schema [R.schema]', () => {
  const schema = JSON.parse(cli.run(['rules', 'schema']).stdout) as { properties: object };
  expect(Object.keys(schema.properties)).toContain('rules');
});

describe('obsigna rules import [R.commands]', () => {
  test('carries over estoppl.toml, and names what it cannot', () => {
    const path = file(
      'estoppl.toml',
      `[agent]
id = "a"
[rules]
block_tools = ["drop_*", "wipe"]
human_review_tools = ["wire"]
human_review_above_usd = 100.0
max_amount_usd = 5000.0
amount_field = "payment.amount"
rate_limit_per_minute = 30
fail_mode = "open"
[[rules.custom_rules]]
name = "odd"
tool = "send.*"
action = "human_review"
[rules.custom_rules.condition]
field = "to"
operator = "not_contains"
value = "@corp.test"
[[rules.custom_rules]]
name = "yes"
action = "allow"
[rules.custom_rules.condition]
field = "a"
operator = "=="
value = 1
`,
    );
    const { stdout, stderr, code } = cli.run(['rules', 'import', path]);
    expect(code).toBe(0);
    expect(stderr).toContain('rules.fail_mode is not carried over');
    expect(stderr).toContain('custom rule "yes" allows');
    expect(stdout).toContain('# custom rule "yes" allows');
    const { ruleSet, problems } = checkRules(stdout, 'x');
    expect(problems).toEqual([]);
    expect(ruleSet?.settings.block).toEqual(['drop_*', 'drop_*/*', 'drop_*/*/*', 'wipe']);
    expect(ruleSet?.rules).toMatchObject([
      { name: 'human_review_tools', toolPattern: ['wire'], action: 'pause' },
      { name: 'max_amount_usd', when: { amount: 'payment.amount', above: 5000 }, action: 'block' },
      { name: 'odd', when: { field: 'to', not_contains: '@corp.test' }, action: 'pause' },
      { name: 'rate_limit_per_minute', rate: { max: 30, per: '1m', by: 'tool' } },
    ]);
  });

  test('carries over rules of another proxy as they are understood there', () => {
    const path = file(
      'other.yaml',
      `rules:
  - {name: on, enabled: true, tool_pattern: "delete_*", min_risk_score: 0, action: block, note: x}
  - {name: silent, action: block}
  - {name: odd, enabled: true, action: deny}
`,
    );
    const { stdout, stderr } = cli.run(['rules', 'import', path]);
    expect(stderr).toBe(`warning: rule 1: note means nothing there; left out
warning: rule 2 has no "enabled" and is off there
warning: rule 3 is left out: unknown action "deny"
`);
    expect(checkRules(stdout, 'x').ruleSet?.rules).toMatchObject([
      { name: 'on', enabled: true },
      { name: 'silent', enabled: false },
    ]);
  });

  test('says where a file is no TOML', () => {
    const path = file('bad.toml', '[rules]\nblock_tools = [\n');
    expect(cli.run(['rules', 'import', path])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/bad\.toml:\d+:\d+: Invalid TOML/),
    });
  });
});

test('obsigna rules replay tells apart what is certain and what cannot be known [R.commands]', () => {
  const call = (tool: string, action: string, more: object = {}) =>
    store.append('2026-06-15', {
      action: { tool_name: tool, type: `mcp.bank.${tool}` },
      issuer: {
        session_id: 's',
        runtime: { obsigna: { decision: { action, risk: { score: 0, reasons: [] }, ...more } } },
      },
    });
  call('pay_invoice', 'pass'); // depends on the amount
  call('delete_file', 'pass');
  call('get_file', 'pass');
  call('delete_file', 'block', { refused: 'MESSAGE_NOT_UNDERSTOOD' }); // no call that rules decide
  store.append('2026-06-15', {
    action: { tool_name: 'daemon_started', type: 'agent_receipts.daemon_started' },
  });
  const since = ['-db', store.path, '-since', '2026-06-01'];
  const { stdout, code } = cli.run(['rules', 'replay', file('rules.yaml', RULES), ...since]);
  expect(code).toBe(0);
  expect(stdout)
    .toBe(`TIME                  RECEIPT       SERVER  TOOL         WAS   WOULD BE     RULE
2026-06-15T12:00:01Z  2026-06-15:1  bank    pay_invoice  pass  pass..pause  big
2026-06-15T12:00:02Z  2026-06-15:2  bank    delete_file  pass  block        no

3 calls since 2026-06-01T00:00:00Z: 1 as they were, 1 otherwise, 1 cannot be known without what receipts do not have
`);
});
