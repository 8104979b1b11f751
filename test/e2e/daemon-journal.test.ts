import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { REASONS } from '../../daemon/journal/abandonment.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord, verifyRecord } from '../fixtures/daemon-record.ts';

const CALLER = join(import.meta.dirname, '../fixtures/daemon-caller.mjs');

const homes: DaemonHome[] = [];
const callers: ChildProcess[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) await end(caller);
  for (const home of homes.splice(0)) await home.remove();
});

function homeOf(): DaemonHome {
  const home = new DaemonHome();
  homes.push(home);
  return home;
}

const INPUT = { path: '/secret/plan.txt' };
const INPUT_HASH = hashUri(nodeSuite, '{"path":"/secret/plan.txt"}');
const intent = (id = '1', more: object = {}) => ({
  phase: 'intent',
  call_id: id,
  input: INPUT,
  ...more,
});
const outcome = (id = '1', more: object = {}) => ({
  phase: 'outcome',
  call_id: id,
  output: { content: [] },
  ...more,
});

/** A process that sends these frames and has their replies when this returns. */
async function callerOf(home: DaemonHome, ...frames: object[]): Promise<ChildProcess> {
  const bodies = frames.map((members) => eventMembers(members as Record<string, unknown>));
  const caller = spawn(process.execPath, [CALLER, home.socket, JSON.stringify(bodies)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  callers.push(caller);
  let said = '';
  for await (const chunk of caller.stdout as AsyncIterable<Buffer>) {
    said += chunk.toString();
    if (said.includes('ready')) break;
  }
  return caller;
}

async function end(caller: ChildProcess): Promise<void> {
  if (caller.exitCode !== null || caller.signalCode !== null) return;
  const ended = once(caller, 'exit');
  caller.kill('SIGKILL');
  await ended;
}

/** What the daemon's clients told it, as receipts of calls. */
function calls(home: DaemonHome) {
  const called = readRecord(home.db).filter(({ receipt }) => noteOf(receipt) !== undefined);
  return called.map(({ receipt }) => {
    const { action, outcome: result } = receipt.credentialSubject;
    return {
      id: receipt.id,
      pid: action.peer_credential?.pid,
      hash: action.parameters_hash,
      status: result.status,
      error: result.error,
      note: noteOf(receipt),
    };
  });
}

function noteOf({ issuer }: Receipt): JsonObject | undefined {
  const ours = issuer.runtime?.['obsigna'];
  const note = isJsonObject(ours) ? ours['call'] : undefined;
  return isJsonObject(note) ? note : undefined;
}

function journalled(home: DaemonHome): unknown[] {
  const db = new Database(home.db, { readonly: true });
  try {
    return db.prepare('SELECT call_id FROM obsigna_open_calls ORDER BY call_id').pluck().all();
  } finally {
    db.close();
  }
}

function expectSound(home: DaemonHome): void {
  const verdicts = [...verifyRecord(readRecord(home.db), home.publicPem()).values()];
  expect(verdicts.map(({ result }) => result)).not.toContain('broken');
}

const BEGAN = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown;

test('[P1.intent] intent and outcome become one receipt; in between the call is in the journal, its payload is not', async () => {
  const home = homeOf();
  await home.start();
  const client = await RawClient.connect(home.socket);
  expect(await client.ask({ ...intent(), ack: 1 })).toEqual({ ack: 1, ok: true });
  expect(journalled(home)).toEqual(['1']);
  for (const file of [home.db, `${home.db}-wal`].filter((name) => existsSync(name))) {
    expect(readFileSync(file, 'latin1')).not.toContain('secret/plan');
  }
  const reply = await client.ask({ ...outcome(), ack: 2 });
  expect(reply).toMatchObject({ ok: true, receipt_hash: expect.any(String) as unknown });
  expect(journalled(home)).toEqual([]);
  expect(calls(home)).toMatchObject([
    { hash: INPUT_HASH, status: 'success', pid: process.pid, note: { id: '1', began: BEGAN } },
  ]);
  await client.end();
});

test('[P1.intent] both halves in one write never touch the journal, and the receipt is the same', async () => {
  const home = homeOf();
  await home.start();
  const client = await RawClient.connect(home.socket);
  client.send({ ...intent(), ack: 1 });
  await client.ask({ ...outcome(), ack: 2 });
  expect(client.replies.map(({ ack, ok }) => [ack, ok])).toEqual([
    [1, true],
    [2, true],
  ]);
  expect(calls(home)).toMatchObject([{ hash: INPUT_HASH, note: { id: '1', began: BEGAN } }]);
  await client.end();
});

test('[P1.intent] the reporting process is killed: its open calls are pending at once, under its own name', async () => {
  const home = homeOf();
  await home.start();
  const caller = await callerOf(home, { ...intent('1'), ack: 1 }, { ...intent('2'), ack: 2 });
  await end(caller);
  await expect.poll(() => calls(home)).toHaveLength(2);
  const pending = { pid: caller.pid, hash: INPUT_HASH, status: 'pending' };
  const note = { closed_by: 'daemon', began: BEGAN };
  expect(calls(home)).toMatchObject([
    { ...pending, error: REASONS.processEnded, note: { ...note, id: '1' } },
    { ...pending, error: REASONS.processEnded, note: { ...note, id: '2' } },
  ]);
  expect(journalled(home)).toEqual([]);
});

test('[P1.intent] a lost connection of a living process is no end: it comes back and tells', async () => {
  const home = homeOf();
  await home.start();
  const first = await RawClient.connect(home.socket);
  await first.ask({ ...intent(), ack: 1 });
  await first.end();
  const second = await RawClient.connect(home.socket);
  second.write(frame({ v: '1', hello: { session_id: 'session-1' }, ack: 0 }));
  await second.reply(0);
  await second.ask({ ...outcome(), ack: 2 });
  expect(calls(home)).toMatchObject([{ status: 'success', hash: INPUT_HASH }]);
  await second.end();
});

test('[P1.intent] the daemon is killed: an outcome that comes later still finds its intent', async () => {
  const home = homeOf();
  const daemon = await home.start();
  const before = await RawClient.connect(home.socket);
  await before.ask({ ...intent('1'), ack: 1 });
  await before.ask({ ...intent('2'), ack: 2 });
  await daemon.stop('SIGKILL');
  await home.start();
  const after = await RawClient.connect(home.socket);
  await after.ask({ ...intent('2'), redelivered: true, ack: 2 });
  await after.ask({ ...outcome('1'), ack: 3 });
  await after.ask({ ...outcome('2', { redelivered: true }), ack: 4 });
  expect(calls(home)).toMatchObject([
    { hash: INPUT_HASH, status: 'success', note: { id: '1' } },
    { hash: INPUT_HASH, status: 'success', note: { id: '2' } },
  ]);
  await after.end();
  expectSound(home);
});

test('[P1.intent] daemon and process are killed: the next start tells what was open', async () => {
  const home = homeOf();
  const daemon = await home.start();
  const caller = await callerOf(home, { ...intent(), ack: 1 });
  await daemon.stop('SIGKILL');
  await end(caller);
  await home.start();
  await expect.poll(() => calls(home)).toHaveLength(1);
  expect(calls(home)).toMatchObject([
    { pid: caller.pid, status: 'pending', error: REASONS.restartedGone },
  ]);
  expectSound(home);
});

test('[P1.intent] a stop tells what is open before the chain ends; a later outcome completes it', async () => {
  const home = homeOf();
  const daemon = await home.start();
  const client = await RawClient.connect(home.socket);
  await client.ask({ ...intent(), ack: 1 });
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(calls(home)).toMatchObject([{ status: 'pending', error: REASONS.daemonStopped }]);
  expect(journalled(home)).toEqual([]);
  await home.start();
  const again = await RawClient.connect(home.socket);
  await again.ask({ ...outcome(), input: INPUT, ack: 2 });
  const [pending, late] = calls(home);
  expect(late).toMatchObject({ status: 'success', note: { id: '1', completes: pending?.id } });
  await again.end();
  expectSound(home);
});

test('[P1.once] what is told twice is recorded once, also across a crash of the daemon', async () => {
  const home = homeOf();
  const daemon = await home.start();
  const client = await RawClient.connect(home.socket);
  await client.ask({ ...intent('1'), ack: 1 });
  const joined = await client.ask({ ...outcome('1'), ack: 2 });
  const whole = await client.ask({ call_id: '2', decision: 'denied', ack: 3 });
  const again = { redelivered: true };
  const repeat = async (on: RawClient) => {
    expect(await on.ask({ ...intent('1', again), ack: 11 })).toEqual({ ack: 11, ok: true });
    expect(await on.ask({ ...outcome('1', again), ack: 12 })).toEqual({ ...joined, ack: 12 });
    const { sequence } = await on.ask({ call_id: '2', decision: 'denied', ...again, ack: 13 });
    expect(sequence).toBe(whole.sequence);
    expect(calls(home)).toHaveLength(2);
    expect(journalled(home)).toEqual([]);
  };
  await repeat(client);
  await daemon.stop('SIGKILL');
  await home.start();
  const after = await RawClient.connect(home.socket);
  await repeat(after);
  await after.end();
});

test('[P1.intent] nobody ends another process’s call', async () => {
  const home = homeOf();
  await home.start();
  await callerOf(home, { ...intent(), ack: 1 });
  const other = await RawClient.connect(home.socket);
  await other.ask({ ...outcome(), ack: 2 });
  expect(journalled(home)).toEqual(['1']);
  expect(calls(home)).toMatchObject([
    { pid: process.pid, note: { id: '1', intent: 'missing' }, hash: undefined },
  ]);
  await other.end();
});

for (const { name, members, error } of [
  {
    name: 'tool',
    members: { tool: { server: 'github', name: 'delete_repo' } },
    error: 'the outcome of call 1 has another toolName',
  },
  { name: 'input', members: { input: {} }, error: 'the outcome of call 1 has another input' },
]) {
  test(`an outcome with another ${name} than its intent is refused, and the call stays open`, async () => {
    const home = homeOf();
    await home.start();
    const client = await RawClient.connect(home.socket);
    await client.ask({ ...intent(), ack: 1 });
    const refused = await client.ask({ ...outcome('1', members), ack: 2 });
    expect(refused).toMatchObject({ ok: false, code: 'FRAME_INVALID', error });
    expect(journalled(home)).toEqual(['1']);
    await client.end();
  });
}

test('[D.bounded] one process opens 20,000 calls and no more', { timeout: 60_000 }, async () => {
  const home = homeOf();
  await home.start();
  const client = await RawClient.connect(home.socket);
  for (let i = 1; i < 20_000; i += 1) client.send({ ...intent(String(i), { input: 1 }) });
  expect(await client.ask({ ...intent('20000'), ack: 20_000 })).toMatchObject({ ok: true });
  const refused = await client.ask({ ...intent('20001'), ack: 20_001 });
  expect(refused).toMatchObject({ ok: false, code: 'TOO_MANY_OPEN_CALLS' });
  await client.ask({ ...outcome('1'), ack: 1 });
  expect(await client.ask({ ...intent('20001'), ack: 20_002 })).toMatchObject({ ok: true });
  await client.end();
});
