import { Buffer } from 'node:buffer';
import { readFileSync, readlinkSync } from 'node:fs';
import type { LibC } from './libc.ts';

/** Tells one process from every other one that had or will have its pid. */
export interface ProcessClock {
  /** `<boot>:<pid>:<start>`; the start is `?` where the kernel does not tell it. */
  tagOf(pid: number): string;
  /** Whether the process of that tag still runs. Unknown counts as running. */
  isAlive(tag: string): boolean;
  /**
   * The program that started a process: its first ancestor that is no shell. Asked while the process
   * lives, because afterwards nobody knows its parents.
   */
  hostOf(pid: number): HostProcess;
}

/** The process that holds calls in the place of those it starts. See docs/adr/0029. */
export interface HostProcess {
  readonly tag: string;
  /** 0 where no such process can be seen, as from outside of its pid namespace. */
  readonly pid: number;
  readonly exePath?: string | undefined;
}

/** What the kernel tells of a process. */
interface Birth {
  /** When it started, as text. */
  readonly start: string;
  /** It has ended and only waits for its parent. */
  readonly hasEnded: boolean;
  readonly parent: number;
  /** Of its program, cut as the kernel keeps it. */
  readonly name: string;
}

type ReadBirth = (pid: number) => Birth | 'gone' | 'unknown';

const UNKNOWN = '?';

/** Agents start a command with a shell between it and themselves. */
const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'fish', 'busybox']);
/** Whoever is a child of these has lost its parent. */
const REAPERS = new Set(['init', 'systemd', 'launchd', 'tini', 'dumb-init', 'docker-init']);
const MAX_GENERATIONS = 16;

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
    hostOf(pid) {
      let at = pid;
      for (let generation = 0; generation < MAX_GENERATIONS && at > 0; generation += 1) {
        const birth = read(at);
        if (typeof birth !== 'object' || REAPERS.has(birth.name)) break;
        if (generation > 0 && !SHELLS.has(birth.name)) {
          return { tag: `${boot}:${at}:${birth.start}`, pid: at, exePath: exePath(at, platform) };
        }
        at = birth.parent;
      }
      return { tag: `${boot}:0:${UNKNOWN}`, pid: 0 };
    },
  };
}

function exePath(pid: number, platform: NodeJS.Platform): string | undefined {
  if (platform !== 'linux') return undefined;
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // of another user
  }
}

/** Start times count from the boot: after another one they mean another moment. */
function linuxBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  } catch {
    return '';
  }
}

/** @see proc(5), /proc/pid/stat fields 2, 3, 4 and 22 */
function linuxBirth(pid: number): Birth | 'gone' | 'unknown' {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'unknown';
  }
  // The name in parentheses may hold anything, parentheses and spaces too.
  const nameEnd = text.lastIndexOf(')');
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state = '', parent] = fields;
  const hasEnded = 'ZXx'.includes(state);
  return { start: fields[19] ?? UNKNOWN, hasEnded, parent: Number(parent), name };
}

/** proc_pidinfo flavour that fills struct proc_bsdinfo. */
const PROC_PIDTBSDINFO = 3;
const BSDINFO_BYTES = 136;
const STATUS_OFFSET = 4;
const PARENT_OFFSET = 16;
const NAME = { offset: 48, bytes: 16 };
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
    const parent = info.readUInt32LE(PARENT_OFFSET);
    const [name = ''] = info.toString('latin1', NAME.offset, NAME.offset + NAME.bytes).split('\0');
    return { start: `${seconds}.${micros}`, hasEnded, parent, name };
  };
}
