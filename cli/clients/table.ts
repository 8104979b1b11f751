import type { Client, ClientFile } from './client.ts';

const STANDARD = [['mcpServers']] as const;
/** Where applications keep their files on a Mac. */
const SUPPORT = '~/Library/Application Support';
const CONFIG = '${XDG_CONFIG_HOME:-~/.config}';
const LIVE_RELOAD = 'at once: it watches the file';

const HEADERS = { headers: 'headers' } as const;

/** A JSON file with `mcpServers`, the form that most clients share. */
function standard(
  scope: ClientFile['scope'],
  path: string,
  more: Partial<ClientFile> = {},
): ClientFile {
  return { scope, path, format: 'json', servers: STANDARD, ...more };
}

/** A file in the folder of a VS Code, where extensions keep theirs too. */
function inCode(path: string, more: Partial<ClientFile> = {}): readonly ClientFile[] {
  return ['Code', 'Code - Insiders'].flatMap((edition) => [
    standard('user', `${CONFIG}/${edition}/User/${path}`, { platform: 'linux', ...more }),
    standard('user', `${SUPPORT}/${edition}/User/${path}`, { platform: 'darwin', ...more }),
  ]);
}

/**
 * The clients that `wrap` knows, with the files whose format is described by those who make them. The
 * pages in `docs/clients/` are printed from this table, and a test keeps them equal.
 */
