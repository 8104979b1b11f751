import { lstatSync } from 'node:fs';
import type { ClientFile } from '../clients/client.ts';
import { CodedError } from '../../shared/errors.ts';
import type { Cli } from '../cli.ts';
import { diffOf } from './diff.ts';
import type { ServerEntry } from './entries.ts';
import type { ConfigFile } from './find-files.ts';
import { isKnownBackup, keepBackup, refuseUnsafe, replaceClientFile } from './replace-file.ts';
import type { Rewrite } from './rewrite.ts';

/** A server of a file that stays as it is, and why. */
export interface SkippedServer {
  readonly server: string;
  readonly reason: string;
}

/** What this needs of the process. */
export type Surroundings = Pick<Cli, 'paths' | 'say'>;

/** What became of one file. */
export interface FileOutcome {
  readonly file: ConfigFile;
  readonly changed: readonly string[];
  /** Nothing had to be done. */
  readonly settled: readonly string[];
  readonly skipped: readonly SkippedServer[];
  /** Asked for, and not possible. */
  readonly refused: readonly SkippedServer[];
  readonly error?: CodedError;
  readonly backup?: string;
  /** The bytes are those of a backup again. */
  readonly isAsBefore?: boolean;
  readonly diff?: string;
}

/** What is to be done with the entries of one file. */
export interface Plan {
  readonly chosen: readonly ServerEntry[];
  readonly settled: readonly string[];
  readonly skipped: readonly SkippedServer[];
}

export interface Work {
  readonly isDryRun: boolean;
  /** `wrap` keeps what was there before; `unwrap` says whether it is there again. */
  readonly keepsBackup: boolean;
  readonly plan: (file: ConfigFile, entries: readonly ServerEntry[]) => Plan;
  readonly rewrite: (
    content: Exclude<ConfigFile['content'], CodedError>,
    file: ClientFile,
    chosen: readonly ServerEntry[],
  ) => Rewrite;
  /** Called before a file is written. */
  readonly announce: (file: ConfigFile) => void;
}

/** Changes the files one by one; a fault in one of them does not keep the others from being changed. */
export function changeFiles(
  cli: Surroundings,
  files: readonly ConfigFile[],
  work: Work,
): readonly FileOutcome[] {
  return files.map((file) => {
    const nothing = { file, changed: [], settled: [], skipped: [], refused: [] };
    if (file.content instanceof CodedError) return { ...nothing, error: file.content };
    const { chosen, ...others } = work.plan(file, file.content.entries);
    try {
      return { ...nothing, ...others, ...changeFile(cli, file, file.content, chosen, work) };
    } catch (error) {
      if (error instanceof CodedError) return { ...nothing, ...others, error };
      throw error;
    }
  });
}

type Change = Pick<FileOutcome, 'changed' | 'refused' | 'backup' | 'isAsBefore' | 'diff'>;

function changeFile(
  cli: Surroundings,
  file: ConfigFile,
  content: Exclude<ConfigFile['content'], CodedError>,
  chosen: readonly ServerEntry[],
  work: Work,
): Change {
  if (chosen.length === 0) return { changed: [], refused: [] };
  const { file: description } = file.places[0];
  const rewrite = work.rewrite(content, description, chosen);
  const changed = rewrite.changed.map(({ name }) => name);
  const refused = rewrite.refused.map(({ entry, reason }) => ({ server: entry.name, reason }));
  if (changed.length === 0) return { changed, refused };
  refuseUnsafe(file.path, lstatSync(content.found.target));
  if (work.isDryRun) {
    return { changed, refused, diff: diffOf(rewrite, description, file.path) };
  }
  work.announce(file);
  const { found } = content;
  const { dataDir } = cli.paths;
  const bytes = Buffer.from(found.mark + rewrite.after.text);
  const backup = work.keepsBackup ? { backup: keepBackup(requireData(dataDir), found) } : {};
  replaceClientFile(found, bytes);
  if (work.keepsBackup || dataDir === '') return { changed, refused, ...backup };
  return { changed, refused, isAsBefore: isKnownBackup(dataDir, found.target, bytes) };
}

function requireData(dataDir: string): string {
  if (dataDir !== '') return dataDir;
  throw new CodedError('USAGE', 'no home directory: backups have no place');
}
