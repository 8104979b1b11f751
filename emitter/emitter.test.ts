import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { frame } from '../test/fixtures/daemon-client.ts';
import { acknowledging, FakeDaemon, plain, type Answer } from '../test/fixtures/daemon-fake.ts';
import { defaultSocketPath } from './default-socket.ts';
import { Emitter, type EmitterNotice, type EmitterOptions } from './emitter.ts';
import { jsonText, type ActionReport } from './report.ts';

const fakes: FakeDaemon[] = [];
const emitters: Emitter[] = [];
afterEach(async () => {
  for (const emitter of emitters.splice(0)) await emitter.close(0);
  for (const fake of fakes.splice(0)) await fake.remove();
});

const LONG_MS = 20_000;

async function fakeOf(answer: Answer): Promise<FakeDaemon> {
  const fake = new FakeDaemon(answer);
  fakes.push(fake);
  await fake.start();
  return fake;
}

function emitterOf(socketPath: string, options: Partial<EmitterOptions> = {}) {
  const notices: EmitterNotice[] = [];
  const onNotice = (notice: EmitterNotice) => void notices.push(notice);
  const emitter = new Emitter({ socketPath, sessionId: 's', onNotice, ...options });
  emitters.push(emitter);
  return { emitter, notices };
}

const report = (name = 't', more: Partial<ActionReport> = {}): ActionReport => ({
  channel: 'mcp',
  tool: { name },
  decision: 'allowed',
  ...more,
});

const NOWHERE = join(tmpdir(), 'obsigna nowhere/x.sock');

test('emitConfirmed() resolves with the place of the receipt', async () => {
  const { path } = await fakeOf(acknowledging());
  const { emitter } = emitterOf(path);
  const want = { chainId: 'c', sequence: 1, receiptHash: 'h1' };
  expect(await emitter.emitConfirmed(report(), LONG_MS)).toEqual(want);
  expect(emitter.pendingCount).toBe(0);
  expect(await emitter.close(LONG_MS)).toBe(0);
});

test('[E.never-blocks] nothing that is reported makes emit() throw, with the daemon up, down or stuck', async () => {
  const stuck = await fakeOf(plain);
  stuck.reads = false;
  const up = await fakeOf(acknowledging());
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.constant(Buffer.alloc(1_200_000, 0x20)),
  );
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('n'.repeat(1_200_000)));
  const garbage = fc.record(
    {
      channel: text,
      tool: fc.oneof(fc.record({ name: text }), fc.anything()),
      decision: fc.anything(),
      input: fc.oneof(payload, fc.anything()),
      output: payload,
      error: fc.oneof(text, fc.anything()),
      idempotencyKey: text,
      correlationId: fc.oneof(text, fc.anything()),
      decisionContext: fc.oneof(
        fc.object(),
        fc.constant({ a: 1n }),
        fc.constant({ a: 'c'.repeat(1_200_000) }),
      ),
    },
    { requiredKeys: [] },
  );
  const targets = [up.path, stuck.path, NOWHERE].map((path) => emitterOf(path).emitter);
  await fc.assert(
    fc.asyncProperty(garbage, async (given) => {
      for (const emitter of targets) {
        const before = emitter.pendingCount + emitter.droppedCount;
        emitter.emit(given as unknown as ActionReport);
        expect(emitter.pendingCount + emitter.droppedCount).toBeGreaterThanOrEqual(before);
      }
      await new Promise(setImmediate); // whatever is thrown later ends this process
    }),
    { numRuns: 200 },
  );
});

test('[E.never-blocks] emit() writes and waits for nothing in its caller', async () => {
  const fake = await fakeOf(acknowledging());
  const { emitter } = emitterOf(fake.path);
  for (let i = 0; i < 1000; i += 1) emitter.emit(report());
  expect(emitter.pendingCount).toBe(1000);
  expect(fake.connections).toBe(0);
  expect(await emitter.close(LONG_MS)).toBe(0);
  expect(fake.events).toHaveLength(1000);
});

test('[E.spool-bounded] what does not fit is counted, and the count is handed over on reconnect', async () => {
  const fake = await fakeOf(acknowledging());
  await fake.stop();
  const { emitter, notices } = emitterOf(fake.path, { maxSpoolBytes: 2000 });
  for (let i = 0; i < 50; i += 1) emitter.emit(report(`t${i}`));
  const { pendingCount, droppedCount } = emitter;
  expect(pendingCount + droppedCount).toBe(50);
  expect(pendingCount).toBeGreaterThan(5);
  expect(droppedCount).toBeGreaterThan(5);
  expect(notices.filter(({ kind }) => kind === 'dropped')).toHaveLength(droppedCount);
  await fake.start();
  await fake.received(pendingCount);
  const counts = fake.events.map((event) => event['drop_count'] ?? 0);
  expect(counts).toEqual([droppedCount, ...Array.from({ length: pendingCount - 1 }, () => 0)]);
  expect(fake.tools).toEqual(Array.from({ length: pendingCount }, (_, i) => `t${i}`));
  expect(await emitter.close(LONG_MS)).toBe(0);
  expect(emitter.droppedCount).toBe(0);
});

