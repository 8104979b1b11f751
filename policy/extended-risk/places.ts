/** Folders and files that are somebody's secrets or the system itself, wherever the workspace is. */
const SENSITIVE =
  /(?:^|\/)(?:\.ssh|\.aws|\.gnupg|\.kube|\.docker|\.netrc|\.pgpass|\.npmrc|\.env(?:\.[a-z]+)?|id_rsa|id_ed25519|credentials|shadow|sudoers)(?:\/|$)/i;
const SYSTEM = /^\/(?:etc|boot|dev|proc|sys|root|usr|bin|sbin|lib|var\/lib|Library|System)(?:\/|$)/;
const MAX_PATH = 4096;

/** What is wrong with a text if it is a path; undefined if it is none, or lies inside. */
export function findOutsidePath(text: string, workspace: readonly string[]): string | undefined {
  const path = pathOf(text);
  if (path === undefined) return undefined;
  const resolved = resolve(path);
  if (SENSITIVE.test(resolved)) return 'path to secrets';
  if (SYSTEM.test(resolved) && !isInside(resolved, workspace)) return 'path of the system';
  if (workspace.length === 0) return undefined;
  const isAbsolute = resolved.startsWith('/') || resolved.startsWith('~');
  if (!isAbsolute) return resolved.startsWith('..') ? 'path outside the workspace' : undefined;
  return isInside(resolved, workspace) ? undefined : 'path outside the workspace';
}

/** The path that a text is, whole: prose that mentions one is none. */
function pathOf(text: string): string | undefined {
  if (text.length > MAX_PATH || text === '' || /[\n\r\0]/.test(text)) return undefined;
  const path = text.startsWith('file://') ? decoded(text.slice('file://'.length)) : text;
  if (/^(?:\/|~|\.\.?\/|\.\.?$)/.test(path)) return path;
  // `a/../../b` begins harmlessly; `.env` has no slash.
  if (/(?:^|\/)\.\.(?:\/|$)/.test(path)) return path;
  return SENSITIVE.test(path) && !/\s/.test(path) ? path : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Without `.` and `..`, as far as the text alone tells: links are not followed. */
function resolve(path: string): string {
  const isAbsolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!isAbsolute) parts.push('..');
  }
  return (isAbsolute ? '/' : '') + parts.join('/');
}

function isInside(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const root = resolve(folder);
    return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
  });
}

const URLS = /\b(?:https?|wss?|ftp|sftp|ssh|git):\/\/[^\s"'<>\\^`{|}]{1,2048}/gi;
const MAX_TEXT = 100_000;

/** The hosts of all URLs in a text, in lower case. */
export function hostsIn(text: string): readonly string[] {
  if (!text.includes('://')) return [];
  const hosts = new Set<string>();
  for (const [url] of text.slice(0, MAX_TEXT).matchAll(URLS)) {
    const host = hostOf(url);
    if (host !== '') hosts.add(host);
  }
  return [...hosts];
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname.toLowerCase();
  } catch {
    return '';
  }
}
