import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseRules } from '../policy/load-rules.ts';
import { policyInForce, type PolicyInForce } from './policy-in-force.ts';
import { RulesWatch } from './rules-watch.ts';

let folder = '';
let file = '';
let watches: RulesWatch[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obs-'));
  file = join(folder, 'rules.yaml');
});
afterEach(() => {
  for (const watch of watches) watch.close();
  watches = [];
  rmSync(folder, { recursive: true, force: true });
});

const rules = (name: string) => `rules: [{name: ${name}, action: block}]\n`;

function follow(text: string, pollMs = 1e6) {
  writeFileSync(file, text);
  const current = policyInForce(parseRules(text, file));
  const adopted: PolicyInForce[] = [];
  const log: string[] = [];
  const watch = new RulesWatch({
    file,
    current,
    pollMs,
    adopt: (policy) => void adopted.push(policy),
    log: (line) => void log.push(line),
  });
  watches.push(watch);
  return { watch, adopted, log, current };
}

test('RulesWatch adopts another file as a whole, with its digest [R.reload]', async () => {
  const { watch, adopted, log } = follow(rules('a'));
  writeFileSync(file, rules('b'));
  await watch.look();
  while (adopted.length === 0) await watch.look(); // the watcher may have been first
  expect(adopted).toHaveLength(1);
  expect(adopted[0]?.rules.rules[0]?.name).toBe('b');
  expect(adopted[0]?.digest).toBe(policyInForce(parseRules(rules('b'), 'x')).digest);
  expect(log).toEqual([expect.stringContaining('read again, 1 rules enabled, sha256:')]);
});

test('RulesWatch keeps the rules after a mistake, says so once, and goes on [R.reload] [P8.rules-position]', async () => {
  const { watch, adopted, log } = follow(rules('a'));
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await watch.look();
  };
  writeFileSync(file, 'rules:\n  - nam: b\n');
  await until(() => log.length > 0);
  await watch.look();
  rmSync(file);
  await until(() => log.length > 1);
  expect(adopted).toEqual([]);
  expect(log).toEqual([
    `[ERROR] policy: rules stay as they were: ${file}:2:5: unknown key "nam"; did you mean "name"? (and 2 more) [RULES_INVALID]`,
    `[ERROR] policy: rules stay as they were: cannot read ${file} (ENOENT) [RULES_UNREADABLE]`,
  ]);
  writeFileSync(file, rules('a')); // as at the beginning: nothing to adopt
  await watch.look();
  writeFileSync(file, rules('c'));
  await until(() => adopted.length > 0);
  expect(adopted[0]?.rules.rules[0]?.name).toBe('c');
});

test('RulesWatch finds a file that was put in its place, by itself [R.reload]', async () => {
  const { adopted } = follow(rules('a'), 20);
  const other = join(folder, 'other');
  writeFileSync(other, rules('b'));
  renameSync(other, file);
  await expect.poll(() => adopted.length, { timeout: 10_000 }).toBe(1);
});
