import { setTimeout as sleep } from 'node:timers/promises';
import { accountFor } from '../account.ts';
import { startDaemon, storeFigures, type BenchDaemon } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import { cpuNs, settle, Unmeasurable } from '../proc.ts';
import { atMost, ratioRow, type Budget, type Round, type Row } from '../row.ts';
import { quantile } from '../stats.ts';
import { CallLine, KB, MB, openPath, type PathKind, type StdioPath } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

const KINDS = ['copier', 'proxy', 'direct'] as const satisfies readonly PathKind[];

interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly thinkMs: number;
  readonly rounds: readonly [short: number, full: number];
  /** Blocks of one round, and calls of one block; the paths take turns block by block. */
  readonly blocks: number;
  readonly calls: number;
  readonly p50?: Budget;
  readonly p99?: Budget;
}

const SIZES: readonly Size[] = [
  {
    name: '1 KB',
    bytes: KB,
    thinkMs: 2,
    rounds: [6, 30],
    blocks: 5,
    calls: 40,
    p50: atMost(1.15),
    p99: atMost(1.5),
  },
  {
    name: '100 KB',
    bytes: 100 * KB,
    thinkMs: 2,
    rounds: [6, 20],
    blocks: 3,
    calls: 12,
    p50: atMost(1.6),
  },
  {
    name: '5 MB',
    bytes: 5 * MB,
    thinkMs: 250,
    rounds: [4, 12],
    blocks: 1,
    calls: 4,
    p50: atMost(2.5),
  },
  // Without time for the report in between: the next call waits for the digests of the last.
  {
    name: '5 MB, 2 ms apart',
    bytes: 5 * MB,
    thinkMs: 2,
    rounds: [3, 12],
    blocks: 1,
    calls: 5,
  },
];

/** Calls with a pause between them, so that no core is saturated: what an agent's user feels. */
export const roundTrip: Bench = {
  name: 'round-trip',
  title: 'round trip of one call, proxy CPU per call',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const rows: Row[] = [];
    for (const size of SIZES) {
      const before = storeFigures(daemon.db);
      const paths = await openPaths(lab, daemon);
      const taken = await measure(lab, size, paths, daemon);
      const note = await accountFor(daemon, paths.proxy, before);
      rows.push(...taken.map((row) => (note === undefined ? row : { ...row, note })));
      await Promise.all(KINDS.map((kind) => paths[kind].end()));
    }
    await daemon.stop();
    return rows;
  },
};

type Paths = Readonly<Record<(typeof KINDS)[number], StdioPath>>;

async function openPaths(lab: Lab, daemon: BenchDaemon): Promise<Paths> {
  const copier = await openPath(lab, 'copier', undefined);
  const proxy = await openPath(lab, 'proxy', daemon);
  return { copier, proxy, direct: await openPath(lab, 'direct', undefined) };
}

interface Sample {
  readonly latenciesNs: number[];
  cpuNs: number;
}

async function measure(
  lab: Lab,
  size: Size,
  paths: Paths,
  daemon: BenchDaemon,
): Promise<readonly Row[]> {
  const line = new CallLine(size.bytes);
  await takeRound(size, line, paths, daemon); // warm-up
  const rounds: Record<PathKind, Sample>[] = [];
  const count = lab.size(...size.rounds);
  for (let i = 0; i < count; i += 1) rounds.push(await takeRound(size, line, paths, daemon));
  return rowsOf(size, rounds);
}

async function takeRound(size: Size, line: CallLine, paths: Paths, daemon: BenchDaemon) {
  const empty = (): Sample => ({ latenciesNs: [], cpuNs: 0 });
  const samples = { copier: empty(), proxy: empty(), direct: empty() };
  for (let block = 0; block < size.blocks; block += 1) {
    for (const kind of KINDS) {
      const path = paths[kind];
      const sample = samples[kind];
      const before = cpuOrNaN(path.pid);
      for (let i = 0; i < size.calls; i += 1) {
        await sleep(size.thinkMs);
        sample.latenciesNs.push(await path.call(line));
      }
      // Reports of these calls belong to them, and must not run into the next path's turn.
      await settleIfPossible(path.pid, daemon.child.pid);
      sample.cpuNs += cpuOrNaN(path.pid) - before;
    }
  }
  return samples;
}

function rowsOf(size: Size, rounds: readonly Record<PathKind, Sample>[]): readonly Row[] {
  const at = (q: number, kind: PathKind): Round[] =>
    rounds.map((round) => ({
      floor: quantile(round.copier.latenciesNs, q),
      measured: quantile(round[kind].latenciesNs, q),
    }));
  const cpu: Round[] = rounds.map(({ copier, proxy }) => ({
    floor: copier.cpuNs / copier.latenciesNs.length,
    measured: proxy.cpuNs / proxy.latenciesNs.length,
  }));
  const spec = { basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
  const name = `call, ${size.name}`;
  const rows = [
    ratioRow(
      { ...spec, row: `${name}, p50`, ...(size.p50 !== undefined && { budget: size.p50 }) },
      at(0.5, 'proxy'),
      { cpu },
    ),
    ...(size.p99 === undefined
      ? []
      : [ratioRow({ ...spec, row: `${name}, p99`, budget: size.p99 }, at(0.99, 'proxy'))]),
    ratioRow({ ...spec, row: `${name}, p50, no hop` }, at(0.5, 'direct')),
  ];
  if (size.bytes !== KB || Number.isNaN(cpu[0]?.floor)) return rows;
  const cpuSpec = { ...spec, basis: 'cpu', row: 'proxy CPU per call, 1 KB' } as const;
  return [...rows, ratioRow({ ...cpuSpec, budget: atMost(1.6) }, cpu)];
}

function cpuOrNaN(pid: number): number {
  try {
    return cpuNs(pid);
  } catch (error) {
    if (error instanceof Unmeasurable) return Number.NaN;
    throw error;
  }
}

async function settleIfPossible(...pids: readonly number[]): Promise<void> {
  try {
    await settle(...pids);
  } catch (error) {
    if (!(error instanceof Unmeasurable)) throw error;
    await sleep(200);
  }
}
