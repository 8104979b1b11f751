import { REMOTE_CORPUS } from './remote-corpus.ts';

/** A configuration file as people have them. What stands in it is made up. */
export interface CorpusFile {
  readonly name: string;
  /** Under the home directory; `project/` is the folder of the project. */
  readonly path: string;
  readonly platform?: 'linux' | 'darwin';
  readonly text: string;
  /** Servers that `wrap` changes, in the order of the file. */
  readonly wraps: readonly string[];
  /** Servers that it leaves and names. */
  readonly skips?: readonly string[];
  /** Servers that have the proxy already. */
  readonly already?: readonly string[];
  /** Remote ones whose address goes into the environment. */
  readonly hides?: readonly string[];
  /** With -remote. */
  readonly isRemoteToo?: boolean;
  /** Also named with -server. */
  readonly asked?: readonly string[];
  readonly mode?: number;
  /** The path is a link to a file elsewhere. */
  readonly isLink?: boolean;
}

const CURSOR = '.cursor/mcp.json';
const CODEX = '.codex/config.toml';
const GOOSE = '.config/goose/config.yaml';
const CONTINUE = '.continue/config.yaml';
const SUPPORT = 'Library/Application Support';

const plain = (body: string) => `{\n  "mcpServers": {\n${body}\n  }\n}\n`;
const files = `    "files": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv/data"]
    }`;
const crlf = (text: string) => text.replaceAll('\n', '\r\n');
const tabs = (text: string) => text.replaceAll('  ', '\t');

