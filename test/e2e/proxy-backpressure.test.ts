import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fixtureServer, proxied, start, type Running } from '../fixtures/mcp-programs.ts';

const MB = 1024 * 1024;
const RSS_LIMIT = 150 * MB;
const isLinux = process.platform === 'linux'; // elsewhere nobody tells the peak of another process

/** The most memory that a process has had, in bytes. */
function peakOf({ child }: Running): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Counts what is read instead of keeping it, as the other tests do. */
function countOutput({ child }: Running): { bytes: number } {
  const counter = { bytes: 0 };
  child.stdout.removeAllListeners('data').on('data', (chunk: Buffer) => {
    counter.bytes += chunk.length;
  });
  return counter;
}

for (const { name, bytes, lineBytes } of [
  { name: 'lines of 1 KB', bytes: 200 * MB, lineBytes: 1024 },
  { name: 'lines of 1 MB', bytes: 200 * MB, lineBytes: MB },
]) {
  test.runIf(isLinux)(
    `a client that stops reading stops a server that floods with ${name} [P4.backpressure]`,
    async () => {
      const proxy = start(
        proxied(fixtureServer('mcp-flood-server.mjs', 'flood', `${bytes}`, `${lineBytes}`)),
      );
      const counter = countOutput(proxy);
      proxy.child.stdout.pause();
      await proxy.logs('flood: stalled');
      expect(peakOf(proxy)).toBeLessThan(RSS_LIMIT);
      let peak = 0;
      proxy.child.stdout.on('data', () => {
        if (counter.bytes < bytes * 0.9) peak = 0;
        else peak ||= peakOf(proxy);
      });
      proxy.child.stdout.resume();
      expect(await proxy.exit).toEqual({ code: 0, signal: null });
      expect(counter.bytes).toBe(bytes);
      expect(peak).toBeGreaterThan(0);
      expect(peak).toBeLessThan(RSS_LIMIT);
    },
  );
}

test.runIf(isLinux)(
  'a server that does not read stops a client that sends [P4.backpressure]',
  async () => {
    const proxy = start(proxied(fixtureServer('mcp-flood-server.mjs', 'sink')));
    await proxy.logs('sink: ready');
    const note = (text: string) => `{"method":"notifications/x","params":{"a":"${text}"}}\n`;
    const message = Buffer.from(note('y'.repeat(9000)) + note('z'.repeat(100)).repeat(10));
    const count = Math.ceil((100 * MB) / message.length);
    let hasStalled = false;
    for (let sent = 0; sent < count; sent += 1) {
      if (proxy.child.stdin.write(message)) continue;
      const drained = once(proxy.child.stdin, 'drain');
      const isStalled =
        !hasStalled && (await Promise.race([drained, sleep(500, 'stalled')])) === 'stalled';
      if (isStalled) {
        hasStalled = true;
        expect(sent * message.length).toBeLessThan(20 * MB); // it is the proxy that holds us
        expect(peakOf(proxy)).toBeLessThan(RSS_LIMIT);
        proxy.child.kill('SIGHUP'); // passed on; the server starts to read
      }
      await drained;
    }
    expect(hasStalled).toBe(true);
    expect(peakOf(proxy)).toBeLessThan(RSS_LIMIT);
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.stdout.toString()).toBe(`${count * message.length}\n`);
  },
);

test.runIf(isLinux)(
  'both directions at once neither wait for each other nor lose a byte [P4.backpressure]',
  async () => {
    const proxy = start(proxied(fixtureServer('mcp-flood-server.mjs', 'mirror')));
    const received = createHash('sha256');
    proxy.child.stdout
      .removeAllListeners('data')
      .on('data', (chunk) => void received.update(chunk));
    const sent = createHash('sha256');
    const filling = 'w'.repeat(50_000);
    for (let id = 0; id < 1000; id += 1) {
      const line = `{"jsonrpc":"2.0","id":${id},"method":"x","params":{"a":"${filling}"}}\n`;
      sent.update(line);
      if (!proxy.child.stdin.write(line)) await once(proxy.child.stdin, 'drain');
    }
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  },
);

test('a client that leaves its refusals unread is not read from without end [P4.backpressure]', async () => {
  const proxy = start(proxied(fixtureServer('mcp-flood-server.mjs', 'mirror')));
  await proxy.logs('session ');
  proxy.child.stdout.pause();
  const junk = Buffer.from(`${'j'.repeat(10)}\n`.repeat(10_000));
  let isHeld = false;
  for (let rounds = 0; rounds < 300 && !isHeld; rounds += 1) {
    if (proxy.child.stdin.write(junk)) continue;
    const drained = once(proxy.child.stdin, 'drain').then(() => 'drained');
    isHeld = (await Promise.race([drained, sleep(1500, 'held')])) === 'held';
  }
  expect(isHeld).toBe(true);
  proxy.child.stdout.resume();
  await once(proxy.child.stdin, 'drain');
  proxy.end();
  expect(await proxy.exit).toEqual({ code: 0, signal: null });
});

test.runIf(isLinux)(
  'refusals that wait for the server to end its line stop a client that sends [P4.backpressure]',
  async () => {
    const server =
      "process.stdin.resume(); process.stdout.write('x'.repeat(70_000)); " +
      "process.once('SIGHUP', () => process.stdout.write('\\n'));";
    const proxy = start(proxied([process.execPath, '-e', server]));
    await proxy.says('x'.repeat(70_000));
    const lines = 'this is no message at all\n'.repeat(1000);
    let hasStalled = false;
    for (let sent = 0; sent < 200; sent += 1) {
      if (proxy.child.stdin.write(lines)) continue;
      const drained = once(proxy.child.stdin, 'drain');
      if (!hasStalled && (await Promise.race([drained, sleep(1000, 'stalled')])) === 'stalled') {
        hasStalled = true;
        expect(peakOf(proxy)).toBeLessThan(RSS_LIMIT);
        expect(proxy.stdout.length).toBe(70_000);
        proxy.child.kill('SIGHUP'); // passed on; the server ends its line
      }
      await drained;
    }
    expect(hasStalled).toBe(true);
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.stdout.toString().split('\n').length).toBe(200_000 + 2);
  },
  60_000,
);
