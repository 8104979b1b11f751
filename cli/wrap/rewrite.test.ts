import * as fc from 'fast-check';
import { stringify as stringifyToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { parseDocument, stringify as stringifyYaml } from 'yaml';
import type { ClientFile } from '../clients/client.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { diffOf } from './diff.ts';
import { readEntries } from './entries.ts';
import { maskWords } from './mask.ts';
import { unwrapEntries, wrapEntries } from './rewrite.ts';

const PROXY = { program: '/usr/bin/node', script: '/opt/o/mcp-proxy.cjs', rules: '/r.yaml' };
const JSON_FILE: ClientFile = {
  scope: 'user',
  path: '',
  format: 'json',
  servers: [['mcpServers']],
};
const TOML_FILE: ClientFile = { ...JSON_FILE, format: 'toml', servers: [['mcp_servers']] };
const YAML_FILE: ClientFile = {
  ...JSON_FILE,
  format: 'yaml',
  servers: [['extensions']],
  form: 'goose',
};

function wrap(file: ClientFile, text: string) {
  const config = parseConfig(file.format, text, 'f');
  const entries = readEntries(config, file);
  return wrapEntries(config, file, entries, PROXY);
}

function unwrap(file: ClientFile, text: string) {
  const config = parseConfig(file.format, text, 'f');
  return unwrapEntries(config, file, readEntries(config, file));
}

describe('wrapEntries() and unwrapEntries() on generated files', () => {
  const word = fc.oneof(
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
    fc.constantFrom('--', '-name', '-name=x', '-y', '#', ': ', 'true', '1', '*a', '&b', '\u007f'),
  );
  const name = fc
    .string({ minLength: 1, maxLength: 10 })
    .filter((it) => it !== '__proto__' && it !== '<<');
  const program = fc.constantFrom('npx', '/opt/a b/c', 'docker', '${x}', 'C:\\x\\y.exe', './run');
  const entry = (command: string) =>
    fc
      .record(
        {
          [command]: program,
          args: fc.array(word, { maxLength: 4 }),
          env: fc.dictionary(name, word, { maxKeys: 2 }),
          timeout: fc.nat(),
        },
        { requiredKeys: [command] },
      )
      // Members in any order.
      .chain((it) => fc.shuffledSubarray(Object.entries(it), { minLength: Object.keys(it).length }))
      .map((members) => Object.fromEntries(members));
  const servers = (command: string) =>
    fc.dictionary(name, entry(command), { minKeys: 1, maxKeys: 4 });
  const eol = fc.constantFrom('\n', '\r\n');
  /** Values with lone surrogates are no text that a file can hold. */
  const isText = (text: string) => text.isWellFormed();

  const jsonTexts = fc
    .tuple(servers('command'), fc.constantFrom(undefined, 1, 2, '\t'), eol)
    .map(([mcpServers, indent, end]) =>
      JSON.stringify({ a: 1, mcpServers, z: [] }, undefined, indent).replaceAll('\n', end),
    )
    .filter(isText);
  const yamlTexts = fc
    .tuple(
      servers('cmd'),
      fc.record({
        indent: fc.constantFrom(1, 2, 4),
        indentSeq: fc.boolean(),
        collectionStyle: fc.constantFrom('any', 'block', 'flow'),
        defaultStringType: fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE'),
        lineWidth: fc.constantFrom(0, 80),
      }),
    )
    .map(([extensions, style]) => stringifyYaml({ a: 1, extensions, z: 2 }, style as object))
    // The writer puts an empty list where the reader does not take it.
    .filter((text) => isText(text) && parseDocument(text).errors.length === 0);
  const tomlTexts = fc
    .tuple(servers('command'), eol)
    .map(([mcp, end]) => stringifyToml({ a: 1, mcp_servers: mcp }).replaceAll('\n', end))
    .filter(isText);

  /** Comments, blanks and line ends between any two tokens, and commas behind the last. */
  const gap = fc.constantFrom(
    '',
    '',
    ' ',
    '\n',
    '\r\n',
    '\t',
    '/* c, { */',
    '// "c": [\n',
    '\n\n  ',
  );
  const noisyTexts = fc
    .tuple(servers('command'), fc.infiniteStream(gap), fc.boolean())
    .map(([mcpServers, gaps, hasCommas]) => {
      const text = JSON.stringify({ a: 1, mcpServers, z: [] });
      const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^[\]{}:,"]+/g) ?? [];
      return tokens
        .map((token, i) => {
          const isLast =
            hasCommas && /^[\]}]$/.test(token) && /["\]}\d]$/.test(tokens[i - 1] ?? '');
          return `${gaps.next().value as string}${isLast ? ',' : ''}${token}`;
        })
        .join('');
    })
    .filter(isText);

  for (const { name: format, file, texts } of [
    { name: 'JSON with comments', file: JSON_FILE, texts: noisyTexts },
    { name: 'JSON', file: JSON_FILE, texts: jsonTexts },
    { name: 'YAML', file: YAML_FILE, texts: yamlTexts },
    { name: 'TOML', file: TOML_FILE, texts: tomlTexts },
  ]) {
    test(`${format}: what was wrapped comes back to the byte, and twice is once [C.wrap] [C.unwrap]`, () => {
      let changes = 0;
      fc.assert(
        fc.property(texts, (text) => {
          const { after, changed, refused } = wrap(file, text);
          changes += changed.length;
          expect(unwrap(file, after.text).after.text).toBe(text);
          const governed = readEntries(after, file).filter((it) => it.state.kind === 'governed');
          expect(governed.length).toBe(changed.length);
          // Refused is what would not have come back; it is rare, and it is said.
          expect(changed.length + refused.length).toBeGreaterThan(0);
        }),
        { numRuns: 150 },
      );
      expect(changes).toBeGreaterThan(150);
    });
  }

  test('a diff shows no value of a file but commands and arguments without secrets [C.wrap-secrets]', () => {
    const secret = fc.stringMatching(/^[A-Za-z]{4}[0-9]{4}[A-Za-z0-9]{16}$/);
    fc.assert(
      fc.property(secret, fc.constantFrom(JSON_FILE, TOML_FILE, YAML_FILE), (token, file) => {
        const server = {
          [file.form === 'goose' ? 'cmd' : 'command']: 'npx',
          args: ['--api-key', token, `--token=${token}`, '-e', `KEY=${token}`, token].concat(
            `https://u:${token}@h.example/?k=${token}`,
            `Authorization: Bearer ${token}`,
          ),
          env: { KEY: token },
          headers: { Authorization: `Bearer ${token}` },
          note: token,
        };
        const [[key = ''] = []] = file.servers;
        const value = { other: token, [key]: { a: server } };
        const text = {
          json: `// ${token}\n${JSON.stringify(value)} /* ${token} */`,
          toml: `# ${token}\n${stringifyToml(value)}# ${token}`,
          yaml: `# ${token}\n${stringifyYaml(value)}# ${token}`,
        }[file.format];
        const done = wrap(file, text);
        expect(done.changed.length).toBe(1);
        const diff = diffOf(done, file, '/f');
        expect(diff).toContain('mcp-proxy.cjs');
        expect(diff).not.toContain(token);
      }),
      { numRuns: 30 },
    );
  });
});

