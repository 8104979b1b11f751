import { expect, test } from 'vitest';
import type { Approver } from './banner.ts';
import { policyBanner } from './banner.ts';
import { DEFAULT_RULES } from './default-rules.ts';
import type { Action, RuleSet } from './rule.ts';
import { createRuleSet } from './rule-set.ts';

function ruleSet(...rules: [name: string, action: Action, enabled?: boolean][]): RuleSet {
  return createRuleSet(
    rules.map(([name, action, enabled = true]) => ({ name, description: '', enabled, action })),
    'test',
  );
}

// Scripts look for these lines: every byte is agreed.
const BUILT_IN =
  '6 rules enabled, 1 require approval (pause_high_risk), 1 block (block_destructive_ops)';
const URL = 'http://127.0.0.1:4100';

type Case = { name: string; rules: RuleSet; approver: Approver; text: string; json: string };
const CASES: Case[] = [
  {
    name: 'the default: a hint',
    rules: DEFAULT_RULES,
    approver: { approverUrl: '', httpFlag: 'unset' },
    text: `mcp-proxy: [INFO] policy: ${BUILT_IN}; approver: disabled — approver off by default; pass -http <addr> to enable`,
    json: '{"approver_disabled":true,"approver_set":false,"approver_url":"","block_rules":["block_destructive_ops"],"event":"policy_banner","level":"INFO","pause_rules":["pause_high_risk"],"rules_loaded":6}',
  },
  {
    name: '-http=none: no hint',
    rules: DEFAULT_RULES,
    approver: { approverUrl: '', httpFlag: 'acknowledged' },
    text: `mcp-proxy: [INFO] policy: ${BUILT_IN}; approver: disabled`,
    json: '{"approver_disabled":true,"approver_set":false,"approver_url":"","block_rules":["block_destructive_ops"],"event":"policy_banner","level":"INFO","pause_rules":["pause_high_risk"],"rules_loaded":6}',
  },
  {
    name: '-http "": a warning',
    rules: DEFAULT_RULES,
    approver: { approverUrl: '', httpFlag: 'empty' },
    text: `mcp-proxy: [WARN] policy: ${BUILT_IN}; approver: NONE — pause rules will fail (set -http=ADDR to enable approver, or -http=none to acknowledge)`,
    json: '{"approver_disabled":false,"approver_set":false,"approver_url":"","block_rules":["block_destructive_ops"],"event":"policy_banner","level":"WARN","pause_rules":["pause_high_risk"],"rules_loaded":6}',
  },
  {
    name: 'an approver',
    rules: DEFAULT_RULES,
    approver: { approverUrl: URL, httpFlag: 'unset' },
    text: `mcp-proxy: [INFO] policy: ${BUILT_IN}; approver: ${URL}`,
    json: `{"approver_disabled":false,"approver_set":true,"approver_url":"${URL}","block_rules":["block_destructive_ops"],"event":"policy_banner","level":"INFO","pause_rules":["pause_high_risk"],"rules_loaded":6}`,
  },
  {
    name: 'nothing to ask: neither hint nor warning, null lists',
    rules: ruleSet(['f', 'flag']),
    approver: { approverUrl: '', httpFlag: 'empty' },
    text: 'mcp-proxy: [INFO] policy: 1 rules enabled, 0 require approval; approver: NONE',
    json: '{"approver_disabled":false,"approver_set":false,"approver_url":"","block_rules":null,"event":"policy_banner","level":"INFO","pause_rules":null,"rules_loaded":1}',
  },
  {
    name: 'disabled rules, several names, Go escapes in JSON',
    rules: ruleSet(['p1', 'pause'], ['p<2>', 'pause'], ['b', 'block', false], ['c', 'block']),
    approver: { approverUrl: '', httpFlag: 'acknowledged' },
    text: 'mcp-proxy: [INFO] policy: 3 rules enabled (1 disabled), 2 require approval (p1, p<2>), 1 block (c); approver: disabled',
    json: '{"approver_disabled":true,"approver_set":false,"approver_url":"","block_rules":["c"],"event":"policy_banner","level":"INFO","pause_rules":["p1","p\\u003c2\\u003e"],"rules_loaded":3}',
  },
  {
    name: 'no rules at all',
    rules: ruleSet(),
    approver: { approverUrl: '', httpFlag: 'unset' },
    text: 'mcp-proxy: [INFO] policy: 0 rules enabled, 0 require approval; approver: disabled',
    json: '{"approver_disabled":true,"approver_set":false,"approver_url":"","block_rules":null,"event":"policy_banner","level":"INFO","pause_rules":null,"rules_loaded":0}',
  },
];

for (const { name, rules, approver, text, json } of CASES) {
  test(`policyBanner() prints ${name}`, () => {
    expect(policyBanner(rules, approver)).toEqual({ text, json });
  });
}