const JSON_FILES: readonly CorpusFile[] = [
  { name: 'one server', path: CURSOR, text: plain(files), wraps: ['files'] },
  { name: 'Windows line ends', path: CURSOR, text: crlf(plain(files)), wraps: ['files'] },
  { name: 'a byte order mark', path: CURSOR, text: `\uFEFF${plain(files)}`, wraps: ['files'] },
  { name: 'both of these', path: CURSOR, text: `\uFEFF${crlf(plain(files))}`, wraps: ['files'] },
  { name: 'tabs', path: CURSOR, text: tabs(plain(files)), wraps: ['files'] },
  { name: 'no line end at the end', path: CURSOR, text: plain(files).trimEnd(), wraps: ['files'] },
  {
    name: 'one line without a space',
    path: CURSOR,
    text: JSON.stringify(JSON.parse(plain(files))),
    wraps: ['files'],
  },
  {
    name: 'mixed line ends',
    path: CURSOR,
    text: plain(files).replace(',\n', ',\r\n'),
    wraps: ['files'],
  },
  {
    name: 'args before command, one word on each line',
    path: CURSOR,
    text: plain(
      '    "a": {\n      "args": [\n        "-y",\n        "pkg"\n      ],\n      "env": {"K": "v"},\n      "command": "npx"\n    }',
    ),
    wraps: ['a'],
  },
  {
    name: 'no args',
    path: CURSOR,
    text: plain(
      '    "a": {\n      "command": "server-a"\n    },\n    "b": { "command": "server-b", "env": {} }',
    ),
    wraps: ['a', 'b'],
  },
  {
    name: 'no args, on one line without a space',
    path: CURSOR,
    text: '{"mcpServers":{"a":{"env":{},"command":"server-a"},"b":{"command":"b"}}}',
    wraps: ['a', 'b'],
  },
  {
    name: 'empty args, in three ways',
    path: CURSOR,
    text: plain(
      '    "a": { "command": "a", "args": [] },\n    "b": { "command": "b", "args": [ ] },\n    "c": { "args": [\n    ], "command": "c" }',
    ),
    wraps: ['a', 'b', 'c'],
  },
  {
    name: 'escapes in names and words',
    path: CURSOR,
    text: plain(
      String.raw`    "caf\u00e9 \"x\"": { "command": "n\u0070x", "args": ["a\tb", "\/slash", "日本", "\ud83d\ude00"] }`,
    ),
    wraps: ['café "x"'],
  },
  {
    name: 'a member that is called like the prototype',
    path: CURSOR,
    text: '{"mcpServers":{"constructor":{"command":"a"},"toString":{"command":"b","args":["x"]}}}',
    wraps: ['constructor', 'toString'],
  },
  {
    name: 'variables of the client',
    path: CURSOR,
    text: plain(
      '    "a": {"command": "${workspaceFolder}/bin/a", "args": ["${env:HOME}", "$X"], "envFile": "${userHome}/.env"}',
    ),
    wraps: ['a'],
  },
  {
    name: 'a path with spaces',
    path: CURSOR,
    text: plain('    "a": {"command": "/opt/My Tools/server a", "args": ["--dir", "/home/a b/c"]}'),
    wraps: ['a'],
  },
  {
    name: 'cmd /c, sh -c, docker, uvx',
    path: CURSOR,
    text: plain(`    "win": {"command": "cmd", "args": ["/c", "npx", "-y", "pkg"]},
    "drive": {"command": "C:\\\\Tools\\\\server.exe", "args": []},
    "shell": {"command": "sh", "args": ["-c", "npx -y pkg | tee /tmp/log"]},
    "docker": {"command": "docker", "args": ["run", "-i", "--rm", "-e", "TOKEN", "mcp/github"], "env": {"TOKEN": "x"}},
    "uvx": {"command": "uvx", "args": ["mcp-server-git", "--repository", "."]}`),
    wraps: ['win', 'drive', 'shell', 'docker', 'uvx'],
  },
  {
    name: 'its own dashes and flags that look like ours',
    path: CURSOR,
    text: plain(
      '    "a": {"command": "npm", "args": ["exec", "--", "pkg", "-name", "x", "--", "y"]}',
    ),
    wraps: ['a'],
  },
  {
    name: 'another program called mcp-proxy',
    path: CURSOR,
    text: plain(
      '    "a": {"command": "mcp-proxy", "args": ["--port", "8080", "--", "tsx", "server.js"]},\n    "b": {"command": "uvx", "args": ["mcp-proxy", "http://localhost:1/sse"]}',
    ),
    wraps: ['a', 'b'],
  },
  {
    name: 'wrapped already, also by an older path and by hand',
    path: CURSOR,
    text: plain(`    "a": {"command": "mcp-proxy", "args": ["-name", "a", "--", "npx", "a"]},
    "b": {"command": "obsigna-mcp", "args": ["--name=b", "-require-receipt", "--", "npx", "b"]},
    "d": {"command": "mcp-proxy", "args": ["-name", "d", "-url", "https://example.com/mcp"]},
    "c": {"command": "npx", "args": ["c"]}`),
    wraps: ['c'],
    already: ['a', 'b', 'd'],
  },
  {
    name: 'switched off',
    path: CURSOR,
    text: plain(
      '    "off": {"command": "npx", "disabled": true},\n    "on": {"command": "npx", "disabled": false}',
    ),
    wraps: ['on'],
    skips: ['off'],
  },
  {
    name: 'switched off, and asked for by name',
    path: CURSOR,
    text: plain('    "off": {"command": "npx", "disabled": true},\n    "on": {"command": "npx"}'),
    wraps: ['off'],
    asked: ['off'],
  },
  {
    name: 'remote servers in every spelling',
    path: CURSOR,
    text: plain(
      '    "a": {"url": "https://a.example/mcp", "headers": {"Authorization": "Bearer x"}},\n    "b": {"serverUrl": "https://b.example"},\n    "c": {"httpUrl": "https://c.example"},\n    "d": {"type": "sse", "url": "https://d.example"}',
    ),
    wraps: ['a'],
    skips: ['b', 'c', 'd'],
  },
  {
    name: 'entries that nobody understands',
    path: CURSOR,
    text: plain(
      '    "a": "npx -y a",\n    "b": {"command": ["npx", "b"]},\n    "c": {"command": "npx -y c"},\n    "d": {"command": "npx", "args": "-y d"},\n    "e": {"command": "~/bin/e"},\n    "f": {"command": "npx", "url": "https://f"},\n    "g": {"command": ""},\n    "h": {"command": "x", "args": null},\n    "i": {},\n    "j": {"command": "x", "args": [["y"]]}',
    ),
    wraps: [],
    skips: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'],
  },
  {
    name: 'a name twice in an entry',
    path: CURSOR,
    text: plain('    "a": {"command": "x", "command": "y"},\n    "b": {"command": "b"}'),
    wraps: ['b'],
    skips: ['a'],
  },
  {
    name: 'numbers among the arguments',
    path: CURSOR,
    text: plain('    "a": {"command": "a", "args": ["--port", 8080, true]}'),
    wraps: ['a'],
  },
  {
    name: 'a name twice somewhere else',
    path: CURSOR,
    text: '{"x": 1, "x": 2, "mcpServers": {"a": {"command": "a"}}}',
    wraps: ['a'],
  },
  {
    name: 'the servers twice',
    path: CURSOR,
    text: '{"mcpServers": {"a": {"command": "a"}}, "mcpServers": {"b": {"command": "b"}}}',
    wraps: [],
    skips: ['mcpServers'],
  },
  {
    name: 'the folders twice',
    path: '.claude.json',
    text: '{"projects": {"/a": {"mcpServers": {"a": {"command": "a"}}}}, "mcpServers": {"b": {"command": "b"}}, "projects": {}}',
    wraps: ['b'],
    skips: ['projects'],
  },
  { name: 'no servers', path: CURSOR, text: '{}\n', wraps: [] },
  { name: 'an empty file', path: CURSOR, text: '', wraps: [] },
  { name: 'a file of white space', path: CURSOR, text: ' \n\n', wraps: [] },
  { name: 'a private mode', path: CURSOR, text: plain(files), wraps: ['files'], mode: 0o600 },
  { name: 'a mode for a group', path: CURSOR, text: plain(files), wraps: ['files'], mode: 0o664 },
  { name: 'a link', path: CURSOR, text: plain(files), wraps: ['files'], isLink: true },
  {
    name: 'a link to a private file',
    path: '.codeium/windsurf/mcp_config.json',
    text: plain(files),
    wraps: ['files'],
    isLink: true,
    mode: 0o600,
  },
  {
    name: 'five megabytes of history',
    path: '.claude.json',
    text: `${JSON.stringify(
      {
        numStartups: 41,
        history: Array.from({ length: 400 }, (_, i) => ({
          display: `prompt ${i} `.repeat(900),
          i,
        })),
        mcpServers: { big: { type: 'stdio', command: 'npx', args: ['-y', 'big'], env: {} } },
        tail: 'x'.repeat(1_000_000),
      },
      undefined,
      2,
    )}\n`,
    wraps: ['big'],
  },
];

