import { spawnSync } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { CodedError } from '../shared/errors.ts';
import type { Cli, ExitCode } from './cli.ts';

/**
 * Runs another program of ours in place of this one: same environment, same standard streams, its
 * exit code. It is looked for beside this program first, so that two installations do not mix, and
 * then on PATH. Node cannot replace its process, so we wait; a signal at the terminal reaches both.
 *
 * @throws CodedError `PROGRAM_MISSING`
 */
export function runSibling(cli: Cli, name: string, args: readonly string[]): ExitCode {
  const path = findSibling(name, cli.env['PATH'] ?? '');
  if (path === undefined) {
    throw new CodedError('PROGRAM_MISSING', `${name} is neither beside this program nor on PATH`);
  }
  cli.out.flush();
  // A bundle beside us runs under the Node that runs us.
  const [command, ...rest] = path.endsWith('.cjs') ? [process.execPath, path] : [path];
  const { status, error } = spawnSync(command, [...rest, ...args], { stdio: 'inherit' });
  if (error !== undefined) {
    const message = `cannot run ${path}: ${(error as NodeJS.ErrnoException).code}`;
    throw new CodedError('PROGRAM_MISSING', message, { cause: error });
  }
  return status === 0 || status === 2 ? status : 1;
}

/** The path of another program of ours: beside this one, or on the PATH; undefined where it is neither. */
export function findSibling(name: string, searchPath: string): string | undefined {
  const [, started = ''] = process.argv;
  // Installed programs are links into the package; the bundle lies where the link leads.
  const own = [dirname(realpathSync(started)), dirname(started)];
  const beside = own.flatMap((folder) => [join(folder, `${name}.cjs`), join(folder, name)]);
  const onPath = searchPath.split(delimiter).filter(Boolean);
  return [...beside, ...onPath.map((folder) => join(folder, name))].find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
