#!/usr/bin/env node
// `node scripts/run.mjs <file> [args]`: prepares the clone, then runs <file> as a program.
// A TypeScript file (Node 20 cannot run one) is bundled into dist/tools/ first.
import './node-version.mjs';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [file, ...args] = process.argv.slice(2);

if (file === undefined || !existsSync(resolve(ROOT, file))) {
  process.stderr.write(`obsigna: no such file to run: ${file ?? '(none given)'}\n`);
  process.exit(2);
}
await prepare({ build: true });

const child = spawn(process.execPath, [await runnable(file), ...args], {
  cwd: ROOT,
  stdio: 'inherit',
});
// A terminal sends Ctrl-C to the child as well, and it is the one that has to tidy up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal));
}
child.once('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});

async function runnable(path) {
  if (!path.endsWith('.ts')) return resolve(ROOT, path);
  const esbuild = await import('esbuild');
  const name = `${dirname(path).replaceAll('/', '-')}-${basename(path, '.ts')}.mjs`;
  const outfile = join(ROOT, 'dist/tools', name);
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [path],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}
