import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a command leads: a path as it is, a name through `searchPath`; undefined where nowhere. */
export function findProgram(command: string, searchPath: string): string | undefined {
  const places = command.includes('/')
    ? [command]
    : searchPath
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, command));
  return places.find(isProgram);
}

/** The file that a path leads to, through links; the path itself where there is nothing. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
