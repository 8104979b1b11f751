import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Emitter, type EmitterNotice } from '../../emitter/index.ts';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';
import { FIRST, outline, readRecord, readReports, toolNames } from '../fixtures/daemon-record.ts';

// A limit on the size of files is what a full disk is to a process, and it binds root as well. The
// hard limit stays, so that it can be lifted again.
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
if (!hasPrlimit)
  process.stderr.write('prlimit is not on this machine: full disks are not tested\n');

let home: DaemonHome;
let daemon: DaemonProcess;
beforeEach(async () => {
  home = new DaemonHome();
  daemon = await home.start({ flags: ['-chain-id', 'root'] });
});
afterEach(() => home.remove());

function limitFiles(bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', [
    '--pid',
    String(daemon.pid),
    `--fsize=${bytes}:`,
  ]);
  if (status !== 0) throw new Error(`prlimit: ${stderr.toString()}`);
}

/** No more room from here on: the next page that the WAL wants does not fit. */
const fillDisk = () => limitFiles(statSync(`${home.db}-wal`).size);
const freeDisk = () => limitFiles('unlimited');

const dial = () => RawClient.connect(home.socket);

test.skipIf(!hasPrlimit)(
  'a full disk refuses frames, half-writes nothing, and heals without a restart [D.disk-full]',
  async () => {
    const client = await dial();
    await client.ask({ ack: 1, tool: { name: 'before' } });
    fillDisk();
    for (const ack of [2, 3]) {
      const reply = await client.ask({ ack, tool: { name: 'refused' } });
      expect(reply).toMatchObject({ ack, ok: false, code: 'STORE_WRITE_FAILED' });
      expect(reply.remedy).toMatch(/goes on by itself/);
    }
    expect(toolNames(home.db)).toEqual(['before']);
    freeDisk();
    expect(await client.ask({ ack: 4, tool: { name: 'behind' } })).toMatchObject({
      ok: true,
      sequence: FIRST + 1,
    });
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(toolNames(home.db)).toEqual(['before', 'behind']);
    expect(outline(home.db, home.publicPem())).toEqual(['root: 2 valid complete']);
  },
);

test.skipIf(!hasPrlimit)(
  '[P1.drop-count] frames of emitters that are never answered are told by the next receipt',
  async () => {
    const client = await dial();
    await client.ask({ ack: 1 });
    fillDisk();
    for (const dropCount of [0, 0, 4]) client.send({ drop_count: dropCount });
    expect(await client.ask({ ack: 2, drop_count: 9 })).toMatchObject({ ok: false });
    freeDisk();
    await client.ask({ ack: 3, tool: { name: 'behind' } });
    const [, told, live] = readReports(home.db).map(({ receipt }) => receipt.credentialSubject);
    // Three frames and the four drops that one of them told of; the asking one keeps its own.
    expect(told?.action.emitter_metadata).toEqual({ drop_count: 7 });
    expect(told?.principal.id).toBe('did:user:unknown');
    expect(live?.action.tool_name).toBe('behind');
  },
);

test.skipIf(!hasPrlimit)(
  '[P1.drop-count] [D.terminator] … or by the last receipts of a stop, when no frame comes any more',
  async () => {
    const client = await dial();
    await client.ask({ ack: 1 });
    fillDisk();
    client.write(frame(eventMembers()));
    await client.ask({ ack: 2 });
    freeDisk();
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(toolNames(home.db)).toEqual(['create_issue', 'events_dropped']);
    // Something was lost, although it is told: this is not an ending in order.
    expect(outline(home.db, home.publicPem())).toEqual(['root: 2 valid interrupted']);
  },
);

test.skipIf(!hasPrlimit)(
  '[E.reconnect] our emitter keeps what a full disk refused, and delivers it in order',
  async () => {
    const notices: EmitterNotice[] = [];
    const emitter = new Emitter({
      socketPath: home.socket,
      sessionId: 'e',
      onNotice: (notice) => void notices.push(notice),
    });
    await emitter.emitConfirmed(
      { channel: 'c', tool: { name: 't0' }, decision: 'allowed' },
      20_000,
    );
    fillDisk();
    const names = Array.from({ length: 20 }, (_, i) => `t${i + 1}`);
    for (const name of names) emitter.emit({ channel: 'c', tool: { name }, decision: 'allowed' });
    while (!notices.some(({ kind }) => kind === 'refused')) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    freeDisk();
    expect(await emitter.close(20_000)).toBe(0);
    // The emitter hangs up on the first refusal. What stood behind it on the old connection may have
    // been written once the disk had room; then it is there twice, and the second copy says so.
    const record = readRecord(home.db);
    expect(record.slice(-20).map(({ columns }) => columns.tool_name)).toEqual(names);
    const again = new Set(record.slice(0, -20).map(({ columns }) => columns.tool_name));
    const twice = record.slice(-20).filter(({ columns }) => again.has(columns.tool_name));
    for (const { receipt } of twice) {
      expect(receipt.issuer.runtime).toEqual({ obsigna: { redelivered: true } });
    }
  },
);

test.skipIf(!hasPrlimit)(
  'a daemon that tidies up with a full disk stays alive and heals',
  async () => {
    const client = await dial();
    for (let ack = 1; ack <= 100; ack += 1) await client.ask({ ack });
    limitFiles(statSync(home.db).size); // the WAL does not fit into the database any more
    await daemon.said('level=warn checkpoint:');
    expect(await client.ask({ ack: 101 })).toMatchObject({ code: 'STORE_WRITE_FAILED' });
    freeDisk();
    expect(await client.ask({ ack: 102 })).toMatchObject({ ok: true, sequence: FIRST + 100 });
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(outline(home.db, home.publicPem())).toEqual(['root: 101 valid complete']);
  },
);

test.skipIf(!hasPrlimit)(
  '[D.life] [D.disk-full] a daemon starts with a full disk, and tells of its start once it can',
  async () => {
    await (await RawClient.connect(home.socket)).ask({ ack: 1 });
    await daemon.stop();
    // Room for the shared memory of the WAL, not for the pages of one commit.
    const wrapper = ['prlimit', '--fsize=40000:unlimited'];
    daemon = await home.start({ flags: ['-chain-id', 'root'], wrapper });
    await daemon.said('the start is not recorded yet: ');
    const client = await dial();
    expect(await client.ask({ ack: 1 })).toMatchObject({ code: 'STORE_WRITE_FAILED' });
    freeDisk();
    expect(await client.ask({ ack: 2 })).toMatchObject({ chain_id: 'root-2', sequence: FIRST });
    await daemon.stop();
    expect(outline(home.db, home.publicPem())).toEqual([
      'root-2: 1 valid complete',
      'root: 1 valid complete',
    ]);
  },
);

test.skipIf(!hasPrlimit)(
  'a stop with a full disk says so, exits 1 and breaks nothing',
  async () => {
    const client = await dial();
    await client.ask({ ack: 1 });
    fillDisk();
    expect(await daemon.stop()).toEqual({ code: 1, signal: null });
    expect(daemon.stderr).toContain('[STORE_WRITE_FAILED]');
    const second = await home.start({ flags: ['-chain-id', 'root'] });
    expect(second.stderr).toContain(`loaded chain root, next seq=${FIRST + 1}`);
    await second.stop();
    expect(outline(home.db, home.publicPem())).toEqual(['root: 1 valid complete']);
  },
);
