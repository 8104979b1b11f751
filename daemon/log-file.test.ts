import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-log-'));
  path = join(folder, 'daemon.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What is left, oldest first. */
function kept(): string {
  const files = readdirSync(folder).toSorted().toReversed();
  return files.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
}

test('[D.log-rotation] LogFile moves full files aside, keeps three of them and loses no line between', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 }), { maxLength: 60 }), (words) => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
      const lines = words.map((word, at) => `${at} ${word.replaceAll('\n', ' ')}\n`);
      const log = new LogFile(path, 100);
      for (const line of lines) log.write(line);
      const all = lines.join('');
      const text = kept();
      expect(all.endsWith(text)).toBe(true);
      // Of four files only the oldest is ever let go, as a whole.
      const isAll = text === all;
      expect(isAll || readdirSync(folder).length === 4).toBe(true);
      for (const name of readdirSync(folder)) {
        expect(statSync(join(folder, name)).size).toBeLessThan(300);
        expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^(\d+ [^\n]*\n)*$/);
      }
    }),
    { numRuns: 50 },
  );
});

test('[D.log-rotation] LogFile goes on where it was, and in a new file when somebody moved it away', () => {
  new LogFile(path).write('one\n');
  const log = new LogFile(path);
  log.write('two\n');
  renameSync(path, `${path}.moved`);
  log.write('three\n');
  log.reopen();
  log.write('four\n');
  expect(readFileSync(`${path}.moved`, 'utf8')).toBe('one\ntwo\nthree\n');
  expect(readFileSync(path, 'utf8')).toBe('four\n');
  expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
});

test('[D.log-rotation] a log that cannot be there is refused with its code', () => {
  expect(() => new LogFile(join(path, 'x'))).toThrow(
    expect.objectContaining({ code: 'LOG_UNAVAILABLE' }),
  );
});
