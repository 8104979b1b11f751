import { join } from 'node:path';
import type { JsonObject } from '../../shared/json/value.ts';

/** One moment of a call, as the agent's configuration names it, and what stands there. */
export interface HookPlace {
  readonly event: string;
  /** Around our command: a group with a matcher, or the entry itself. */
  readonly entry: (command: string) => JsonObject;
}

/** Where and how one agent is told to start the hook. */
export interface HookAgent {
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  readonly file: (scope: HookScope, host: HookHost) => string;
  readonly places: readonly HookPlace[];
  /** Members that a new file has to have. */
  readonly head: JsonObject;
  /** What the person still has to know or do. */
  readonly after: string;
}

export type HookScope = 'user' | 'project';

export interface HookHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
}

/** Longer than the hook ever takes: when it is over, agents go on. */
const TIMEOUT_S = 60;

/** In a group, as Claude Code has them, and Codex and Gemini after it. */
const grouped =
  (more: JsonObject, group: JsonObject = {}) =>
  (command: string): JsonObject => ({ ...group, hooks: [{ type: 'command', command, ...more }] });

const plain =
  (more: JsonObject) =>
  (command: string): JsonObject => ({ command, ...more });

/** @param variable - Of the agent's own, that names its folder. */
function fileIn(folder: string, name: string, variable = ''): HookAgent['file'] {
  return (scope, { env, home, cwd }) => {
    const named = env[variable] ?? '';
    if (scope === 'project') return join(cwd, folder, name);
    return join(named === '' ? join(home, folder) : named, name);
  };
}

const BEFORE = { timeout: TIMEOUT_S };

export const HOOK_AGENTS: readonly HookAgent[] = [
  {
    name: 'claude-code',
    title: 'Claude Code',
    file: fileIn('.claude', 'settings.json', 'CLAUDE_CONFIG_DIR'),
    head: {},
    places: [
      {
        event: 'PreToolUse',
        // Versions before 2.1.295 ignore `onFailure`, and go on when the hook cannot be started.
        entry: grouped({ ...BEFORE, onFailure: 'block' }, { matcher: '*' }),
      },
      { event: 'PostToolUse', entry: grouped(BEFORE, { matcher: '*' }) },
      { event: 'PostToolUseFailure', entry: grouped(BEFORE, { matcher: '*' }) },
    ],
    after: 'takes effect in the next session; "disableAllHooks" and --bare switch it off',
  },
  {
    name: 'codex',
    title: 'Codex',
    file: fileIn('.codex', 'hooks.json', 'CODEX_HOME'),
    head: {},
    places: [
      { event: 'PreToolUse', entry: grouped(BEFORE) },
      { event: 'PostToolUse', entry: grouped(BEFORE) },
    ],
    after: 'is skipped until you trust it in Codex (/hooks), also after each change',
  },
  {
    name: 'gemini',
    title: 'Gemini CLI',
    file: fileIn('.gemini', 'settings.json'),
    head: {},
    places: [
      {
        event: 'BeforeTool',
        entry: grouped({ name: 'obsigna', timeout: TIMEOUT_S * 1000 }, { matcher: '.*' }),
      },
      {
        event: 'AfterTool',
        entry: grouped({ name: 'obsigna', timeout: TIMEOUT_S * 1000 }, { matcher: '.*' }),
      },
    ],
    after: 'takes effect in the next session; it goes on when the hook cannot be started',
  },
  {
    name: 'cursor',
    title: 'Cursor',
    file: fileIn('.cursor', 'hooks.json'),
    head: { version: 1 },
    places: [
      { event: 'preToolUse', entry: plain({ ...BEFORE, failClosed: true }) },
      { event: 'postToolUse', entry: plain(BEFORE) },
      { event: 'postToolUseFailure', entry: plain(BEFORE) },
    ],
    after: 'takes effect when Cursor has read the file again; look at Settings, Hooks',
  },
];

/** Ours, wherever it lies; a hook of that name of somebody else has no `-agent`. */
const OURS = /obsigna-hook(?:\.cjs)?'? --?agent[ =]/;

export function isOurs(command: unknown): boolean {
  return typeof command === 'string' && OURS.test(command);
}
