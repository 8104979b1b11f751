import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A figure that this machine cannot give: the row says so, and nothing has failed. */
export class Unmeasurable extends Error {
  override readonly name = 'Unmeasurable';
}

/**
 * CPU time of a living process, all threads, in nanoseconds. The scheduler's own sum: /proc/PID/stat
 * counts in ticks of 10 ms, which is as much as a whole round of some rows.
 */
export function cpuNs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readProc(() =>
    readdirSync(tasks).reduce((sum, task) => {
      const text = readText(`${tasks}/${task}/schedstat`);
      return sum + Number(text.split(' ')[0]);
    }, 0),
  );
}

export interface Memory {
  readonly rssMb: number;
  readonly peakMb: number;
}

export function memoryOf(pid: number): Memory {
  return readProc(() => {
    const text = readText(`/proc/${pid}/status`);
    const mb = (name: string) => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(text)?.[1]) / 1024;
    return { rssMb: mb('VmRSS'), peakMb: mb('VmHWM') };
  });
}

function readText(path: string): string {
  return readFileSync(path, 'latin1');
}

function readProc<T>(read: () => T): T {
  if (process.platform !== 'linux') throw new Unmeasurable('needs /proc');
  return read();
}

const SETTLE_STEP_MS = 40;
const SETTLE_LIMIT_MS = 30_000;
/** A share of one core below which a process counts as idle. */
const IDLE_SHARE = 0.04;

/**
 * Waits until work that was left behind, such as reports of the calls before, is done. Looks at
 * main threads only: a profiler's thread never rests.
 */
export async function settle(...pids: readonly number[]): Promise<void> {
  const mainThread = (pid: number) => Number(readText(`/proc/${pid}/schedstat`).split(' ')[0]);
  const sum = () => readProc(() => pids.reduce((total, pid) => total + mainThread(pid), 0));
  let before = sum();
  for (let waitedMs = 0; waitedMs < SETTLE_LIMIT_MS; waitedMs += SETTLE_STEP_MS) {
    await sleep(SETTLE_STEP_MS);
    const now = sum();
    if (now - before < SETTLE_STEP_MS * 1e6 * IDLE_SHARE) return;
    before = now;
  }
  throw new Error(`processes ${pids.join(', ')} did not become idle`);
}
