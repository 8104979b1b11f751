import { accountFor } from '../account.ts';
import { startDaemon, storeFigures, type BenchDaemon } from '../daemon.ts';
import { copier, openPath, other, proxy, startTime, type Hop } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { memoryOf, Unmeasurable } from '../proc.ts';
import { ratioRow, type Round, type Row, type RowSpec } from '../row.ts';
import { KB, MB, type StdioPath } from '../stdio-path.ts';
import { cpuRounds, latencyRounds, linesOf, pumpRounds, takeTurns, warmUp } from '../turns.ts';
import type { Bench } from './bench.ts';

/** The three that take turns. The order is that of the rows. */
type Trio<T> = Readonly<Record<'copier' | 'theirs' | 'ours', T>>;

const SIZES = [
  { name: '1 KB', bytes: KB, thinkMs: 2, rounds: [5, 20], blocks: 3, calls: 40 },
  { name: '100 KB', bytes: 100 * KB, thinkMs: 2, rounds: [4, 15], blocks: 2, calls: 15 },
  { name: '5 MB', bytes: 5 * MB, thinkMs: 250, rounds: [3, 10], blocks: 1, calls: 4 },
] as const;

const LOADS = [
  { name: '1 KB', bytes: KB, calls: 8000 },
  { name: '100 KB', bytes: 100 * KB, calls: 320 },
] as const;

/** Another stdio proxy in our harness: both against the same copier, and ours against it. */
export function againstProxy(command: string): Bench {
  return {
    name: 'against',
    title: `against: ${command}`,
    run: async (lab) => {
      const daemon = await startDaemon(lab);
      const hops = { copier, theirs: other(command), ours: proxy(daemon.socket) };
      const rows = [...(await startRows(lab, hops)), ...(await callRows(lab, hops, daemon))];
      await daemon.stop();
      return rows;
    },
  };
}

async function startRows(lab: Lab, hops: Trio<Hop>): Promise<readonly Row[]> {
  const rounds: Trio<number>[] = [];
  for (let i = 0; i <= lab.size(8, 30); i += 1) {
    const round = {
      copier: await startTime(lab, hops.copier),
      theirs: await startTime(lab, hops.theirs),
      ours: await startTime(lab, hops.ours),
    };
    if (i > 0) rounds.push(round); // the first one reads the files from the disk
  }
  return compared('start to answer of initialize', { basis: 'wall', unit: 'ns' }, (floor, it) =>
    rounds.map((round) => ({ floor: round[floor], measured: round[it] })),
  );
}

async function callRows(lab: Lab, hops: Trio<Hop>, daemon: BenchDaemon): Promise<readonly Row[]> {
  const before = storeFigures(daemon.db);
  const paths = {
    copier: await openPath(lab, hops.copier),
    theirs: await openPath(lab, hops.theirs),
    ours: await openPath(lab, hops.ours),
  };
  const rows: Row[] = [...memoryRows('RSS, idle', paths)];
  for (const path of Object.values(paths)) await warmUp(path, KB);
  for (const size of SIZES) rows.push(...(await roundTripRows(lab, size, paths, daemon)));
  for (const load of LOADS) rows.push(...(await throughputRows(lab, load, paths, daemon)));
  rows.push(...memoryRows('RSS, after all of these calls', paths));
  const dropped = await accountFor(daemon, [paths.ours], before);
  const changed = paths.theirs.check.hasOtherBytes
    ? 'their answers are the same JSON in other bytes'
    : undefined;
  await Promise.all(Object.values(paths).map((path) => path.end()));
  const note = [changed, dropped].filter((it) => it !== undefined).join('; ');
  return rows.map((row) => (note === '' ? row : { ...row, note }));
}

async function roundTripRows(
  lab: Lab,
  size: (typeof SIZES)[number],
  paths: Trio<StdioPath>,
  daemon: BenchDaemon,
): Promise<readonly Row[]> {
  if (size.bytes !== KB) for (const path of Object.values(paths)) await warmUp(path, size.bytes);
  const rounds: Awaited<ReturnType<typeof takeTurns<keyof typeof paths>>>[] = [];
  for (let i = 0; i <= lab.size(size.rounds[0], size.rounds[1]); i += 1) {
    const samples = await takeTurns(size, paths, daemon);
    if (i > 0) rounds.push(samples);
  }
  const pairs = (floor: keyof Trio<unknown>, it: keyof Trio<unknown>) =>
    rounds.map((round) => ({ floor: round[floor], measured: round[it] }));
  const wall = { basis: 'wall', unit: 'ns' } as const;
  const at = (q: number) => (floor: keyof Trio<unknown>, it: keyof Trio<unknown>) =>
    latencyRounds(pairs(floor, it), q);
  return [
    ...compared(`call, ${size.name}, p50`, wall, at(0.5)),
    ...compared(`call, ${size.name}, p99`, wall, at(0.99)),
    ...compared(`CPU per call, ${size.name}`, { basis: 'cpu', unit: 'ns' }, (floor, it) =>
      cpuRounds(pairs(floor, it)),
    ),
  ];
}

async function throughputRows(
  lab: Lab,
  { name, bytes, calls }: (typeof LOADS)[number],
  paths: Trio<StdioPath>,
  daemon: BenchDaemon,
): Promise<readonly Row[]> {
  const lines = linesOf(bytes, 32);
  const rounds = lab.size(4, 15);
  const list = [paths.copier, paths.theirs, paths.ours] as const;
  const taken = await pumpRounds({ lines, calls, rounds, daemon }, list);
  const rates = { copier: taken[0], theirs: taken[1], ours: taken[2] };
  const perSecond = (ns: number) => 1e9 / ns;
  const spec = { basis: 'wall', unit: '/s' } as const;
  return compared(`calls per second, 32 in flight, ${name}`, spec, (floor, it) =>
    (rates[it]?.wall ?? []).map(({ measured }, round) => ({
      floor: perSecond(rates[floor]?.wall[round]?.measured ?? Number.NaN),
      measured: perSecond(measured),
    })),
  );
}

function memoryRows(name: string, paths: Trio<StdioPath>): readonly Row[] {
  try {
    const mb = (who: keyof Trio<unknown>) => memoryOf(paths[who].pid).rssMb;
    return compared(name, { basis: 'memory', unit: 'MB' }, (floor, it) => [
      { floor: mb(floor), measured: mb(it) },
    ]);
  } catch (error) {
    if (error instanceof Unmeasurable) return [];
    throw error;
  }
}

/** Theirs and ours against the copier, and ours against theirs. */
function compared(
  row: string,
  spec: Pick<RowSpec, 'basis' | 'unit'>,
  rounds: (floor: keyof Trio<unknown>, it: keyof Trio<unknown>) => readonly Round[],
): readonly Row[] {
  return [
    ratioRow(
      { ...spec, row: `${row}: theirs`, floorName: 'byte copier' },
      rounds('copier', 'theirs'),
    ),
    ratioRow({ ...spec, row: `${row}: ours`, floorName: 'byte copier' }, rounds('copier', 'ours')),
    ratioRow(
      { ...spec, row: `${row}: ours / theirs`, floorName: 'theirs' },
      rounds('theirs', 'ours'),
    ),
  ];
}