test('diffOf() shows the lines that change, in the form of diff -U0', () => {
  const text = '{"mcpServers": {\n "a": {\n  "command": "a",\n  "env": {"K": "v"}\n } } }\n';
  expect(diffOf(wrap(JSON_FILE, text), JSON_FILE, '/home/x/mcp.json')).toBe(
    [
      '--- /home/x/mcp.json',
      '+++ /home/x/mcp.json',
      '@@ -3,1 +3,2 @@',
      '-  "command": "a",',
      '+  "command": "/usr/bin/node",',
      '+  "args": ["/opt/o/mcp-proxy.cjs", "-name=a", "-rules", "/r.yaml", "--", "a"],',
      '',
    ].join('\n'),
  );
});

test('maskWords() hides what looks like a secret, and nothing else', () => {
  const shown = [
    'npx',
    '-y',
    '@scope/server-filesystem@2025.8.31',
    '/home/alice/projects',
    '--port',
    '8080',
  ];
  expect(maskWords(shown)).toEqual(shown);
  expect(
    maskWords([
      '--api-key',
      'short',
      '--header',
      'X: y',
      '-e',
      'A=b',
      '--token=t',
      'https://a:b@h/x?q=1',
    ]),
  ).toEqual([
    '--api-key',
    '***',
    '--header',
    '***',
    '-e',
    'A=***',
    '--token=***',
    'https://***@h/x?q=***',
  ]);
});

