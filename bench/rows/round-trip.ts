import { accountFor } from '../account.ts';
import { startDaemon, storeFigures, type BenchDaemon } from '../daemon.ts';
import { copier, direct, openPath, proxy } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { atMost, ratioRow, type Budget, type Round, type Row } from '../row.ts';
import { KB, MB, type StdioPath } from '../stdio-path.ts';
import { cpuRounds, latencyRounds, takeTurns, warmUp, type Sample, type Turns } from '../turns.ts';
import type { Bench } from './bench.ts';

interface Size extends Turns {
  readonly name: string;
  readonly rounds: readonly [short: number, full: number];
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
    rounds: [2, 12],
    blocks: 1,
    calls: 5,
  },
];

/** Calls with a pause between them, so that no core is saturated: what an agent's user feels. */
export const roundTrip: Bench = {
  name: 'round-trip',
  title: 'round trip of one call, proxy CPU per call, -require-receipt',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const rows: Row[] = [];
    for (const size of SIZES) rows.push(...(await measure(lab, size, daemon)));
    rows.push(await requiredReceipts(lab, daemon), await firstCalls(lab, daemon));
    await daemon.stop();
    return rows;
  },
};

async function measure(lab: Lab, size: Size, daemon: BenchDaemon): Promise<readonly Row[]> {
  const before = storeFigures(daemon.db);
  const paths = {
    copier: await openPath(lab, copier),
    proxy: await openPath(lab, proxy(daemon.socket)),
    direct: await openPath(lab, direct),
  };
  const all = Object.values(paths);
  for (const path of all) await warmUp(path, size.bytes);
  await takeTurns(size, paths, daemon); // one round that counts for nothing
  const rounds: Samples[] = [];
  const count = lab.size(...size.rounds);
  for (let i = 0; i < count; i += 1) rounds.push(await takeTurns(size, paths, daemon));
  const note = await accountFor(daemon, [paths.proxy], before);
  await Promise.all(all.map((path) => path.end()));
  return rowsOf(size, rounds).map((row) => (note === undefined ? row : { ...row, note }));
}

/** One round: the paths took turns in it. */
type Samples = Readonly<Record<'copier' | 'proxy' | 'direct', Sample>>;

function rowsOf(size: Size, rounds: readonly Samples[]): readonly Row[] {
  const { p50, p99 } = size;
  const pairs = rounds.map((round) => ({ floor: round.copier, measured: round.proxy }));
  const cpu = cpuRounds(pairs);
  const spec = { basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
  const name = `call, ${size.name}`;
  const rows = [
    ratioRow(
      { ...spec, row: `${name}, p50`, ...(p50 !== undefined && { budget: p50 }) },
      latencyRounds(pairs, 0.5),
      { cpu },
    ),
  ];
  if (p99 !== undefined) {
    rows.push(ratioRow({ ...spec, row: `${name}, p99`, budget: p99 }, latencyRounds(pairs, 0.99)));
  }
  const noHop = rounds.map((round) => ({ floor: round.copier, measured: round.direct }));
  rows.push(ratioRow({ ...spec, row: `${name}, p50, no hop` }, latencyRounds(noHop, 0.5)));
  if (size.bytes !== KB || Number.isNaN(cpu[0]?.floor)) return rows;
  const cpuSpec = { ...spec, basis: 'cpu', row: 'proxy CPU per call, 1 KB' } as const;
  return [...rows, ratioRow({ ...cpuSpec, budget: atMost(1.6) }, cpu)];
}

/** A call that leaves when its announcement is durable: one commit inside, and one fsync. */
async function requiredReceipts(lab: Lab, daemon: BenchDaemon): Promise<Row> {
  const turns: Turns = { bytes: KB, thinkMs: 2, blocks: 2, calls: 50 };
  const before = storeFigures(daemon.db);
  const paths = {
    copier: await openPath(lab, copier),
    proxy: await openPath(lab, proxy(daemon.socket, ['-require-receipt'])),
  };
  for (const path of Object.values(paths)) await warmUp(path, KB);
  const p50: Round[] = [];
  const cpu: Round[] = [];
  for (let i = 0; i <= lab.size(6, 30); i += 1) {
    const samples = await takeTurns(turns, paths, daemon);
    if (i === 0) continue;
    const pair = [{ floor: samples.copier, measured: samples.proxy }];
    p50.push(...latencyRounds(pair, 0.5));
    cpu.push(...cpuRounds(pair));
  }
  const note = await accountFor(daemon, [paths.proxy], before);
  await Promise.all(Object.values(paths).map((path) => path.end()));
  const row = 'call with -require-receipt, 1 KB, p50';
  const spec = { row, basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
  const full = { ...spec, budget: atMost(4), ...(note !== undefined && { note }) };
  return ratioRow(full, p50, { cpu });
}

/** What the warm-up hides: a proxy has more code to compile than the copier. */
async function firstCalls(lab: Lab, daemon: BenchDaemon): Promise<Row> {
  const turns: Turns = { bytes: KB, thinkMs: 2, blocks: 2, calls: 50 };
  const p50: Round[] = [];
  const cpu: Round[] = [];
  let note: string | undefined;
  for (let i = 0; i < lab.size(4, 12); i += 1) {
    const before = storeFigures(daemon.db);
    const paths: Record<'copier' | 'proxy', StdioPath> = {
      copier: await openPath(lab, copier),
      proxy: await openPath(lab, proxy(daemon.socket)),
    };
    const samples = await takeTurns(turns, paths, daemon);
    const pair = [{ floor: samples.copier, measured: samples.proxy }];
    p50.push(...latencyRounds(pair, 0.5));
    cpu.push(...cpuRounds(pair));
    note = (await accountFor(daemon, [paths.proxy], before)) ?? note;
    await Promise.all(Object.values(paths).map((path) => path.end()));
  }
  const row = 'call, 1 KB, p50, first 100 calls after start';
  const spec = { row, basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
  return ratioRow({ ...spec, ...(note !== undefined && { note }) }, p50, { cpu });
}
