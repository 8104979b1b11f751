import { createRuleSet } from './rule.ts';

/**
 * The rules in force when the operator names no file. Names and descriptions reach the agent and
 * the logs word for word, and peers ship the same six: do not reword them. docs/rules.md shows
 * them as YAML; a test keeps the two together.
 */
export const DEFAULT_RULES = createRuleSet(
  [
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
  ],
  'built-in',
);

/** `sha256:` of their canonical text, known beforehand: every agent waits for our start. */
export const DEFAULT_RULES_DIGEST =
  'sha256:51c867ceeebe380643ffe50240b492bcb37577f0bed8690d1b746117d4fdca16';
