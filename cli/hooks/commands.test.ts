import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** The programs as they are installed: the hook lies beside `obsigna`. */
const CLI = join(import.meta.dirname, '../../dist/obsigna.cjs');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'obsigna i '));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function obsigna(...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: home };
  const run = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', env, cwd: home });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

interface Health {
  readonly checks: readonly { check: string; status: string; reason: string }[];
}

const health = () =>
  (JSON.parse(obsigna('doctor', '-no-roundtrip', '-json').stdout) as Health).checks.find(
    ({ check }) => check === 'hooks',
  );

/** Where the bytes from before are kept, as the program said. */
const backupOf = (stdout: string) => /before: (.*)/.exec(stdout)?.[1] ?? '';

test('hooks install edits the files of the agents that are there, and uninstall takes it back [H.install]', () => {
  expect(obsigna('hooks', 'install').stdout).toContain('no agent has a folder here');
  const settings = join(home, 'dotfiles.json');
  const text = '\ufeff{\n  // mine\n  "model": "opus"\n}\n';
  writeFileSync(settings, text, { mode: 0o640 });
  mkdirSync(join(home, '.claude'));
  mkdirSync(join(home, '.codex'));
  symlinkSync(settings, join(home, '.claude/settings.json'));
  expect(health()?.status).toBe('note');
  const dry = obsigna('hooks', 'install', '-dry-run');
  expect(dry.stdout).toContain('PreToolUse');
  expect(readFileSync(settings, 'utf8')).toBe(text);
  const installed = obsigna('hooks', 'install');
  expect(installed).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(settings, 'utf8')).toContain('// mine');
  expect(statSync(settings).mode & 0o777).toBe(0o640);
  expect(readFileSync(backupOf(installed.stdout), 'utf8')).toBe(text);
  expect(health()).toMatchObject({ status: 'ok' });
  expect(obsigna('hooks', 'install').stdout).toContain('Claude Code: nothing to change');
  expect(obsigna('hooks', 'uninstall')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(settings, 'utf8')).toBe(text);
  // It was ours from the beginning.
  expect(existsSync(join(home, '.codex/hooks.json'))).toBe(false);
});

test('doctor runs the hook as agents would, and tells what they would not [H.doctor]', () => {
  mkdirSync(join(home, '.cursor'));
  const rules = join(home, 'rules.yaml');
  writeFileSync(rules, 'rules: []\n');
  obsigna('hooks', 'install', '-agent', 'cursor', '-rules', rules, '-require-receipt');
  expect(health()).toMatchObject({ status: 'ok' });
  writeFileSync(rules, 'rules: [{nam: x}]\n');
  expect(health()).toMatchObject({
    status: 'fail',
    reason: expect.stringMatching(/RULES_INVALID/),
  });
  const file = join(home, '.cursor/hooks.json');
  const installed = readFileSync(file, 'utf8');
  writeFileSync(file, installed.replaceAll('obsigna-hook.cjs', 'gone/obsigna-hook.cjs'));
  expect(health()).toMatchObject({ status: 'fail', reason: expect.stringMatching(/ends with 1/) });
  writeFileSync(file, installed.replace('postToolUseFailure', 'other'));
  expect(health()?.status).toBe('fail'); // the rules are still wrong
  writeFileSync(file, '{"hooks": ');
  expect(health()).toMatchObject({ status: 'warn', reason: expect.stringContaining(file) });
  const refused = obsigna('hooks', 'install', '-agent', 'cursor');
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain('CLIENT_FILE_INVALID');
  expect(obsigna('hooks', 'install', '-agent', 'copilot')).toMatchObject({ code: 2 });
});
