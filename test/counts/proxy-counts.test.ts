import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { acknowledging, FakeDaemon } from '../fixtures/daemon-fake.ts';
import { proxied, start } from '../fixtures/mcp-programs.ts';
import { excess } from './excess.ts';
import { LIMITS } from './limits.ts';
import { hasProcessIo, perCall, readIoAtRest } from './process-io.ts';

const ECHO = fileURLToPath(new URL('../../bench/echo-server.mjs', import.meta.url));
const WARM_UP = 50;
const CALLS = 200;
const TEXT = 'x'.repeat(1000);
const FIRST_ID = 1_000_000;

const daemons: FakeDaemon[] = [];
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.remove();
});

if (!hasProcessIo) process.stderr.write('counts: system calls are not counted: no /proc/PID/io\n');

for (const flags of [[], ['-require-receipt']]) {
  const name = ['one call', ...flags].join(' with ');
  test.skipIf(!hasProcessIo)(`${name} costs the proxy what it has to [P7.counts]`, async () => {
    const { pid, call, sent } = await session(flags);
    for (let i = 0; i < WARM_UP; i += 1) await call();
    const before = { io: await readIoAtRest(pid), ...sent() };
    for (let i = 0; i < CALLS; i += 1) await call();
    const after = { io: await readIoAtRest(pid), ...sent() };
    const { reads, writes, writtenBytes } = perCall(before.io, after.io, CALLS);
    const per = (key: 'frames' | 'socketBytes' | 'passedBytes') =>
      (after[key] - before[key]) / CALLS;
    expect(
      excess(LIMITS.proxyCall, {
        reads,
        writes,
        frames: per('frames'),
        socketBytes: per('socketBytes'),
        otherBytes: writtenBytes - per('socketBytes') - per('passedBytes'),
      }),
    ).toEqual([]);
  });
}

/** A proxy between this test and an echo, with a daemon that answers at once and counts. */
async function session(flags: readonly string[]) {
  const sockets = new Set<Socket>();
  const answer = acknowledging(['phase']);
  const daemon = new FakeDaemon((received, socket) => {
    sockets.add(socket);
    return answer(received, socket);
  });
  daemons.push(daemon);
  await daemon.start();
  const server = [process.execPath, ECHO];
  const proxy = start(proxied(server, ['-name', 'files', '-socket', daemon.path, ...flags]));
  let calls = 0;
  let at = 0;
  const outcomes = () => daemon.events.filter(({ phase }) => phase !== 'intent').length;
  return {
    pid: proxy.child.pid ?? 0,
    /** One call, its answer, and the report about it: nothing of it is left for the next one. */
    call: async () => {
      const line = callLine(FIRST_ID + calls);
      calls += 1;
      proxy.write(line);
      at = await proxy.says('\n', await proxy.says(`"id":${FIRST_ID + calls - 1}`, at));
      while (outcomes() < calls) await daemon.received(daemon.events.length + 1);
    },
    sent: () => ({
      frames: daemon.events.length,
      socketBytes: [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0),
      passedBytes: calls * Buffer.byteLength(callLine(FIRST_ID)) + at,
    }),
  };
}

function callLine(id: number): string {
  const params = { name: 'read_1024', arguments: { path: '/srv/notes.txt', content: TEXT } };
  return `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`;
}
