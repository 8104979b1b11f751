import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeFrame, FrameDecoder } from '../../shared/wire/frame.ts';
import { DaemonLine } from './daemon-line.ts';

const REPORT = {
  sessionId: 's',
  report: { channel: 'test', tool: { name: 'Bash' }, decision: 'allowed' },
  call: { call_id: '1' },
  dropCount: 0,
  timeoutMs: 10_000,
} as const;

let folder: string;
let server: Server;
let peers: Socket[];
/** What each connection has said, greetings too. */
let frames: string[][];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-line-'));
  peers = [];
  frames = [];
  server = createServer((peer) => {
    const said: string[] = [];
    peers.push(peer);
    frames.push(said);
    const decoder = new FrameDecoder();
    peer.on('error', () => undefined);
    peer.on('data', (chunk: Buffer) => {
      decoder.push(chunk, (body) => {
        const { hello, ack } = JSON.parse(body.toString()) as { hello?: object; ack: number };
        said.push(hello === undefined ? 'report' : 'hello');
        peer.write(encodeFrame([Buffer.from(JSON.stringify({ ack, ok: true }))]));
      });
    });
  });
  server.listen(join(folder, 'socket'));
  await once(server, 'listening');
});
afterEach(async () => {
  for (const peer of peers) peer.destroy();
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

const dialled = () => {
  const daemon = new DaemonLine(join(folder, 'socket'));
  daemon.dial();
  return daemon;
};

test('DaemonLine greets before there is anything to report, and reports on the same connection', async () => {
  const daemon = dialled();
  await vi.waitFor(() => expect(frames).toEqual([['hello']]), 10_000);
  expect(await daemon.line()?.report(REPORT)).toEqual({ state: 'durable' });
  expect(frames).toEqual([['hello', 'report']]);
});

test('DaemonLine dials anew where the daemon has hung up in between, and for another report', async () => {
  const daemon = dialled();
  await vi.waitFor(() => expect(frames).toEqual([['hello']]), 10_000);
  const first = daemon.line();
  peers[0]?.destroy();
  await vi.waitFor(() => expect(first?.isFree).toBe(false), 10_000);
  expect(await daemon.line()?.report(REPORT)).toEqual({ state: 'durable' });
  expect(await daemon.line()?.report(REPORT)).toEqual({ state: 'durable' });
  expect(frames).toEqual([['hello'], ['hello', 'report'], ['hello', 'report']]);
});

test('DaemonLine says of a daemon that is not there that the report has not reached it', async () => {
  const daemon = new DaemonLine(join(folder, 'nobody'));
  daemon.dial();
  expect(await daemon.line()?.report(REPORT)).toMatchObject({
    state: 'unreached',
    error: { code: 'DAEMON_UNREACHABLE' },
  });
  expect(new DaemonLine('').line()).toBeUndefined();
});
