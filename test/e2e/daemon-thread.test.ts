import { readdirSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord, readReports, verifyRecord } from '../fixtures/daemon-record.ts';

const BURST = 100;
const MOST_BURSTS = 200;

const home = new DaemonHome();
afterAll(() => home.remove());

/** Zero where nobody can count them. */
function threadsOf(pid: number): number {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).length : 0;
}

test('[P7.daemon-thread] the built daemon signs in a second thread from its first large batch on', async () => {
  const daemon = await home.start();
  const client = await RawClient.connect(home.socket);
  await client.ask({ ack: 1 });
  const before = threadsOf(daemon.pid);
  let sent = 1;
  const burst = async () => {
    const frames = Array.from({ length: BURST }, (_, i) => eventMembers({ ack: sent + i + 1 }));
    client.write(Buffer.concat(frames.map((it) => frame(it)))); // one read, one batch
    sent += BURST;
    return client.reply(sent);
  };
  for (let i = 0; i < MOST_BURSTS && threadsOf(daemon.pid) === before; i += 1) await burst();
  for (let i = 0; i < 5; i += 1) await burst();
  if (process.platform === 'linux') expect(threadsOf(daemon.pid)).toBeGreaterThan(before);
  await client.end();
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(daemon.stderr).not.toContain('signing thread');
  expect(client.replies.filter(({ ok }) => !ok)).toEqual([]);
  expect(readReports(home.db)).toHaveLength(sent);
  const verdicts = [...verifyRecord(readRecord(home.db), home.publicPem()).values()];
  expect(verdicts.map(({ result }) => result)).toEqual(['valid']);
});
