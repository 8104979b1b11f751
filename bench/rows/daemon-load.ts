import { join } from 'node:path';
import { commitCount, Load, startDaemon, writeSignedBytes, type BenchDaemon } from '../daemon.ts';
import { Helper, type Lab, type SealAnswer } from '../lab.ts';
import { cpuNs } from '../proc.ts';
import { atLeast, atMost, plainRow, ratioRow, type Round } from '../row.ts';
import type { Bench } from './bench.ts';

const WARM_UP = 3000;
const MANY = 64;
const FEW = 8;

/** Durable, acknowledged receipts from many emitters at once, against their signatures alone. */
export const daemonLoad: Bench = {
  name: 'daemon-load',
  title: 'daemon CPU per receipt, receipts per second, commits per receipt',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const load = new Load(lab, daemon);
    const floors = new Helper(lab, 'floors.mjs');
    await load.run(MANY, WARM_UP);
    const bytes = join(daemon.folder, 'signed.bin');
    const size = writeSignedBytes(daemon.db, bytes);
    const seal = (count: number) => floors.ask<SealAnswer>({ kind: 'seal', path: bytes, count });
    await seal(WARM_UP);
    await checkCounter(daemon, load);

    const many = await takeRounds(lab, daemon, load, seal, { emitters: MANY, receipts: 5000 });
    const few = await takeRounds(lab, daemon, load, seal, { emitters: FEW, receipts: 2000 });
    await Promise.all([load.end(), floors.end()]);
    await daemon.stop();

    const floorName = `sign + 3 hashes of ${size} B`;
    const cpuSpec = { basis: 'cpu', unit: 'ns', floorName } as const;
    const rateSpec = { basis: 'wall', unit: '/s', floorName } as const;
    const countSpec = { basis: 'count', unit: '', floorName: '' } as const;
    return [
      ratioRow(
        { ...cpuSpec, row: 'daemon CPU per receipt, 64 emitters', budget: atMost(2.3) },
        many.cpu,
      ),
      ratioRow(
        { ...rateSpec, row: 'receipts per second, 64 emitters', budget: atLeast(0.45) },
        many.rate,
      ),
      ratioRow({ ...rateSpec, row: 'receipts per second, 8 emitters' }, few.rate),
      plainRow(
        { ...countSpec, row: 'commits per receipt, 64 emitters', budget: atMost(1 / 24) },
        many.commits,
      ),
      plainRow(
        { ...countSpec, row: 'commits per receipt, 8 emitters', budget: atMost(1 / 4) },
        few.commits,
      ),
    ];
  },
};

/** An emitter that waits for each receipt makes a commit of each; a counter that differs is none. */
async function checkCounter(daemon: BenchDaemon, load: Load): Promise<void> {
  const receipts = 50;
  const before = commitCount(daemon.db);
  await load.run(1, receipts);
  const counted = (commitCount(daemon.db) - before) >>> 0;
  if (counted !== receipts) {
    throw new Error(`${receipts} single commits moved the commit counter by ${counted}`);
  }
}

interface Amount {
  readonly emitters: number;
  readonly receipts: number;
}

async function takeRounds(
  lab: Lab,
  daemon: BenchDaemon,
  load: Load,
  seal: (count: number) => Promise<SealAnswer>,
  { emitters, receipts }: Amount,
) {
  const { pid } = daemon.child;
  const cpu: Round[] = [];
  const rate: Round[] = [];
  const commits: number[] = [];
  for (let i = 0; i < lab.size(6, 20); i += 1) {
    const floor = await seal(receipts);
    const commitsBefore = commitCount(daemon.db);
    const cpuBefore = cpuNs(pid);
    const { wallNs } = await load.run(emitters, receipts);
    const used = cpuNs(pid) - cpuBefore;
    commits.push(((commitCount(daemon.db) - commitsBefore) >>> 0) / receipts);
    cpu.push({ floor: floor.cpuNs / receipts, measured: used / receipts });
    rate.push({ floor: (receipts / floor.wallNs) * 1e9, measured: (receipts / wallNs) * 1e9 });
  }
  return { cpu, rate, commits };
}
