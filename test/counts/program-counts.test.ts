import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { proxied, temporaryFolder } from '../fixtures/mcp-programs.ts';
import { excess } from './excess.ts';
import { BUILTINS, LIMITS } from './limits.ts';

const DIST = join(import.meta.dirname, '../../dist');
const NOBODY = '/nonexistent/obsigna.sock';

test('what is read and compiled at start has not grown [P7.counts]', () => {
  const sizes = Object.keys(LIMITS.bundleBytes).map((name) => [
    name,
    statSync(join(DIST, name)).size,
  ]);
  expect(excess(LIMITS.bundleBytes, Object.fromEntries(sizes))).toEqual([]);
});

let home: DaemonHome | undefined;
afterEach(async () => {
  await home?.remove();
  home = undefined;
});

// Another Node loads other parts of itself for the same work.
const isCountedNode = process.version.startsWith('v20.');
if (!isCountedNode) process.stderr.write(`counts: parts of Node are counted on Node 20 only\n`);

describe.skipIf(!isCountedNode)('parts of Node that a program loads [P7.counts]', () => {
  test('mcp-proxy, a session without calls', async () => {
    const command = proxied(['cat'], ['-socket', NOBODY]).slice(1);
    const work = (probe: string) => run(['-r', probe, ...command]);
    expect(await unexpected('mcp-proxy', work)).toEqual([]);
  });

  test('obsigna-hook, before a call', async () => {
    const event = {
      hook_event_name: 'PreToolUse',
      session_id: 's',
      tool_name: 'Bash',
      tool_input: { command: 'ls' },
      tool_use_id: 'u',
    };
    const command = [join(DIST, 'obsigna-hook.cjs'), '-agent', 'claude-code', '-socket', NOBODY];
    const input = JSON.stringify(event);
    const work = (probe: string) => run(['-r', probe, ...command], input);
    expect(await unexpected('obsigna-hook', work)).toEqual([]);
  });

  test('obsigna-daemon, from its start to its end', async () => {
    const work = async (probe: string) => {
      home = new DaemonHome();
      const daemon = await home.start({ env: { NODE_OPTIONS: `--require "${probe}"` } });
      await daemon.stop();
    };
    expect(await unexpected('obsigna-daemon', work)).toEqual([]);
  });

  async function unexpected(program: keyof typeof BUILTINS, work: (probe: string) => unknown) {
    const always = await loaded((probe) => run(['-r', probe, '-e', '0']));
    const names = await loaded(work);
    if (!names.has('net')) return ['nothing was counted'];
    const allowed = new Set<string>([...always, ...BUILTINS[program]]);
    return [...names].filter((name) => !allowed.has(name));
  }

  async function loaded(work: (probe: string) => unknown): Promise<ReadonlySet<string>> {
    const folder = temporaryFolder();
    const [probe, out] = [join(folder, 'probe.cjs'), join(folder, 'loaded.json')];
    const save = `require('fs').writeFileSync(${JSON.stringify(out)}, JSON.stringify(process.moduleLoadList))`;
    writeFileSync(probe, `process.on('exit', () => { ${save} });`);
    await work(probe);
    const list = JSON.parse(readFileSync(out, 'utf8')) as readonly string[];
    const names = list.map((entry) => entry.replace(/^NativeModule /, ''));
    return new Set(names.filter((name) => builtinModules.includes(name) && !name.startsWith('_')));
  }
});

function run(args: readonly string[], input = ''): void {
  const env = { PATH: process.env['PATH'] };
  const { status, stderr } = spawnSync(process.execPath, args, { input, env, encoding: 'utf8' });
  if (status === null) throw new Error(`it did not end by itself: ${stderr}`);
}
