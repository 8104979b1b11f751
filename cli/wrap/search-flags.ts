import { resolve } from 'node:path';
import { hostFacts } from '../../emitter/default-socket.ts';
import { CLIENTS } from '../clients/table.ts';
import type { Scope } from '../clients/client.ts';
import { CodedError } from '../../shared/errors.ts';
import { suggestWord } from '../../shared/suggest.ts';
import type { Cli } from '../cli.ts';
import type { Search } from './find-files.ts';

/** Whose files are looked at; shared by `wrap`, `unwrap` and `status`. */
export const searchFlags = {
  client: {
    type: 'list',
    placeholder: 'ID,...',
    describe: 'clients to look at, such as cursor; docs/clients/ lists them',
    default: 'all',
  },
  server: {
    type: 'list',
    placeholder: 'NAME,...',
    describe: 'servers to look at, by their name in the file',
    default: 'all',
  },
  scope: {
    type: 'list',
    placeholder: 'SCOPE,...',
    describe: 'user: the files of this user; project: those of the project',
    default: 'user,project',
  },
  project: {
    type: 'string',
    placeholder: 'DIR',
    describe: 'folder of the project',
    default: 'the current one',
  },
} as const;

export interface SearchFlags {
  readonly client: readonly string[] | undefined;
  readonly server: readonly string[] | undefined;
  readonly scope: readonly string[] | undefined;
  readonly project: string | undefined;
}

/** @throws CodedError `USAGE` for a client or scope that does not exist */
export function readSearch(cli: Cli, { client, scope, project }: SearchFlags): Search {
  for (const id of client ?? []) requireClient(id);
  for (const word of scope ?? []) {
    if (word === 'user' || word === 'project') continue;
    throw new CodedError('USAGE', `-scope is "${word}", expected user or project`);
  }
  const scopes = scope as readonly Scope[] | undefined;
  return {
    host: hostFacts(cli.env),
    project: resolve(project ?? '.'),
    clients: client,
    ...(scopes !== undefined && { scopes }),
  };
}

function requireClient(id: string): void {
  const known = CLIENTS.map((it) => it.id);
  if (known.includes(id)) return;
  const meant = suggestWord(id, known);
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  throw new CodedError('USAGE', `no client "${id}": ${hint}`);
}
