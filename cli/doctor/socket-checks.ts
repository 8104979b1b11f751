import { lstatSync, type Stats } from 'node:fs';
import { fail, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import { START_FIX } from '../../shared/health/daemon-checks.ts';

const WORLD_BITS = 0o007;
export function socketCheck(path: string): HealthCheck {
  const name = 'socket';
  const stat = socketStat(path);
  if (stat === undefined) return fail(name, `nothing at ${path}`, START_FIX);
  if (!stat.isSocket()) {
    return fail(name, `${path} is not a socket`, 'remove it if it is yours, and start the daemon');
  }
  const mode = `0${(stat.mode & 0o777).toString(8)}`;
  const place = `${path}, mode ${mode}, uid ${stat.uid}, group ${stat.gid}`;
  if ((stat.mode & WORLD_BITS) === 0) return ok(name, place);
  return warn(name, `${place}: every user may report`, `chmod 0660 ${path}`);
}

export function socketStat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a directory that may not be entered shows nothing either
  }
}
