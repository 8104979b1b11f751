import { CodedError } from '../../shared/errors.ts';
import { parseFlags, readFlagEnvironment, type FlagSpec } from '../../shared/flags.ts';
import { AGENT_NAMES, AGENTS, type Agent } from './agents.ts';

const DEFAULT_DEADLINE_MS = 5000;
const DEFAULT_APPROVAL_MS = 25_000;
/** Agents wait for a hook for 30 seconds to ten minutes, and then go on. */
const MAX_WAIT_MS = 10 * 60_000;

const WAYS = ['agent', 'terminal', 'none'] as const;
const MCP_MODES = ['report', 'decide', 'skip'] as const;
const FAIL_MODES = ['closed', 'open'] as const;

export const HOOK_FLAGS = {
  agent: {
    type: 'string',
    placeholder: 'NAME',
    describe: `who starts the hook: ${AGENT_NAMES.join(', ')}`,
  },
  format: {
    type: 'string',
    placeholder: 'NAME',
    describe: 'the same, as the hook of the protocol calls it',
  },
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'policy rules, YAML',
    default: 'built-in rules',
  },
  fail: {
    type: 'string',
    placeholder: 'MODE',
    describe: 'a call that cannot be decided is denied (closed) or goes on (open)',
    default: 'closed',
  },
  'require-receipt': {
    type: 'boolean',
    env: 'AGENTRECEIPTS_REQUIRE_RECEIPT',
    describe: 'deny calls that the daemon has not recorded before they run',
    default: false,
  },
  mcp: {
    type: 'string',
    placeholder: 'MODE',
    describe: 'tools of MCP servers: report what a proxy decides, decide, or skip',
    default: 'report',
  },
  approve: {
    type: 'string',
    placeholder: 'WAY',
    describe: 'who is asked about paused calls: agent (its own person), terminal, none',
    default: 'agent where it can, else terminal',
  },
  'approval-timeout': {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'how long a call waits for an answer at a terminal',
    default: DEFAULT_APPROVAL_MS,
  },
  deadline: {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'time for everything else; must end before the time that the agent gives',
    default: DEFAULT_DEADLINE_MS,
  },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: "daemon's socket; empty: no receipts",
  },
  version: { type: 'boolean', describe: 'print the version and exit' },
} as const satisfies FlagSpec;

export interface HookOptions {
  readonly action: 'help' | 'version' | 'run';
  readonly agent: Agent;
  readonly rules: string | undefined;
  readonly failsOpen: boolean;
  readonly requireReceipt: boolean;
  readonly mcp: (typeof MCP_MODES)[number];
  readonly approve: (typeof WAYS)[number];
  readonly approvalTimeoutMs: number;
  readonly deadlineMs: number;
  readonly socket: string | undefined;
}

/**
 * Reads the command line over the environment.
 *
 * @throws CodedError `USAGE`
 */
export function readHookOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): HookOptions {
  const { flags, positionals, help } = parseFlags(HOOK_FLAGS, argv);
  const fromEnv = readFlagEnvironment(HOOK_FLAGS, env);
  const action = help ? 'help' : flags.version === true ? 'version' : 'run';
  if (positionals.length > 0)
    throw new CodedError('USAGE', `unexpected argument ${JSON.stringify(positionals[0])}`);
  const name = oneOf('agent', flags.agent ?? flags.format, AGENT_NAMES);
  if (name === undefined && action === 'run') throw new CodedError('USAGE', '-agent is required');
  const agent = AGENTS[name ?? 'claude-code'];
  const requireReceipt = flags['require-receipt'] ?? fromEnv['require-receipt'] ?? false;
  const socket = flags.socket ?? fromEnv.socket;
  if (requireReceipt && socket === '')
    throw new CodedError('USAGE', '-require-receipt needs a daemon, and -socket is empty');
  return {
    action,
    agent,
    rules: flags.rules,
    failsOpen: oneOf('fail', flags.fail, FAIL_MODES) === 'open',
    requireReceipt,
    mcp: oneOf('mcp', flags.mcp, MCP_MODES) ?? 'report',
    approve: approveOf(agent, flags.approve),
    approvalTimeoutMs: waitOf('approval-timeout', flags['approval-timeout'], DEFAULT_APPROVAL_MS),
    deadlineMs: waitOf('deadline', flags.deadline, DEFAULT_DEADLINE_MS),
    socket,
  };
}

function approveOf(agent: Agent, given: string | undefined): HookOptions['approve'] {
  const way = oneOf('approve', given, WAYS);
  if (way === 'agent' && agent.ask === undefined) {
    throw new CodedError('USAGE', `-approve agent: ${agent.name} would go on instead of asking`);
  }
  return way ?? (agent.ask === undefined ? 'terminal' : 'agent');
}

function oneOf<T extends string>(
  flag: string,
  given: string | undefined,
  known: readonly T[],
): T | undefined {
  const found = known.find((it) => it === given);
  if (given === undefined || found !== undefined) return found;
  throw new CodedError('USAGE', `-${flag} is "${given}", expected ${known.join(', ')}`);
}

function waitOf(flag: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (given > 0 && given <= MAX_WAIT_MS) return given;
  throw new CodedError('USAGE', `-${flag} is not between 1ns and 10m`);
}
