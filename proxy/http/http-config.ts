import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isScalar, isSeq, type Node } from 'yaml';
import { CodedError } from '../../shared/errors.ts';
import {
  isString,
  quote,
  readMap,
  readText,
  wrongType,
  type Member,
  type Members,
} from '../../shared/yaml/read-map.ts';
import { YamlSource } from '../../shared/yaml/yaml-source.ts';
import { readAddress } from '../options.ts';
import {
  DEFAULT_LISTEN,
  listenFault,
  readUpstream,
  type HttpSettings,
  type UpstreamSettings,
} from './http-options.ts';

const FILE_KEYS = [
  'listen',
  'public',
  'allow_hosts',
  'allow_origins',
  'allow_remote',
  'token_file',
  'rules',
  'ca',
  'upstreams',
];
const UPSTREAM_KEYS = ['name', 'url', 'path', 'rules', 'ca'];
/** A name or a path that needs no escapes in an address. */
const PATH = /^(?:\/[\w.~-]+)+$/;

/** @throws CodedError `HTTP_CONFIG_UNREADABLE`, `HTTP_CONFIG_INVALID` */
export async function readHttpConfig(file: string): Promise<HttpSettings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('HTTP_CONFIG_UNREADABLE', `cannot read ${file} (${code})`, { cause });
  }
  return parseHttpConfig(text, file);
}

/**
 * Reads a configuration of several servers strictly: what is not understood is an error with its
 * place, never ignored. Paths in it begin at the folder of the file.
 *
 * @throws CodedError `HTTP_CONFIG_INVALID` with every problem, one per line
 */
export function parseHttpConfig(text: string, file: string): HttpSettings {
  const source = new YamlSource(text);
  const settings = readSettings(source, dirname(resolve(file)));
  const { problems } = source;
  if (problems.length > 0 || settings === undefined) {
    const lines = problems.map(
      ({ line, column, message, remedy }) => `${file}:${line}:${column}: ${message}; ${remedy}`,
    );
    throw new CodedError('HTTP_CONFIG_INVALID', lines.join('\n'));
  }
  return settings;
}

function readSettings(source: YamlSource, folder: string): HttpSettings | undefined {
  const { root } = source;
  if (root === undefined) {
    if (source.problems.length === 0) source.report(0, 'the file is empty', 'name the upstreams');
    return undefined;
  }
  const members = readMap(source, root, 'the file', FILE_KEYS);
  if (members === undefined) return undefined;
  const path = (member: Member | undefined) => pathIn(source, member, folder);
  const shared = { rules: path(members.get('rules')), ca: path(members.get('ca')) };
  const settings: HttpSettings = {
    listen: readListen(source, members.get('listen')),
    hosts: readList(source, members.get('allow_hosts')),
    origins: readList(source, members.get('allow_origins')),
    publicOrigin: readText(source, members.get('public')),
    isRemote: readFlag(source, members.get('allow_remote')),
    tokenFile: path(members.get('token_file')),
    upstreams: readUpstreams(source, members, root, (map) => ({
      rules: path(map.get('rules')) ?? shared.rules,
      ca: path(map.get('ca')) ?? shared.ca,
    })),
  };
  const fault = listenFault(settings);
  if (fault !== undefined)
    source.report(
      (members.get('public') ?? members.get('listen'))?.value ?? root,
      fault,
      'change the one or add the other',
    );
  return settings;
}

function readListen(source: YamlSource, member: Member | undefined): HttpSettings['listen'] {
  const text = readText(source, member) ?? DEFAULT_LISTEN;
  try {
    return readAddress('listen', text);
  } catch (error) {
    if (!(error instanceof CodedError) || member === undefined) throw error;
    source.report(member.value, `"listen" is ${quote(text)}`, 'write HOST:PORT: 127.0.0.1:4100');
    return { host: '', port: 0 };
  }
}

function readUpstreams(
  source: YamlSource,
  members: Members,
  root: Node,
  files: (map: Members) => Pick<UpstreamSettings, 'rules' | 'ca'>,
): readonly UpstreamSettings[] {
  const member = members.get('upstreams');
  if (member === undefined || !isSeq(member.value) || member.value.items.length === 0) {
    const at = member?.value ?? root;
    source.report(
      at,
      '"upstreams" must be a list with a server in it',
      'write "- name: ..." below',
    );
    return [];
  }
  const { items } = member.value;
  const seen: { readonly name: string; readonly prefix: string }[] = [];
  return items.flatMap((item) => {
    const map = readMap(source, item as Node, 'a server', UPSTREAM_KEYS);
    if (map === undefined) return [];
    const read = readServer(source, map, item as Node, items.length === 1);
    if (read === undefined) return [];
    const { name, prefix } = read;
    if (seen.some((other) => other.name === name))
      source.report(item as Node, `another server has the name ${quote(name)}`, 'change it');
    // One server could name an address of the other as its own.
    if (seen.some((other) => isUnder(other.prefix, prefix) || isUnder(prefix, other.prefix)))
      source.report(item as Node, `another server has the path ${quote(prefix)}`, 'change it');
    seen.push(read);
    return [{ ...read, ...files(map) }];
  });
}

function isUnder(path: string, folder: string): boolean {
  return `${path}/`.startsWith(`${folder}/`);
}

function readServer(
  source: YamlSource,
  map: Members,
  at: Node,
  isOnly: boolean,
): Omit<UpstreamSettings, 'rules' | 'ca'> | undefined {
  const name = readText(source, map.get('name'));
  const address = readText(source, map.get('url'));
  if (name === undefined || name === '' || address === undefined) {
    source.report(at, 'a server needs "name" and "url"', 'add what is missing');
    return undefined;
  }
  const url = readUpstream(address);
  if (typeof url === 'string') {
    source.report(map.get('url')?.value ?? at, url, 'write the address of the MCP endpoint');
    return undefined;
  }
  const path = readText(source, map.get('path')) ?? `/${name}`;
  if (path !== '/' && !PATH.test(path)) {
    const remedy = 'write "path: /word", of letters, digits and . _ ~ -';
    source.report(map.get('path')?.value ?? at, `${quote(path)} is no path of ours`, remedy);
    return undefined;
  }
  if (path === '/' && !isOnly) {
    const remedy = 'give every server a path of its own';
    source.report(map.get('path')?.value ?? at, '"/" leaves no room for other servers', remedy);
  }
  return { name, isNamed: true, url, prefix: path === '/' ? '' : path };
}

function pathIn(
  source: YamlSource,
  member: Member | undefined,
  folder: string,
): string | undefined {
  const path = readText(source, member);
  return path === undefined ? undefined : resolve(folder, path);
}

function readList(source: YamlSource, member: Member | undefined): readonly string[] {
  if (member === undefined) return [];
  const items = isSeq(member.value) ? (member.value.items as readonly Node[]) : undefined;
  const texts = items?.map((item) => source.follow(item));
  if (texts === undefined || !texts.every(isString)) {
    wrongType(source, member, `"${member.name}" must be a list of texts`, 'write "- ..." lines');
    return [];
  }
  return texts.map(({ value }) => value.toLowerCase());
}

function readFlag(source: YamlSource, member: Member | undefined): boolean {
  if (member === undefined) return false;
  if (isScalar(member.value) && typeof member.value.value === 'boolean') return member.value.value;
  wrongType(source, member, `"${member.name}" must be true or false`, 'write one of them');
  return false;
}
