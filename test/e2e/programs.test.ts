import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { FixtureStore } from '../fixtures/store.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LONG_MS = 180_000;

const folders: string[] = [];
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'obsigna programs '));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Pids of processes whose environment carries this marker: what a run has left behind. */
function leftBehind(marker: string): string {
  const script = `grep -lsz -- ${marker} /proc/[0-9]*/environ | cut -d/ -f3`;
  const found = spawnSync('sh', ['-c', script], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  return found.stdout.trim();
}

test(
  'the demo ends by itself with exit 0 and leaves nothing running [B.demo]',
  () => {
    const marker = `OBSIGNA_DEMO_MARK=${process.pid}.${Date.now()}`;
    const [name = '', value = ''] = marker.split('=');
    const tmp = temporaryFolder();
    const env = { ...process.env, [name]: value, TMPDIR: tmp };
    const demo = spawnSync(process.execPath, [join(ROOT, 'scripts/demo.mjs')], {
      encoding: 'utf8',
      env,
    });
    expect(demo.stdout).toContain('Everything went as the rules say.');
    expect(demo.stdout).toMatch(/Chain \S+: BROKEN at receipt 3\n/);
    expect({ code: demo.status, left: leftBehind(marker) }).toEqual({ code: 0, left: '' });
  },
  LONG_MS,
);

/** Modules that a program has loaded from files when it ends, by the name of their package. */
function loadedPackages(program: string, args: readonly string[]): readonly string[] {
  const folder = temporaryFolder();
  const [hook, out] = [join(folder, 'hook.cjs'), join(folder, 'loaded.json')];
  const save = `require('fs').writeFileSync(${JSON.stringify(out)}, JSON.stringify(Object.keys(require.cache)))`;
  writeFileSync(hook, `process.on('exit', () => { ${save} });`);
  const bundle = join(ROOT, 'dist', `${program}.cjs`);
  const run = spawnSync(process.execPath, ['-r', hook, bundle, ...args], { encoding: 'utf8' });
  expect(run.stderr).not.toContain('Cannot find module');
  const files = JSON.parse(readFileSync(out, 'utf8')) as readonly string[];
  return [
    ...new Set(files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])),
  ];
}

for (const { program, args, want } of [
  { program: 'mcp-proxy', args: ['-socket', '', '--', 'true'], want: [] },
  { program: 'obsigna-hook', args: ['-h'], want: [] },
  { program: 'obsigna', args: ['receipt', 'list', '-h'], want: [] },
  { program: 'obsigna-daemon', args: ['-print-config'], want: [] },
  { program: 'obsigna', args: ['receipt', 'list', '-db', '/nonexistent/receipts.db'], want: [] },
]) {
  test(`${program} ${args.join(' ')} loads no native module it does not need [P7.start-lazy]`, () => {
    const native = loadedPackages(program, args).filter((name) => /sqlite|koffi/.test(name));
    expect(native).toEqual(want);
  });
}

test(
  'verifying or listing 20,000 receipts fits into a heap that could not hold their texts [P7.memory-flat]',
  () => {
    const store = new FixtureStore();
    const padding = 'x'.repeat(3000);
    store.db.exec('BEGIN');
    for (let i = 0; i < 20_000; i += 1) {
      store.append('2026-06-15', { outcome: { error: `${i}${padding}` } });
    }
    store.db.exec('COMMIT');
    const limited = (...args: readonly string[]) => {
      const program = ['--max-old-space-size=48', join(ROOT, 'dist/obsigna.cjs')];
      const command = [...program, 'receipt', ...args, '-db', store.path];
      return spawnSync(process.execPath, command, { encoding: 'utf8', maxBuffer: 1e9 });
    };
    const verified = limited('verify', '-public-key', store.publicKeyPath);
    const listed = limited('list', '-all', '-jsonl');
    store.remove();
    expect(verified.stdout).toContain('Chain 2026-06-15: VALID (20000 receipts)');
    expect(verified.status).toBe(0);
    expect(listed.stdout.split('\n')).toHaveLength(20_001);
    expect(listed.status).toBe(0);
  },
  LONG_MS,
);

test(
  'the benchmark prints floor and ratio in one run and writes them as JSON [P7.bench-table]',
  () => {
    const run = spawnSync('npm', ['run', '--silent', 'bench', '--', '--only', 'micro', '--json'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.status).toBe(0);
    const written = readFileSync(join(ROOT, 'bench/results/latest.json'), 'utf8');
    expect(JSON.parse(run.stdout)).toEqual(JSON.parse(written));
    expect((JSON.parse(written) as { rows: readonly unknown[] }).rows.length).toBeGreaterThan(3);
  },
  LONG_MS,
);
