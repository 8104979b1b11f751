import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse as parseJsonc, type ParseError } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import { afterAll, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { findConfigFiles } from '../../cli/wrap/find-files.ts';
import { unwrapFiles } from '../../cli/wrap/unwrap.ts';
import { wrapFiles } from '../../cli/wrap/wrap.ts';
import { defaultPaths } from '../../shared/paths.ts';
import { CORPUS, type CorpusFile } from './corpus.ts';

const root = mkdtempSync(join(realpathSync(tmpdir()), 'obsigna clients '));
afterAll(() => rmSync(root, { recursive: true }));

/** Files that are there: an entry whose proxy is gone would be renewed. */
const PROXY = {
  program: process.execPath,
  script: join(root, 'mcp-proxy.cjs'),
  rules: join(root, 'rules.yaml'),
};
writeFileSync(PROXY.script, '');
writeFileSync(PROXY.rules, '');

test('the corpus is large enough', () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(60);
});

const LONE_LINE_FEED = /(?<!\r)\n/;

/** A home directory that holds nothing but this file. */
function homeOf({ path, text, mode = 0o644, isLink = false }: CorpusFile, at: number) {
  const home = join(root, String(at));
  const file = join(home, path);
  const real = isLink ? join(home, 'dotfiles', 'the file') : file;
  for (const folder of [dirname(file), dirname(real)]) mkdirSync(folder, { recursive: true });
  writeFileSync(real, text);
  chmodSync(real, mode);
  if (isLink) symlinkSync(real, file);
  return { home, file, real };
}

function lookIn(home: string, platform = 'linux') {
  const host = { env: {}, platform, home };
  const cli = { paths: defaultPaths(host), say: { log: () => {}, warn: () => {} } as never };
  const files = () => findConfigFiles({ host, project: join(home, 'project') });
  return { cli, files };
}

for (const [at, it] of CORPUS.entries()) {
  test(`wrap and unwrap ${it.path}: ${it.name} [C.wrap] [C.unwrap]`, () => {
    const { home, file, real } = homeOf(it, at);
    const { cli, files } = lookIn(home, it.platform);
    const { asked: servers, isRemoteToo } = it;
    const before = statSync(real);

    const [outcome, ...more] = wrapFiles(cli, files(), { proxy: PROXY, servers, isRemoteToo });
    expect(more).toEqual([]);
    expect(outcome?.error).toBeUndefined();
    expect(outcome?.refused).toEqual([]);
    expect(outcome?.changed).toEqual(it.wraps);
    expect(outcome?.skipped.map(({ server }) => server)).toEqual(it.skips ?? []);
    expect(outcome?.settled).toEqual(it.already ?? []);

    const wrapped = readFileSync(real, 'utf8');
    expect(parsed(it, wrapped)).toEqual(expectedOf(parsed(it, it.text), it));
    if (!LONE_LINE_FEED.test(it.text)) expect(wrapped).not.toMatch(LONE_LINE_FEED);
    const after = statSync(real);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(lstatSync(file).isSymbolicLink()).toBe(it.isLink === true);
    expect(readdirSync(dirname(real)).filter((name) => name.includes('obsigna'))).toEqual([]);
    if (it.wraps.length > 0) expect(readFileSync(outcome?.backup ?? '', 'utf8')).toBe(it.text);

    // Once more changes nothing, not even the file; also from another installation.
    const [again] = wrapFiles(cli, files(), {
      proxy: { ...PROXY, script: '/elsewhere/mcp-proxy.cjs' },
      servers,
      isRemoteToo,
    });
    expect(again?.changed).toEqual([]);
    expect(readFileSync(real, 'utf8')).toBe(wrapped);
    if (it.already !== undefined) return; // what was wrapped before would be unwrapped too

    const [undone] = unwrapFiles(cli, files());
    expect(undone?.changed).toEqual(it.wraps);
    expect(readFileSync(real).equals(Buffer.from(it.text))).toBe(true);
    expect(statSync(real).mode).toBe(before.mode);
    expect(existsSync(file)).toBe(true);
  });
}

/** By the parser of the format; JSON with comments by that of VS Code. */
function parsed({ path }: CorpusFile, withMark: string): unknown {
  const text = withMark.replace(/^\uFEFF/, '');
  if (path.endsWith('.toml')) return parseToml(text);
  if (path.endsWith('.yaml')) return parseYaml(text, { merge: true });
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  expect(errors).toEqual([]);
  return value;
}

type Wishes = Pick<CorpusFile, 'wraps' | 'hides'>;

type Entry = Readonly<Record<string, unknown>>;

