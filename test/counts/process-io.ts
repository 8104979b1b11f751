import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process has asked of the kernel so far. */
export interface ProcessIo {
  /** Calls of read and its relatives, and of write and its relatives. */
  readonly reads: number;
  readonly writes: number;
  readonly writtenBytes: number;
}

/** Linux only: without it the counts of system calls are left out, and the others stay. */
export const hasProcessIo = existsSync('/proc/self/io');

export function readIo(pid: number): ProcessIo {
  const text = readFileSync(`/proc/${pid}/io`, 'latin1');
  const value = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1]);
  return { reads: value('syscr'), writes: value('syscw'), writtenBytes: value('wchar') };
}

/** The same once nothing has moved for a while: what was left for later belongs to what was before. */
export async function readIoAtRest(pid: number): Promise<ProcessIo> {
  const isSame = (a: ProcessIo, b: ProcessIo) => a.reads === b.reads && a.writes === b.writes;
  let before = readIo(pid);
  for (let quiet = 0; quiet < 5;) {
    await sleep(30);
    const now = readIo(pid);
    quiet = isSame(before, now) ? quiet + 1 : 0;
    before = now;
  }
  return before;
}

export function perCall(before: ProcessIo, after: ProcessIo, calls: number): ProcessIo {
  return {
    reads: (after.reads - before.reads) / calls,
    writes: (after.writes - before.writes) / calls,
    writtenBytes: (after.writtenBytes - before.writtenBytes) / calls,
  };
}
