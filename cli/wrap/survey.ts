import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Scope } from '../clients/client.ts';
import { CodedError } from '../../shared/errors.ts';
import { findConfigFiles, type ConfigFile, type Search } from './find-files.ts';
import type { ServerEntry } from './entries.ts';
import type { GovernedLaunch } from './launch.ts';

/**
 * What becomes of the calls of one server. `governed` alone means that they pass the proxy; `broken` has
 * a proxy that cannot start; `disabled` is switched off and makes no calls.
 */
export type Standing =
  | 'governed'
  | 'broken'
  | 'open'
  | 'remote'
  | 'builtin'
  | 'unclear'
  | 'disabled';

export interface SurveyedServer {
  readonly clients: readonly string[];
  readonly scope: Scope;
  readonly path: string;
  readonly line: number;
  readonly server: string;
  readonly standing: Standing;
  readonly reason: string;
}

export interface Survey {
  readonly servers: readonly SurveyedServer[];
  readonly files: readonly ConfigFile[];
  /** Servers that are not switched off. */
  readonly configured: number;
  readonly governed: number;
  readonly unread: readonly { readonly path: string; readonly error: CodedError }[];
}

/** Which servers of the clients on this machine pass the proxy, and which do not. */
export function survey(search: Search): Survey {
  const files = findConfigFiles(search);
  const servers = files.flatMap((file) =>
    file.content instanceof CodedError
      ? []
      : file.content.entries.map((entry) => surveyed(file, entry)),
  );
  const unread = files.flatMap(({ path, content }) =>
    content instanceof CodedError ? [{ path, error: content }] : [],
  );
  const configured = servers.filter(({ standing }) => standing !== 'disabled').length;
  const governed = servers.filter(({ standing }) => standing === 'governed').length;
  return { servers, files, configured, governed, unread };
}

/** `7 of 9 configured servers governed` */
export function surveyText({ governed, configured }: Survey): string {
  const noun = configured === 1 ? 'server' : 'servers';
  return `${governed} of ${configured} configured ${noun} governed`;
}

function surveyed({ places, scope, path }: ConfigFile, entry: ServerEntry): SurveyedServer {
  const clients = [...new Set(places.map(({ client }) => client.id))];
  const at = { clients, scope, path, line: entry.line, server: entry.name };
  if (entry.isDisabled) return { ...at, standing: 'disabled', reason: 'switched off in the file' };
  return { ...at, ...standingOf(entry, scope) };
}

function standingOf(
  { state }: ServerEntry,
  scope: Scope,
): Pick<SurveyedServer, 'standing' | 'reason'> {
  switch (state.kind) {
    case 'governed': {
      const trouble = troubleOf(state.as);
      if (trouble !== undefined) return { standing: 'broken', reason: trouble };
      const rules = state.as.rules ?? 'the built-in rules';
      return { standing: 'governed', reason: `by ${rules}` };
    }
    case 'plain':
      return { standing: 'open', reason: openReason(scope) };
    case 'remote':
      if (state.remote === undefined || state.remote.doubt !== undefined) {
        return { standing: 'remote', reason: state.reason };
      }
      return { standing: 'open', reason: openReason(scope) };
    case 'builtin':
    case 'unclear':
      return { standing: state.kind, reason: state.reason };
  }
}

function openReason(scope: Scope): string {
  return scope === 'managed' ? 'an administrator manages this file' : 'not wrapped';
}

/** Why a wrapped server would not start; undefined where nothing is seen. */
export function troubleOf({
  node,
  proxy,
  rules,
}: Pick<GovernedLaunch, 'node' | 'proxy' | 'rules'>): string | undefined {
  // A program's name is looked up with the client's PATH, which nobody knows here.
  const programs = [node, proxy].filter((it) => it !== undefined && isAbsolute(it));
  for (const path of programs as readonly string[]) {
    if (!isUsable(path, path === proxy && node !== undefined ? constants.R_OK : constants.X_OK)) {
      return `${path} is not there, or cannot be run`;
    }
  }
  if (rules !== undefined && isAbsolute(rules) && !isUsable(rules, constants.R_OK)) {
    return `its rules file ${rules} is not there, or cannot be read`;
  }
  return undefined;
}

function isUsable(path: string, how: number): boolean {
  try {
    accessSync(path, how);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
