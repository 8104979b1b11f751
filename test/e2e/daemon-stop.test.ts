import { existsSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentChainId } from '../../daemon/chains.ts';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';
import {
  FIRST,
  outline,
  readRecord,
  readReports,
  toolNames,
  type RecordedReceipt,
} from '../fixtures/daemon-record.ts';

let home: DaemonHome;
beforeEach(() => {
  home = new DaemonHome();
});
afterEach(() => home.remove());

const CHAIN = ['-chain-id', 'root'];
/** Reads on until all is silent, however slow the machine is. */
const PATIENT = [...CHAIN, '-shutdown-deadline', '60s'];
const start = () => home.start({ flags: CHAIN });
const dial = () => RawClient.connect(home.socket);
const chains = () => outline(home.db, home.publicPem());

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`[D.terminator] ${signal} ends every open chain, takes its files away and exits 0`, async () => {
    const daemon = await start();
    const client = await dial();
    client.send({ agent_id: 'a' });
    client.send({ agent_id: 'b' });
    await client.ask({ ack: 1 });
    expect(await daemon.stop(signal)).toEqual({ code: 0, signal: null });
    const files = [home.socket, home.lock, `${home.db}-wal`, `${home.db}-shm`];
    expect(files.filter(existsSync)).toEqual([]);
    expect(chains()).toEqual([
      'root/agent/a: 1 valid complete',
      'root/agent/b: 1 valid complete',
      'root: 1 valid complete',
    ]);
    expect(daemon.stderr).toMatch(/ obsigna-daemon shutdown complete\n$/);
    const terminator = readRecord(home.db).at(-1)?.receipt;
    expect(terminator?.issuer).toEqual({
      id: 'did:agent-receipts-daemon:local',
      type: 'AgentReceiptsDaemon',
    });
    expect(terminator?.credentialSubject).toMatchObject({
      principal: { id: 'did:user:unknown' },
      action: {
        type: 'agent_receipts.chain_completed',
        tool_name: 'chain_completed',
        risk_level: 'low',
      },
      outcome: { status: 'success' },
      chain: { terminal: true, status: 'complete' },
    });
    expect(terminator?.credentialSubject.action).not.toHaveProperty('peer_credential');
  });
}

test('[D.life] a daemon that nobody reported to says when it was there, and ends its chain', async () => {
  expect(await (await start()).stop()).toEqual({ code: 0, signal: null });
  expect(chains()).toEqual(['root: 0 valid complete']);
  expect(readRecord(home.db).map(({ columns }) => columns.tool_name)).toEqual([
    'daemon_started',
    'daemon_stopped',
    'chain_completed',
  ]);
});

/** Frames that lie in the kernel's buffers when the signal comes: nothing of ours has seen them. */
async function stopWithFramesInTheKernel(daemon: DaemonProcess, send: () => Promise<void>) {
  daemon.kill('SIGSTOP');
  await send();
  daemon.kill('SIGTERM');
  daemon.kill('SIGCONT');
  expect(await daemon.exit).toEqual({ code: 0, signal: null });
}

test('frames of open connections that the kernel holds at SIGTERM are recorded', async () => {
  const daemon = await home.start({ flags: PATIENT });
  const clients = await Promise.all(Array.from({ length: 8 }, dial));
  for (const client of clients) await client.ask({ ack: 1 });
  await stopWithFramesInTheKernel(daemon, async () => {
    for (const { socket } of clients) {
      const frames = Buffer.concat(Array.from({ length: 100 }, () => frame(eventMembers())));
      await new Promise<void>((resolve) => socket.write(frames, () => resolve()));
    }
  });
  expect(chains()).toEqual(['root: 808 valid complete']);
});

test('frames of connections that wait for their accept at SIGTERM are recorded', async () => {
  const daemon = await home.start({ flags: PATIENT });
  await stopWithFramesInTheKernel(daemon, async () => {
    for (let i = 0; i < 8; i += 1) {
      const { socket } = await dial();
      await new Promise<void>((resolve) => socket.end(frame(eventMembers()), () => resolve()));
    }
  });
  expect(chains()).toEqual(['root: 8 valid complete']);
});

test('[D.terminator] emitters that never fall silent, and signals again and again, do not cost the chain its last receipt', async () => {
  const daemon = await home.start({ flags: [...CHAIN, '-shutdown-deadline', '1s'] });
  const clients = await Promise.all(Array.from({ length: 4 }, dial));
  const block = Buffer.concat(Array.from({ length: 50 }, () => frame(eventMembers())));
  for (const { socket } of clients) {
    const more = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', more);
    more();
  }
  await (await dial()).ask({ ack: 1 });
  daemon.kill('SIGTERM');
  // It reads on for half of its time: more signals come while it does.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    daemon.kill(signal);
  }
  expect(await daemon.exit).toEqual({ code: 0, signal: null });
  const [chain] = chains();
  expect(chain).toMatch(/^root: \d+ valid interrupted$/);
});

test('[D.chain-suffix] a restart after a stop goes on under the next id, with the old chain intact', async () => {
  for (const chainId of ['root', 'root-2', 'root-3']) {
    const daemon = await start();
    const reply = await (await dial()).ask({ ack: 1 });
    expect(reply).toMatchObject({ chain_id: chainId, sequence: FIRST });
    await daemon.stop();
  }
  expect(chains()).toEqual([
    'root-2: 1 valid complete',
    'root-3: 1 valid complete',
    'root: 1 valid complete',
  ]);
});