const CLIENT_FILES: readonly CorpusFile[] = [
  {
    name: 'Claude Desktop',
    path: `${SUPPORT}/Claude/claude_desktop_config.json`,
    platform: 'darwin',
    text: `{"globalShortcut": "Ctrl+Space",\n${plain(files).slice(2)}`,
    wraps: ['files'],
  },
  {
    name: 'Claude Code, user and folders',
    path: '.claude.json',
    text: '{\n "projects": {\n  "/home/x/a.b": {"allowedTools": [], "mcpServers": {"one": {"type": "stdio", "command": "npx", "args": ["one"], "env": {"A": "b"}}}},\n  "/home/x/c": {"mcpServers": {}, "history": [{"display": "hi"}]}\n },\n "mcpServers": {"two": {"type": "stdio", "command": "two", "args": []}, "web": {"type": "http", "url": "https://w.example"}}\n}',
    wraps: ['two', 'one'],
    skips: ['web'],
  },
  { name: 'Claude Code, project', path: 'project/.mcp.json', text: plain(files), wraps: ['files'] },
  {
    name: 'Cursor, project',
    path: 'project/.cursor/mcp.json',
    text: plain(files),
    wraps: ['files'],
  },
  {
    name: 'Windsurf',
    path: '.codeium/windsurf/mcp_config.json',
    text: plain(files),
    wraps: ['files'],
  },
  {
    name: 'VS Code, with comments and commas',
    path: 'project/.vscode/mcp.json',
    text: `// for the team
{
  "inputs": [ { "type": "promptString", "id": "key", "password": true, }, ],
  "servers": {
    /* local */
    "git": {
      "type": "stdio", // stays
      "command": "uvx", /* not a "command" */
      "args": [ /* first */ "mcp-server-git", // the package
        "--key=\${input:key}", ],
    },
    // "off": { "command": "x" },
    "bare": { "command": "bare", /* none */ },
    "web": { "type": "http", "url": "https://x.example/mcp" },
  },
}
`,
    wraps: ['git', 'bare'],
    skips: ['web'],
  },
  {
    name: 'VS Code, user',
    path: '.config/Code/User/mcp.json',
    text: tabs(
      '{\n  "servers": {\n    "a": {\n      "command": "a",\n      "args": [\n        "x"\n      ]\n    }\n  }\n}',
    ),
    wraps: ['a'],
  },
  {
    name: 'VS Code, a profile',
    path: '.config/Code/User/profiles/-4f2a/mcp.json',
    text: '{"servers": {"a": {"command": "a"}}}',
    wraps: ['a'],
  },
  {
    name: 'VS Code Insiders on a Mac',
    path: `${SUPPORT}/Code - Insiders/User/mcp.json`,
    platform: 'darwin',
    text: '{"servers": {"a": {"command": "a"}}}',
    wraps: ['a'],
  },
  {
    name: 'VS Code, old settings',
    path: '.config/Code/User/settings.json',
    text: '{\n    // fonts\n    "editor.fontSize": 14,\n    "mcp": {\n        "servers": {\n            "old": { "command": "npx", "args": ["old"] }\n        }\n    },\n    "http.proxy": ""\n}\n',
    wraps: ['old'],
  },
  {
    name: 'Gemini CLI, with comments',
    path: '.gemini/settings.json',
    text: '{\n  // theme\n  "theme": "GitHub",\n  "mcpServers": {\n    "a": { "command": "python", "args": ["-m", "a"], "cwd": "./s", "timeout": 15000, "trust": false },\n    "b": { "url": "https://b.example/sse" },\n    "c": { "httpUrl": "https://c.example" }\n  }\n}\n',
    wraps: ['a'],
    skips: ['b', 'c'],
  },
  {
    name: 'Cline',
    path: '.cline/data/settings/cline_mcp_settings.json',
    text: plain(
      '    "a": { "autoApprove": ["x"], "disabled": false, "timeout": 60, "type": "stdio", "command": "node", "args": ["/a.js"] }',
    ),
    wraps: ['a'],
  },
  {
    name: 'Cline inside VS Code',
    path: '.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
    text: plain(files),
    wraps: ['files'],
  },
  {
    name: 'Roo Code',
    path: 'project/.roo/mcp.json',
    text: plain(
      '    "a": { "command": "npx", "args": ["a"], "alwaysAllow": ["x"], "watchPaths": ["./b"] },\n    "b": { "type": "streamable-http", "url": "https://b" }',
    ),
    wraps: ['a'],
    skips: ['b'],
  },
  {
    name: 'Zed, both forms',
    path: '.config/zed/settings.json',
    text: `// Zed settings
{
  "context_servers": {
    "new": { "source": "custom", "command": "npx", "args": ["-y", "new"], "env": {} },
    "old": { "command": { "path": "/opt/old", "args": ["x"], "env": null }, "settings": {} },
    "bare": { "command": { "path": "/opt/bare" } },
    "ext": { "source": "extension", "settings": {} },
    "web": { "url": "https://w.example", "headers": {} },
  },
}
`,
    wraps: ['new', 'old', 'bare'],
    skips: ['ext', 'web'],
  },
  { name: 'Junie', path: '.junie/mcp/mcp.json', text: plain(files), wraps: ['files'] },
  { name: 'LM Studio', path: '.lmstudio/mcp.json', text: plain(files), wraps: ['files'] },
  {
    name: 'opencode',
    path: '.config/opencode/opencode.jsonc',
    text: '{\n  "$schema": "https://opencode.ai/config.json",\n  "mcp": {\n    "a": { "type": "local", "command": ["npx", "-y", "a"], "environment": { "K": "v" }, "enabled": true },\n    "b": { "type": "remote", "url": "https://b.example" },\n    "c": { "type": "local", "command": [\n      "bun", // fast\n      "x"\n    ] },\n    "d": { "type": "local", "command": ["d"], "enabled": false },\n    "e": { "type": "local", "command": [] },\n  },\n}\n',
    wraps: ['a', 'c'],
    skips: ['b', 'd', 'e'],
  },
  {
    name: 'opencode, second form',
    path: 'project/opencode.json',
    text: '{ "mcp": { "servers": { "a": { "type": "local", "command": ["a"] }, "b": { "type": "local", "command": ["b"], "disabled": true } } } }',
    wraps: ['a'],
    skips: ['b'],
  },
  {
    name: 'Kiro',
    path: '.kiro/settings/mcp.json',
    text: plain(
      '    "a": { "command": "uvx", "args": ["a@latest"], "disabled": false, "autoApprove": [], "env": { "L": "E" } }',
    ),
    wraps: ['a'],
  },
  { name: 'Amazon Q', path: '.aws/amazonq/mcp.json', text: plain(files), wraps: ['files'] },
  {
    name: 'Amazon Q, an agent',
    path: '.aws/amazonq/agents/dev.json',
    text: '{"name":"dev","mcpServers":{"a":{"command":"a","timeout":120000}},"tools":["*"]}',
    wraps: ['a'],
  },
  {
    name: 'Copilot CLI',
    path: '.copilot/mcp-config.json',
    text: plain(
      '    "a": { "type": "local", "command": "a", "args": ["b"], "tools": ["*"] },\n    "b": { "type": "http", "url": "https://b" }',
    ),
    wraps: ['a'],
    skips: ['b'],
  },
  {
    name: 'Antigravity',
    path: '.gemini/config/mcp_config.json',
    text: plain(files),
    wraps: ['files'],
  },
];

