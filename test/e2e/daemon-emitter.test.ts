import { afterEach, beforeEach, expect, test } from 'vitest';
import { Emitter, jsonText, type ActionReport } from '../../emitter/index.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';
import { outline, readReports, toolNames } from '../fixtures/daemon-record.ts';

const FLAGS = ['-chain-id', 'root'];
const WAIT_MS = 25_000;

let home: DaemonHome;
let daemon: DaemonProcess;
let emitter: Emitter;
beforeEach(async () => {
  home = new DaemonHome();
  daemon = await home.start({ flags: FLAGS });
  emitter = new Emitter({ socketPath: home.socket, sessionId: 'session', issuerName: 'host' });
});
afterEach(async () => {
  await emitter.close(0);
  await home.remove();
});

const report = (name: string, more: Partial<ActionReport> = {}): ActionReport => ({
  channel: 'mcp',
  tool: { name, server: 'srv' },
  decision: 'allowed',
  ...more,
});

test('[D.ack] [P2.peer-credential] what our emitter is told is what stands in the record', async () => {
  const decisionContext = { rule: 'no-deletes', risk: { score: 70, reasons: ['delete'] } };
  const told = await emitter.emitConfirmed(report('t', { decisionContext }), WAIT_MS);
  const [{ columns, receipt } = {}] = readReports(home.db);
  expect(told).toEqual({
    chainId: columns?.chain_id,
    sequence: columns?.sequence,
    receiptHash: columns?.receipt_hash,
  });
  expect(receipt?.issuer.runtime).toEqual({ obsigna: { decision: decisionContext } });
  expect(receipt?.credentialSubject.action.peer_credential).toEqual({
    platform: process.platform,
    pid: process.pid,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
    exe_path: process.execPath,
  });
});

test('a payload of megabytes has the hash it would have had in the frame, and its size', async () => {
  const input = jsonText({ b: 'x'.repeat(3_000_000), a: 1 });
  const output = jsonText({ isError: true, text: 'y'.repeat(3_000_000) });
  await emitter.emitConfirmed(report('t', { input, output }), WAIT_MS);
  const [recorded] = readReports(home.db);
  const { action, outcome } = recorded?.receipt.credentialSubject ?? {};
  const canonical = `{"a":1,"b":"${'x'.repeat(3_000_000)}"}`;
  expect(action?.parameters_hash).toBe(hashUri(nodeSuite, canonical));
  expect(outcome).toMatchObject({ status: 'failure' });
  expect(recorded?.receipt.issuer.runtime).toEqual({
    obsigna: {
      input: { bytes: input.length, hashed_by: 'emitter' },
      output: { bytes: output.length, hashed_by: 'emitter' },
    },
  });
});

test('[E.reconnect] [E.never-blocks] reports made while the daemon is away, stopped or stuck all arrive in order', async () => {
  const names: string[] = [];
  const emitSome = () => {
    for (let i = 0; i < 20; i += 1) {
      names.push(`t${names.length}`);
      emitter.emit(report(names.at(-1) as string));
    }
  };
  emitSome();
  await emitter.emitConfirmed(report('first'), WAIT_MS);
  names.push('first');
  await daemon.stop();
  emitSome();
  daemon = await home.start({ flags: FLAGS });
  await emitter.emitConfirmed(report('second'), WAIT_MS);
  names.push('second');
  daemon.kill('SIGSTOP');
  emitSome();
  daemon.kill('SIGCONT');
  expect(await emitter.close(WAIT_MS)).toBe(0);
  await daemon.stop();
  expect(toolNames(home.db)).toEqual(names);
  expect(outline(home.db, home.publicPem())).toEqual([
    expect.stringMatching(/^root-2: \d+ valid complete$/),
    'root: 21 valid complete',
  ]);
});

test('[P1.drop-count] reports that the emitter had no room for are told next to the first live one', async () => {
  await emitter.close(0);
  await daemon.stop();
  const small = new Emitter({ socketPath: home.socket, sessionId: 's', maxSpoolBytes: 1000 });
  for (let i = 0; i < 100; i += 1) small.emit(report(`t${i}`));
  const { droppedCount, pendingCount } = small;
  expect(droppedCount).toBeGreaterThan(90);
  daemon = await home.start({ flags: FLAGS });
  await expect.poll(() => small.pendingCount, { timeout: WAIT_MS }).toBe(0);
  expect(await small.close(WAIT_MS)).toBe(0);
  const names = Array.from({ length: pendingCount }, (_, i) => `t${i}`);
  expect(toolNames(home.db)).toEqual(['events_dropped', ...names]);
  const [dropped] = readReports(home.db);
  expect(dropped?.receipt.credentialSubject.action.emitter_metadata).toEqual({
    drop_count: droppedCount,
  });
});
