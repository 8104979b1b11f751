import { spawn } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { CodedError } from '../shared/errors.ts';

/**
 * `mcp-proxy rules …` is `obsigna rules …`: replaying needs the store, which is for `obsigna` to read.
 * It is looked for beside this program first, so that two installations do not mix. ADR 0024
 *
 * @throws CodedError `PROGRAM_MISSING`
 */
export async function run(args: readonly string[]): Promise<number> {
  const path = findObsigna();
  // A bundle beside us runs under the Node that runs us.
  const [command = '', ...rest] = path.endsWith('.cjs') ? [process.execPath, path] : [path];
  const child = spawn(command, [...rest, 'rules', ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new CodedError('PROGRAM_MISSING', `cannot run ${path}: ${cause.message}`, { cause }));
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function findObsigna(): string {
  const [, started = ''] = process.argv;
  const own = [dirname(realpathSync(started)), dirname(started)];
  const beside = own.flatMap((folder) => [join(folder, 'obsigna.cjs'), join(folder, 'obsigna')]);
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const path = [...beside, ...onPath.map((folder) => join(folder, 'obsigna'))].find(isProgram);
  if (path !== undefined) return path;
  throw new CodedError('PROGRAM_MISSING', 'obsigna is neither beside this program nor on PATH');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
