import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchDaemon } from './daemon.ts';
import { cpuNs, settle, Unmeasurable } from './proc.ts';
import type { Round } from './row.ts';
import { quantile } from './stats.ts';
import { CallLine, KB, type StdioPath } from './stdio-path.ts';

/** One round of calls with a pause between them, in which several paths take turns block by block. */
export interface Turns {
  readonly bytes: number;
  readonly thinkMs: number;
  readonly blocks: number;
  /** Calls of one block. */
  readonly calls: number;
}

export interface Sample {
  readonly latenciesNs: number[];
  /** All calls together; NaN where the machine does not tell. */
  cpuNs: number;
}

export interface Pair {
  readonly floor: Sample;
  readonly measured: Sample;
}

export async function takeTurns<Name extends string>(
  { bytes, thinkMs, blocks, calls }: Turns,
  paths: Readonly<Record<Name, StdioPath>>,
  daemon: BenchDaemon | undefined,
): Promise<Record<Name, Sample>> {
  const line = new CallLine(bytes);
  const entries = Object.entries(paths) as [Name, StdioPath][];
  const samples = Object.fromEntries(
    entries.map(([name]) => [name, { latenciesNs: [], cpuNs: 0 }]),
  ) as unknown as Record<Name, Sample>;
  const daemons = daemon === undefined ? [] : [daemon.child.pid];
  for (let block = 0; block < blocks; block += 1) {
    for (const [name, path] of rotated(entries, block)) {
      const sample = samples[name];
      const before = cpuOrNaN(path.pid);
      for (let i = 0; i < calls; i += 1) {
        await sleep(thinkMs);
        sample.latenciesNs.push(await path.call(line));
      }
      // Reports of these calls belong to them, and must not run into the next path's turn.
      await settleIfPossible(path.pid, ...daemons);
      sample.cpuNs += cpuOrNaN(path.pid) - before;
    }
  }
  return samples;
}

/** Somebody else begins each time: nobody always comes behind the same neighbour. */
function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

const WARM_UP_CALLS = 2000;
const WARM_UP_BYTES = 8 * KB * KB;
const WARM_UP_IN_FLIGHT = 16;

/**
 * Calls without a pause until V8 has compiled what it is going to: figures are those of a session that
 * lasts. The same for everybody, because whoever has more code would otherwise pay for it here.
 */
export async function warmUp(path: StdioPath, bytes: number): Promise<void> {
  const few = Math.min(WARM_UP_CALLS, Math.ceil(WARM_UP_BYTES / bytes));
  const inFlight = bytes > KB * KB ? 1 : WARM_UP_IN_FLIGHT;
  await path.pump(linesOf(KB, WARM_UP_IN_FLIGHT), WARM_UP_CALLS);
  if (bytes !== KB) await path.pump(linesOf(bytes, inFlight), few);
}

export function linesOf(bytes: number, count: number): readonly CallLine[] {
  return Array.from({ length: count }, () => new CallLine(bytes));
}

export function latencyRounds(pairs: readonly Pair[], q: number): readonly Round[] {
  return pairs.map(({ floor, measured }) => ({
    floor: quantile(floor.latenciesNs, q),
    measured: quantile(measured.latenciesNs, q),
  }));
}

export function cpuRounds(pairs: readonly Pair[]): readonly Round[] {
  const perCall = ({ cpuNs: all, latenciesNs }: Sample) => all / latenciesNs.length;
  return pairs.map(({ floor, measured }) => ({
    floor: perCall(floor),
    measured: perCall(measured),
  }));
}

export function cpuOrNaN(pid: number): number {
  try {
    return cpuNs(pid);
  } catch (error) {
    if (error instanceof Unmeasurable) return Number.NaN;
    throw error;
  }
}

export async function settleIfPossible(...pids: readonly number[]): Promise<void> {
  try {
    await settle(...pids);
  } catch (error) {
    if (!(error instanceof Unmeasurable)) throw error;
    await sleep(200);
  }
}

export interface Pump {
  /** As many calls are in flight as there are lines. */
  readonly lines: readonly CallLine[];
  readonly calls: number;
  readonly rounds: number;
  readonly daemon: BenchDaemon | undefined;
}

/** What a path took per call, beside what the first path took in the same round. */
export interface Pumped {
  readonly wall: Round[];
  readonly cpu: Round[];
}

/** Rounds of calls without a pause, the paths in turns; the first path is the floor of all. */
export async function pumpRounds(
  { lines, calls, rounds, daemon }: Pump,
  paths: readonly StdioPath[],
): Promise<readonly Pumped[]> {
  const daemons = daemon === undefined ? [] : [daemon.child.pid];
  const results: Pumped[] = paths.map(() => ({ wall: [], cpu: [] }));
  for (let round = 0; round <= rounds; round += 1) {
    const taken: { readonly wallNs: number; readonly cpuNs: number }[] = [];
    for (const [index, path] of rotated([...paths.entries()], round)) {
      const before = cpuOrNaN(path.pid);
      const wallNs = await path.pump(lines, calls);
      await settleIfPossible(path.pid, ...daemons);
      taken[index] = { wallNs: wallNs / calls, cpuNs: (cpuOrNaN(path.pid) - before) / calls };
    }
    const [floor] = taken;
    if (round === 0 || floor === undefined) continue; // warm-up
    taken.forEach(({ wallNs, cpuNs: usedNs }, index) => {
      results[index]?.wall.push({ floor: floor.wallNs, measured: wallNs });
      results[index]?.cpu.push({ floor: floor.cpuNs, measured: usedNs });
    });
  }
  return results;
}
