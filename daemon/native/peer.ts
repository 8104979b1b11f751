import { Buffer } from 'node:buffer';
import { readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { PeerCredential } from '../../shared/receipt/receipt.ts';
import { CodedError } from '../../shared/errors.ts';
import type { LibC } from './libc.ts';

/** Tells who is at the other end of an accepted Unix socket, in the kernel's words. */
export type PeerReader = (socket: Socket) => PeerCredential;

type GetSockOpt = (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: [number],
) => number;

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: int32 pid, uint32 uid, uint32 gid */
const UCRED_BYTES = 12;

const SOL_LOCAL = 0;
const LOCAL_PEERCRED = 1;
const LOCAL_PEEREPID = 3;
/** struct xucred: uint32 version, uint32 uid, int16 ngroups (padded), uint32 groups[16] */
const XUCRED_BYTES = 76;
const ENOTCONN = 57;
const PATH_BYTES = 4096;

/**
 * The reader for this platform. Call it directly after accept, before the first byte is read: the
 * credentials are those of the process that connected, and its pid may be recycled once it is gone.
 *
 * @see unix(7) SO_PEERCRED; Darwin sys/un.h LOCAL_PEERCRED, LOCAL_PEEREPID
 */
export function peerReader(libc: LibC, platform: NodeJS.Platform): PeerReader {
  const getsockopt = libc.library.func(
    'int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *length)',
  ) as unknown as GetSockOpt;
  if (platform === 'linux') return (socket) => linuxPeer(libc, getsockopt, socket);
  const pidPath = libc.library.func('int proc_pidpath(int pid, void *buffer, uint32_t size)');
  return (socket) => darwinPeer(libc, getsockopt, pidPath, socket);
}

function linuxPeer(libc: LibC, getsockopt: GetSockOpt, socket: Socket): PeerCredential {
  const ucred = readOption(
    libc,
    getsockopt,
    descriptorOf(socket),
    SOL_SOCKET,
    SO_PEERCRED,
    UCRED_BYTES,
  );
  const pid = ucred.readInt32LE(0);
  const exePath = linkTarget(`/proc/${pid}/exe`);
  return {
    platform: 'linux',
    pid,
    uid: ucred.readUInt32LE(4),
    gid: ucred.readUInt32LE(8),
    ...(exePath !== undefined && { exe_path: exePath }),
  };
}

type PidPath = (pid: number, buffer: Buffer, size: number) => number;

function darwinPeer(
  libc: LibC,
  getsockopt: GetSockOpt,
  pidPath: PidPath,
  socket: Socket,
): PeerCredential {
  const fd = descriptorOf(socket);
  const xucred = readOption(libc, getsockopt, fd, SOL_LOCAL, LOCAL_PEERCRED, XUCRED_BYTES);
  const ids = { uid: xucred.readUInt32LE(4), gid: xucred.readUInt32LE(12) };
  const pidBytes = Buffer.alloc(4);
  if (getsockopt(fd, SOL_LOCAL, LOCAL_PEEREPID, pidBytes, [4]) !== 0) {
    // The peer hung up already: its ids are known, its process is not.
    if (libc.koffi.errno() === ENOTCONN) return { platform: 'darwin', pid: 0, ...ids };
    throw failure(libc, 'LOCAL_PEEREPID');
  }
  const pid = pidBytes.readInt32LE(0);
  const path = Buffer.alloc(PATH_BYTES);
  const length = pidPath(pid, path, path.length);
  return {
    platform: 'darwin',
    pid,
    ...ids,
    ...(length > 0 && { exe_path: path.toString('utf8', 0, length) }),
  };
}

function readOption(
  libc: LibC,
  getsockopt: GetSockOpt,
  fd: number,
  level: number,
  name: number,
  bytes: number,
): Buffer {
  const value = Buffer.alloc(bytes);
  const length: [number] = [bytes];
  if (getsockopt(fd, level, name, value, length) !== 0) throw failure(libc, `option ${name}`);
  return value;
}

function failure(libc: LibC, what: string): CodedError {
  const message = `kernel refused ${what} of the connection (errno ${libc.koffi.errno()})`;
  return new CodedError('PEER_UNKNOWN', message);
}

/** Node keeps the descriptor of a pipe in its handle; there is no public way to it (ADR 0009). */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & {
    readonly _handle?: { readonly fd?: number } | null;
  };
  const fd = handle?.fd;
  if (fd === undefined || fd < 0) {
    throw new CodedError('PEER_UNKNOWN', 'the connection has no descriptor any more');
  }
  return fd;
}

/** A process of another user, or one that is gone, has no readable link: the path is then absent. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
