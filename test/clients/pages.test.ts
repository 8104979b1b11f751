import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLIENTS } from '../../cli/clients/table.ts';
import { clientPlaces } from '../../cli/clients/places.ts';
import { ROOT } from '../imports.ts';
import { clientIndex, clientPage } from './page.ts';

const FOLDER = join(ROOT, 'docs/clients');

// `npx vitest run test/clients/pages.test.ts -u` prints them anew.
test('docs/clients/ has the page of every client, as the table has it [C.wrap-pages]', async () => {
  await expect(clientIndex()).toMatchFileSnapshot(join(FOLDER, 'README.md'));
  for (const client of CLIENTS) {
    await expect(clientPage(client)).toMatchFileSnapshot(join(FOLDER, `${client.id}.md`));
  }
  const pages = ['README.md', ...CLIENTS.map(({ id }) => `${id}.md`)];
  expect(readdirSync(FOLDER).sort()).toEqual(pages.sort());
});

test('docs/cli.md names every client that -client takes', () => {
  const text = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
  for (const { id } of CLIENTS) expect(text).toContain(`\`${id}\``);
});

test('clients have ids of their own, and there are enough of them', () => {
  expect(new Set(CLIENTS.map(({ id }) => id)).size).toBe(CLIENTS.length);
  expect(CLIENTS.length).toBeGreaterThanOrEqual(14);
  for (const { id } of CLIENTS) expect(id).toMatch(/^[a-z][a-z-]+$/);
});

test('clientPlaces() puts variables and folders into paths', () => {
  const paths = (env: Readonly<Record<string, string>>, home = '/h', platform = 'linux') =>
    clientPlaces(CLIENTS, { env, home, platform }, '/p/').map(({ path }) => path);
  expect(paths({})).toEqual(
    expect.arrayContaining([
      '/h/.claude.json',
      '/p/.mcp.json',
      '/h/.config/Code/User/mcp.json',
      '/h/.codex/config.toml',
      '/etc/claude-code/managed-mcp.json',
    ]),
  );
  expect(paths({ CODEX_HOME: '/c/', XDG_CONFIG_HOME: '/x', CLAUDE_CONFIG_DIR: '/d' })).toEqual(
    expect.arrayContaining(['/c/config.toml', '/x/zed/settings.json', '/d/.claude.json']),
  );
  expect(paths({ CODEX_HOME: 'relative' })).toContain('/h/.codex/config.toml');
  expect(paths({}, '/h', 'darwin')).toContain(
    '/h/Library/Application Support/Claude/claude_desktop_config.json',
  );
  // Nothing without a home but what lies elsewhere.
  expect(paths({}, '').every((path) => /^\/(?:p|etc)\//.test(path))).toBe(true);
});