test('[E.reconnect] the spool is delivered in order after a restart; what was not acknowledged is marked', async () => {
  const fake = await fakeOf(acknowledging());
  const { emitter, notices } = emitterOf(fake.path);
  await emitter.emitConfirmed(report('acknowledged'), LONG_MS);
  const withReplies = fake.answer;
  fake.answer = ({ hello, ack }) => (hello === undefined ? undefined : { ack, ok: true });
  emitter.emit(report('a'));
  emitter.emit(report('b'));
  await fake.received(3);
  await fake.stop();
  fake.events.splice(0);
  fake.answer = withReplies;
  while (notices.length === 0) await new Promise(setImmediate); // until it knows
  emitter.emit(report('c'));
  await fake.start();
  expect(await emitter.close(LONG_MS)).toBe(0);
  expect(
    fake.events.map((event) => [(event['tool'] as { name: string }).name, event['redelivered']]),
  ).toEqual([
    ['a', true],
    ['b', true],
    ['c', undefined],
  ]);
  expect(notices.map(({ kind }) => kind)).toEqual(['disconnected', 'connected']);
});

test('[E.reconnect] a transient refusal is resent, in order and unmarked, until it is taken', async () => {
  const take = acknowledging();
  let refusals = 0;
  const fake = await fakeOf((received, socket) => {
    const { ack, hello } = received;
    if (hello !== undefined || refusals >= 10) return take(received, socket);
    refusals += 1;
    return { ack, ok: false, code: 'STORE_WRITE_FAILED', error: 'disk full', remedy: '' };
  });
  const { emitter, notices } = emitterOf(fake.path);
  const names = Array.from({ length: 5 }, (_, i) => `t${i}`);
  for (const name of names) emitter.emit(report(name));
  while (emitter.pendingCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(fake.tools.slice(-5)).toEqual(names);
  expect(fake.events.slice(-5).map((event) => event['redelivered'])).toEqual(
    names.map(() => undefined),
  );
  expect(emitter.droppedCount).toBe(0);
  const refused = notices.find(({ kind }) => kind === 'refused');
  expect(refused).toMatchObject({ error: { code: 'STORE_WRITE_FAILED', message: 'disk full' } });
});

test('a permanent refusal is counted, told with the next frame, and costs no other report', async () => {
  const take = acknowledging();
  const fake = await fakeOf((received, socket) => {
    const { ack, tool } = received;
    if ((tool as { name?: string } | undefined)?.name !== 'bad') return take(received, socket);
    return { ack, ok: false, code: 'JSON_NUMBER_RANGE', error: 'no', remedy: '' };
  });
  const { emitter } = emitterOf(fake.path);
  await expect(emitter.emitConfirmed(report('bad'), LONG_MS)).rejects.toMatchObject({
    code: 'JSON_NUMBER_RANGE',
  });
  expect(emitter.droppedCount).toBe(1);
  await emitter.emitConfirmed(report('good'), LONG_MS);
  expect(fake.events.at(-1)?.['drop_count']).toBe(1);
  expect(emitter.droppedCount).toBe(0);
  expect(await emitter.close(LONG_MS)).toBe(0);
});

test('[P1.drop-count] a drop count that was refused with its frame goes out again with the next', async () => {
  const take = acknowledging();
  const fake = await fakeOf((received, socket) => {
    const { ack, tool } = received;
    if ((tool as { name?: string } | undefined)?.name !== 'bad') return take(received, socket);
    return { ack, ok: false, code: 'JSON_NUMBER_RANGE', error: 'no', remedy: '' };
  });
  const { emitter } = emitterOf(fake.path);
  emitter.emit(report('unparsable', { input: Buffer.from('{') }));
  await emitter.emitConfirmed(report('bad'), LONG_MS).catch(() => undefined);
  await emitter.emitConfirmed(report('good'), LONG_MS);
  expect(fake.events.map((event) => event['drop_count'])).toEqual([1, 2]);
});

test('[P1.drop-count] a frame that is sent again tells the same drop count, and no other frame does', async () => {
  const fake = new FakeDaemon(({ ack, hello }) =>
    hello === undefined ? undefined : { ack, ok: true, hello: {} },
  );
  fakes.push(fake);
  const { emitter } = emitterOf(fake.path, { maxSpoolBytes: 700 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) emitter.emit(report(name));
  const dropped = emitter.droppedCount;
  expect(dropped).toBeGreaterThan(0);
  await fake.start();
  await fake.received(5 - dropped);
  await fake.stop();
  fake.answer = acknowledging();
  await fake.start();
  await fake.received(2 * (5 - dropped));
  const counts = fake.events.map((event) => event['drop_count']);
  const expected = [dropped, ...Array.from({ length: 4 - dropped }, () => undefined)];
  expect(counts).toEqual([...expected, ...expected]);
  expect(await emitter.close(LONG_MS)).toBe(0);
});

test('a plain daemon, which never replies, gets each frame once and the drop count once', async () => {
  const fake = await fakeOf(plain);
  const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 1 });
  emitter.emit(report('dropped', { input: Buffer.from('{') }));
  for (let i = 0; i < 100; i += 1) emitter.emit(report(`t${i}`));
  expect(await emitter.close(LONG_MS)).toBe(0);
  await fake.received(100);
  expect(fake.tools).toEqual(Array.from({ length: 100 }, (_, i) => `t${i}`));
  expect(fake.events.filter((event) => event['drop_count'] !== undefined)).toHaveLength(1);
  expect(fake.events.some((event) => event['redelivered'])).toBe(false);
});

