import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frame } from '../fixtures/daemon-client.ts';
import { FakeDaemon, plain, type Answer, type Received } from '../fixtures/daemon-fake.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord } from '../fixtures/daemon-record.ts';
import {
  fixtureServer,
  proxied,
  start,
  temporaryFolder,
  type Running,
} from '../fixtures/mcp-programs.ts';
import { findCalls } from '../hostile/lax-reader.ts';

const SERVER = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');
const call = (id: number, given: object = {}) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'tool', arguments: given } })}\n`;
const cancel = (requestId: number) =>
  `${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })}\n`;
const PING = '{"jsonrpc":"2.0","id":"p","method":"ping"}\n';
const PONG = '{"jsonrpc":"2.0","id":"p","result":{}}\n';

function guarded(server: readonly string[], socket: string): Running {
  return start(proxied(server, ['-socket', socket, '-require-receipt']));
}

/** The error that the client got for a call. */
function refusal(proxy: Running, id: number) {
  const lines = proxy.stdout.toString().split('\n').slice(0, -1);
  const answers = lines.map((line) => JSON.parse(line) as { id: unknown; error?: unknown });
  return answers.find((answer) => answer.id === id)?.error;
}

/** The last word about a call: what it says over what its announcement said. */
function endOf(events: readonly Received[]): Received | undefined {
  return events.findLast(({ decision }) => decision !== 'allowed');
}

/** Calls as the store tells of them, with the ids that the client gave them. */
function receiptsOf({ db }: DaemonHome) {
  return readRecord(db)
    .filter(({ columns }) => columns.tool_name === 'tool')
    .map(({ receipt, columns }) => ({
      key: receipt.credentialSubject.action.idempotency_key?.split('/')[1],
      status: columns.status,
    }))
    .sort((a, b) => Number(a.key) - Number(b.key));
}

const GREETING = { server: 'fake', version: '0', extensions: ['ack', 'phase'] };

describe('where the daemon answers as the test wants', () => {
  const daemon = new FakeDaemon(plain);
  /** Frames that nobody has acknowledged yet. */
  let held: (() => void)[] = [];
  let onHeld: () => void = () => undefined;

  /** Acknowledges what is no announcement of a call, and holds back the rest. */
  const holding: Answer = (received, socket) => {
    const { ack, hello, decision } = received;
    if (hello !== undefined) return { ack, ok: true, hello: GREETING };
    if (decision !== 'allowed' || received['phase'] === 'outcome') return { ack, ok: true };
    held.push(() => socket.write(frame({ ack, ok: true })));
    onHeld();
    return undefined;
  };

  async function whenHeld(count: number): Promise<readonly (() => void)[]> {
    while (held.length < count) await new Promise<void>((resolve) => (onHeld = resolve));
    return held;
  }

  beforeEach(async () => {
    held = [];
    daemon.answer = holding;
    daemon.events.length = 0;
    await daemon.start();
  });
  afterEach(() => daemon.stop());

  test('a call leaves once it is recorded, and nothing waits for it [P1.require-receipt]', async () => {
    const record = join(temporaryFolder(), 'received');
    const proxy = guarded(fixtureServer('mcp-lax-server.mjs', record), daemon.path);
    proxy.write(call(1) + call(2) + PING);
    await proxy.says(PONG);
    const acknowledge = await whenHeld(2);
    expect(findCalls(readFileSync(record))).toEqual([]);
    for (const each of acknowledge) each();
    proxy.write(cancel(9) + PING);
    await proxy.says(PONG, Buffer.byteLength(PONG));
    proxy.end();
    await proxy.exit;
    expect(readFileSync(record, 'utf8')).toBe(`${PING}${call(1)}${call(2)}${cancel(9)}${PING}`);
  });

  test('a call that is not recorded is refused, and says why [P1.require-receipt]', async () => {
    daemon.answer = ({ ack, hello }) =>
      hello === undefined
        ? { ack, ok: false, code: 'STORE_WRITE_FAILED', error: 'disk full', remedy: 'x' }
        : { ack, ok: true, hello: GREETING };
    const proxy = guarded(SERVER, daemon.path);
    proxy.write(call(1));
    await proxy.says('"id":1');
    expect(refusal(proxy, 1)).toMatchObject({
      code: -31001,
      message: expect.stringContaining('disk full'),
      data: { code: 'RECEIPT_REQUIRED', cause: 'STORE_WRITE_FAILED' },
    });
    await proxy.logs('REFUSED tool (receipt required: STORE_WRITE_FAILED)');
  });

  test('a daemon that never acknowledges lets no call through', async () => {
    daemon.answer = plain;
    const proxy = guarded(SERVER, daemon.path);
    proxy.write(call(1));
    await proxy.says('"id":1');
    expect(refusal(proxy, 1)).toMatchObject({
      code: -31001,
      data: { cause: 'DAEMON_UNREACHABLE' },
    });
  });

  test('a cancelled call never reaches the server and gets no answer', async () => {
    const record = join(temporaryFolder(), 'received');
    const proxy = guarded(fixtureServer('mcp-lax-server.mjs', record), daemon.path);
    proxy.write(call(1));
    const [acknowledge] = await whenHeld(1);
    proxy.write(cancel(1) + PING);
    await proxy.says(PONG);
    acknowledge?.();
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(readFileSync(record, 'utf8')).toBe(PING);
    expect(proxy.stdout.toString()).toBe(PONG);
    expect(endOf(daemon.events)).toMatchObject({
      decision: 'denied',
      error: 'cancelled before it was sent',
    });
  });

  test('the end of the input waits for the calls before it', async () => {
    const proxy = guarded(SERVER, daemon.path);
    proxy.end(call(1, { x: 1 }));
    const [acknowledge] = await whenHeld(1);
    acknowledge?.();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.stdout.toString()).toContain('"result":{"x":1}');
  });

  test('a server that ends leaves what waits as not sent', async () => {
    const proxy = guarded([process.execPath, '-e', 'setInterval(() => 0, 1e6)'], daemon.path);
    proxy.write(call(1));
    await whenHeld(1);
    proxy.child.kill('SIGTERM'); // passed on
    expect(await proxy.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(proxy.stdout.toString()).toBe('');
    expect(endOf(daemon.events)).toMatchObject({
      decision: 'denied',
      error: 'not sent: the server ended (signal SIGTERM)',
    });
  });
});

test('without a daemon a call is refused after five seconds, and everything else goes on', async () => {
  const socket = join(temporaryFolder(), 'none');
  const record = join(temporaryFolder(), 'received');
  const proxy = guarded(fixtureServer('mcp-lax-server.mjs', record), socket);
  proxy.write(call(1) + PING);
  await proxy.says(PONG);
  proxy.end();
  expect(await proxy.exit).toEqual({ code: 0, signal: null });
  expect(refusal(proxy, 1)).toMatchObject({
    code: -31001,
    message: `no receipt can be promised for this call: no acknowledgement from ${socket} within 5000 ms`,
    data: { cause: 'DAEMON_UNREACHABLE' },
  });
  expect(readFileSync(record, 'utf8')).toBe(PING);
});

describe('with the daemon itself', () => {
  let home: DaemonHome;
  beforeEach(() => {
    home = new DaemonHome();
  });
  afterEach(() => home.remove());

  test('each call is one receipt; while the daemon is down calls are refused, and told of later', async () => {
    const daemon = await home.start();
    const proxy = guarded(SERVER, home.socket);
    proxy.write(call(1) + call(2, { fail: true }));
    await proxy.says('"id":1');
    await proxy.says('"id":2');
    await daemon.stop('SIGKILL');
    proxy.write(call(3));
    await proxy.says('"id":3');
    expect(refusal(proxy, 3)).toMatchObject({
      code: -31001,
      data: { cause: 'DAEMON_UNREACHABLE' },
    });
    const again = await home.start();
    proxy.write(call(4));
    await proxy.says('"id":4');
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    await again.stop();
    const told = receiptsOf(home).map(({ key, status }) => [key, status]);
    expect(told).toEqual([
      ['1', 'success'],
      ['2', 'failure'],
      ['3', 'failure'],
      ['4', 'success'],
    ]);
  });
});
