import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../../shared/errors.ts';
import { AGENTS, type AgentName } from './agents.ts';
import { HookInput, type HookEvent } from './hook-event.ts';

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (agent: AgentName, value: unknown) => AGENTS[agent].read(new HookInput(bytes(value)));
const decoded = (text: Uint8Array | undefined): unknown =>
  text === undefined ? undefined : JSON.parse(new TextDecoder().decode(text));

const CURSOR = { conversation_id: 'c', generation_id: 'g', workspace_roots: [] };

interface Case {
  readonly name: string;
  readonly agent: AgentName;
  readonly said: object;
  readonly want: Partial<HookEvent>;
  readonly input?: unknown;
  readonly output?: unknown;
}

const CASES: readonly Case[] = [
  {
    name: 'an interrupted call without words',
    agent: 'claude-code',
    said: {
      hook_event_name: 'PostToolUseFailure',
      tool_name: 'Bash',
      error: '',
      is_interrupt: true,
    },
    want: { moment: 'after', error: 'tool call interrupted' },
  },
  {
    name: 'an event that is no moment of a call',
    agent: 'claude-code',
    said: { hook_event_name: 'Stop', session_id: 's' },
    want: { moment: 'other' },
  },
  {
    name: 'a shell command, before',
    agent: 'cursor',
    said: { ...CURSOR, hook_event_name: 'beforeShellExecution', command: 'ls', cwd: '/p' },
    want: { moment: 'before', tool: 'Shell', sessionId: 'c' },
    input: { command: 'ls' },
  },
  {
    name: 'a shell command, after: the same arguments',
    agent: 'cursor',
    said: { ...CURSOR, hook_event_name: 'afterShellExecution', command: 'ls', output: 'a' },
    want: { moment: 'after', tool: 'Shell' },
    input: { command: 'ls' },
    output: 'a',
  },
  {
    name: 'arguments as JSON in a string',
    agent: 'cursor',
    said: {
      ...CURSOR,
      hook_event_name: 'beforeMCPExecution',
      tool_name: 'q',
      tool_input: '{"a":1}',
    },
    want: { moment: 'before', tool: 'MCP:q', isMcp: true },
    input: { a: 1 },
  },
  {
    name: 'a file, of which the end is never told',
    agent: 'cursor',
    said: { ...CURSOR, hook_event_name: 'beforeReadFile', file_path: '/a', content: 'secret' },
    want: { moment: 'before', tool: 'Read', isLastWord: true },
    input: { file_path: '/a' },
  },
  {
    name: 'edits',
    agent: 'cursor',
    said: { ...CURSOR, hook_event_name: 'afterFileEdit', file_path: '/a', edits: [] },
    want: { moment: 'after', tool: 'Edit' },
    input: { file_path: '/a', edits: [] },
  },
  {
    name: 'the format that it shares with VS Code',
    agent: 'copilot',
    said: {
      hook_event_name: 'PostToolUse',
      session_id: 's',
      tool_name: 'bash',
      tool_input: { command: 'ls' },
      tool_result: { result_type: 'failure', text_result_for_llm: 'no' },
    },
    want: { moment: 'after', tool: 'bash', sessionId: 's', error: 'no' },
    input: { command: 'ls' },
  },
  {
    name: 'a failure event of its own',
    agent: 'copilot',
    said: { sessionId: 's', toolName: 'bash', toolArgs: {}, error: 'broke' },
    want: { moment: 'after', error: 'broke' },
  },
  {
    name: 'an event without a tool',
    agent: 'copilot',
    said: { sessionId: 's', timestamp: 1, cwd: '/p', source: 'startup' },
    want: { moment: 'other' },
  },
  {
    name: 'a tool of an MCP server',
    agent: 'gemini',
    said: {
      hook_event_name: 'BeforeTool',
      tool_name: 'mcp_srv_q',
      tool_input: {},
      mcp_context: {},
    },
    want: { moment: 'before', isMcp: true },
  },
];

for (const { name, agent, said, want, input, output } of CASES) {
  test(`[H.agents] ${agent} tells of ${name}`, () => {
    const event = read(agent, said);
    expect(event).toMatchObject(want);
    if (input !== undefined) expect(decoded(event.input)).toEqual(input);
    if (output !== undefined) expect(decoded(event.output)).toEqual(output);
  });
}

const NAMES = [
  'hook_event_name',
  'tool_name',
  'toolName',
  'tool_input',
  'toolArgs',
  'toolResult',
  'sessionId',
  'command',
];
const EVENTS = ['PreToolUse', 'BeforeTool', 'preToolUse', 'beforeShellExecution', 'afterFileEdit'];

test('[H.malformed] whatever is said is an event with a tool, no moment, or a coded error', () => {
  const value = fc.oneof(fc.constantFrom(...EVENTS), fc.jsonValue({ maxDepth: 2 }));
  const said = fc.dictionary(fc.constantFrom(...NAMES), value);
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(AGENTS)), said, (agent, object) => {
      try {
        const event = agent.read(new HookInput(bytes(object)));
        expect(event.moment === 'other' || event.tool !== '').toBe(true);
        if (event.input !== undefined) decoded(event.input);
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
      }
    }),
  );
});
