#!/usr/bin/env node
// `npm test [-- vitest arguments]`: prepares the clone and runs every test against the built
// programs. The last line is the verdict, `N passed, N failed`, as vitest itself counted.
import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

await prepare({ build: true });

const folder = mkdtempSync(join(tmpdir(), 'obsigna-test-'));
const report = join(folder, 'count.json');
const vitest = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${join(ROOT, 'scripts/count-reporter.mjs')}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, OBSIGNA_COUNT: report },
  },
);
const { passed, failed, skipped } = readReport();
rmSync(folder, { recursive: true, force: true });

const skips = skipped > 0 ? `, ${skipped} skipped` : '';
process.stdout.write(`${passed} passed, ${failed} failed${skips}\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function readReport() {
  let count;
  try {
    count = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    const end = vitest.signal ?? `exit ${vitest.status}`;
    process.stderr.write(`obsigna: vitest ended without a report (${end})\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // vitest also fails for what is no test; then the count must not say that all is well.
  if (vitest.status !== 0 && count.failed === 0) {
    process.stderr.write(`obsigna: vitest failed although no test did (exit ${vitest.status})\n`);
    return { ...count, failed: 1 };
  }
  return count;
}
