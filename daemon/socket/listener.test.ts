import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { clearSocketPath, listen } from './listener.ts';

const root = mkdtempSync(join(tmpdir(), 'obsigna l '));
afterAll(() => rmSync(root, { recursive: true }));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('[D.modes] listen() gives the socket its mode with bind, not after it', async () => {
  const before = process.umask(0);
  try {
    const path = join(root, 'made/for/it/x.sock');
    const listening = listen(path, () => undefined);
    expect(modeOf(path)).toBe('660'); // bound in this very turn, before chmod can have run
    expect(process.umask()).toBe(0);
    expect(modeOf(join(root, 'made/for/it'))).toBe('750');
    const server = await listening;
    expect(modeOf(path)).toBe('660');
    server.close();
    expect(existsSync(path)).toBe(false);
  } finally {
    process.umask(before);
  }
});

test('[D.modes] listen() leaves the mode of a directory that exists', async () => {
  const folder = join(root, 'existing');
  mkdirSync(folder, { mode: 0o700 });
  (await listen(join(folder, 'x.sock'), () => undefined)).close();
  expect(modeOf(folder)).toBe('700');
});

test('listen() names the path that cannot be listened on', async () => {
  const path = join(root, 'taken');
  writeFileSync(path, '');
  await expect(listen(path, () => undefined)).rejects.toMatchObject({
    code: 'SOCKET_PATH_INVALID',
    message: expect.stringContaining(path) as string,
  });
});

test('[D.single-instance] clearSocketPath() removes a dead socket and nothing else', async () => {
  const path = join(root, 'dead.sock');
  await clearSocketPath(path); // nothing there
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  await expect(clearSocketPath(path)).rejects.toMatchObject({ code: 'DAEMON_RUNNING' });
  expect(existsSync(path)).toBe(true);
  server.close();
  const file = join(root, 'file');
  writeFileSync(file, '');
  await expect(clearSocketPath(file)).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
});
