import type { Facts } from '../facts.ts';
import { compileGlob, type FoldedText } from '../glob.ts';
import type { Annotations, Matcher, Patterns } from '../rule.ts';
import { compileCondition } from './argument-condition.ts';
import type { CompiledCondition } from './condition.ts';

/** The conditions that say which calls are meant, cheapest first. */
export function compileMatcher(matcher: Matcher): CompiledCondition[] {
  const conditions: CompiledCondition[] = [];
  const { toolPattern, serverPattern, clientPattern, agentPattern } = matcher;
  const { operationTypes, annotations, when } = matcher;
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
  if (when !== undefined) {
    const ask = compileCondition(when);
    const text = 'the conditions on the arguments hold';
    conditions.push({ key: 'when', text, holds: (facts) => ask(facts, facts.assume) });
  }
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
