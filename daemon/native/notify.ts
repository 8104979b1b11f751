import { Buffer } from 'node:buffer';
import type { LibC } from './libc.ts';

/** Tells the service manager how we are; does nothing where there is none that asked. */
export interface Notifier {
  ready(status: string): void;
  reloading(): void;
  stopping(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** sun_family and sun_path of struct sockaddr_un */
const FAMILY_BYTES = 2;
const PATH_BYTES = 108;

const SILENT: Notifier = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
};

/**
 * Speaks the readiness protocol of systemd. Node has no datagram sockets of the Unix kind, and
 * libsystemd is not on every machine, so the two system calls are made directly.
 *
 * With `WATCHDOG_USEC` it also says at half that interval that the event loop turns.
 *
 * @param warn - Told once when the manager's socket cannot be reached; the daemon goes on.
 * @see sd_notify(3), "Notes": the protocol is stable and may be spoken without the library
 */
export function systemdNotifier(
  libc: LibC,
  env: Environment,
  warn: (text: string) => void,
): Notifier {
  const { NOTIFY_SOCKET: path = '' } = env;
  // Anything else, such as vsock:, is for the init of a virtual machine.
  if (process.platform !== 'linux' || !/^[/@]./.test(path)) return SILENT;
  const send = datagramSender(libc, path, warn);
  if (send === undefined) return SILENT;
  const everyMs = watchdogMs(env);
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready: (status) => {
      send(`READY=1\nSTATUS=${status.replaceAll('\n', ' ')}`);
      if (everyMs === undefined || watchdog !== undefined) return;
      watchdog = setInterval(() => send('WATCHDOG=1'), everyMs);
      watchdog.unref();
    },
    reloading: () => {
      // CLOCK_MONOTONIC, which Type=notify-reload compares with its own reading.
      send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
    // The watchdog goes on: the last receipts may take their time, but not for ever.
    stopping: () => send('STOPPING=1\nSTATUS=writing the last receipts'),
  };
}

function watchdogMs({ WATCHDOG_USEC: text = '', WATCHDOG_PID: pid = '' }: Environment) {
  const microseconds = Number(text);
  if (!(microseconds >= 1000) || (pid !== '' && Number(pid) !== process.pid)) return undefined;
  return Math.max(1, Math.floor(microseconds / 1000 / 2));
}

type Send = (text: string) => void;

function datagramSender(libc: LibC, path: string, warn: Send): Send | undefined {
  const socket = libc.library.func('int socket(int domain, int type, int protocol)') as unknown as (
    domain: number,
    type: number,
    protocol: number,
  ) => number;
  const sendto = libc.library.func(
    'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *to, uint32_t size)',
  ) as unknown as (
    fd: number,
    data: Buffer,
    length: number,
    flags: number,
    to: Buffer,
    size: number,
  ) => number;
  const name = Buffer.from(path);
  const fd = name.length < PATH_BYTES ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  if (fd === -1) {
    warn('NOTIFY_SOCKET cannot be used');
    return undefined;
  }
  if (name[0] === 0x40) name[0] = 0; // `@` stands for the NUL of the abstract name space
  const address = Buffer.alloc(FAMILY_BYTES + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, FAMILY_BYTES);
  let hasWarned = false;
  return (text) => {
    const data = Buffer.from(text);
    if (sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length) >= 0) return;
    if (!hasWarned) warn(`NOTIFY_SOCKET does not take messages (errno ${libc.koffi.errno()})`);
    hasWarned = true;
  };
}
