import type { CorpusFile } from './corpus.ts';

const CURSOR = '.cursor/mcp.json';
const CODEX = '.codex/config.toml';
const GOOSE = '.config/goose/config.yaml';
const BEARER = '"headers": {"Authorization": "Bearer s3cr3t-a"}';

const plain = (body: string) => `{\n  "mcpServers": {\n${body}\n  }\n}\n`;
const crlf = (text: string) => text.replaceAll('\n', '\r\n');

const JSON_FILES: readonly CorpusFile[] = [
  {
    name: 'remote servers without headers, with -remote',
    path: CURSOR,
    text: plain(
      '    "a": {"url": "https://a.example/mcp"},\n    "b": {"serverUrl": "https://b.example", "headers": {}},\n    "c": {"httpUrl" : "https://c.example?project=x&read_only=true", "env": {"A": "b"}},\n    "d": {"type": "sse", "url": "http://localhost:3000/sse"},\n    "e": {"url": "${BASE:-https://e.example}/mcp"}',
    ),
    isRemoteToo: true,
    wraps: ['a', 'b', 'c', 'd', 'e'],
    hides: ['e'],
  },
  {
    name: 'a remote server without a header, by its name',
    path: CURSOR,
    text: '{"mcpServers":{"a":{"url":"https://a.example"},"b":{"url":"https://b.example"}}}',
    asked: ['b'],
    wraps: ['b'],
  },
  {
    name: 'remote servers that are left, also with -remote',
    path: CURSOR,
    text: plain(`    "user": {"url": "https://me:pw@x.example/mcp"},
    "ws": {"type": "ws", "url": "wss://x.example"},
    "type": {"type": "ws", "url": "https://x.example"},
    "oauth": {"url": "https://x.example", "oauth": {"clientId": "x"}, ${BEARER}},
    "auth": {"url": "https://x.example", "auth": {}},
    "helper": {"type": "http", "url": "https://x.example", "headersHelper": "/x"},
    "own": {"url": "https://x.example", "headers": {"Content-Type": "application/json"}},
    "session": {"url": "https://x.example", "headers": {"Mcp-Session-Id": "1"}},
    "both": {"url": "https://x.example", "httpUrl": "https://y.example"},
    "env": {"url": "https://x.example", "env": {"A": "b"}, ${BEARER}},
    "empty": {"url": "https://x.example", "headers": {"A": ""}},
    "number": {"url": "https://x.example", "headers": {"A": 1}},
    "list": {"url": "https://x.example", "headers": ["A"]},
    "odd": {"url": 1},
    "none": {"url": "x"}`),
    isRemoteToo: true,
    wraps: [],
    skips: [
      'user',
      'ws',
      'type',
      'oauth',
      'auth',
      'helper',
      'own',
      'session',
      'both',
      'env',
      'empty',
      'number',
      'list',
      'odd',
      'none',
    ],
  },
  {
    name: 'a remote server with everything around it, in Windows line ends',
    path: CURSOR,
    text: crlf(
      '\uFEFF{\n\t"mcpServers": {\n\t\t// the tracker\n\t\t"a": {\n\t\t\t"headers" : { // ours\n\t\t\t\t"Authorization": "Bearer ${env:A_TOKEN}", /* of the team */\n\t\t\t\t"X-Team": "caf\\u00e9",\n\t\t\t},\n\t\t\t"autoApprove": ["x"],\n\t\t\t"url": "https:\\/\\/a.example/mcp", // the endpoint\n\t\t\t"timeout": 60,\n\t\t},\n\t},\n}',
    ),
    wraps: ['a'],
  },
  {
    name: 'a remote server with an environment that is empty',
    path: CURSOR,
    text: `{"mcpServers":{"a":{"env":{},"url":"https://a.example",${BEARER}},"b":{"env":{\r\n },"url":"https://b.example",${BEARER}}}}`,
    wraps: ['a', 'b'],
  },
];

