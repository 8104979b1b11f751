import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { hostFacts } from '../../emitter/default-socket.ts';
import { CodedError } from '../../shared/errors.ts';
import { socketOfStarted } from '../../shared/health/daemon-checks.ts';
import { emitterSocket, type HostFacts } from '../../shared/paths.ts';
import type { Cli } from '../cli.ts';
import { readRules } from '../rules/files.ts';
import { findSibling } from '../sibling.ts';
import type { ProxyCommand } from './launch.ts';

/**
 * How clients are to run the proxy or the hook, and by which rules. Node is named: a client that was started from
 * a desktop has a PATH on which it may not be.
 *
 * @param rules - As given; without it the file that `init` writes, if there is one.
 * @throws CodedError `PROGRAM_MISSING`; `RULES_UNREADABLE`, `RULES_INVALID`: with such rules no server
 *   would start
 */
export function governedCommand(
  name: 'mcp-proxy' | 'obsigna-hook',
  cli: Cli,
  rules: string | undefined,
): ProxyCommand {
  const found = findSibling(name, cli.env['PATH'] ?? '');
  if (found === undefined) {
    throw new CodedError('PROGRAM_MISSING', `${name} is neither beside this program nor on PATH`);
  }
  const script = realpathSync(found);
  const file = rulesFile(cli, rules);
  const flags = { ...(file !== undefined && { rules: file }), ...socketOf(hostFacts(cli.env)) };
  if (!/\.[cm]?js$/.test(script)) return { program: script, ...flags };
  return { program: stableNode(cli.env['PATH'] ?? ''), script, ...flags };
}

/** Named only where it has to be, so that the entry stays good when the socket moves. */
function socketOf(host: HostFacts): { readonly socket?: string } {
  const socket = emitterSocket(host);
  return socket === '' || socket === socketOfStarted(host) ? {} : { socket };
}

function rulesFile(cli: Cli, given: string | undefined): string | undefined {
  const path = given === undefined ? join(cli.paths.dataDir, 'rules.yaml') : resolve(given);
  if (given === undefined && (cli.paths.dataDir === '' || !existsSync(path))) return undefined;
  readRules(path);
  return path;
}

/**
 * The Node that runs us, under the name by which it is found: the real path often has a version in it
 * and is gone after the next upgrade.
 */
function stableNode(searchPath: string): string {
  const real = realpathSync(process.execPath);
  const named = searchPath
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, 'node'))
    .find((path) => isSame(path, real));
  return named ?? process.execPath;
}

function isSame(path: string, real: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return realpathSync(path) === real;
  } catch {
    return false;
  }
}
