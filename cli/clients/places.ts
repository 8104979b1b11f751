import type { HostFacts } from '../../shared/paths.ts';
import type { Client, ClientFile } from './client.ts';

/** A file of a client on this machine, as an absolute path; `*` may still stand in it. */
export interface ClientPlace {
  readonly client: Client;
  readonly file: ClientFile;
  readonly path: string;
}

/**
 * Where the clients keep their servers here.
 *
 * @param project - The folder that project files are looked for in.
 */
export function clientPlaces(
  clients: readonly Client[],
  host: HostFacts,
  project: string,
): readonly ClientPlace[] {
  return clients.flatMap((client) =>
    client.files
      .filter(({ platform }) => platform === undefined || platform === host.platform)
      .flatMap((file) => {
        const path = expand(file.path, host, project);
        return path === undefined ? [] : [{ client, file, path }];
      }),
  );
}

/** Undefined where it needs a home directory and there is none. */
function expand(path: string, { env, home }: HostFacts, project: string): string | undefined {
  const [, name, fallback, rest] = /^\$\{(\w+):-([^}]*)\}(.*)$/.exec(path) ?? [];
  if (name !== undefined) {
    const given = env[name] ?? '';
    // As the base directory specification has it: what is not absolute does not count.
    if (given.startsWith('/')) return `${given.replace(/\/+$/, '')}${rest}`;
    return expand(`${fallback}${rest}`, { env, home, platform: '' }, project);
  }
  if (path.startsWith('./')) return `${project.replace(/\/+$/, '')}/${path.slice(2)}`;
  if (!path.startsWith('~/')) return path;
  return home === '' ? undefined : `${home.replace(/\/+$/, '')}/${path.slice(2)}`;
}