const HIDDEN_FILES: readonly CorpusFile[] = [
  {
    name: 'remote servers with a credential in the address',
    path: CURSOR,
    text: plain(`    "query": {"url": "https://x.example/mcp?apiKey=s3cr3t"},
    "path" : { "url":"https://x.example/s/0123456789abcdef0123456789/mcp", "timeout": 5, "headers": {"A": "b"} },
    "tenant": {"url": "https://x.example/t/0123456789abcdef0123456789/mcp"},
    "variable": {"headers": {"A": "b"}, "url": "https://x.example/\${env:API_TOKEN}/mcp"},
    "both": {
      "headers": {
        "Authorization": "Bearer s3cr3t-a", // one
        "X-Team": "t"
      },
      "url": "https://x.example/?token=s3cr3t-b" // two
    },
    "bare": {"url": "https://x.example/?token=s3cr3t-c", "headers": { }},
    "env": {"env": {"A": "b"}, "url": "https://x.example/?token=s3cr3t-d"},
    "empty": {"env": {}, "url": "https://x.example/?token=s3cr3t-e"},
    "all": {"env": {}, "type": "http", "url": "https://x.example/?token=s3cr3t-f", ${BEARER}}`),
    wraps: ['query', 'path', 'variable', 'both', 'bare', 'env', 'empty', 'all'],
    skips: ['tenant'],
    hides: ['query', 'path', 'variable', 'both', 'bare', 'env', 'empty', 'all'],
  },
  {
    name: 'opencode, remote with a credential in the address',
    path: '.config/opencode/opencode.json',
    text: `{\n  "mcp": {\n    "a": { "type": "remote", "url": "https://a.example/?key=s3cr3t" },\n    "b": { "type": "remote", "url": "https://a.example/?key={env:X}", "headers": {"A": "b"} }\n  }\n}\n`,
    wraps: ['a', 'b'],
    hides: ['a', 'b'],
  },
  {
    name: 'remote with a credential in the address',
    path: CODEX,
    text: crlf(
      '[mcp_servers.a]\nurl = "https://a.example/?key=s3cr3t" # a\n\n[mcp_servers.b]\nurl = \'https://b.example/?key=s3cr3t\'\n[mcp_servers.b.http_headers]\n# two\nX-Key = "k"\nX-Team = "t"\n[mcp_servers.c]\nurl = "https://c.example/?key=s3cr3t"\nhttp_headers = { "X-Key" = "k" }\nenabled = true',
    ),
    wraps: ['a', 'b', 'c'],
    hides: ['a', 'b', 'c'],
  },
  {
    name: 'Goose, remote with a credential in the address',
    path: GOOSE,
    text: 'extensions:\n  a:\n    uri: https://a.example/?key=s3cr3t # a\n    type: sse\n  b:\n    type: sse\n    uri: "https://b.example/?key=s3cr3t"\n    envs: {}\n    headers:\n      # the key\n      X-Key: k\n      X-Team: t\n  c:\n    envs:\n      A: b\n    uri: https://c.example/?key=s3cr3t\n  d: {type: sse, uri: \'https://d.example/?key=s3cr3t\', headers: {A: b}}\n',
    wraps: ['a', 'b', 'c', 'd'],
    hides: ['a', 'b', 'c', 'd'],
  },
];

