import { expect, test } from 'vitest';
import type { ClientFile } from '../clients/client.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { readEntries } from './entries.ts';
import { unwrapEntries, wrapEntries } from './rewrite.ts';

const PROXY = { program: '/usr/bin/node', script: '/opt/o/dist/mcp-proxy.cjs' };
const json: ClientFile = { scope: 'user', path: '', format: 'json', servers: [['mcpServers']] };
const toml: ClientFile = { ...json, format: 'toml', servers: [['mcp_servers']] };
const goose: ClientFile = { ...json, format: 'yaml', servers: [['extensions']], form: 'goose' };
const listed: ClientFile = { ...json, format: 'yaml', form: 'named-list' };

for (const { name, file, text } of [
  {
    name: 'json',
    file: json,
    text: '{\n  "mcpServers": {\n    "a": {\n      "command": "npx",\n      "args": ["-y", "x"]\n    },\n    "b": { "command": "b" },\n    "c": {"command":"c","args":[]}\n  }\n}\n',
  },
  {
    name: 'toml',
    file: toml,
    text: '[mcp_servers.a]\ncommand = "npx" # hi\nargs = [\n  "-y", # yes\n  "x",\n]\n\n[mcp_servers.b]\r\ncommand = \'b\'\r\n[mcp_servers.b.env]\nX = "1"\n[mcp_servers]\nc = { command = "c", env = { A = "b" } }\nd.command = "d"',
  },
  {
    name: 'goose',
    file: goose,
    text: 'extensions:\n  a:\n    cmd: npx # c\n    args:\n      - -y\n      - "x"\n    enabled: true\n  b:\n    cmd: b\n    type: stdio\n  c: {cmd: c, args: [1, x]}\n',
  },
  {
    name: 'continue',
    file: listed,
    text: 'mcpServers:\n  - name: a\n    command: npx\n    args: ["-y"]\n  - command: b\n    name: b\n',
  },
]) {
  test(`try ${name}`, () => {
    const config = parseConfig(file.format, text, 'x');
    const entries = readEntries(config, file);
    const out = wrapEntries(config, file, entries, PROXY);
    console.log(
      out.after.text,
      out.refused.map((r) => r.entry.name + r.reason),
      entries.map((e) => e.name + e.state.kind + ('reason' in e.state ? e.state.reason : '')),
    );
    const again = readEntries(out.after, file);
    const back = unwrapEntries(out.after, file, again);
    expect(back.after.text).toBe(text);
  });
}
