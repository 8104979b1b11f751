import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CodedError } from '../../shared/errors.ts';

const BACKUP = '.obsigna-backup';

/** The file's text; empty for one that does not exist. @throws CodedError `HOOKS_CONFIG_INVALID` */
export function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new CodedError('HOOKS_CONFIG_INVALID', `cannot read ${path} (${code})`, { cause });
  }
}

/**
 * Replaces the text as a whole, behind a link as well, and keeps a copy of what was there.
 *
 * @param before - What was read: where the agent has written meanwhile, nothing is replaced
 * @returns Path of the copy; undefined where there was nothing to copy
 * @throws CodedError `HOOKS_CONFIG_UNWRITABLE`
 */
export function replaceConfig(path: string, before: string, text: string): string | undefined {
  return attempt(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const exists = existsSync(path);
    const real = exists ? realpathSync(path) : path;
    const temporary = `${real}.${process.pid}.tmp`;
    const mode = exists ? statSync(real).mode & 0o777 : 0o600;
    writeFileSync(temporary, text, { mode, flag: 'wx' });
    if (exists) copyFileSync(real, `${real}${BACKUP}`);
    if (readConfig(path) !== before) {
      rmSync(temporary);
      throw new CodedError('HOOKS_CONFIG_UNWRITABLE', `${path} has been changed meanwhile`);
    }
    renameSync(temporary, real);
    return exists ? `${real}${BACKUP}` : undefined;
  });
}

/** Removes a file of which only our part was left. */
export function removeConfig(path: string): void {
  attempt(path, () => rmSync(path));
}

export function hasBackup(path: string): boolean {
  return existsSync(`${path}${BACKUP}`);
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('HOOKS_CONFIG_UNWRITABLE', `cannot write ${path} (${code})`, { cause });
  }
}