const CLIENT_FILES: readonly CorpusFile[] = [
  {
    name: 'Claude Code, remote',
    path: '.claude.json',
    text: `{"mcpServers": {"a": {"type": "http", "url": "https://a.example/mcp", "headers": {"Authorization": "Bearer \${A:-s3cr3t-x}", "authorization": "s3cr3t-y"}, "timeout": 9000}, "b": {"type": "sse", "url": "https://b.example/sse", ${BEARER}}}, "projects": {"/p": {"mcpServers": {"c": {"type": "http", "url": "https://c.example", ${BEARER}}}}}}`,
    wraps: ['a', 'b', 'c'],
  },
  {
    name: 'Windsurf, remote',
    path: '.codeium/windsurf/mcp_config.json',
    text: plain(
      `    "a": { "serverUrl": "https://a.example/mcp", ${BEARER}, "disabledTools": [] }`,
    ),
    wraps: ['a'],
  },
  {
    name: 'Antigravity, remote',
    path: '.gemini/config/mcp_config.json',
    text: plain(`    "a": { ${BEARER}, "serverUrl": "https://a.example/mcp" }`),
    wraps: ['a'],
  },
  {
    name: 'VS Code, remote with an input',
    path: 'project/.vscode/mcp.json',
    text: '{\n  "servers": {\n    "a": {\n      "type": "http", // streamable\n      "url": "https://a.example/mcp",\n      "headers": { "Authorization": "Bearer ${input:key}", },\n    },\n  },\n}\n',
    wraps: ['a'],
  },
  {
    name: 'Gemini CLI, remote',
    path: '.gemini/settings.json',
    text: plain(
      `    "a": { "httpUrl": "https://a.example", "headers": { "X-Key": "$A_KEY" }, "trust": false },\n    "b": { "url": "https://b.example/sse", ${BEARER} },\n    "c": { "url": "https://c.example", "authProviderType": "google_credentials", ${BEARER} }`,
    ),
    wraps: ['a', 'b'],
    skips: ['c'],
  },
  {
    name: 'Cline, remote',
    path: '.cline/data/settings/cline_mcp_settings.json',
    text: plain(
      `    "a": { "url": "https://a.example/sse", ${BEARER}, "disabled": false },\n    "b": { "type": "streamableHttp", "url": "https://b.example", ${BEARER}, "autoApprove": [] },\n    "off": { "url": "https://c.example", ${BEARER}, "disabled": true }`,
    ),
    wraps: ['a', 'b'],
    skips: ['off'],
  },
  {
    name: 'Roo Code, remote',
    path: 'project/.roo/mcp.json',
    text: plain(`    "a": { "type": "streamable-http", "url": "https://a.example", ${BEARER} }`),
    wraps: ['a'],
  },
  {
    name: 'Zed, remote',
    path: '.config/zed/settings.json',
    text: '// Zed\n{\n  "context_servers": {\n    "a": { "source": "custom", "url": "https://a.example", "headers": { "X-Key": "s3cr3t-k" } },\n  },\n}\n',
    wraps: ['a'],
  },
  {
    name: 'LM Studio, remote',
    path: '.lmstudio/mcp.json',
    text: plain(`    "a": { "url": "https://a.example", ${BEARER} }`),
    wraps: ['a'],
  },
  {
    name: 'Kiro, remote',
    path: '.kiro/settings/mcp.json',
    text: plain(
      `    "a": { "url": "https://a.example", "headers": { "X-Key": "\${A_KEY}" }, "disabled": false, "autoApprove": [] }`,
    ),
    wraps: ['a'],
  },
  {
    name: 'Amazon Q, remote',
    path: '.aws/amazonq/mcp.json',
    text: plain(
      `    "a": { "type": "http", "url": "https://a.example", ${BEARER}, "timeout": 1000 }`,
    ),
    wraps: ['a'],
  },
  {
    name: 'Copilot CLI, remote',
    path: '.copilot/mcp-config.json',
    text: plain(
      `    "a": { "type": "http", "url": "https://a.example", ${BEARER}, "tools": ["*"] },\n    "b": { "type": "http", "url": "https://b.example", "headers": { "X-Key": "\${KEY}" }, "tools": ["*"] }`,
    ),
    wraps: ['a'],
    skips: ['b'],
  },
  {
    name: 'opencode, remote',
    path: '.config/opencode/opencode.jsonc',
    text: `{\n  "mcp": {\n    "a": { "type": "remote", "url": "https://a.example", "enabled": true, "headers": { "X-Key": "{env:KEY}" } },\n    "b": { "type": "remote", "url": "https://b.example", "oauth": {}, ${BEARER} },\n    "c": { "type": "remote", "environment": {}, "url": "https://c.example", ${BEARER} },\n  },\n}\n`,
    wraps: ['a'],
    skips: ['b', 'c'],
  },
  {
    name: 'opencode, remote in the second form',
    path: 'project/opencode.json',
    text: `{ "mcp": { "servers": { "a": { "type": "remote", "url": "https://a.example", ${BEARER} } } } }`,
    wraps: ['a'],
  },
];

