import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, USAGES } from '../commands.ts';
import { catalogue } from './catalogue.ts';
import { completionScript, SHELLS } from './scripts.ts';

const entries = await catalogue(ROOT);
const SCRIPTS = Object.fromEntries(
  SHELLS.map((shell) => [shell, completionScript(shell, entries)]),
);

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** What bash offers behind these words. */
function offered(...words: readonly string[]): string {
  const ask = `${SCRIPTS['bash']}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _obsigna; echo "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', ask, 'bash', 'obsigna', ...words], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.trim();
}

for (const { words, want } of [
  { words: ['receipt', 'l'], want: 'list' },
  { words: ['receipt', 'verify'], want: 'verify verify-event' },
  { words: ['receipt', 'list', '--j'], want: '--json --jsonl' },
  { words: ['receipt', 'list', '-c'], want: '-chain -color' },
  { words: ['receipt', 'list', '-json', '-lon'], want: '-long' },
  { words: ['verify', '-db', 're'], want: '' }, // a file name, which bash completes itself
  { words: ['rece', 'list', '-j'], want: '' },
  { words: ['keys', 'g'], want: 'generate' },
]) {
  test.skipIf(!has('bash'))(`bash offers ${want || 'nothing'} behind ${words.join(' ')}`, () => {
    expect(offered(...words)).toBe(want);
  });
}

for (const shell of SHELLS) {
  test.skipIf(!has(shell))(`${shell} can read its script`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'obsigna c '));
    const script = join(folder, shell);
    writeFileSync(script, SCRIPTS[shell] ?? '');
    const { status, stderr } = spawnSync(shell, ['-n', script], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
}

test('what the help names can be completed, and the other way round', () => {
  const commands = entries
    .filter(({ below }) => below.length === 0)
    .map(({ words }) => words.join(' '));
  const helped = (USAGES[''] ?? '')
    .split('\n')
    .map((line) => /^ {2}([a-z][a-z -]*?)(?: [A-Z[][A-Z\] ]*)? {2,}/.exec(line)?.[1])
    .filter((name) => name !== undefined && name !== 'help');
  expect(commands.toSorted()).toEqual(helped.toSorted());
});
