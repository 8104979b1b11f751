import { readdirSync } from 'node:fs';
import { CLIENTS } from '../clients/table.ts';
import { clientPlaces, type ClientPlace } from '../clients/places.ts';
import type { Scope } from '../clients/client.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import type { ConfigText } from '../config-text/node.ts';
import { CodedError } from '../../shared/errors.ts';
import type { HostFacts } from '../../shared/paths.ts';
import { readEntries, type ServerEntry } from './entries.ts';
import { readClientFile, type FoundFile } from './read-file.ts';

/** A file of one client or more, read; or the reason why not. */
export interface ConfigFile {
  readonly path: string;
  readonly scope: Scope;
  /** All whose file it is; the first one's description is followed. */
  readonly places: readonly [ClientPlace, ...ClientPlace[]];
  readonly content:
    | {
        readonly found: FoundFile;
        readonly config: ConfigText;
        readonly entries: readonly ServerEntry[];
      }
    | CodedError;
}

export interface Search {
  readonly host: HostFacts;
  /** The folder that project files are looked for in. */
  readonly project: string;
  /** Ids of clients; all without it. */
  readonly clients?: readonly string[] | undefined;
  readonly scopes?: readonly Scope[] | undefined;
}

/**
 * The configuration files of clients that are there. One that two clients share, or that two paths
 * lead to, is found once.
 */
export function findConfigFiles({ host, project, clients, scopes }: Search): readonly ConfigFile[] {
  const byTarget = new Map<string, ConfigFile>();
  const wanted = clientPlaces(CLIENTS, host, project).filter(
    ({ client, file }) =>
      (clients === undefined || clients.includes(client.id)) &&
      (scopes === undefined || scopes.includes(file.scope)),
  );
  for (const place of wanted) {
    for (const path of expandGlob(place.path)) {
      const read = readPlace(place, path);
      if (read === undefined) continue;
      const key = read instanceof CodedError ? path : read.found.target;
      const known = byTarget.get(key);
      byTarget.set(key, {
        path: known?.path ?? path,
        scope: known?.scope ?? place.file.scope,
        places: known === undefined ? [place] : [...known.places, place],
        content: known?.content ?? read,
      });
    }
  }
  return [...byTarget.values()];
}

function readPlace({ file }: ClientPlace, path: string): ConfigFile['content'] | undefined {
  try {
    const found = readClientFile(path);
    if (found === undefined) return undefined;
    // An empty file is one that its client has not filled yet.
    const isEmpty = found.text.trim() === '';
    const config = parseConfig(isEmpty ? 'yaml' : file.format, found.text, path);
    return { found, config, entries: readEntries(config, file) };
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

/** The paths that a path with `*` in one of its parts leads to, in their order. */
function expandGlob(path: string): readonly string[] {
  const parts = path.split('/');
  const at = parts.findIndex((part) => part.includes('*'));
  if (at === -1) return [path];
  const folder = parts.slice(0, at).join('/');
  const [before = '', after = ''] = (parts[at] ?? '').split('*');
  const isMatch = (name: string) =>
    name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
  const names = namesIn(folder);
  if (names === undefined) return [folder]; // reading it will say why not
  return names
    .filter((name) => isMatch(name) && !name.startsWith('.'))
    .sort()
    .flatMap((name) => expandGlob([folder, name, ...parts.slice(at + 1)].join('/')));
}

function namesIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? [] : undefined; // no such client here
  }
}
