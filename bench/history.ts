import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { openReceipt } from '../shared/chain/open-receipt.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import {
  filledStore,
  FIRST_RECEIPTS,
  Load,
  makeDaemonHome,
  readReceipts,
  startDaemon,
  type FilledStore,
} from './daemon.ts';
import { cleanEnvironment, Lab } from './lab.ts';
import { cpuNs, memoryOf, type Memory } from './proc.ts';
import { keptStore } from './rows/large-store.ts';
import { wholeRun } from './rows/whole-run.ts';
import { median } from './stats.ts';

// `node scripts/run.mjs bench/history.ts -- --receipts 1000000`: does cost grow with history? One
// daemon writes them all, through 64 emitters; then one `receipt verify` reads them all, and each reading
// command is held against the same on 1,000 receipts. With `--store DIR` the store is kept there,
// and the next run begins with reading it.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: { receipts: { type: 'string', default: '1000000' }, store: { type: 'string' } },
});

const EMITTERS = 64;
const SAMPLE_MS = 250;
const READ_ROUNDS = 7;
const FLOOR_RECEIPTS = 2000;

interface Sample extends Memory {
  readonly seconds: number;
}

const receipts = Number(values.receipts);
const lab = new Lab(process.cwd(), true);
try {
  const bare = await sample(['-e', 'setTimeout(() => {}, 1000)']);
  say(`a bare node: ${mb(bare.samples.at(-1) as Sample)}`);
  const isThere = values.store !== undefined && existsSync(join(values.store, 'receipts.db'));
  const store = isThere ? keptStore(values.store as string) : await write(values.store);
  await verify(store);
  await read(store);
  await proveOne(store);
} finally {
  await lab.close();
}

async function write(folder: string | undefined): Promise<FilledStore> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const daemon = await startDaemon(lab, makeDaemonHome(lab, folder));
  const load = new Load(lab, daemon);
  const startedAt = performance.now();
  let first: Memory | undefined;
  let before = 0;
  for (const total of milestones()) {
    await load.run(EMITTERS, total - before);
    before = total;
    const memory = memoryOf(daemon.child.pid);
    first ??= memory;
    const ratio = (memory.rssMb / first.rssMb).toFixed(2);
    const seconds = (performance.now() - startedAt) / 1000;
    say(
      `${total} receipts after ${seconds.toFixed(0)} s: daemon ${mb(memory)}, ` +
        `${ratio} x after ${FIRST_RECEIPTS}, ${(cpuNs(daemon.child.pid) / 1e3 / total).toFixed(0)} \u00b5s CPU each`,
    );
  }
  await load.end();
  await daemon.stop();
  const { db, publicKey } = daemon;
  return { db, publicKey, receipts, rssAfterFirstMb: Number.NaN, rssAfterAllMb: Number.NaN };
}

function milestones(): readonly number[] {
  const steps = [FIRST_RECEIPTS, 10_000, 100_000, 250_000, 500_000, 750_000];
  return [...steps.filter((n) => n < receipts), receipts];
}

/** The floor is measured before and after: the neighbours of a shared machine change. */
async function verify(store: FilledStore): Promise<void> {
  const args = ['receipt', 'verify', '-db', store.db, '-public-key', store.publicKey];
  const before = signatureNs(store);
  const { samples, cpuSeconds } = await sample([...lab.program('obsigna'), ...args]);
  const floorNs = median([before, signatureNs(store)]);
  const last = samples.at(-1) as Sample;
  const part = (share: number) => samples[Math.floor(samples.length * share)] as Sample;
  const eachUs = (cpuSeconds * 1e6) / store.receipts;
  say(
    `receipt verify of ${store.receipts}: ${last.seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s CPU, ` +
      `${(cpuSeconds / last.seconds).toFixed(2)} cores; memory after a tenth ${mb(part(0.1))}, half way ${mb(part(0.5))}, at the end ${mb(last)}`,
  );
  const perSecond = store.receipts / last.seconds;
  say(
    `  ${perSecond.toFixed(0)} receipts/s, ${(perSecond * floorNs * 1e-9).toFixed(2)} x signature checks on one thread by their CPU; ` +
      `${eachUs.toFixed(1)} \u00b5s CPU each, of which the check alone is ${(floorNs / 1e3).toFixed(1)}: ` +
      `${((2 * floorNs) / 1e3 / eachUs).toFixed(2)} x on two idle cores`,
  );
}

