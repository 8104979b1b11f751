import { compilePlainRule, driftRule } from './conditions/plain-rule.ts';
import type { Rule, RuleSet } from './rule.ts';

/**
 * Names and descriptions reach the agent and the logs word for word, and peers ship the same six: do not
 * reword them. docs/rules.md shows them as YAML; a test keeps the two together.
 */
const RULES: readonly Rule[] = [
  {
    name: 'block_destructive_ops',
    description: 'Block delete operations on sensitive tools',
    enabled: true,
    toolPattern: 'delete_*',
    operationTypes: ['delete'],
    minRiskScore: 70,
    action: 'block',
  },
  {
    name: 'pause_high_risk',
    description: 'Pause high-risk operations for approval',
    enabled: true,
    minRiskScore: 50,
    action: 'pause',
  },
  {
    name: 'flag_sql_mutations',
    description: 'Flag SQL write/delete/execute operations',
    enabled: true,
    serverPattern: 'postgres*',
    operationTypes: ['write', 'delete', 'execute'],
    action: 'flag',
  },
  {
    name: 'flag_auth_tools',
    description: 'Flag tools that interact with authentication',
    enabled: true,
    toolPattern: '*auth*',
    action: 'flag',
  },
  {
    name: 'flag_config_changes',
    description: 'Flag configuration modification tools',
    enabled: true,
    toolPattern: '*config*',
    operationTypes: ['write', 'delete'],
    action: 'flag',
  },
  {
    name: 'flag_external_messages',
    description: 'Flag tools that send external messages',
    enabled: true,
    toolPattern: 'send_*',
    action: 'flag',
  },
];

/** The same, as their digest names it: written out, so that a start needs nothing that could write it. */
const CANONICAL_TEXT = `{"rules":[${[
  '{"action":"block","description":"Block delete operations on sensitive tools","min_risk_score":70,"name":"block_destructive_ops","operation_types":["delete"],"tool_pattern":"delete_*"}',
  '{"action":"pause","description":"Pause high-risk operations for approval","min_risk_score":50,"name":"pause_high_risk"}',
  '{"action":"flag","description":"Flag SQL write/delete/execute operations","name":"flag_sql_mutations","operation_types":["delete","execute","write"],"server_pattern":"postgres*"}',
  '{"action":"flag","description":"Flag tools that interact with authentication","name":"flag_auth_tools","tool_pattern":"*auth*"}',
  '{"action":"flag","description":"Flag configuration modification tools","name":"flag_config_changes","operation_types":["delete","write"],"tool_pattern":"*config*"}',
  '{"action":"flag","description":"Flag tools that send external messages","name":"flag_external_messages","tool_pattern":"send_*"}',
].join(',')}]}`;

/**
 * The rules in force when the operator names no file. Put together by hand, as `createRuleSet` would, which a
 * test compares: every agent waits for our start, and all that rules of a file can say is most of this room.
 */
export const DEFAULT_RULES: RuleSet = {
  rules: RULES,
  settings: {},
  canonicalText: CANONICAL_TEXT,
  source: 'built-in',
  compiled: [driftRule('flag'), ...RULES].map(compilePlainRule),
  knownHosts: [],
};

/** `sha256:` of their canonical text, known beforehand: every agent waits for our start. */
export const DEFAULT_RULES_DIGEST =
  'sha256:51c867ceeebe380643ffe50240b492bcb37577f0bed8690d1b746117d4fdca16';
