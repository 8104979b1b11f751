import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accountFor } from '../account.ts';
import { startDaemon, storeFigures, type BenchDaemon } from '../daemon.ts';
import { copier, openPath, proxy, type Hop } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { ratioRow, type Row } from '../row.ts';
import { rulesText } from '../rules-text.ts';
import { KB, MB, type StdioPath } from '../stdio-path.ts';
import { linesOf, pumpRounds, warmUp } from '../turns.ts';
import type { Bench } from './bench.ts';

interface Load {
  readonly name: string;
  readonly bytes: number;
  readonly inFlight: number;
  /** Calls of one round. */
  readonly calls: number;
  readonly isShort?: true;
}

/** Small before large: what 5 MB leave behind in a heap must not be in the figures of 1 KB. */
const LOADS: readonly Load[] = [
  { name: '1 KB, 1 in flight', bytes: KB, inFlight: 1, calls: 500, isShort: true },
  { name: '1 KB, 16 in flight', bytes: KB, inFlight: 16, calls: 2000 },
  { name: '1 KB, 64 in flight', bytes: KB, inFlight: 64, calls: 1000, isShort: true },
  { name: '100 KB, 1 in flight', bytes: 100 * KB, inFlight: 1, calls: 100 },
  { name: '100 KB, 16 in flight', bytes: 100 * KB, inFlight: 16, calls: 160 },
  { name: '100 KB, 64 in flight', bytes: 100 * KB, inFlight: 64, calls: 192 },
  { name: '5 MB, 1 in flight', bytes: 5 * MB, inFlight: 1, calls: 4 },
  { name: '5 MB, 16 in flight', bytes: 5 * MB, inFlight: 16, calls: 16 },
  { name: '5 MB, 64 in flight', bytes: 5 * MB, inFlight: 64, calls: 64 },
];

/** What a proxy can be told to do, each against the same copier in the same round. */
function variants(lab: Lab, { socket }: BenchDaemon): Readonly<Record<string, Hop>> {
  return {
    'receipts off': proxy(''),
    'receipts on': proxy(socket),
    '-require-receipt': proxy(socket, ['-require-receipt']),
    'no rules': proxy(socket, ['-rules', rulesFile(lab, 0)]),
    '200 rules': proxy(socket, ['-rules', rulesFile(lab, 200)]),
  };
}

export function rulesFile(lab: Lab, count: number): string {
  const path = join(lab.folder, `rules-${count}.yaml`);
  writeFileSync(path, rulesText(count));
  return path;
}

/** Back to back, without a pause: the time that a call takes when calls are all there is to do. */
export const workloads: Bench = {
  name: 'workloads',
  title: 'sizes, calls in flight, rules, receipts',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const before = storeFigures(daemon.db);
    const floor = await openPath(lab, copier);
    await warmUp(floor, KB);
    const paths: [string, StdioPath][] = [];
    for (const [name, hop] of Object.entries(variants(lab, daemon))) {
      const path = await openPath(lab, hop);
      await warmUp(path, KB);
      paths.push([name, path]);
    }
    const rows: Row[] = [];
    for (const load of LOADS.filter(({ isShort }) => lab.isFull || isShort === true)) {
      rows.push(...(await takeLoad(lab, load, daemon, floor, paths)));
    }
    const reporting = paths.filter(([name]) => name !== 'receipts off').map(([, path]) => path);
    const note = await accountFor(daemon, reporting, before);
    await Promise.all([floor.end(), ...paths.map(([, path]) => path.end())]);
    await daemon.stop();
    return rows.map((row) => (note === undefined ? row : { ...row, note }));
  },
};

async function takeLoad(
  lab: Lab,
  { name, bytes, inFlight, calls }: Load,
  daemon: BenchDaemon,
  floor: StdioPath,
  paths: readonly (readonly [string, StdioPath])[],
): Promise<readonly Row[]> {
  const lines = linesOf(bytes, inFlight);
  const rounds = bytes > MB ? 3 : lab.size(2, 7);
  const all = [floor, ...paths.map(([, path]) => path)];
  const [, ...taken] = await pumpRounds({ lines, calls, rounds, daemon }, all);
  return taken.map(({ wall, cpu }, index) => {
    const row = `${name}, ${paths[index]?.[0] ?? ''}`;
    const spec = { row, basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
    return ratioRow(spec, wall, { cpu });
  });
}
