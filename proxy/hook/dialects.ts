import { Buffer } from 'node:buffer';
import { invalid, type HookEvent, type HookInput } from './hook-event.ts';

const NO_MOMENT: HookEvent = { moment: 'other', sessionId: '', tool: '', isMcp: false };
const FAILED = 'tool call failed';
const MCP = 'mcp__';

/** Claude Code, and Codex, which took over its shape. */
export function claudeEvent(input: HookInput): HookEvent {
  const name = input.needed('hook_event_name');
  const call = () => ({
    ...common(input),
    ...ofTool(input.needed('tool_name')),
    sessionId: input.text('session_id') ?? '',
    toolUseId: input.text('tool_use_id'),
    input: input.raw('tool_input'),
  });
  if (name === 'PreToolUse') return { moment: 'before', ...call() };
  if (name === 'PostToolUse') {
    return { moment: 'after', ...call(), output: input.raw('tool_response') };
  }
  if (name !== 'PostToolUseFailure') return NO_MOMENT;
  const silent = input.flag('is_interrupt') ? 'tool call interrupted' : FAILED;
  return { moment: 'after', ...call(), error: input.words('error') ?? silent };
}

/** Gemini CLI has no id for a call, and tells of a failure inside the response. */
export function geminiEvent(input: HookInput): HookEvent {
  const name = input.needed('hook_event_name');
  if (name !== 'BeforeTool' && name !== 'AfterTool') return NO_MOMENT;
  const tool = input.needed('tool_name');
  const call = {
    ...common(input),
    tool,
    isMcp: input.raw('mcp_context') !== undefined || tool.startsWith(MCP),
    sessionId: input.text('session_id') ?? '',
    toolUseId: input.text('tool_use_id'),
    input: input.raw('tool_input'),
  };
  if (name === 'BeforeTool') return { moment: 'before', ...call };
  const error = input.object('tool_response')?.words('error');
  return { moment: 'after', ...call, output: input.raw('tool_response'), error };
}

/** Cursor has one pair of events for all tools, and older ones for the shell, MCP and files. */
export function cursorEvent(input: HookInput): HookEvent {
  const base = {
    ...common(input),
    isMcp: false,
    sessionId: input.text('conversation_id') ?? input.text('session_id') ?? '',
    toolUseId: input.text('tool_use_id'),
  };
  const any = () => ({ ...base, ...ofTool(input.needed('tool_name')) });
  const mcp = () => ({ ...base, tool: `MCP:${input.needed('tool_name')}`, isMcp: true });
  const shell = () => ({ ...base, tool: 'Shell', input: object(input, 'command') });
  switch (input.needed('hook_event_name')) {
    case 'preToolUse':
      return { moment: 'before', ...any(), input: input.embedded('tool_input') };
    case 'postToolUse':
      return {
        moment: 'after',
        ...any(),
        input: input.embedded('tool_input'),
        output: input.embedded('tool_output'),
      };
    case 'postToolUseFailure':
      return {
        moment: 'after',
        ...any(),
        input: input.embedded('tool_input'),
        error: input.words('error_message') ?? input.words('failure_type') ?? FAILED,
      };
    case 'beforeShellExecution':
      return { moment: 'before', ...shell() };
    case 'afterShellExecution':
      return { moment: 'after', ...shell(), output: input.raw('output') };
    case 'beforeMCPExecution':
      return { moment: 'before', ...mcp(), input: input.embedded('tool_input') };
    case 'afterMCPExecution':
      return {
        moment: 'after',
        ...mcp(),
        input: input.embedded('tool_input'),
        output: input.embedded('result_json'),
      };
    case 'beforeReadFile':
      return {
        moment: 'before',
        ...base,
        tool: 'Read',
        input: object(input, 'file_path'),
        isLastWord: true,
      };
    case 'afterFileEdit':
      return { moment: 'after', ...base, tool: 'Edit', input: object(input, 'file_path', 'edits') };
    default:
      return NO_MOMENT;
  }
}

/** Copilot CLI names no event in its own format: only a call that has ended has a result. */
export function copilotEvent(input: HookInput): HookEvent {
  if (input.has('hook_event_name')) return copilotNamedEvent(input);
  if (!input.has('toolName')) {
    // Its other events name no tool.
    if (input.has('sessionId') && !input.has('toolArgs')) return NO_MOMENT;
    throw invalid('toolName is missing');
  }
  const call = {
    ...common(input),
    ...ofTool(input.needed('toolName')),
    sessionId: input.text('sessionId') ?? '',
    toolUseId: input.text('toolCallId'),
    input: input.embedded('toolArgs'),
  };
  const failure = input.words('error');
  if (failure !== undefined) return { moment: 'after', ...call, error: failure };
  const result = input.object('toolResult');
  if (result === undefined && !input.has('toolResult')) return { moment: 'before', ...call };
  return { moment: 'after', ...call, ...copilotResult(input.raw('toolResult'), result, RESULT) };
}

const RESULT = { type: 'resultType', text: 'textResultForLlm' };
const NAMED_RESULT = { type: 'result_type', text: 'text_result_for_llm' };

/** In the format that it shares with VS Code. */
function copilotNamedEvent(input: HookInput): HookEvent {
  const event = claudeEvent(input);
  if (event.moment !== 'after' || event.error !== undefined) return event;
  const result = input.object('tool_result');
  const output = input.raw('tool_result') ?? event.output;
  return { ...event, ...copilotResult(output, result, NAMED_RESULT) };
}

function copilotResult(
  output: Uint8Array | undefined,
  result: HookInput | undefined,
  names: typeof RESULT,
): Pick<HookEvent, 'output' | 'error'> {
  const type = result?.text(names.type);
  const isFailure = type !== undefined && type !== 'success';
  return {
    output,
    ...(isFailure && { error: result?.words(names.text) ?? `${FAILED} (${type})` }),
  };
}

function common(input: HookInput) {
  return {
    agentId: input.text('agent_id'),
    agentType: input.text('agent_type'),
    model: input.text('model'),
    transcriptPath: input.text('transcript_path'),
    cwd: input.text('cwd'),
  };
}

function ofTool(tool: string): Pick<HookEvent, 'tool' | 'isMcp'> {
  return { tool, isMcp: tool.startsWith(MCP) || tool.startsWith('MCP:') };
}

/** An object of some members, as they were written: events before and after must show the same. */
function object(input: HookInput, ...names: readonly string[]): Uint8Array {
  const parts = names.flatMap((name) => {
    const raw = input.raw(name);
    return raw === undefined ? [] : [Buffer.concat([Buffer.from(`"${name}":`), raw])];
  });
  if (parts.length === 0) throw invalid(`${names[0]} is missing`);
  const inner = parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from(','), part]));
  return Buffer.concat([Buffer.from('{'), ...inner, Buffer.from('}')]);
}
