import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOMS = ['shared', 'policy', 'emitter', 'proxy', 'daemon', 'cli'];
const OTHERS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.emitter.json',
  'scripts/build.mjs',
  'scripts/build-inputs.mjs',
  'scripts/import-meta-url.mjs',
  'scripts/launcher.cjs',
];

/** What the build writes, relative to the clone. One program is one file; see scripts/build.mjs. */
export const OUTPUTS = [
  'dist/obsigna.cjs',
  'dist/obsigna-daemon.cjs',
  'dist/mcp-proxy.cjs',
  'dist/obsigna-hook.cjs',
  'dist/code/mcp-proxy.cjs',
  'dist/code/obsigna-daemon.cjs',
  'dist/code/obsigna-hook.cjs',
  'dist/code/rules.cjs',
  'dist/code/mcp-proxy-commands.cjs',
  'dist/code/mcp-proxy-remote.cjs',
  'dist/emitter.js',
  'dist/types/emitter/index.d.ts',
  'dist/THIRD-PARTY-LICENSES.txt',
];

export const STAMP = 'dist/.stamp';

/** The reason to build again, or `undefined` when dist/ is what the sources say. */
export async function whyBuild(root) {
  const missing = OUTPUTS.find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) return `${missing} is missing`;
  const stamp = join(root, STAMP);
  if (!existsSync(stamp)) return 'the last build did not end';
  return readFileSync(stamp, 'utf8').trim() === inputDigest(root) ? undefined : 'sources changed';
}

/** Digest of every file that can end up in dist/, names included. Tests cannot. */
export function inputDigest(root) {
  const hash = createHash('sha256');
  for (const path of [...OTHERS, ...ROOMS.flatMap((room) => filesUnder(root, room))]) {
    const full = join(root, path);
    if (!existsSync(full)) continue;
    const bytes = readFileSync(full);
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function filesUnder(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesUnder(root, path);
      return entry.isFile() && !/\.test\.ts$|\.md$/.test(entry.name) ? [path] : [];
    });
}