/** The value of before, with the proxy in front of these servers and nothing else changed. */
function expectedOf(value: unknown, wishes: Wishes, name = ''): unknown {
  const { wraps, hides = [] } = wishes;
  if (Array.isArray(value)) return value.map((item) => expectedOf(item, wishes, nameOf(item)));
  if (value === null || Object.prototype.toString.call(value) !== '[object Object]') return value;
  const map = value as Entry;
  if (wraps.includes(name) && URLS.some((url) => url in map)) {
    return wrappedRemote(map, name, hides.includes(name));
  }
  if (wraps.includes(name) && ('command' in map || 'cmd' in map)) return wrappedEntry(map, name);
  return Object.fromEntries(
    Object.entries(map).map(([key, it]) => [key, expectedOf(it, wishes, key)]),
  );
}

const URLS = ['url', 'serverUrl', 'httpUrl', 'uri'];

/** An entry that starts the proxy with `-url`; no value of a header is among its words. */
function wrappedRemote(entry: Entry, name: string, isHidden: boolean): Entry {
  const { type, headers, http_headers: codexHeaders, bearer_token_env_var: bearer } = entry;
  const { env_http_headers: named = {}, env, envs, ...others } = entry;
  const values = Object.entries((headers ?? codexHeaders ?? {}) as Record<string, string>);
  const seen: string[] = [];
  const given = values.map(([header, value]) => {
    const plain = `OBSIGNA_HEADER_${header.toUpperCase().replaceAll('-', '_')}`;
    seen.push(plain);
    const count = seen.filter((it) => it === plain).length;
    return [header, count === 1 ? plain : `${plain}_${count}`, value] as const;
  });
  const names = Object.entries(named as Record<string, string>);
  const url = URLS.find((it) => it in entry) ?? '';
  const words = [
    PROXY.script,
    '-name',
    name,
    '-rules',
    PROXY.rules,
    ...given.flatMap(([header, variable]) => ['-header-env', `${header}=${variable}`]),
    ...names.flatMap(([header, variable]) => ['-header-env', `${header}=${variable}`]),
    ...(bearer === undefined ? [] : ['-bearer-env', bearer]),
    '-was',
    expect.stringMatching(new RegExp(`^url=${url}(,[\\w%=.,-]+)?$`)) as unknown,
    ...(isHidden ? ['-url-env', 'OBSIGNA_URL'] : ['-url', entry[url]]),
  ];
  const isArgv = type === 'remote';
  const isGoose = url === 'uri';
  const handed = [...(bearer === undefined ? [] : [bearer]), ...names.map(([, it]) => it)];
  const gone = [...URLS, 'type', 'headers', 'http_headers', 'bearer_token_env_var'];
  const kept = Object.entries(others).filter(([member]) => !gone.includes(member));
  const address = isHidden ? { OBSIGNA_URL: entry[url] } : {};
  const variables = Object.fromEntries(given.map(([, variable, value]) => [variable, value]));
  const envName = isArgv ? 'environment' : isGoose ? 'envs' : 'env';
  const hasHeaders = headers !== undefined || codexHeaders !== undefined;
  return {
    ...Object.fromEntries(kept),
    ...(env !== undefined && { env: { ...address, ...(env as object) } }),
    ...(envs !== undefined && { envs: { ...address, ...(envs as object) } }),
    ...(isArgv
      ? { command: [PROXY.program, ...words] }
      : { [isGoose ? 'cmd' : 'command']: PROXY.program, args: words }),
    ...(type !== undefined && { type: isArgv ? 'local' : 'stdio' }),
    ...((hasHeaders || (isHidden && env === undefined && envs === undefined)) && {
      [envName]: { ...address, ...variables },
    }),
    ...(handed.length > 0 && { env_vars: handed }),
  };
}

function nameOf(item: unknown): string {
  const { name } = (item ?? {}) as Entry;
  return typeof name === 'string' ? name : '';
}

function wrappedEntry(entry: Entry, name: string): Entry {
  const flags = (isBare: boolean) => [
    PROXY.script,
    ...(isBare ? [`-name=${name}`] : ['-name', name]),
    '-rules',
    PROXY.rules,
    '--',
  ];
  const split = (map: Entry, member: string) => {
    const { args } = map as { args?: readonly unknown[] };
    const words = [...flags(args === undefined), map[member], ...(args ?? [])];
    return { ...map, [member]: PROXY.program, args: words };
  };
  const { command } = entry;
  if (Array.isArray(command)) {
    return { ...entry, command: [PROXY.program, ...flags(false), ...(command as unknown[])] };
  }
  if (typeof command === 'object' && command !== null) {
    return { ...entry, command: split(command as Entry, 'path') };
  }
  return split(entry, 'cmd' in entry ? 'cmd' : 'command');
}
