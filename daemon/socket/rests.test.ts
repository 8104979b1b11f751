import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Rests } from './rests.ts';

let folder: string;
let writer: Socket;
let reader: Socket;
let read: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-rests-'));
  const server = createServer();
  server.listen(join(folder, 's'));
  writer = connect(join(folder, 's'));
  [reader] = (await once(server, 'connection')) as [Socket];
  server.close();
  read = '';
  reader.on('data', (chunk: Buffer) => (read += chunk.toString()));
});

afterEach(() => {
  writer.destroy();
  reader.destroy();
  rmSync(folder, { recursive: true });
});

/** Writes, and gives the reader every occasion to notice. */
async function say(text: string): Promise<void> {
  await new Promise((resolve) => writer.write(text, resolve));
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

test('what comes while a peer rests stays with the kernel, and is read in one piece behind it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const rests = new Rests();
    await say('a');
    expect(read).toBe('a');
    rests.begin(reader);
    rests.begin(reader); // one is enough
    await say('b');
    await say('c');
    expect(read).toBe('a');
    vi.runAllTimers();
    await say('');
    expect(read).toBe('abc');
  } finally {
    vi.useRealTimers();
  }
});

test('Rests.stop() ends those that are, and there are no more', async () => {
  const rests = new Rests();
  rests.begin(reader);
  await say('a');
  rests.stop();
  await say('b');
  expect(read).toBe('ab');
  rests.begin(reader);
  await say('c');
  expect(read).toBe('abc');
});

test('a peer that is gone, or a socket that was closed, is no reason to fail behind a rest', async () => {
  const rests = new Rests();
  rests.begin(reader);
  writer.destroy();
  const closed = once(reader, 'close');
  rests.stop();
  await closed;
  new Rests().begin(reader);
});
