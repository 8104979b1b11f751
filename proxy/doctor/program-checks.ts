import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import type { Greeting } from '../../shared/health/daemon-checks.ts';
import { VERSION } from '../../shared/version.ts';
import { findProgram, realPath } from './find-program.ts';

/** The second name is ours alone; the first one is taken by others on npm and PyPI. */
const NAMES = ['mcp-proxy', 'obsigna-mcp'] as const;

/** Which program this is, and whether a configuration that says `mcp-proxy` would start it. */
export function programCheck(own: string, searchPath: string): HealthCheck {
  const name = 'program';
  const self = realPath(own);
  const place = `${self}, version ${VERSION}, Node ${process.version}`;
  const found = findProgram(NAMES[0], searchPath);
  if (found === undefined) {
    const fix = `name it by its path in the client's configuration: ${own}`;
    return note(name, `${place}; no ${NAMES[0]} on the PATH`, fix);
  }
  if (realPath(found) === self) return ok(name, `${place}; on the PATH as ${found}`);
  const other = findProgram(NAMES[1], searchPath);
  const isOurs = other !== undefined && realPath(other) === self;
  const fix = `name it in the client's configuration as ${isOurs ? NAMES[1] : own}`;
  return warn(name, `${place}; ${NAMES[0]} on the PATH is another program: ${found}`, fix);
}

/** Where the server's command leads. The client looks it up in the PATH that it hands on. */
export function commandCheck(command: string, searchPath: string): HealthCheck {
  const name = 'server command';
  const found = findProgram(command, searchPath);
  if (found !== undefined) {
    const real = realPath(found);
    return ok(name, real === found ? found : `${found}, which leads to ${real}`);
  }
  const where = command.includes('/')
    ? 'is no program that this user may run'
    : 'is not on the PATH';
  return fail(name, `${command} ${where}`, `install it, or name it by its whole path`);
}

/** `-require-receipt` refuses every call unless the daemon acknowledges what it has written. */
export function receiptsCheck(greeting: Greeting): HealthCheck {
  const name = 'required receipts';
  const known = greeting.state === 'greeted' ? greeting.extensions : [];
  const missing = ['ack', 'phase'].filter((extension) => !known.includes(extension));
  if (missing.length === 0) return ok(name, 'the daemon acknowledges what it has recorded');
  const reason = 'every call would be refused: no daemon acknowledges announcements';
  return fail(name, reason, 'start our daemon, obsigna daemon run, or leave out -require-receipt');
}