const TOML_FILES: readonly CorpusFile[] = [
  {
    name: 'remote, all forms of headers',
    path: CODEX,
    text: '[mcp_servers.a]\nurl = "https://a.example/mcp" # a\nbearer_token_env_var = "A_TOKEN"\nenabled_tools = ["x"]\n\n[mcp_servers.b]\nurl = \'https://b.example\'\nhttp_headers = { "X-Key" = "s3cr3t-b", X-Team = \'t\' }\nstartup_timeout_sec = 20\n\n[mcp_servers.c]\nurl = "https://c.example"\nenv_http_headers = { "X-Key" = "C_KEY", X-Team = \'C_TEAM\' } # names\n\n[mcp_servers.d]\nurl = "https://d.example"\n\n[mcp_servers.d.http_headers] # of d\nAuthorization = "Bearer s3cr3t-d" # key\n\n[mcp_servers."e.f"]\nbearer_token_env_var = "E"\nhttp_headers = { X-Team = "t" }\nurl = "https://e.example"\n',
    wraps: ['a', 'b', 'c', 'd', 'e.f'],
  },
  {
    name: 'remote, inline and dotted',
    path: CODEX,
    text: crlf(
      'mcp_servers.a.url = "https://a.example"\nmcp_servers.a.bearer_token_env_var = "A"\n[mcp_servers]\nb = { url = "https://b.example", http_headers = { X-Key = "s3cr3t-b" } }\n',
    ).replace('[mcp_servers]\r\nb', 'mcp_servers.b'),
    wraps: ['a', 'b'],
  },
  {
    name: 'remote, and left',
    path: CODEX,
    text: '[mcp_servers.a]\nurl = "https://a.example"\n[mcp_servers.b]\nurl = "https://b.example"\nbearer_token_env_var = "B"\nenv_http_headers = { X = "Y" }\n[mcp_servers.c]\nurl = "https://c.example"\n[mcp_servers.c.env_http_headers]\nX = "Y"\n[mcp_servers.d]\nurl = "https://d.example"\nbearer_token = "s3cr3t-d"\n',
    wraps: [],
    skips: ['a', 'b', 'c', 'd'],
  },
];

const YAML_FILES: readonly CorpusFile[] = [
  {
    name: 'Goose, remote',
    path: GOOSE,
    text: 'extensions:\n  a:\n    enabled: true\n    type: streamable_http\n    name: a\n    uri: https://a.example/mcp # endpoint\n    envs: {}\n    env_keys: []\n    headers:\n      Authorization: Bearer s3cr3t-a # key\n      \'X-Team\': "t"\n    timeout: 300\n  b:\n    type: sse\n    uri: https://b.example/sse\n    headers: {X-Key: s3cr3t-b}\n  c:\n    type: sse\n    uri: https://c.example/sse\n    headers: {X-Key: $KEY}\n  d:\n    type: streamable_http\n    uri: https://d.example\n    envs: {KEY: x}\n    headers: {X-Key: y}\n',
    wraps: ['a', 'b'],
    skips: ['c', 'd'],
  },
  {
    name: 'Goose, remote with Windows line ends, with -remote',
    path: GOOSE,
    text: crlf('extensions:\n  a:\n    uri: https://a.example/mcp\n    type: sse'),
    isRemoteToo: true,
    wraps: ['a'],
  },
  {
    name: 'Continue, remote',
    path: '.continue/config.yaml',
    text: 'mcpServers:\n  - name: a\n    type: sse\n    url: https://a.example\n  - url: https://b.example\n    name: b\n  - name: c\n    url: https://c.example\n    requestOptions:\n      headers:\n        Authorization: Bearer ${{ secrets.C }}\n',
    isRemoteToo: true,
    wraps: ['a', 'b'],
    skips: ['c'],
  },
];

/** Entries with an address, of every client that has them. */
export const REMOTE_CORPUS: readonly CorpusFile[] = [
  ...JSON_FILES,
  ...HIDDEN_FILES,
  ...CLIENT_FILES,
  ...TOML_FILES,
  ...YAML_FILES,
];
