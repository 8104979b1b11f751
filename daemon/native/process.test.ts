import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { loadLibC } from './libc.ts';
import { processClock, type ProcessClock } from './process.ts';

let clock: ProcessClock;
beforeAll(async () => {
  clock = processClock(await loadLibC(), process.platform);
});

test('tagOf() is the same for one process, and another for the next', async () => {
  expect(clock.tagOf(process.pid)).toBe(clock.tagOf(process.pid));
  expect(clock.tagOf(process.pid)).not.toBe(clock.tagOf(process.ppid));
  expect(clock.isAlive(clock.tagOf(process.pid))).toBe(true);
});

test('isAlive() is false for a process that has ended, reaped or not', async () => {
  // The shell's child is a zombie until the shell asks for it, which it does not.
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(shell.stdout, 'data')) as [Buffer];
  const zombie = clock.tagOf(Number(said.toString()));
  await expect.poll(() => clock.isAlive(zombie)).toBe(false);
  const tag = clock.tagOf(shell.pid as number);
  expect(clock.isAlive(tag)).toBe(true);
  shell.kill('SIGKILL');
  await once(shell, 'exit');
  await expect.poll(() => clock.isAlive(tag)).toBe(false);
});

test('isAlive() is false for another start and another boot, true where nobody can tell', () => {
  const [boot = '', pid = ''] = clock.tagOf(process.pid).split(':');
  expect(clock.isAlive(`${boot}:${pid}:1`)).toBe(false);
  expect(clock.isAlive(`other:${pid}:?`)).toBe(false);
  expect(clock.isAlive(`${boot}:${pid}:?`)).toBe(true);
  expect(clock.isAlive(`${boot}:0:?`)).toBe(true);
});

test('hostOf() is the first ancestor that is no shell', async () => {
  const shell = spawn('sh', ['-c', 'sh -c "sleep 60 & echo \\$!; wait"; exit'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [said] = (await once(shell.stdout, 'data')) as [Buffer];
  const host = clock.hostOf(Number(said.toString()));
  expect(host).toMatchObject({ tag: clock.tagOf(process.pid), pid: process.pid });
  if (process.platform === 'linux') expect(host.exePath).toBe(process.execPath);
  process.kill(-(shell.pid as number), 'SIGKILL');
  await once(shell, 'exit');
  expect(clock.hostOf(shell.pid as number)).toEqual({
    tag: expect.stringMatching(/:0:\?$/),
    pid: 0,
  });
});
