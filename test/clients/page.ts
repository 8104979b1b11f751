import type { Client, ClientFile, EntryForm, RemoteForm } from '../../cli/clients/client.ts';
import { CLIENTS } from '../../cli/clients/table.ts';
import { parseConfig } from '../../cli/config-text/parse-config.ts';
import { readEntries } from '../../cli/wrap/entries.ts';
import { wrapEntries } from '../../cli/wrap/rewrite.ts';

const PROXY = {
  program: '/usr/bin/node',
  script: '/usr/lib/node_modules/obsigna/dist/mcp-proxy.cjs',
};
const ORIGIN =
  '<!-- Printed from cli/clients/table.ts by test/clients/pages.test.ts: change it there. -->';
const SYSTEMS = { linux: 'Linux', darwin: 'macOS', all: 'all' } as const;
const PACKAGE = '@modelcontextprotocol/server-filesystem';

/** The page of a client in `docs/clients/`. */
export function clientPage(client: Client): string {
  const { id, name, files, remote, reload, consent, elsewhere, notes = [], source } = client;
  const [file] = files;
  if (file === undefined) throw new RangeError(`${id} has no files`);
  const before = exampleOf(file);
  return [
    `# ${name}`,
    ORIGIN,
    `\`\`\`sh\nobsigna wrap -client ${id} -dry-run\nobsigna wrap -client ${id}\nobsigna unwrap -client ${id}\n\`\`\``,
    '## Files',
    tableOf(files),
    `As described by ${source}.`,
    '## What changes',
    `Before:\n\n${fenced(file, before)}`,
    `After, where no rules file was named:\n\n${fenced(file, wrapped(file, before))}`,
    `A change counts ${reload}.${consent === undefined ? '' : ` Then ${consent}.`}`,
    ...(remote === undefined ? [] : remotePart(file, remote)),
    '## What is not covered',
    listOf([
      'entries that are switched off, are not understood, or leave a doubt: `obsigna status` names them',
      ...elsewhere,
    ]),
    ...(notes.length === 0 ? [] : ['## Worth knowing', listOf(notes)]),
    '[All clients](README.md) · [wrap, unwrap and status](../wrap.md)\n',
  ].join('\n\n');
}

/** The list of all of them. */
export function clientIndex(): string {
  const rows = CLIENTS.map(({ id, name, files }) => {
    const formats = [...new Set(files.map((it) => formatOf(it)))].join(', ');
    const scopes = [...new Set(files.map(({ scope }) => scope))].join(', ');
    return `| [${name}](${id}.md) | \`${id}\` | ${formats} | ${scopes} |`;
  });
  return [
    '# Clients',
    ORIGIN,
    'The clients whose configuration files [`obsigna wrap`](../wrap.md) knows.',
    ['| Client | `-client` | Format | Scopes |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    'Missing one? Put the proxy in front of a server by hand, as `obsigna wrap` does: `obsigna status` cannot count it, and everything else works.\n',
  ].join('\n\n');
}

function tableOf(files: readonly ClientFile[]): string {
  const rows = files.map((file) => {
    const system = SYSTEMS[file.platform ?? 'all'];
    const at = file.servers.map((path) => `\`${path.join('.')}\``).join(', ');
    return `| ${file.scope} | \`${file.path}\` | ${system} | ${formatOf(file)} | ${at} |`;
  });
  return [
    '| Scope | File | System | Format | Servers |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function formatOf({ format }: ClientFile): string {
  return { json: 'JSON', yaml: 'YAML', toml: 'TOML' }[format];
}

function listOf(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function fenced({ format }: ClientFile, text: string): string {
  return `\`\`\`${format}\n${text.trimEnd()}\n\`\`\``;
}

const MEMBERS: Readonly<Record<EntryForm, string>> = {
  standard: `{\n      "command": "npx",\n      "args": ["-y", "${PACKAGE}", "/srv"]\n    }`,
  zed: `{\n      "command": "npx",\n      "args": ["-y", "${PACKAGE}", "/srv"]\n    }`,
  argv: `{\n      "type": "local",\n      "command": ["npx", "-y", "${PACKAGE}", "/srv"]\n    }`,
  goose: `    type: stdio\n    cmd: npx\n    args:\n      - -y\n      - "${PACKAGE}"\n      - /srv\n    enabled: true\n`,
  'named-list': `    command: npx\n    args:\n      - -y\n      - "${PACKAGE}"\n      - /srv\n`,
};

function exampleOf({ format, form = 'standard', servers: [path = []] }: ClientFile): string {
  const [key = ''] = path;
  if (format === 'toml') {
    return `[${key}.files]\ncommand = "npx"\nargs = ["-y", "${PACKAGE}", "/srv"]\n`;
  }
  if (format === 'yaml') {
    return `${key}:\n${form === 'goose' ? '  files:' : '  - name: files'}\n${MEMBERS[form]}`;
  }
  return `{\n  "${key}": {\n    "files": ${MEMBERS[form]}\n  }\n}\n`;
}

function remotePart(file: ClientFile, remote: RemoteForm): readonly string[] {
  const text = remoteExample(file, remote);
  const isAsked = remote.headers === undefined;
  const how = isAsked ? 'With `-remote`, because nobody sees how the client signs in:' : 'Before:';
  return [
    '## Remote servers',
    `${how}\n\n${fenced(file, text)}`,
    `After:\n\n${fenced(file, wrapped(file, text))}`,
    'Which ones are left, and why: [Remote servers](../wrap.md#remote-servers).',
  ];
}

function remoteExample(
  { format, form, servers: [path = []] }: ClientFile,
  { url, type, headers }: RemoteForm,
): string {
  const [key = ''] = path;
  const address = 'https://mcp.example.com/';
  if (format === 'toml') {
    return `[${key}.tickets]\n${url} = "${address}"\n${headers} = { Authorization = "Bearer ..." }\n`;
  }
  if (format === 'yaml') {
    const more = headers === undefined ? '' : `    ${headers}:\n      Authorization: Bearer ...\n`;
    const name = form === 'goose' ? '  tickets:' : '  - name: tickets';
    return `${key}:\n${name}\n    type: ${type}\n    ${url}: ${address}\n${more}`;
  }
  const members = [
    ...(type === undefined ? [] : [`"type": "${type}"`]),
    `"${url}": "${address}"`,
    `"${headers}": { "Authorization": "Bearer ..." }`,
  ];
  return `{\n  "${key}": {\n    "tickets": {\n      ${members.join(',\n      ')}\n    }\n  }\n}\n`;
}

function wrapped(file: ClientFile, text: string): string {
  const config = parseConfig(file.format, text, 'example');
  return wrapEntries(config, file, readEntries(config, file), PROXY).after.text;
}
