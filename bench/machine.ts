import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly system: string;
  readonly disk: string;
  readonly date: string;
  readonly loadBefore: readonly number[];
}

const TMPFS = 0x01021994;

/** @param folder - Where the stores of the run lie: on a memory disk an fsync costs nothing. */
export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    system: `${platform()} ${release()}`,
    disk: statfsSync(folder).type === TMPFS ? 'memory (durable rows mean nothing)' : 'file system',
    date: new Date().toISOString(),
    loadBefore: loadavg().map((it) => Math.round(it * 100) / 100),
  };
}

export function renderMachine(machine: Machine): string {
  const { cpu, cores, node, system, disk, date, loadBefore } = machine;
  return `${cpu}, ${cores} cores, Node ${node}, ${system}, disk: ${disk}, ${date}, load ${loadBefore.join(' ')}`;
}