const TOML_FILES: readonly CorpusFile[] = [
  {
    name: 'tables',
    path: CODEX,
    text: 'model = "o4"\n\n[mcp_servers.a]\ncommand = "npx"\nargs = ["-y", "a"]\n\n[mcp_servers.a.env]\nKEY = "v"\n\n[profiles.x]\nmodel = "y"\n',
    wraps: ['a'],
  },
  {
    name: 'tables with Windows line ends',
    path: CODEX,
    text: crlf(
      '[mcp_servers.a]\ncommand = "npx"\nargs = ["-y", "a"]\n[mcp_servers.b]\ncommand = "b"\n',
    ),
    wraps: ['a', 'b'],
  },
  {
    name: 'comments everywhere',
    path: CODEX,
    text: '# top\n[mcp_servers.a] # a\ncommand = "npx" # run\n# between\nargs = [ # open\n  "-y", # yes\n  # alone\n  "a", # last\n] # close\nstartup_timeout_sec = 20\n# end',
    wraps: ['a'],
  },
  {
    name: 'no args',
    path: CODEX,
    text: "[mcp_servers.a]\n\tcommand = 'a' # literal\n\tcwd = '/x'\n[mcp_servers.b]\ncommand = \"b\"",
    wraps: ['a', 'b'],
  },
  {
    name: 'inline tables and dotted names',
    path: CODEX,
    text: '[mcp_servers]\na = { command = "a", args = ["x"] }\nb = { command = "b" }\nc.command = "c"\nc.args = []\nd.command = "d"\n"e f".command = "e"\n',
    wraps: ['a', 'b', 'c', 'd', 'e f'],
  },
  {
    name: 'dotted from the top',
    path: CODEX,
    text: 'mcp_servers.a.command = "a"\nmcp_servers.a.args = ["x"]\nmcp_servers."b.c".command = "b"\n',
    wraps: ['a', 'b.c'],
  },
  {
    name: 'strings of all four kinds',
    path: CODEX,
    text: "[mcp_servers.a]\ncommand = \"n\\u0070x\"\nargs = ['C:\\x', \"\"\"two\nlines\"\"\", '''raw 'q' ''', \"tab\\t\"]\n[mcp_servers.b]\ncommand = '''b'''\nargs = [\"x\",]\n",
    wraps: ['a', 'b'],
  },
  {
    name: 'remote and switched off',
    path: CODEX,
    text: '[mcp_servers.a]\nurl = "https://a.example/mcp"\nbearer_token_env_var = "T"\n[mcp_servers.b]\ncommand = "b"\nenabled = false\n[mcp_servers.c]\ncommand = "c"\nenabled = true\ntool_timeout_sec = 30.5\n',
    wraps: ['a', 'c'],
    skips: ['b'],
  },
  {
    name: 'dates, numbers and lists of tables around it',
    path: CODEX,
    text: 'when = 1979-05-27 07:32:00Z\nn = [1_000, 0x2f, 1e3, inf]\n[[things]]\nname = "x"\n[[things]]\nname = "y"\n[things.deep]\nz = {q = [{r = 1}]}\n[mcp_servers.a]\ncommand = "a"\nargs = []\n',
    wraps: ['a'],
  },
  {
    name: 'wrapped already',
    path: CODEX,
    text: '[mcp_servers.a]\ncommand = "mcp-proxy"\nargs = ["-name", "a", "--", "npx", "a"]\n',
    wraps: [],
    already: ['a'],
  },
  {
    name: 'a project, with a byte order mark',
    path: 'project/.codex/config.toml',
    text: '\uFEFF[mcp_servers.a]\ncommand = "a"\n',
    wraps: ['a'],
  },
];