describe('unwrapEntries() where somebody else changed the file', () => {
  for (const { name, text, want } of [
    {
      name: 'formatted anew',
      text: JSON.stringify({
        mcpServers: {
          a: { args: ['/old/mcp-proxy', '-name', 'a', '--', 'npx', 'x'], command: '/n/node' },
        },
      }),
      want: { mcpServers: { a: { command: 'npx', args: ['x'] } } },
    },
    {
      name: 'args moved away from the command that had none',
      text: '{"mcpServers": {"a": {"command": "/old/mcp-proxy", "env": {}, "args": ["-name=a", "--", "npx"]}}}',
      want: { mcpServers: { a: { command: 'npx', env: {}, args: [] } } },
    },
    {
      name: 'a server added beside it',
      text: '{"mcpServers": {"a": {"command": "obsigna-mcp", "args": ["-name", "a", "--", "x"]}, "b": {"command": "b"}}}',
      want: { mcpServers: { a: { command: 'x', args: [] }, b: { command: 'b' } } },
    },
  ]) {
    test(`restores the entries: ${name} [C.unwrap]`, () => {
      expect(JSON.parse(unwrap(JSON_FILE, text).after.text)).toEqual(want);
    });
  }
});

test('unwrapEntries() names an entry that it cannot undo', () => {
  const args = ['-name', 'a', '--', 8080];
  const text = JSON.stringify({ mcpServers: { a: { command: 'mcp-proxy', args } } });
  const { changed, refused, after } = unwrap(JSON_FILE, text);
  expect(changed).toEqual([]);
  expect(refused.map(({ entry }) => entry.name)).toEqual(['a']);
  expect(after.text).toBe(text);
});

test('wrapEntries() renews a path that is gone, and keeps every flag', () => {
  for (const { text, want } of [
    {
      text: '{"mcpServers": {"a": {"command": "/gone/mcp-proxy", "args": ["-name", "a", "-socket", "/s", "--", "x"]}}}',
      want: [PROXY.script, '-name', 'a', '-socket', '/s', '--', 'x'],
    },
    {
      text: '{"mcpServers": {"a": {"command": "/n/node", "args": ["/gone/mcp-proxy.cjs", "-name=a", "--", "x"]}}}',
      want: [PROXY.script, '-name=a', '--', 'x'],
    },
  ]) {
    const { after, changed } = wrap(JSON_FILE, text);
    expect(changed.length).toBe(1);
    expect(JSON.parse(after.text)).toEqual({
      mcpServers: { a: { command: PROXY.program, args: want } },
    });
  }
});

test('wrapEntries() refuses what would not come back, and changes the others', () => {
  const text = '{"mcpServers": {"--": {"command": "a", "args": ["x"]}, "b": {"command": "b"}}}';
  const { changed, refused, after } = wrap(JSON_FILE, text);
  expect(changed.map((it) => it.name)).toEqual(['b']);
  expect(refused).toMatchObject([
    { entry: { name: '--' }, reason: expect.stringContaining('cannot be changed') as string },
  ]);
  expect(after.text).toContain('{"--": {"command": "a", "args": ["x"]}, ');
});
