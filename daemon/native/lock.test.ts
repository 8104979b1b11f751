import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadLibC } from './libc.ts';
import { acquireLock } from './lock.ts';

const root = mkdtempSync(join(tmpdir(), 'obsigna f '));
afterAll(() => rmSync(root, { recursive: true }));
const libc = await loadLibC();

/** A process of its own that holds the lock, without any code of ours. */
async function holdElsewhere(path: string) {
  const script = 'exec 9>>"$0"; flock -n 9 || exit 1; echo $$ > "$0"; echo held; exec sleep 1000';
  const child = spawn('bash', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

test('[D.single-instance] acquireLock() names the pid of the process that holds the lock', async () => {
  const path = join(root, 'held');
  const child = await holdElsewhere(path);
  const acquire = () => acquireLock(libc, path);
  expect(acquire).toThrow(
    expect.objectContaining({
      code: 'DAEMON_RUNNING',
      message: `another daemon (pid ${child.pid}) owns this store: ${path}`,
    }),
  );
  child.kill('SIGKILL');
  await once(child, 'close');
  // The kernel dropped the lock with the process; the file it left behind means nothing.
  expect(readFileSync(path, 'utf8')).toBe(`${child.pid}\n`);
  const lock = acquire();
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  lock.release();
  expect(existsSync(path)).toBe(false);
});

test('[D.single-instance] a second lock in the same process is refused too', () => {
  const path = join(root, 'twice');
  const lock = acquireLock(libc, path);
  expect(() => acquireLock(libc, path)).toThrow(
    expect.objectContaining({ code: 'DAEMON_RUNNING' }),
  );
  lock.release();
  acquireLock(libc, path).release();
});

test('release() leaves a file that somebody else has put there, or that is gone', () => {
  const path = join(root, 'replaced');
  const lock = acquireLock(libc, path);
  rmSync(path);
  writeFileSync(path, 'theirs');
  lock.release();
  expect(readFileSync(path, 'utf8')).toBe('theirs');
  rmSync(path);
  const second = acquireLock(libc, path);
  rmSync(path);
  second.release();
});

test('acquireLock() does not follow a link', () => {
  const path = join(root, 'link');
  symlinkSync(join(root, 'precious'), path);
  expect(() => acquireLock(libc, path)).toThrow(/ELOOP/);
  expect(existsSync(join(root, 'precious'))).toBe(false);
});
