import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultPaths } from '../../shared/paths.ts';
import type { FileOutcome } from './change-files.ts';
import { findConfigFiles } from './find-files.ts';
import { survey, surveyText } from './survey.ts';
import { unwrapFiles } from './unwrap.ts';
import { wrapFiles } from './wrap.ts';

const TEXT = '{"mcpServers": {"a": {"command": "npx", "args": ["a"]}}}\n';
let home: string;
let said: string[];

beforeEach(() => {
  home = mkdtempSync(join(realpathSync(tmpdir()), 'obsigna-change-'));
  said = [];
});
afterEach(() => rmSync(home, { recursive: true }));

function put(name: string, text = TEXT): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function surroundings() {
  const host = { env: {}, platform: 'linux', home };
  const hear = (text: string) => void said.push(text);
  const cli = { paths: defaultPaths(host), say: { log: hear, warn: hear } as never };
  return { cli, search: { host, project: join(home, 'p') } };
}

function wrap(options: { servers?: readonly string[]; script?: string } = {}) {
  const { cli, search } = surroundings();
  const script = options.script ?? put('bin/mcp-proxy.cjs', '');
  const proxy = { program: process.execPath, script };
  return wrapFiles(cli, findConfigFiles(search), { proxy, servers: options.servers });
}

const coded = (code: string) => expect.objectContaining({ code }) as unknown;
const namesOf = (outcomes: readonly FileOutcome[]) => outcomes.map(({ changed }) => changed);

describe('wrapFiles()', () => {
  test('finds a file that two clients share, or that two links lead to, once', () => {
    const shared = put('p/.mcp.json'); // Claude Code and Copilot CLI
    put('dotfiles/mcp.json');
    for (const path of ['.cursor/mcp.json', '.kiro/settings/mcp.json']) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      symlinkSync(join(home, 'dotfiles/mcp.json'), join(home, path));
    }
    const outcomes = wrap();
    const clients = outcomes.map(({ file }) => file.places.map(({ client }) => client.id));
    expect(clients).toEqual([
      ['claude-code', 'copilot'],
      ['cursor', 'kiro'],
    ]);
    expect(namesOf(outcomes)).toEqual([['a'], ['a']]);
    expect(said).toContain(
      `${shared} names paths of this machine now: unwrap it before you share it`,
    );
    expect(said).toContain('note: Cursor: a changed server has to be approved again');
  });

  test('goes on behind a file that it may not change or cannot read', () => {
    const broken = put('.cursor/mcp.json', '{"mcpServers": {');
    const locked = put('.kiro/settings/mcp.json');
    chmodSync(locked, 0o444);
    put('.junie/mcp/mcp.json');
    const outcomes = wrap();
    expect(namesOf(outcomes)).toEqual([[], ['a'], []]);
    expect(outcomes[0]?.error).toEqual(coded('CLIENT_FILE_INVALID'));
    expect(outcomes[2]?.error).toEqual(coded('CLIENT_FILE_UNSAFE'));
    expect(readFileSync(broken, 'utf8')).toBe('{"mcpServers": {');
    expect(readFileSync(locked, 'utf8')).toBe(TEXT);
  });

  test('leaves what an administrator manages, and names it', () => {
    put('.cursor/mcp.json');
    const { cli, search } = surroundings();
    const [file] = findConfigFiles(search);
    if (file === undefined) throw new Error('not found');
    const managed = [{ ...file, scope: 'managed' as const }];
    const proxy = { program: process.execPath };
    const [outcome] = wrapFiles(cli, managed, { proxy });
    expect(outcome).toMatchObject({
      changed: [],
      skipped: [{ server: 'a', reason: 'an administrator manages this file' }],
    });
  });

  test('gives an entry whose proxy has moved the new path, which unwraps to the byte', () => {
    const path = put('.cursor/mcp.json');
    const old = put('old/mcp-proxy.cjs', '');
    expect(namesOf(wrap({ script: old }))).toEqual([['a']]);
    const moved = put('new/keep', '').replace('keep', 'mcp-proxy.cjs');
    renameSync(old, moved);
    const { cli, search } = surroundings();
    expect(survey(search)).toMatchObject({ governed: 0, servers: [{ standing: 'broken' }] });
    expect(namesOf(wrap({ script: moved }))).toEqual([['a']]);
    expect(readFileSync(path, 'utf8')).toContain(moved);
    const found = survey(search);
    expect(surveyText(found)).toBe('1 of 1 configured server governed');
    const [undone] = unwrapFiles(cli, findConfigFiles(search));
    expect(undone).toMatchObject({ changed: ['a'], isAsBefore: true });
    expect(readFileSync(path, 'utf8')).toBe(TEXT);
  });
});

test('unwrapFiles() keeps what others have changed in the meantime [C.unwrap]', () => {
  const path = put('.cursor/mcp.json');
  wrap();
  const added = readFileSync(path, 'utf8').replace('}}}', '}, "b": {"url": "https://b"}}}');
  writeFileSync(path, added);
  const { cli, search } = surroundings();
  const [outcome] = unwrapFiles(cli, findConfigFiles(search));
  expect(outcome).toMatchObject({ changed: ['a'], isAsBefore: false });
  expect(readFileSync(path, 'utf8')).toBe(TEXT.replace('}}}', '}, "b": {"url": "https://b"}}}'));
});
