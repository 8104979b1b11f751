import { accountFor } from '../account.ts';
import { Load, startDaemon, storeFigures, type BenchDaemon } from '../daemon.ts';
import { copier, openPath, proxy } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { cpuNs, settle } from '../proc.ts';
import { ratioRow, type Round, type Row } from '../row.ts';
import { KB, MB, type StdioPath } from '../stdio-path.ts';
import { linesOf, pumpRounds, warmUp } from '../turns.ts';
import type { Bench } from './bench.ts';
import { rulesFile } from './workloads.ts';

const SIZES = [
  { name: '1 KB', bytes: KB, calls: 500 },
  { name: '10 KB', bytes: 10 * KB, calls: 300 },
  { name: '100 KB', bytes: 100 * KB, calls: 60 },
  { name: '1 MB', bytes: MB, calls: 10 },
  { name: '5 MB', bytes: 5 * MB, calls: 4 },
] as const;
const RULES = [0, 10, 100, 1000] as const;

/** How costs grow with what grows: messages, rules, history. */
export const scale: Bench = {
  name: 'scale',
  title: 'growth with message size, rules, history',
  isLong: true,
  run: async (lab) => [...(await bySize(lab)), ...(await byRules(lab)), ...(await byHistory(lab))],
};

async function bySize(lab: Lab): Promise<readonly Row[]> {
  const daemon = await startDaemon(lab);
  const before = storeFigures(daemon.db);
  const ours = await openPath(lab, proxy(daemon.socket));
  const paths = [await openPath(lab, copier), ours];
  for (const path of paths) await warmUp(path, KB);
  const rows: Row[] = [];
  for (const { name, bytes, calls } of SIZES) {
    rows.push(...(await rowsOf(lab, daemon, paths, { bytes, calls }, [`a message of ${name}`])));
  }
  const note = await accountFor(daemon, [ours], before);
  await Promise.all(paths.map((path) => path.end()));
  await daemon.stop();
  return rows.map((row) => (note === undefined ? row : { ...row, note }));
}

async function byRules(lab: Lab): Promise<readonly Row[]> {
  const daemon = await startDaemon(lab);
  const before = storeFigures(daemon.db);
  const paths = [await openPath(lab, copier)];
  for (const count of RULES) {
    paths.push(await openPath(lab, proxy(daemon.socket, ['-rules', rulesFile(lab, count)])));
  }
  for (const path of paths) await warmUp(path, KB);
  const names = RULES.map((count) => `${count} rules about the tool, 1 KB`);
  const rows = await rowsOf(lab, daemon, paths, { bytes: KB, calls: 300 }, names);
  const note = await accountFor(daemon, paths.slice(1), before);
  await Promise.all(paths.map((path) => path.end()));
  await daemon.stop();
  return rows.map((row) => (note === undefined ? row : { ...row, note }));
}

/** One call after another; a row for every path behind the first. */
async function rowsOf(
  lab: Lab,
  daemon: BenchDaemon,
  paths: readonly StdioPath[],
  { bytes, calls }: { readonly bytes: number; readonly calls: number },
  names: readonly string[],
): Promise<readonly Row[]> {
  const pump = { lines: linesOf(bytes, 1), calls, rounds: lab.size(3, 10), daemon };
  const [, ...taken] = await pumpRounds(pump, paths);
  return taken.map(({ wall, cpu }, index) => {
    const row = `time per call, ${names[index] ?? ''}`;
    return ratioRow({ row, basis: 'wall', unit: 'ns', floorName: 'byte copier' }, wall, { cpu });
  });
}

const FIRST = 3000;
const BATCH = 2000;

/** The same work for the same daemon, when its store is small and when it is large. */
async function byHistory(lab: Lab): Promise<readonly Row[]> {
  const daemon = await startDaemon(lab);
  const load = new Load(lab, daemon);
  await load.run(64, FIRST);
  const floor = await takeBatches(lab, daemon, load);
  const receipts = lab.size(20_000, 200_000);
  await load.run(64, receipts - storeFigures(daemon.db).receipts);
  const measured = await takeBatches(lab, daemon, load);
  await load.end();
  await daemon.stop();
  const rounds: Round[] = measured.map((it, index) => ({
    floor: floor[index] ?? it,
    measured: it,
  }));
  const row = `daemon CPU per receipt, behind ${receipts.toLocaleString('en')} receipts`;
  const floorName = `behind ${FIRST.toLocaleString('en')}`;
  return [ratioRow({ row, basis: 'cpu', unit: 'ns', floorName }, rounds)];
}

async function takeBatches(lab: Lab, { child }: BenchDaemon, load: Load) {
  const costs: number[] = [];
  for (let i = 0; i < lab.size(4, 10); i += 1) {
    const before = cpuNs(child.pid);
    await load.run(64, BATCH);
    await settle(child.pid);
    costs.push((cpuNs(child.pid) - before) / BATCH);
  }
  return costs;
}