test('[P1.gapless] [D.sub-chains] after SIGKILL the same chains go on', async () => {
  const first = await start();
  const before = await dial();
  before.send({ agent_id: 'a' });
  await before.ask({ ack: 1 });
  await first.stop('SIGKILL');
  const second = await start();
  expect(second.stderr).toContain(`loaded chain root, next seq=${FIRST + 1}`);
  const client = await dial();
  client.send({ agent_id: 'a' });
  expect(await client.ask({ ack: 1 })).toMatchObject({ chain_id: 'root', sequence: 4 }); // its start is 3
  await second.stop();
  expect(chains()).toEqual(['root/agent/a: 2 valid complete', 'root: 2 valid complete']);
});

test('[D.sub-chains] an agent chain that was ended is not extended when only agents report', async () => {
  for (const rootId of ['root', 'root-2']) {
    const daemon = await start();
    const reply = await (await dial()).ask({ ack: 1, agent_id: 'a' });
    expect(reply).toMatchObject({ chain_id: agentChainId(rootId, 'a'), sequence: 1 });
    await daemon.stop();
  }
  expect(chains()).toEqual([
    'root-2/agent/a: 1 valid complete',
    'root-2: 0 valid complete',
    'root/agent/a: 1 valid complete',
    'root: 0 valid complete',
  ]);
});

test("[D.sub-chains] the first receipt of an agent's chain names the root's as its parent", async () => {
  await start();
  const client = await dial();
  await client.ask({ ack: 1, agent_id: 'early' });
  await client.ask({ ack: 2 });
  await client.ask({ ack: 5 });
  await client.ask({ ack: 3, agent_id: 'late' });
  await client.ask({ ack: 4, agent_id: 'late' });
  const [begin, , live] = readRecord(home.db).filter(({ columns }) => columns.chain_id === 'root');
  const child = (parent: RecordedReceipt | undefined) => ({
    parent_chain_id: 'root',
    parent_receipt_id: parent?.receipt.id,
    delegator: { id: 'did:agent-receipts-daemon:local' },
  });
  const subjects = readReports(home.db).map(({ receipt }) => receipt.credentialSubject);
  expect(subjects.map(({ delegation }) => delegation)).toEqual([
    child(begin), // nobody of this principal had reported to the root
    undefined,
    undefined,
    child(live),
    undefined,
  ]);
});

test('[D.tail-verified] a tampered agent chain is refused to its agent and costs nobody else anything', async () => {
  const daemon = await start();
  const client = await dial();
  client.send({ agent_id: 'good' });
  client.send({ agent_id: 'bad' });
  await client.ask({ ack: 1 });
  await daemon.stop('SIGKILL');
  const db = new Database(home.db);
  db.exec("UPDATE receipts SET status = 'failure' WHERE chain_id = 'root/agent/bad'");
  db.close();
  const second = await start();
  const again = await dial();
  expect(await again.ask({ ack: 1, agent_id: 'bad' })).toMatchObject({
    ok: false,
    code: 'CHAIN_TAIL_INVALID',
  });
  expect(await again.ask({ ack: 2, agent_id: 'good' })).toMatchObject({ ok: true, sequence: 2 });
  expect(await second.stop()).toEqual({ code: 0, signal: null });
  expect(second.stderr).toContain(
    'level=warn terminator: chain root/agent/bad, sequence 1: column',
  );
  expect(chains()).toEqual([
    'root/agent/bad: 1 broken unknown',
    'root/agent/good: 2 valid complete',
    'root: 1 valid complete',
  ]);
});

test('another program that writes to the chain is noticed before anything is built on it', async () => {
  await start();
  const client = await dial();
  await client.ask({ ack: 1 });
  const db = new Database(home.db);
  db.exec(`INSERT INTO receipts (id, chain_id, sequence, action_type, risk_level, status, timestamp,
    issuer_id, receipt_json, receipt_hash) VALUES ('x', 'root', 3, 'a', 'low', 'success', 't', 'i', '{}', 'h')`);
  db.close();
  expect(await client.ask({ ack: 2 })).toMatchObject({ ok: false, code: 'STORE_CHANGED' });
});

test('[D.group-commit] frames that arrive together are committed together', async () => {
  const daemon = await start();
  const client = await dial();
  await client.ask({ ack: 1 });
  daemon.kill('SIGSTOP');
  const frames = Array.from({ length: 64 }, (_, i) =>
    frame(eventMembers({ ack: i + 2, tool: { name: `t${i}` } })),
  );
  await new Promise<void>((resolve) => client.socket.write(Buffer.concat(frames), () => resolve()));
  const before = commits();
  daemon.kill('SIGCONT');
  await client.reply(65);
  expect(commits() - before).toBe(1);
  expect(toolNames(home.db)).toHaveLength(65);
});

/** Commit frames in the WAL: the ones that say how large the database is after them. */
function commits(): number {
  const wal = readFileSync(`${home.db}-wal`);
  const pageBytes = wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let count = 0;
  for (let at = 32; at + 24 + pageBytes <= wal.length; at += 24 + pageBytes) {
    if (!wal.subarray(at + 8, at + 16).equals(salt)) break; // left over from before a checkpoint
    if (wal.readUInt32BE(at + 4) > 0) count += 1;
  }
  return count;
}
