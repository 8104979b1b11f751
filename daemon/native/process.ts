import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { LibC } from './libc.ts';

/** Tells one process from every other one that had or will have its pid. */
export interface ProcessClock {
  /** `<boot>:<pid>:<start>`; the start is `?` where the kernel does not tell it. */
  tagOf(pid: number): string;
  /** Whether the process of that tag still runs. Unknown counts as running. */
  isAlive(tag: string): boolean;
}

/** Start time of a process as text, and whether it has ended and only waits for its parent. */
interface Birth {
  readonly start: string;
  readonly hasEnded: boolean;
}

type ReadBirth = (pid: number) => Birth | 'gone' | 'unknown';

const UNKNOWN = '?';

/** The clock of this platform. */
export function processClock(libc: LibC, platform: NodeJS.Platform): ProcessClock {
  const [boot, read] = platform === 'linux' ? [linuxBoot(), linuxBirth] : ['', darwinBirth(libc)];
  return {
    tagOf(pid) {
      const birth = pid > 0 ? read(pid) : 'unknown';
      return `${boot}:${pid}:${typeof birth === 'object' ? birth.start : UNKNOWN}`;
    },
    isAlive(tag) {
      const [ofBoot, pid, start] = tag.split(':');
      if (ofBoot !== boot) return false;
      if (Number(pid) <= 0) return true; // of another pid namespace: nobody here can tell
      const birth = read(Number(pid));
      if (birth === 'gone') return false;
      if (birth === 'unknown') return true;
      return !birth.hasEnded && (start === UNKNOWN || birth.start === start);
    },
  };
}

/** Start times count from the boot: after another one they mean another moment. */
function linuxBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  } catch {
    return '';
  }
}

/** @see proc(5), /proc/pid/stat fields 3 and 22 */
function linuxBirth(pid: number): Birth | 'gone' | 'unknown' {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'unknown';
  }
  // The name in parentheses may hold anything, parentheses and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  return { start: fields[19] ?? UNKNOWN, hasEnded: 'ZXx'.includes(state) };
}

/** proc_pidinfo flavour that fills struct proc_bsdinfo. */
const PROC_PIDTBSDINFO = 3;
const BSDINFO_BYTES = 136;
const STATUS_OFFSET = 4;
const START_OFFSET = 120;
const ZOMBIE = 5;
const ESRCH = 3;

type PidInfo = (pid: number, flavor: number, arg: bigint, buffer: Buffer, size: number) => number;

/** @see Darwin sys/proc_info.h, struct proc_bsdinfo */
function darwinBirth(libc: LibC): ReadBirth {
  const pidInfo = libc.library.func(
    'int proc_pidinfo(int pid, int flavor, uint64_t arg, void *buffer, int size)',
  ) as unknown as PidInfo;
  return (pid) => {
    const info = Buffer.alloc(BSDINFO_BYTES);
    const bytes = pidInfo(pid, PROC_PIDTBSDINFO, 0n, info, info.length);
    if (bytes <= 0) return libc.koffi.errno() === ESRCH ? 'gone' : 'unknown';
    if (bytes < BSDINFO_BYTES) return 'unknown';
    const seconds = info.readBigUInt64LE(START_OFFSET);
    const micros = info.readBigUInt64LE(START_OFFSET + 8);
    const hasEnded = info.readUInt32LE(STATUS_OFFSET) === ZOMBIE;
    return { start: `${seconds}.${micros}`, hasEnded };
  };
}
