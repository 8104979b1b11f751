#!/usr/bin/env node
// Makes a clone ready to use: node_modules as the lockfile says, dist/ as the sources say, each
// only when stale. Every command of package.json that needs them calls this first, so that any
// of them can be the first one typed. Needs nothing but Node and npm.
import './node-version.mjs';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Installs and builds what is stale. A fault ends the process with its remedy on standard error:
 * the callers are commands, and none can go on without.
 *
 * @param options.build - Also bring dist/ up to date; without it only node_modules.
 */
export async function prepare({ build }) {
  const { SetupError } = await import('./setup-error.mjs');
  const { install, whyInstall } = await import('./install.mjs');
  const { withLock } = await import('./lock.mjs');
  const whyBuild = async () => (await import('./build-inputs.mjs')).whyBuild(ROOT);
  try {
    if (whyInstall(ROOT) === undefined && (!build || (await whyBuild()) === undefined)) return;
    // Under the lock everything is asked again: somebody else may have done it while we waited.
    const lock = join(ROOT, 'dist', '.prepare.lock');
    const onWait = (pid) => {
      process.stderr.write(`obsigna: waiting for process ${pid}, which prepares this clone\n`);
    };
    const work = async () => {
      const reason = whyInstall(ROOT);
      if (reason !== undefined) await install(ROOT, reason);
      if (build) await (await import('./build.mjs')).build(ROOT);
    };
    await withLock(lock, work, { onWait });
  } catch (error) {
    const expected = error instanceof SetupError;
    const remedy = expected ? `\n  remedy: ${error.remedy}` : '';
    process.stderr.write(`obsigna: ${expected ? error.message : error.stack}${remedy}\n`);
    process.exit(1);
  }
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await prepare({ build: !process.argv.includes('--no-build') });
}
