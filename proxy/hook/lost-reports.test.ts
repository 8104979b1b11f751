import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LostReports } from './lost-reports.ts';

let folder: string;
let lost: LostReports;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'obsigna l ')), 'hook');
  lost = new LostReports(folder);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

test('[H.lost] a claim has what was added, and nobody else has it meanwhile', () => {
  expect(lost.claim()).toBeUndefined();
  lost.add(1);
  lost.add(2);
  const claim = lost.claim();
  expect(claim?.count).toBe(3);
  expect(lost.claim()).toBeUndefined();
  lost.add(4);
  claim?.giveBack();
  const again = lost.claim();
  expect(again?.count).toBe(7);
  again?.told();
  expect(lost.claim()).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
});

test('[H.lost] what a process took over that has died is taken over from it', () => {
  lost.add(1);
  const { pid } = spawnSync('true');
  writeFileSync(join(folder, `claimed-${pid}`), '..');
  writeFileSync(join(folder, `claimed-${process.ppid}`), '........');
  expect(lost.claim()?.count).toBe(3);
});

test('where no place is known nothing is counted, and says so', () => {
  expect(new LostReports('').add(1)).toBe(false);
  expect(new LostReports('').claim()).toBeUndefined();
  expect(new LostReports('/proc/nowhere').add(1)).toBe(false);
});
