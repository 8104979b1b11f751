import * as fc from 'fast-check';
import { stringify as stringifyToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { stringify as stringifyYaml } from 'yaml';
import type { ClientFile } from '../clients/client.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { diffOf } from './diff.ts';
import { readEntries } from './entries.ts';
import { unwrapEntries, wrapEntries } from './rewrite.ts';

const PROXY = { program: '/usr/bin/node', script: '/opt/o/mcp-proxy.cjs', rules: '/r.yaml' };
const JSON_FILE: ClientFile = {
  scope: 'user',
  path: '',
  format: 'json',
  servers: [['mcpServers']],
};
const ARGV_FILE: ClientFile = { ...JSON_FILE, form: 'argv' };
const TOML_FILE: ClientFile = { ...JSON_FILE, format: 'toml', servers: [['mcp_servers']] };
const GOOSE_FILE: ClientFile = {
  ...JSON_FILE,
  format: 'yaml',
  servers: [['extensions']],
  form: 'goose',
};

function entriesOf(file: ClientFile, text: string) {
  const config = parseConfig(file.format, text, 'f');
  return { config, entries: readEntries(config, file) };
}

function wrap(file: ClientFile, text: string, proxy = PROXY) {
  const { config, entries } = entriesOf(file, text);
  return wrapEntries(config, file, entries, proxy);
}

function unwrap(file: ClientFile, text: string) {
  const { config, entries } = entriesOf(file, text);
  return unwrapEntries(config, file, entries);
}

/** The words of the only server of a file in JSON. */
function wordsIn(text: string): readonly string[] {
  const { mcpServers } = JSON.parse(text) as { mcpServers: { a: { args: string[] } } };
  return mcpServers.a.args;
}

describe('wrapEntries() and unwrapEntries() on generated remote entries', () => {
  const name = fc.string({ minLength: 1, maxLength: 8 }).filter((it) => it !== '__proto__');
  const headerName = fc.constantFrom('Authorization', 'authorization', 'X-Api-Key', 'x_team', 'T');
  // As credentials are: of letters, digits, and what must be quoted somewhere.
  const secret = fc
    .tuple(fc.stringMatching(/^[\x20-\x7e]{0,12}$/), fc.stringMatching(/^[a-z]{8}$/))
    .map(([noise, core]) => `${core}${noise}MARKED-VALUE`);
  const headers = fc.dictionary(headerName, secret, { minKeys: 1, maxKeys: 3 });
  const address = fc.oneof(
    fc
      .tuple(fc.constantFrom('https://a.example', 'http://b.example:8080/x'), fc.webSegment())
      .map(([base, segment]) => `${base}?project=${segment.slice(0, 8)}`),
    fc.constantFrom(
      'https://c.example/?token=MARKED-VALUE',
      'https://c.example/a0b1c2d3e4f5g6h7i8j9-MARKED-VALUE/mcp',
      'https://c.example/${MY_TOKEN:-MARKED-VALUE}/mcp',
    ),
  );
  const entry = (url: string, headersName: string, env: string, type: fc.Arbitrary<string>) => {
    const model: Record<string, fc.Arbitrary<unknown>> = {
      [url]: address,
      [headersName]: headers,
      type,
      timeout: fc.nat(),
      disabled: fc.constant(false),
      tools: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }),
    };
    // The form of Codex and opencode has none there.
    if (env !== '') model[env] = fc.constant(0).map(() => ({}));
    return fc
      .record(model, { requiredKeys: [url] })
      .chain((it) => fc.shuffledSubarray(Object.entries(it), { minLength: Object.keys(it).length }))
      .map((members) => Object.fromEntries(members));
  };
  const servers = (...of: Parameters<typeof entry>) =>
    fc.dictionary(name, entry(...of), { minKeys: 1, maxKeys: 3 });
  const eol = fc.constantFrom('\n', '\r\n');
  const isText = (text: string) => text.isWellFormed();

  const types = fc.constantFrom('http', 'sse', 'streamable-http', 'streamable_http');
  const jsonTexts = (env: string, type: fc.Arbitrary<string>) =>
    fc
      .tuple(servers('url', 'headers', env, type), fc.constantFrom(undefined, 1, '\t'), eol)
      .map(([mcpServers, indent, end]) =>
        JSON.stringify({ a: 1, mcpServers, z: [] }, undefined, indent).replaceAll('\n', end),
      )
      .filter(isText);
  const gap = fc.constantFrom('', '', ' ', '\n', '\r\n\t', '/* c, { */', '// "c": [\n');
  const noisyTexts = fc
    .tuple(servers('url', 'headers', '', types), fc.infiniteStream(gap), fc.boolean())
    .map(([mcpServers, gaps, hasCommas]) => {
      const text = JSON.stringify({ a: 1, mcpServers });
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
  const yamlTexts = fc
    .tuple(
      servers('uri', 'headers', 'envs', types),
      fc.record({
        indent: fc.constantFrom(2, 4),
        collectionStyle: fc.constantFrom('any', 'block', 'flow'),
        defaultStringType: fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE'),
        lineWidth: fc.constant(0),
      }),
    )
    .map(([extensions, style]) => stringifyYaml({ a: 1, extensions, z: 2 }, style as object))
    .filter(isText);
  const tomlTexts = fc
    .tuple(servers('url', 'http_headers', '', fc.constant('http')), eol)
    .map(([mcp, end]) => stringifyToml({ a: 1, mcp_servers: mcp }).replaceAll('\n', end))
    .filter(isText);

  for (const { format, file, texts } of [
    { format: 'JSON', file: JSON_FILE, texts: jsonTexts('env', types) },
    { format: 'JSON with comments', file: JSON_FILE, texts: noisyTexts },
    {
      format: 'JSON of opencode',
      file: ARGV_FILE,
      texts: jsonTexts('', fc.constant('remote')),
    },
    { format: 'YAML', file: GOOSE_FILE, texts: yamlTexts },
    { format: 'TOML', file: TOML_FILE, texts: tomlTexts },
  ]) {
    test(`${format}: they come back to the byte, and no value of a header or secret of an address is a word [C.wrap-remote]`, () => {
      let changes = 0;
      let refusals = 0;
      fc.assert(
        fc.property(texts, (text) => {
          const done = wrap(file, text);
          changes += done.changed.length;
          refusals += done.refused.filter((it) => 'remote' in it.entry.state).length;
          expect(unwrap(file, done.after.text).after.text).toBe(text);
          expect(diffOf(done, file, '/f')).not.toContain('MARKED-VALUE');
          const now = readEntries(done.after, file);
          for (const { state } of now) {
            if (state.kind !== 'governed') continue;
            const { launch } = state;
            const list = launch.kind === 'argv' ? launch.words : launch.args;
            const words = done.after.text.slice(list?.start, list?.end);
            expect(words).not.toContain('MARKED-VALUE');
            expect(state.as.was).toMatch(/^url=/);
          }
        }),
        { numRuns: 100 },
      );
      expect(changes).toBeGreaterThan(100);
      expect(refusals).toBeLessThan(changes / 5);
    });
  }
});

const ENTRY =
  '{"mcpServers": {"a": {"type": "http", "url": "https://a.example", "headers": {"X-Key": "k"}}}}';

test('wrapEntries() writes names into the words, and values into the environment [C.wrap-remote]', () => {
  const { after } = wrap(JSON_FILE, ENTRY);
  expect(after.text).toBe(
    '{"mcpServers": {"a": {"type": "stdio", "command": "/usr/bin/node", "args": ["/opt/o/mcp-proxy.cjs", "-name", "a", "-rules", "/r.yaml", "-header-env", "X-Key=OBSIGNA_HEADER_X_KEY", "-was", "url=url,type=http,headers=headers", "-url", "https://a.example"], "env": {"OBSIGNA_HEADER_X_KEY": "k"}}}}',
  );
});

describe('unwrapEntries() of a remote entry that somebody else has changed', () => {
  const change = (text: string, from: string, to: string) => {
    expect(text).toContain(from);
    return text.replace(from, to);
  };
  const { text } = wrap(JSON_FILE, ENTRY).after;

  for (const { name, changed, want } of [
    { name: 'formatted anew', changed: JSON.stringify(JSON.parse(text), undefined, 4), want: {} },
    {
      name: 'members in another order',
      changed: JSON.stringify({
        mcpServers: {
          a: Object.fromEntries(
            Object.entries(
              (JSON.parse(text) as { mcpServers: { a: object } }).mcpServers.a,
            ).toReversed(),
          ),
        },
      }),
      want: {},
    },
    {
      name: 'a tool that is always allowed, and another key',
      changed: change(change(text, '{"type"', '{"alwaysAllow": ["x"], "type"'), '"k"', '"new"'),
      want: { alwaysAllow: ['x'], headers: { 'X-Key': 'new' } },
    },
  ]) {
    test(`restores it: ${name} [C.unwrap]`, () => {
      const original = { type: 'http', url: 'https://a.example', headers: { 'X-Key': 'k' } };
      expect(JSON.parse(unwrap(JSON_FILE, changed).after.text)).toEqual({
        mcpServers: { a: { ...original, ...want } },
      });
    });
  }

  for (const { name, changed } of [
    {
      name: 'a variable that would become a header',
      changed: change(text, '{"OBSIGNA_', '{"NODE_OPTIONS": "", "OBSIGNA_'),
    },
    { name: 'no environment', changed: change(text, '"env"', '"cwd"') },
    { name: 'a word behind the address', changed: change(text, 'example"]', 'example", "x"]') },
    { name: 'a note that is no note', changed: change(text, 'url=url,', '') },
  ]) {
    test(`names it and leaves it: ${name}`, () => {
      const { changed: done, refused, after } = unwrap(JSON_FILE, changed);
      expect(done).toEqual([]);
      const reason = expect.stringContaining('has changed it since') as string;
      expect(refused).toMatchObject([{ entry: { name: 'a' }, reason }]);
      expect(after.text).toBe(changed);
    });
  }
});

test('diffOf() shows the names that -was and -header-env have [C.wrap-secrets]', () => {
  const diff = diffOf(wrap(JSON_FILE, ENTRY), JSON_FILE, '/f');
  expect(diff).toContain(
    '"X-Key=OBSIGNA_HEADER_X_KEY", "-was", "url=url,type=http,headers=headers"',
  );
  expect(diff).toContain('"env": {"OBSIGNA_HEADER_X_KEY": "***"}');
});

test('wrapEntries() renews the path of a remote entry, which comes back to the byte', () => {
  const { text } = wrap(JSON_FILE, ENTRY).after;
  const renewed = wrap(JSON_FILE, text, { ...PROXY, script: '/new/mcp-proxy.cjs' });
  expect(renewed.changed.length).toBe(1);
  expect(wordsIn(renewed.after.text)).toEqual(['/new/mcp-proxy.cjs', ...wordsIn(text).slice(1)]);
  expect(unwrap(JSON_FILE, renewed.after.text).after.text).toBe(ENTRY);
});
