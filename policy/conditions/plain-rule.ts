import type { Facts } from '../facts.ts';
import { DRIFT_CODES } from '../finding.ts';
import { compileGlob, type FoldedText } from '../glob.ts';
import type { Action, Annotations, Matcher, Patterns, Rule } from '../rule.ts';
import type { CompiledCondition } from './condition.ts';
import type { CompiledLimit } from './limit.ts';
import type { CompiledSequence } from './sequence.ts';

/** An enabled rule, ready to be asked. */
export interface CompiledRule {
  readonly rule: Rule;
  /** All of them must hold. The cheap ones first: most rules are not about the tool at hand. */
  readonly conditions: readonly CompiledCondition[];
  /** Asked last, and only of calls for which everything else holds: those are what they count. */
  readonly limits: readonly CompiledLimit[];
  readonly sequence?: CompiledSequence;
}

/** A rule that says no more than the built-in ones do: names, operations, risk, findings. */
export function compilePlainRule(rule: Rule): CompiledRule {
  const conditions = compileNames(rule);
  const { minRiskScore, findings } = rule;
  if (minRiskScore !== undefined) {
    conditions.push({
      key: 'min_risk_score',
      text: `risk score at least ${minRiskScore}`,
      holds: (facts) => facts.score >= minRiskScore,
    });
  }
  if (findings !== undefined) {
    conditions.push({
      key: 'findings',
      text: `finding ${findings.join(' or ')}`,
      holds: ({ request }) =>
        request.findings?.some(({ code }) => findings.includes(code)) === true,
    });
  }
  return { rule, conditions, limits: [] };
}

/** What `on_drift` stands for. */
export function driftRule(action: Action): Rule {
  const description = 'the tool or its server is not what it was';
  return { name: 'on_drift', description, enabled: true, findings: DRIFT_CODES, action };
}

/** The conditions on what a call is named and what is known of its tool, cheapest first. */
export function compileNames(matcher: Omit<Matcher, 'when'>): CompiledCondition[] {
  const conditions: CompiledCondition[] = [];
  const { toolPattern, serverPattern, clientPattern, agentPattern } = matcher;
  const { operationTypes, annotations } = matcher;
  const add = (name: string, patterns: Patterns | undefined, of: (facts: Facts) => FoldedText) => {
    if (patterns !== undefined) conditions.push(compilePatterns(name, patterns, of));
  };
  add('tool', toolPattern, (facts) => facts.tool);
  add('server', serverPattern, (facts) => facts.server);
  add('client', clientPattern, (facts) => facts.client);
  add('agent', agentPattern, (facts) => facts.agent);
  if (operationTypes !== undefined) {
    conditions.push({
      key: 'operation_types',
      text: `operation ${operationTypes.join(' or ')}`,
      holds: ({ risk }) => risk.operations.some((type) => operationTypes.includes(type)),
    });
  }
  if (annotations !== undefined) conditions.push(compileAnnotations(annotations));
  return conditions;
}

function compilePatterns(
  what: string,
  patterns: Patterns,
  of: (facts: Facts) => FoldedText,
): CompiledCondition {
  const written = typeof patterns === 'string' ? [patterns] : patterns;
  const globs = written.map(compileGlob);
  return {
    key: `${what}_pattern`,
    text: `${what} matches ${written.map((pattern) => JSON.stringify(pattern)).join(' or ')}`,
    // Receipts do not name the client.
    holds: (facts) =>
      what === 'client' && !facts.argumentsKnown
        ? facts.assume
        : globs.some((glob) => glob.matchesFolded(of(facts))),
  };
}

/** The names of the protocol. MCP, "ToolAnnotations" */
const HINTS: Readonly<Record<keyof Annotations, string>> = {
  readOnly: 'readOnlyHint',
  destructive: 'destructiveHint',
  idempotent: 'idempotentHint',
  openWorld: 'openWorldHint',
};

/** Only what a server says counts, so that it cannot lower a decision by what it says. */
function compileAnnotations(wanted: Annotations): CompiledCondition {
  const entries = Object.entries(wanted) as [keyof Annotations, boolean][];
  return {
    key: 'annotations',
    text: `the server says ${entries.map(([name, value]) => `${HINTS[name]}: ${value}`).join(', ')}`,
    holds: ({ request: { annotations }, argumentsKnown, assume }) =>
      !argumentsKnown
        ? assume
        : entries.every(([name, value]) => annotations?.[HINTS[name]] === value),
  };
}