const YAML_FILES: readonly CorpusFile[] = [
  {
    name: 'Goose',
    path: GOOSE,
    text: 'GOOSE_PROVIDER: anthropic\nextensions:\n  developer:\n    type: builtin\n    enabled: true\n    name: developer\n  git:\n    type: stdio\n    cmd: uvx\n    args:\n      - mcp-server-git\n      - --repository\n      - "."\n    envs: {}\n    enabled: true\n    timeout: 300\n  web:\n    type: streamable_http\n    uri: https://w.example\n    enabled: true\n',
    wraps: ['git'],
    skips: ['developer', 'web'],
  },
  {
    name: 'Goose with Windows line ends',
    path: GOOSE,
    text: crlf(
      'extensions:\n  a:\n    cmd: a\n    args:\n      - x\n      - y\n  b:\n    cmd: b\n',
    ),
    wraps: ['a', 'b'],
  },
  {
    name: 'lists that are not indented, comments, no line end',
    path: GOOSE,
    text: "# top\nextensions:\n  a: # the first\n    args: # words\n    # before\n    - \"x\" # one\n    - 'it''s'\n    cmd: npx # run\n    enabled: true",
    wraps: ['a'],
  },
  {
    name: 'no args, and empty ones',
    path: GOOSE,
    text: 'extensions:\n  a:\n    cmd: a # alone\n    enabled: true\n  b:\n    cmd: "b"\n    args: []\n  c: {cmd: c}\n  d: {cmd: d, args: [x, "y z"], enabled: true}\n',
    wraps: ['a', 'b', 'c', 'd'],
  },
  {
    name: 'anchors beside the command',
    path: GOOSE,
    text: 'env: &env\n  A: b\nextensions:\n  a:\n    cmd: a\n    args: [x, &flag --verbose]\n    envs: *env\n  b:\n    cmd: b\n    args:\n      - *flag\n    envs:\n      <<: *env\n      C: d\n',
    wraps: ['a', 'b'],
  },
  {
    name: 'anchors where the command is',
    path: GOOSE,
    text: 'base: &base\n  cmd: x\n  args: &args [y]\nextensions:\n  a: *base\n  b:\n    <<: *base\n    cmd: b\n  c:\n    cmd: c\n    args: *args\n  d:\n    cmd: &d d\n  e:\n    cmd: |\n      e\n  f:\n    cmd: f\n',
    wraps: ['f'],
    skips: ['a', 'b', 'c', 'd', 'e'],
  },
  {
    name: 'Continue',
    path: CONTINUE,
    text: 'name: Local\nversion: 1.0.0\nschema: v1\nmodels: []\nmcpServers:\n  - name: sqlite\n    command: npx\n    args:\n      - -y\n      - mcp-sqlite\n    env:\n      KEY: ${{ secrets.KEY }}\n  - command: bare\n    name: bare\n  - name: web\n    type: sse\n    url: https://w.example\n',
    wraps: ['sqlite', 'bare'],
    skips: ['web'],
  },
  {
    name: 'Continue, a block of the project',
    path: 'project/.continue/mcpServers/new.yaml',
    text: 'name: New\nversion: 0.0.1\nschema: v1\nmcpServers:\n- name: a\n  command: a\n  args: ["b"]\n',
    wraps: ['a'],
  },
  {
    name: 'Continue, JSON of the project',
    path: 'project/.continue/mcpServers/more.json',
    text: plain(files),
    wraps: ['files'],
  },
  {
    name: 'words that YAML would take for something else',
    path: GOOSE,
    text: 'extensions:\n  a:\n    cmd: "true"\n    args: [1, yes, null, 2026-01-01, "#x", "a: b"]\n  "b: c":\n    cmd: \'b\'\n',
    wraps: ['a', 'b: c'],
  },
];

export const CORPUS: readonly CorpusFile[] = [
  ...REMOTE_CORPUS,
  ...JSON_FILES,
  ...CLIENT_FILES,
  ...TOML_FILES,
  ...YAML_FILES,
];
