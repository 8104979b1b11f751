import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { judgeSocketPath } from './socket-policy.ts';

const root = mkdtempSync(join(tmpdir(), 'obsigna p '));
const runtime = join(root, 'run');
const outside = join(root, 'outside');
for (const path of [runtime, outside, `${runtime}-evil`]) mkdirSync(path);
symlinkSync(outside, join(runtime, 'escape'));
symlinkSync(runtime, join(root, 'alias'));
symlinkSync(join(runtime, 'loop'), join(runtime, 'loop'));
writeFileSync(join(runtime, 'file'), '');
afterAll(() => rmSync(root, { recursive: true }));

const HOST = { platform: 'linux' as const, env: { XDG_RUNTIME_DIR: runtime }, dataDir: '/d' };

for (const { name, path, host = HOST, safe } of [
  { name: 'the runtime directory', path: `${runtime}/agentreceipts/events.sock`, safe: true },
  { name: 'a directory that is still to be made', path: `${runtime}/a/b/c.sock`, safe: true },
  { name: '/run', path: '/run/agentreceipts/events.sock', safe: true },
  { name: '/var/run', path: '/var/run/x.sock', safe: true },
  { name: 'a link to the runtime directory', path: join(root, 'alias/x.sock'), safe: true },
  { name: 'dots that stay inside', path: `${runtime}/a/../b.sock`, safe: true },
  { name: '/tmp', path: '/tmp/x.sock', safe: false },
  { name: 'dots that lead out', path: `${runtime}/../x.sock`, safe: false },
  { name: 'a link that leads out', path: `${runtime}/escape/x.sock`, safe: false },
  { name: 'a loop of links', path: `${runtime}/loop/x.sock`, safe: false },
  { name: 'a file as a directory', path: `${runtime}/file/x.sock`, safe: false },
  { name: 'a directory whose name starts alike', path: `${runtime}-evil/x.sock`, safe: false },
  { name: 'the root itself', path: runtime, safe: false },
  { name: 'a name with two dots that is no parent', path: `${runtime}/..x`, safe: true },
  {
    name: 'a relative runtime directory',
    path: join(process.cwd(), 'rel/x.sock'),
    host: { ...HOST, env: { XDG_RUNTIME_DIR: 'rel' } },
    safe: false,
  },
  {
    name: 'an empty runtime directory',
    path: '/x.sock',
    host: { ...HOST, env: { XDG_RUNTIME_DIR: '' } },
    safe: false,
  },
  { name: 'the data directory on Linux', path: '/d/x.sock', safe: true },
  {
    name: 'the data directory on macOS',
    path: '/d/x.sock',
    host: { ...HOST, platform: 'darwin' as const },
    safe: true,
  },
  {
    name: '$TMPDIR on macOS',
    path: `${outside}/x.sock`,
    host: { platform: 'darwin' as const, env: { TMPDIR: outside }, dataDir: '' },
    safe: true,
  },
  {
    name: 'the runtime directory on macOS',
    path: `${runtime}/x.sock`,
    host: { ...HOST, platform: 'darwin' as const },
    safe: false,
  },
]) {
  test(`[D.socket-policy] ${name} is ${safe ? 'safe' : 'unsafe'}`, () => {
    const danger = judgeSocketPath(path, host);
    expect(danger === undefined).toBe(safe);
    if (!safe) expect(danger).toContain(path.includes('..') ? '/' : path);
  });
}

for (const { name, path, host = HOST } of [
  { name: 'tcp://', path: 'tcp://127.0.0.1:1' },
  { name: 'TCP4://', path: 'TCP4://x/y' },
  { name: 'tcp6://', path: 'tcp6://[::1]:1' },
  { name: 'host:port', path: 'localhost:8080' },
  { name: ':port', path: ':8080' },
  { name: 'more than 107 bytes', path: `/run/${'x'.repeat(103)}` },
  { name: 'more than 107 bytes of two-byte letters', path: `/run/${'é'.repeat(52)}` },
  {
    name: 'more than 103 bytes on macOS',
    path: `/d/${'x'.repeat(101)}`,
    host: { ...HOST, platform: 'darwin' as const },
  },
]) {
  test(`[D.socket-policy] ${name} is refused, whatever flag is given`, () => {
    const judge = () => judgeSocketPath(path, host);
    expect(judge).toThrow(expect.objectContaining({ code: 'SOCKET_PATH_INVALID' }));
  });
}

test('[D.socket-policy] 107 bytes are a path, and so is a colon in a directory', () => {
  expect(judgeSocketPath(`/run/${'x'.repeat(102)}`, HOST)).toBeUndefined();
  expect(judgeSocketPath('/run/a:1', HOST)).toBeUndefined();
});
