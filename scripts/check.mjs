#!/usr/bin/env node
// The gate: `npm run check [-- part ...]`. Runs every part even when one fails, so that one run
// shows everything there is to mend.
import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const tool = (name, ...args) => [join(ROOT, 'node_modules/.bin', name), ...args];
const script = (name, ...args) => [process.execPath, join(ROOT, 'scripts', name), ...args];

const PARTS = {
  format: tool('oxfmt', '--check'),
  lint: tool('oxlint', '--type-aware', '--deny-warnings'),
  types: tool('tsc', '-p', '.'),
  walls: tool('vitest', 'run', 'test/rooms.test.ts'),
  markdown: script('check-markdown.mjs'),
  test: script('test.mjs'),
};
/** Without names: everything. The walls are among the tests then, so they do not run twice. */
const EVERYTHING = ['format', 'lint', 'types', 'markdown', 'test'];

const wanted = process.argv.length > 2 ? process.argv.slice(2) : EVERYTHING;
const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
if (unknown.length > 0) {
  const known = Object.keys(PARTS).join(' ');
  process.stderr.write(`obsigna: no such check: ${unknown.join(' ')} (there are: ${known})\n`);
  process.exit(2);
}
// Linting and types read sources only; a source that does not build must not hide their findings.
await prepare({ build: false });

const failed = wanted.filter((part) => {
  process.stderr.write(`== ${part}\n`);
  const [command, ...args] = PARTS[part];
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) process.stderr.write(`obsigna: ${error.message}\n`);
  return status !== 0;
});
const verdict = failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`;
process.stderr.write(`== check: ${wanted.length} parts, ${verdict}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
