import { spawnSync } from 'node:child_process';
import { CodedError } from '../../shared/errors.ts';
import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { HOOK_AGENTS, type HookAgent, type HookHost, type HookScope } from '../hooks/agents.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { hooksIn } from '../hooks/edit-config.ts';
import { readMembers } from '../hooks/json-text.ts';
import { readClientFile } from '../wrap/read-file.ts';

const NAME = 'hooks';
const RUN_MS = 10_000;
const INSTALL = 'obsigna hooks install';
const SCOPES: readonly HookScope[] = ['user', 'project'];

/** What each agent writes before it reads a file; no receipt comes of it. */
const SAMPLES: Readonly<Record<string, JsonObject>> = {
  'claude-code': { hook_event_name: 'PreToolUse', tool_name: 'Read', tool_input: {} },
  codex: { hook_event_name: 'PreToolUse', tool_name: 'Read', tool_input: {} },
  gemini: { hook_event_name: 'BeforeTool', tool_name: 'read_file', tool_input: {} },
  cursor: { hook_event_name: 'preToolUse', tool_name: 'Read', tool_input: {} },
};

interface Installed {
  readonly agent: HookAgent;
  readonly path: string;
  readonly commands: readonly string[];
  readonly isSwitchedOff: boolean;
}

/**
 * Which agents start our hook, and whether it would answer: every command that they would run is run,
 * with a sample of what they would write. To an agent a hook that does not start has said yes.
 */
export function hooksCheck(host: HookHost): HealthCheck {
  let installed: readonly Installed[];
  try {
    // In the home directory the file of the project is that of the user.
    installed = HOOK_AGENTS.flatMap((agent) => {
      const paths = new Set(SCOPES.map((scope) => agent.file(scope, host)));
      return [...paths].flatMap((path) => lookAt(agent, path));
    });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return warn(NAME, error.message, error.remedy);
  }
  if (installed.length === 0) {
    return note(NAME, 'no agent starts obsigna-hook: shell, edits and reads pass unseen', INSTALL);
  }
  for (const { agent, path, commands, isSwitchedOff } of installed) {
    const events = agent.places.map(({ event }) => event).join(', ');
    if (isSwitchedOff) return fail(NAME, `${path} has disableAllHooks`, 'remove it there');
    if (commands.length < agent.places.length) {
      return warn(
        NAME,
        `${path} does not start it at each of ${events}`,
        `${INSTALL} -agent ${agent.name}`,
      );
    }
    for (const command of new Set(commands)) {
      const fault = runSample(command, agent.name);
      if (fault !== undefined)
        return fail(NAME, `${path}: ${fault}`, `${INSTALL} -agent ${agent.name}`);
    }
  }
  const places = installed.map(({ agent, path }) => `${agent.title} (${path})`);
  const codex = installed.some(({ agent }) => agent.name === 'codex');
  const trust = codex ? '; whether Codex trusts it only Codex knows' : '';
  return ok(NAME, `answers as started by ${places.join(', ')}${trust}`);
}

function lookAt(agent: HookAgent, path: string): readonly Installed[] {
  try {
    const { text = '' } = readClientFile(path) ?? {};
    if (text.trim() === '') return [];
    const config = parseConfig('json', text, path);
    const commands = hooksIn(text);
    if (commands.length === 0) return [];
    const isSwitchedOff = readMembers(config)['disableAllHooks'] === true;
    return [{ agent, path, commands, isSwitchedOff }];
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new CodedError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

/** @returns What is wrong; a decision of either kind is not */
function runSample(command: string, agent: string): string | undefined {
  const silent = `${command} -require-receipt=false -socket ''`;
  const input = JSON.stringify({ ...SAMPLES[agent], session_id: 'obsigna-doctor' });
  const options = { input, encoding: 'utf8', timeout: RUN_MS } as const;
  const { status, signal, stderr, error } = spawnSync('/bin/sh', ['-c', silent], options);
  if (error !== undefined) return `the hook does not end: ${error.message}`;
  const [line = ''] = stderr.trim().split('\n');
  if (status !== 0 && status !== 2) return `the hook ends with ${status ?? signal}: ${line}`;
  return /\[[A-Z_]+\]$/.test(line) ? line : undefined;
}