export const CLIENTS: readonly Client[] = [
  {
    id: 'claude-desktop',
    name: 'Claude Desktop',
    files: [
      standard('user', `${SUPPORT}/Claude/claude_desktop_config.json`, { platform: 'darwin' }),
    ],
    reload: 'after it was quit and started again',
    elsewhere: [
      'extensions (.mcpb bundles)',
      'connectors, which are remote and set in its settings',
    ],
    notes: ['There is no official build for Linux.'],
    source: 'the guide of modelcontextprotocol.io to connecting local servers',
  },
  {
    id: 'claude-code',
    name: 'Claude Code',
    files: [
      standard('user', '${CLAUDE_CONFIG_DIR:-~}/.claude.json', {
        servers: [['mcpServers'], ['projects', '*', 'mcpServers']],
      }),
      standard('project', './.mcp.json'),
      standard('managed', '/etc/claude-code/managed-mcp.json', { platform: 'linux' }),
      standard('managed', '/Library/Application Support/ClaudeCode/managed-mcp.json', {
        platform: 'darwin',
      }),
    ],
    remote: { type: 'http', url: 'url', ...HEADERS },
    reload: 'with its next session, or after /mcp has connected the server again',
    consent: 'servers of a project have to be approved again',
    elsewhere: ['servers of plugins', 'connectors of claude.ai'],
    notes: [
      'It writes `.claude.json` all the time. A change that falls between is noticed and reported; then run the command again.',
      'Servers under `projects` of `.claude.json` are those of the scope it calls local.',
    ],
    source: 'its changelog and the types of its agent SDK',
  },
  {
    id: 'cursor',
    name: 'Cursor',
    files: [standard('user', '~/.cursor/mcp.json'), standard('project', './.cursor/mcp.json')],
    remote: { url: 'url', ...HEADERS },
    reload: 'after the server was switched off and on in its settings, or a restart',
    consent: 'a changed server has to be approved again',
    elsewhere: ['servers of extensions'],
    notes: [
      'In some paths it joins command and arguments with spaces. Keep the programs and the rules file of obsigna in folders without spaces.',
    ],
    source: 'cursor.com/docs/mcp',
  },
  {
    id: 'windsurf',
    name: 'Windsurf',
    files: [standard('user', '~/.codeium/windsurf/mcp_config.json')],
    remote: { url: 'serverUrl', ...HEADERS },
    reload: 'after Refresh in its list of servers, or a restart',
    elsewhere: [],
    source: 'its documentation',
  },
  {
    id: 'vscode',
    name: 'VS Code',
    files: [
      standard('project', './.vscode/mcp.json', { servers: [['servers']] }),
      ...inCode('mcp.json', { servers: [['servers']] }),
      ...inCode('profiles/*/mcp.json', { servers: [['servers']] }),
      ...inCode('settings.json', { servers: [['mcp', 'servers']] }),
    ],
    remote: { type: 'http', url: 'url', ...HEADERS },
    reload: 'after Restart above the entry, or at once with `chat.mcp.autostart`',
    consent: 'a changed server has to be trusted again',
    elsewhere: [
      'servers of extensions',
      'servers in `devcontainer.json`',
      'servers found in the files of other clients',
    ],
    source: 'microsoft/vscode-docs',
  },
  {
    id: 'codex',
    name: 'Codex',
    files: [
      {
        scope: 'user',
        path: '${CODEX_HOME:-~/.codex}/config.toml',
        format: 'toml',
        servers: [['mcp_servers']],
      },
      {
        scope: 'project',
        path: './.codex/config.toml',
        format: 'toml',
        servers: [['mcp_servers']],
      },
      {
        scope: 'managed',
        path: '/etc/codex/config.toml',
        format: 'toml',
        servers: [['mcp_servers']],
      },
    ],
    remote: { url: 'url', headers: 'http_headers' },
    reload: 'with its next session',
    elsewhere: [],
    notes: [
      'The command line, the editor extension and the app share the file.',
      'It hands next to nothing of its environment on. A remote server with `bearer_token_env_var` or `env_http_headers` gets `env_vars` in their place, which names the same variables.',
    ],
    source: 'developers.openai.com/codex/mcp',
  },
  {
    id: 'gemini',
    name: 'Gemini CLI',
    files: [
      standard('user', '~/.gemini/settings.json'),
      standard('project', './.gemini/settings.json'),
      standard('managed', '/etc/gemini-cli/settings.json', { platform: 'linux' }),
      standard('managed', '/Library/Application Support/GeminiCli/settings.json', {
        platform: 'darwin',
      }),
    ],
    remote: { url: 'httpUrl', ...HEADERS },
    reload: 'after /mcp reload, or a restart',
    elsewhere: ['servers of its extensions'],
    source: 'the documentation in its repository',
  },
  {
    id: 'cline',
    name: 'Cline',
    files: [
      standard('user', '${CLINE_DIR:-~/.cline}/data/settings/cline_mcp_settings.json'),
      ...inCode('globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json'),
    ],
    remote: { type: 'streamableHttp', url: 'url', ...HEADERS },
    reload: LIVE_RELOAD,
    elsewhere: [],
    notes: ['It writes the file itself when its settings are changed.'],
    source: 'its repository',
  },
  {
    id: 'roo',
    name: 'Roo Code',
    files: [
      ...inCode('globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json'),
      standard('project', './.roo/mcp.json'),
    ],
    remote: { type: 'streamable-http', url: 'url', ...HEADERS },
    reload: LIVE_RELOAD,
    elsewhere: [],
    notes: ['It writes the file itself when its settings are changed.'],
    source: 'its repository',
  },
  {
    id: 'continue',
    name: 'Continue',
    files: [
      {
        scope: 'user',
        path: '~/.continue/config.yaml',
        format: 'yaml',
        servers: STANDARD,
        form: 'named-list',
      },
      {
        scope: 'project',
        path: './.continue/mcpServers/*.yaml',
        format: 'yaml',
        servers: STANDARD,
        form: 'named-list',
      },
      standard('project', './.continue/mcpServers/*.json'),
    ],
    remote: { type: 'streamable-http', url: 'url' },
    reload: 'when the file is saved',
    elsewhere: ['servers of assistants and blocks that come from its hub'],
    notes: ['A remote server with `requestOptions` or `apiKey` is left.'],
    source: 'the documentation in its repository',
  },
  {
    id: 'zed',
    name: 'Zed',
    files: [
      standard('user', `${CONFIG}/zed/settings.json`, {
        servers: [['context_servers']],
        form: 'zed',
      }),
      standard('project', './.zed/settings.json', { servers: [['context_servers']], form: 'zed' }),
    ],
    remote: { url: 'url', ...HEADERS },
    reload: 'when the file is saved',
    elsewhere: ['servers of its extensions'],
    source: 'zed.dev/docs',
  },
  {
    id: 'junie',
    name: 'Junie',
    files: [
      standard('user', '~/.junie/mcp/mcp.json'),
      standard('project', './.junie/mcp/mcp.json'),
    ],
    reload: 'with its next session',
    elsewhere: ['servers in the settings of a JetBrains IDE (AI Assistant)'],
    source: 'the help of JetBrains',
  },
  {
    id: 'lm-studio',
    name: 'LM Studio',
    files: [standard('user', '~/.lmstudio/mcp.json', { headersDiffer: true })],
    remote: { url: 'url', ...HEADERS },
    reload: 'when the file is saved in its editor',
    elsewhere: [],
    notes: ['The format is documented, the place of the file is not: look at it in its editor.'],
    source: 'lmstudio.ai/docs',
  },
  {
    id: 'goose',
    name: 'Goose',
    files: [
      {
        scope: 'user',
        path: `${CONFIG}/goose/config.yaml`,
        format: 'yaml',
        servers: [['extensions']],
        form: 'goose',
        headersDiffer: true,
      },
    ],
    remote: { type: 'streamable_http', url: 'uri', ...HEADERS },
    reload: 'with its next session',
    elsewhere: ['extensions named on its command line or in a recipe'],
    notes: [
      'It puts variables into headers, and not into `envs`: a remote server whose headers have a `$` in them is left.',
    ],
    source: 'its documentation',
  },
  {
    id: 'opencode',
    name: 'opencode',
    files: ['json', 'jsonc'].flatMap((extension) => {
      const both = { servers: [['mcp'], ['mcp', 'servers']], form: 'argv' } as const;
      return [
        standard('user', `${CONFIG}/opencode/opencode.${extension}`, both),
        standard('project', `./opencode.${extension}`, both),
        standard('project', `./.opencode/opencode.${extension}`, both),
        standard('managed', `/etc/opencode/opencode.${extension}`, { ...both, platform: 'linux' }),
      ];
    }),
    remote: { type: 'remote', url: 'url', ...HEADERS },
    reload: 'after a restart',
    elsewhere: ['servers in a file that `OPENCODE_CONFIG` names', 'servers of plugins'],
    source: 'opencode.ai/docs',
  },
  {
    id: 'kiro',
    name: 'Kiro',
    files: [
      standard('user', '~/.kiro/settings/mcp.json'),
      standard('project', './.kiro/settings/mcp.json'),
    ],
    remote: { url: 'url', ...HEADERS },
    reload: 'when the file is saved',
    elsewhere: ['servers in files of agents'],
    source: 'kiro.dev/docs',
  },
  {
    id: 'amazon-q',
    name: 'Amazon Q Developer',
    files: [
      standard('user', '~/.aws/amazonq/mcp.json'),
      standard('user', '~/.aws/amazonq/agents/*.json'),
    ],
    remote: { type: 'http', url: 'url', ...HEADERS },
    reload: 'with its next session',
    elsewhere: [],
    source: 'its documentation',
  },
  {
    id: 'copilot',
    name: 'Copilot CLI',
    files: [
      standard('user', '~/.copilot/mcp-config.json', { headersDiffer: true }),
      standard('project', './.mcp.json', { headersDiffer: true }),
      standard('project', './.github/mcp.json', { headersDiffer: true }),
    ],
    remote: { type: 'http', url: 'url', ...HEADERS },
    reload: 'after /mcp, or a restart',
    elsewhere: [
      'the GitHub server, which is built in',
      'servers given with `--additional-mcp-config`',
    ],
    notes: [
      'Whether it puts variables into headers as it does into `env` is not described: a remote server whose headers have a `$` in them is left.',
    ],
    source: 'docs.github.com',
  },
  {
    id: 'antigravity',
    name: 'Antigravity',
    files: [standard('user', '~/.gemini/config/mcp_config.json', { headersDiffer: true })],
    remote: { url: 'serverUrl', ...HEADERS },
    reload: 'after Refresh in its list of servers',
    elsewhere: [],
    source: 'add-mcp, a public program that writes the same files',
  },
];
