import { Buffer } from 'node:buffer';
import { decide, messageOf, stripToolPrefix, type Decision } from '../../policy/decide.ts';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import type { Rule } from '../../policy/rule.ts';
import { UnknownHistory } from '../../policy/unknown-history.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { policyInForce } from '../policy-in-force.ts';
import { readRulesFile } from '../rules-file.ts';
import type { HookEvent } from './hook-event.ts';
import type { HookOptions } from './options.ts';

/** What the rules say of one call, in the words for whoever is told. */
export interface HookRuling {
  readonly decision: Decision;
  readonly policyDigest: string;
  /** The call as rules know it. */
  readonly server: string;
  readonly tool: string;
  /** What the agent is told where the call does not just pass. */
  readonly reason: string;
  /** `decision` of the receipt. */
  readonly context: JsonObject;
}

const NO_HISTORY = 'a hook does not know earlier calls, and takes the rule to hold';

/**
 * Decides one call by the rules of the operator. What a rule would have to remember counts as bad: this
 * process knows of no other call.
 *
 * @throws CodedError `RULES_UNREADABLE`, `RULES_INVALID`; whatever else it throws is no yes either
 */
export async function decideCall(
  event: HookEvent,
  { rules: file, agent }: Pick<HookOptions, 'rules' | 'agent'>,
): Promise<HookRuling> {
  const rules = file === undefined ? DEFAULT_RULES : await readRulesFile(file);
  const { digest } = policyInForce(rules);
  const named = event.isMcp ? mcpName(event.tool, agent.name) : undefined;
  const { server, tool } = named ?? { server: agent.name, tool: event.tool };
  const { input, cwd } = event;
  const decision = decide(rules, {
    server,
    tool,
    arguments: () => (input === undefined ? undefined : parseJson(decodeUtf8(input))),
    agent: agent.identity.issuerName,
    ...(cwd !== undefined && { workspace: [cwd] }),
    nowMs: Date.now(),
    history: new UnknownHistory(),
  });
  const notes = needsHistory(decision.rule) ? [NO_HISTORY] : [];
  const message = decision.rule === undefined ? '' : messageOf(decision.rule);
  return {
    decision,
    policyDigest: digest,
    server,
    tool,
    reason: [message, ...notes].join('; '),
    context: contextOf(decision, digest, notes),
  };
}

function needsHistory(rule: Rule | undefined): boolean {
  return rule?.rate !== undefined || rule?.budget !== undefined || rule?.after !== undefined;
}

/** A rule about a server means it whoever stands before it. */
function mcpName(name: string, agentName: string): { server: string; tool: string } {
  const tool = stripToolPrefix(name);
  if (tool === name) return { server: agentName, tool: name.replace(/^MCP:/, '') };
  return { server: name.slice('mcp__'.length, -tool.length - '__'.length), tool };
}

function contextOf(
  { action, rule, matched, reasons, risk }: Decision,
  policyDigest: string,
  notes: readonly string[],
): JsonObject {
  const all = [...reasons, ...notes];
  return {
    action,
    ...(rule !== undefined && { rule: rule.name }),
    ...(matched.length > 1 && { matched }),
    ...(all.length > 0 && { reasons: all }),
    risk: {
      score: risk.score,
      reasons: risk.reasons.map(({ reason, points }) => ({ reason, points })),
    },
    policy_digest: policyDigest,
  };
}

/** The call as a question to a person knows it. */
export function callOf({ tool, input, toolUseId }: HookEvent) {
  return {
    name: tool,
    id: undefined,
    arguments: input === undefined ? undefined : Buffer.from(input),
    toolUseId,
    wantsTask: false,
  };
}
