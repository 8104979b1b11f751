import type { HostIdentity } from '../host.ts';
import { claudeEvent, copilotEvent, cursorEvent, geminiEvent } from './dialects.ts';
import type { HookEvent, HookInput } from './hook-event.ts';

/** What the hook says to the agent, and all that it says. */
export interface HookAnswer {
  readonly exitCode: 0 | 2;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** How one agent tells of a call, and how it is told no. */
export interface Agent {
  /** Channel of its receipts, and the server that rules know it by. */
  readonly name: AgentName;
  readonly identity: HostIdentity;
  readonly read: (input: HookInput) => HookEvent;
  readonly deny: (reason: string) => HookAnswer;
  /** Has its own person decide; absent where the agent would go on instead. */
  readonly ask?: (reason: string) => HookAnswer;
}

export const AGENT_NAMES = ['claude-code', 'codex', 'gemini', 'cursor', 'copilot'] as const;
export type AgentName = (typeof AGENT_NAMES)[number];

/** To say nothing leaves the agent's own rules in force; to allow would go past its own questions. */
export const PASS: HookAnswer = { exitCode: 0 };

/** Nothing that somebody else prints on standard output can take this back. */
export function denyByExitCode(reason: string): HookAnswer {
  return { exitCode: 2, stderr: `${reason}\n` };
}

export const AGENTS: Readonly<Record<AgentName, Agent>> = {
  'claude-code': {
    name: 'claude-code',
    identity: identity('Claude Code', 'did:web:anthropic.com', 'Anthropic'),
    read: claudeEvent,
    deny: denyByExitCode,
    ask: (reason) => {
      const asked = { permissionDecision: 'ask', permissionDecisionReason: reason };
      const hookSpecificOutput = { hookEventName: 'PreToolUse', ...asked };
      return { exitCode: 0, stdout: JSON.stringify({ hookSpecificOutput }) };
    },
  },
  codex: {
    name: 'codex',
    identity: identity('Codex', 'did:web:openai.com', 'OpenAI'),
    read: claudeEvent,
    deny: denyByExitCode,
  },
  gemini: {
    name: 'gemini',
    identity: identity('Gemini CLI', 'did:web:google.com', 'Google'),
    read: geminiEvent,
    deny: denyByExitCode,
  },
  cursor: {
    name: 'cursor',
    identity: identity('Cursor', 'did:web:cursor.com', 'Cursor'),
    read: cursorEvent,
    deny: (reason) => {
      const told = { permission: 'deny', user_message: reason, agent_message: reason };
      return { ...denyByExitCode(reason), stdout: JSON.stringify(told) };
    },
  },
  copilot: {
    name: 'copilot',
    identity: identity('GitHub Copilot', 'did:web:github.com', 'GitHub'),
    read: copilotEvent,
    deny: (reason) => {
      const told = { permissionDecision: 'deny', permissionDecisionReason: reason };
      // With another exit code it may not look at the object, and go on.
      return { exitCode: 0, stdout: JSON.stringify(told), stderr: `${reason}\n` };
    },
  },
};

function identity(issuerName: string, operatorId: string, operatorName: string): HostIdentity {
  return { issuerName, operatorId, operatorName };
}