test('a plain daemon cannot confirm, and emitConfirmed() says so at once', async () => {
  const fake = await fakeOf(plain);
  const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 1 });
  await expect(emitter.emitConfirmed(report(), LONG_MS)).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    message: 'this daemon does not acknowledge',
  });
});

test('a plain daemon that stops reading and dies does not take with it what the kernel never had', async () => {
  const fake = await fakeOf(plain);
  fake.reads = false;
  const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 1 });
  const input = jsonText('x'.repeat(100_000));
  for (let i = 0; i < 50; i += 1) emitter.emit(report(`t${i}`, { input }));
  while (emitter.pendingCount === 50) await new Promise((resolve) => setTimeout(resolve, 5));
  await fake.stop();
  fake.reads = true;
  await fake.start();
  expect(await emitter.close(LONG_MS)).toBe(0);
  while (fake.tools.at(-1) !== 't49') await fake.received(fake.events.length + 1);
  const { length } = fake.tools;
  expect(length).toBeGreaterThan(10); // the buffers of a Unix socket hold far less
  expect(fake.tools).toEqual(Array.from({ length }, (_, i) => `t${50 - length + i}`));
});

for (const { name, answer, corks } of [
  { name: 'in one piece to a daemon that acknowledges', answer: acknowledging(), corks: 1 },
  {
    name: 'frame by frame to a plain one, which counts what the kernel took',
    answer: plain,
    corks: 0,
  },
]) {
  test(`together() hands reports over ${name}`, async () => {
    const fake = await fakeOf(answer);
    const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 50 });
    emitter.emit(report('first'));
    await expect.poll(() => emitter.pendingCount, { timeout: LONG_MS }).toBe(0);
    const cork = vi.spyOn(Socket.prototype, 'cork');
    try {
      emitter.together(() => {
        for (const tool of ['a', 'b', 'c']) emitter.emit(report(tool));
      });
      expect(cork).toHaveBeenCalledTimes(corks);
    } finally {
      cork.mockRestore();
    }
    await expect.poll(() => fake.tools, { timeout: LONG_MS }).toEqual(['first', 'a', 'b', 'c']);
  });
}

test('a daemon that greets late is taken for what it is from then on', async () => {
  const take = acknowledging();
  let isBusy = true;
  let greet: (() => void) | undefined;
  const fake = await fakeOf((received, socket) => {
    if (received['hello'] !== undefined) {
      greet = () => {
        isBusy = false;
        socket.write(frame({ ack: received.ack, ok: true }));
      };
    }
    return isBusy ? undefined : take(received, socket);
  });
  const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 1 });
  await expect(emitter.emitConfirmed(report('early'), LONG_MS)).rejects.toMatchObject({
    message: 'this daemon does not acknowledge',
  });
  greet?.();
  for (let i = 0; ; i += 1) {
    const result = await emitter.emitConfirmed(report(`late ${i}`), LONG_MS).catch(() => undefined);
    if (result !== undefined) break; // the greeting arrives between two of these
  }
});

test('a daemon that replied once is not taken for a plain one when it is slow to greet again', async () => {
  const take = acknowledging();
  let isStuck = false;
  const fake = await fakeOf((received, socket) => (isStuck ? undefined : take(received, socket)));
  const { emitter } = emitterOf(fake.path, { helloTimeoutMs: 100 });
  await emitter.emitConfirmed(report('first'), LONG_MS);
  await fake.stop();
  isStuck = true;
  await fake.start();
  emitter.emit(report('kept'));
  await fake.received(2);
  await new Promise((resolve) => setTimeout(resolve, 200)); // longer than a first greeting may take
  expect(emitter.pendingCount).toBe(1);
  isStuck = false;
  await fake.stop();
  await fake.start();
  expect(await emitter.close(LONG_MS)).toBe(0);
  expect(fake.events.at(-1)).toMatchObject({ tool: { name: 'kept' }, redelivered: true });
});

