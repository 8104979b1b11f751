import { expect, test } from 'vitest';
import { shellQuote } from '../../shared/shell-quote.ts';
import { HOOK_AGENTS, isOurs, type HookAgent } from './agents.ts';
import { hooksIn, withHooks, withoutHooks } from './edit-config.ts';

const COMMAND = "/opt/no de/node '/x y/obsigna-hook.cjs' -agent claude-code";
const [CLAUDE] = HOOK_AGENTS as readonly [HookAgent];

const TEXTS: Readonly<Record<string, string>> = {
  'comments and another hook': `{
    // mine
    "model": "opus", /* kept */
    "hooks": {
        "PreToolUse": [ { "matcher": "Bash", "hooks": [{ "type": "command", "command": "x" }] } ],
        "Stop": []
    }
}
`,
  'one line':
    '{"model":"opus","hooks":{"PostToolUse":[{"hooks":[{"type":"command","command":"y"}]}]}}',
  'tabs and CRLF': '{\r\n\t"model": "opus"\r\n}\r\n',
  'a last comma': '{\n  "model": "opus",\n}\n',
  'a hook of the same name of somebody else':
    '{\n  "hooks": {\n    "PreToolUse": [{"hooks": [{"command": "obsigna-hook --format claude-code"}]}]\n  }\n}\n',
};

for (const [name, text] of Object.entries(TEXTS)) {
  for (const agent of HOOK_AGENTS) {
    test(`[H.install] ${agent.name}: a file with ${name} comes back as it was`, () => {
      const installed = withHooks(text, agent, COMMAND);
      expect(hooksIn(installed)).toEqual(agent.places.map(() => COMMAND));
      expect(withHooks(installed, agent, COMMAND)).toBe(installed);
      const newer = `${COMMAND} -mcp skip`;
      expect(hooksIn(withHooks(installed, agent, newer))).toEqual(agent.places.map(() => newer));
      // A version number that the agent needs stays.
      const head = Object.keys(agent.head).length > 0;
      if (!head) expect(withoutHooks(installed, agent)).toBe(text);
      expect(hooksIn(withoutHooks(installed, agent))).toEqual([]);
      expect(installed).toContain(text.includes('mine') ? '// mine' : '');
    });
  }
}

test('[H.install] a hook of ours inside of a group of others leaves the group', () => {
  const text = JSON.stringify({
    hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ command: 'a' }, { command: COMMAND }] }] },
  });
  expect(JSON.parse(withoutHooks(text, CLAUDE))).toEqual({
    hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ command: 'a' }] }] },
  });
});

test('[H.install] each agent gets its own shape and its own way to fail closed', () => {
  const shapes = HOOK_AGENTS.map((agent) => [
    agent.name,
    JSON.parse(withHooks('', agent, 'obsigna-hook -agent x')) as unknown,
  ]);
  const command = 'obsigna-hook -agent x';
  const entry = { type: 'command', command, timeout: 60 };
  const gemini = { type: 'command', command, name: 'obsigna', timeout: 60_000 };
  const all = { matcher: '*', hooks: [entry] };
  expect(Object.fromEntries(shapes)).toEqual({
    'claude-code': {
      hooks: {
        PreToolUse: [{ matcher: '*', hooks: [{ ...entry, onFailure: 'block' }] }],
        PostToolUse: [all],
        PostToolUseFailure: [all],
      },
    },
    codex: { hooks: { PreToolUse: [{ hooks: [entry] }], PostToolUse: [{ hooks: [entry] }] } },
    gemini: {
      hooks: {
        BeforeTool: [{ matcher: '.*', hooks: [gemini] }],
        AfterTool: [{ matcher: '.*', hooks: [gemini] }],
      },
    },
    cursor: {
      version: 1,
      hooks: {
        preToolUse: [{ command, timeout: 60, failClosed: true }],
        postToolUse: [{ command, timeout: 60 }],
        postToolUseFailure: [{ command, timeout: 60 }],
      },
    },
  });
});

for (const { name, text, want } of [
  { name: 'no JSON', text: '{\n  "a": }\n', want: '2:8: ' },
  { name: 'a list', text: '[]', want: 'not an object' },
  { name: 'hooks that are no object', text: '{"hooks": 1}', want: '"hooks" is not an object' },
  { name: 'an event that is no list', text: '{"hooks":{"PreToolUse":{}}}', want: 'is not a list' },
]) {
  test(`[H.install] ${name} is left alone, with the place`, () => {
    const code = 'CLIENT_FILE_INVALID';
    const message = expect.stringContaining(want) as string;
    expect(() => withHooks(text, CLAUDE, COMMAND)).toThrow(
      expect.objectContaining({ code, message }),
    );
  });
}

test('isOurs() knows a command again, whatever it is quoted like', () => {
  const words = ["/a b/no'de", '/x/obsigna-hook.cjs', '-agent', 'codex', '-rules', '$(rm)'];
  expect(isOurs(shellQuote(words))).toBe(true);
  expect(isOurs(shellQuote(['/no de', '/x y/obsigna-hook.cjs', '-agent', 'codex']))).toBe(true);
  expect(isOurs('obsigna-hook --format claude-code')).toBe(false);
});