/** CPU of one bare signature check over bytes of this store. */
function signatureNs({ db, publicKey }: FilledStore): number {
  const key = createPublicKey(readFileSync(publicKey, 'utf8'));
  const checks = readReceipts(db, FLOOR_RECEIPTS).map(({ text }) => {
    const opened = openReceipt(nodeSuite, { text });
    if ('unreadable' in opened || opened.signature === undefined) throw new Error('a bad receipt');
    return { signed: opened.signed.slice(), signature: opened.signature };
  });
  const rounds = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    for (const { signed, signature } of checks) verifySignature(null, signed, key, signature);
    const { user, system } = process.cpuUsage(start);
    return ((user + system) * 1e3) / checks.length;
  });
  return median(rounds);
}

async function read(large: FilledStore): Promise<void> {
  const small = await filledStore(lab, FIRST_RECEIPTS);
  for (const command of [['list'], ['show', '500'], ['tail']]) {
    const run = ({ db }: FilledStore) =>
      wholeRun(lab, 'obsigna', ['receipt', ...command, '-db', db]);
    const ratios = { wall: [] as number[], cpu: [] as number[] };
    for (let i = 0; i <= READ_ROUNDS; i += 1) {
      const [floor, measured] = [await run(small), await run(large)];
      if (i === 0) continue; // reads both files from the disk
      ratios.wall.push(measured.wallNs / floor.wallNs);
      ratios.cpu.push(measured.cpuNs / floor.cpuNs);
    }
    const [wall, cpu] = [ratios.wall, ratios.cpu].map((list) => median(list).toFixed(2));
    say(`receipt ${command.join(' ')}: ${wall} x the same on ${FIRST_RECEIPTS}, ${cpu} by CPU`);
  }
  const args = ['receipt', 'list', '-all', '-jsonl', '-db', large.db];
  const { samples } = await sample([...lab.program('obsigna'), ...args]);
  const tenth = samples[Math.floor(samples.length / 10)] as Sample;
  const last = samples.at(-1) as Sample;
  say(`receipt list -all: memory after a tenth ${mb(tenth)}, at the end ${mb(last)}`);
}

/** One receipt is as sound as the chain that it stands in, so all of that is read. */
async function proveOne({ db, publicKey, receipts: count }: FilledStore): Promise<void> {
  const id = String(readReceipts(db, 500).at(-1)?.columns['id']);
  const flags = ['-id', id, '-db', db, '-public-key', publicKey];
  const run = await wholeRun(lab, 'obsigna', ['receipt', 'verify-event', ...flags]);
  const [wall, cpu] = [run.wallNs, run.cpuNs].map((ns) => (ns / 1e9).toFixed(1));
  const peak = run.peakMb.toFixed(0);
  say(`receipt verify-event of one in ${count}: ${wall} s, ${cpu} s CPU, peak ${peak} MB`);
}

/** Runs a program to its end, looks at its memory on the way, and asks what it used. */
async function sample(args: readonly string[]) {
  const startedAt = performance.now();
  const command = ['--require', lab.script('report-usage.cjs'), ...args];
  const child = lab.spawn(command, ['ignore', 'ignore', 'inherit', 'pipe'], cleanEnvironment());
  let usage = '';
  (child.stdio[3] as Readable).on('data', (chunk: Buffer) => (usage += chunk.toString()));
  const closed = once(child, 'close');
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    try {
      const seconds = (performance.now() - startedAt) / 1000;
      const memory = memoryOf(child.pid);
      // One that has ended and was not collected yet has no memory any more.
      if (!Number.isNaN(memory.rssMb)) samples.push({ ...memory, seconds });
    } catch {
      // It has just ended.
    }
  }, SAMPLE_MS);
  const [code] = (await closed) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  const { cpuUs } = JSON.parse(usage) as { cpuUs: number };
  return { samples, cpuSeconds: cpuUs / 1e6 };
}

function mb({ rssMb, peakMb }: Memory): string {
  return `${rssMb.toFixed(0)} MB (peak ${peakMb.toFixed(0)})`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