test('a program that was busy itself does not take its daemon for a plain one', async () => {
  const script = `const { Emitter } = await import(process.argv[1]);
    const emitter = new Emitter({ socketPath: process.argv[2], sessionId: 's', helloTimeoutMs: 50 });
    const report = { channel: 'c', tool: { name: 't' }, decision: 'allowed' };
    const confirmed = emitter.emitConfirmed(report, 20000);
    confirmed.then(() => console.log('confirmed'), (error) => console.log(error.message));
    setImmediate(() => { const end = Date.now() + 500; while (Date.now() < end); });`;
  const bundle = new URL('../dist/emitter.js', import.meta.url);
  const fake = await fakeOf(acknowledging());
  const args = ['--input-type=module', '-e', script, bundle.href, fake.path];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(line.toString()).toBe('confirmed\n');
});

test('emitConfirmed() gives up after its time; the report stays on its way', async () => {
  const { emitter } = emitterOf(NOWHERE);
  await expect(emitter.emitConfirmed(report(), 1)).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    message: expect.stringContaining('within 1 ms') as string,
  });
  expect(emitter.pendingCount).toBe(1);
});

test('[E.never-blocks] close() without a daemon does not wait for one, and tells what is lost', async () => {
  const { emitter } = emitterOf(NOWHERE);
  emitter.emit(report());
  emitter.emit(report('x', { input: Buffer.from('{') }));
  // A day, so that only an early return can end this test.
  expect(await emitter.close(86_400_000)).toBe(2);
});

test('close() with nothing to do returns 0 and opens no connection', async () => {
  const fake = await fakeOf(acknowledging());
  const { emitter } = emitterOf(fake.path);
  expect(await emitter.close(LONG_MS)).toBe(0);
  expect(fake.connections).toBe(0);
});

test('close() right after start() hangs up for good', async () => {
  const fake = await fakeOf(acknowledging());
  const { emitter } = emitterOf(fake.path);
  emitter.start();
  expect(await emitter.close(LONG_MS)).toBe(0);
  emitter.emit(report('too late'));
  expect([emitter.pendingCount, emitter.droppedCount]).toEqual([0, 1]);
  const other = emitterOf(fake.path).emitter;
  await other.emitConfirmed(report('other'), LONG_MS);
  emitter.emit(report('still too late'));
  await other.emitConfirmed(report('other'), LONG_MS);
  expect([emitter.pendingCount, emitter.droppedCount]).toEqual([0, 2]);
  expect(fake.tools).toEqual(['other', 'other']);
  expect(fake.connections).toBeLessThanOrEqual(2);
});

test('close() gives up on a daemon that does not answer, and counts what it does not know', async () => {
  let isSilent = false;
  const fake = await fakeOf(({ ack }) => (isSilent ? undefined : { ack, ok: true }));
  const { emitter } = emitterOf(fake.path);
  // Before it has greeted it could be a daemon that never answers, and has everything.
  await emitter.emitConfirmed(report(), LONG_MS);
  isSilent = true;
  for (let i = 0; i < 3; i += 1) emitter.emit(report());
  await fake.received(4);
  expect(await emitter.close(1)).toBe(3);
});

test('a daemon that sends nonsense is hung up on, and everything is sent again', async () => {
  const take = acknowledging();
  let sane = false;
  const fake = await fakeOf((received, socket) => {
    if (sane) return take(received, socket);
    sane = true;
    return { hello: 'who are you' };
  });
  const { emitter } = emitterOf(fake.path);
  emitter.emit(report('kept'));
  await fake.received(1);
  while (emitter.pendingCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(fake.tools.at(-1)).toBe('kept');
  expect(fake.connections).toBe(2);
});

test('an identity that no daemon would take is refused where it comes from', () => {
  const make = () => new Emitter({ socketPath: NOWHERE, sessionId: '' });
  expect(make).toThrow(expect.objectContaining({ code: 'FRAME_INVALID' }));
});

for (const { env, want } of [
  { env: { AGENTRECEIPTS_SOCKET: '/x.sock', XDG_RUNTIME_DIR: '/r' }, want: '/x.sock' },
  {
    env: { AGENTRECEIPTS_SOCKET: '', XDG_RUNTIME_DIR: '/r' },
    want: '/r/agentreceipts/events.sock',
  },
  { env: {}, want: '/run/agentreceipts/events.sock' },
]) {
  test.runIf(process.platform === 'linux')(
    `[E.socket-path] defaultSocketPath() with ${JSON.stringify(env)} is ${want}`,
    () => expect(defaultSocketPath(env)).toBe(want),
  );
}
