import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodedError } from '../../shared/errors.ts';

export interface SocketHost {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of our data files, which only the user may enter. */
  readonly dataDir: string;
}

/** sun_path less its terminating NUL. */
const MAX_PATH_BYTES: Partial<Record<NodeJS.Platform, number>> = { linux: 107, darwin: 103 };

/**
 * Whether the daemon may listen at `path`: only inside directories that other users cannot write
 * to, because whoever can replace the socket can pose as the daemon.
 *
 * @returns Why the place is not safe, or undefined. The caller decides about an override.
 * @throws CodedError `SOCKET_PATH_INVALID` for what no override allows: TCP addresses, long paths
 */
export function judgeSocketPath(path: string, host: SocketHost): string | undefined {
  if (/^tcp[46]?:\/\//i.test(path) || (!path.includes('/') && /:\d+$/.test(path))) {
    throw new CodedError('SOCKET_PATH_INVALID', `${path} is a network address, not a Unix socket`);
  }
  const absolute = resolve(path);
  const limit = MAX_PATH_BYTES[host.platform] ?? 103;
  const length = Buffer.byteLength(absolute);
  if (length > limit) {
    const message = `socket path of ${length} bytes, the system's limit is ${limit}: ${absolute}`;
    throw new CodedError('SOCKET_PATH_INVALID', message);
  }
  const roots = allowedRoots(host);
  try {
    const real = realOf(absolute);
    if (roots.some((root) => contains(realOf(root), real))) return undefined;
  } catch (error) {
    return `${absolute} cannot be resolved (${(error as NodeJS.ErrnoException).code})`;
  }
  return `${absolute} is outside the directories that only system services or this user can write: ${roots.join(', ')}`;
}

function allowedRoots({ platform, env, dataDir }: SocketHost): string[] {
  const absolute = (path: string | undefined) => (path && isAbsolute(path) ? [path] : []);
  if (platform === 'darwin') return ['/var/run', ...absolute(env['TMPDIR']), ...absolute(dataDir)];
  return ['/run', '/var/run', ...absolute(env['XDG_RUNTIME_DIR']), ...absolute(dataDir)];
}

/** Resolves symlinks of the longest ancestor that exists; the rest is appended as it is. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return join(realOf(dirname(path)), basename(path));
  }
}

function contains(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
