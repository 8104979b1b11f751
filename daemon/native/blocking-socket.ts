import { Buffer } from 'node:buffer';
import { closeSync, readSync, writeSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import type { LibC } from './libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const TIMEVAL_BYTES = 16;

interface Platform {
  readonly pathBytes: number;
  readonly hasLengthByte: boolean;
  readonly level: number;
  readonly receiveTimeout: number;
  readonly sendTimeout: number;
}

/** unix(7), socket(7); Darwin sys/un.h, sys/socket.h */
const LINUX: Platform = {
  pathBytes: 108,
  hasLengthByte: false,
  level: 1,
  receiveTimeout: 20,
  sendTimeout: 21,
};
const DARWIN: Platform = {
  pathBytes: 104,
  hasLengthByte: true,
  level: 0xffff,
  receiveTimeout: 0x1006,
  sendTimeout: 0x1005,
};

/**
 * A connected Unix socket whose reads and writes wait, at most as long as the timeout. For a
 * neighbour on the same machine that answers at once and without whom nothing can go on.
 */
export class BlockingSocket {
  readonly #fd: number;

  /** @throws Error with an errno text; CodedError `SOCKET_PATH_INVALID` for a path too long */
  constructor(libc: LibC, path: string, timeoutMs: number) {
    const platform = process.platform === 'darwin' ? DARWIN : LINUX;
    const address = addressOf(platform, path);
    const call = (declaration: string) => libc.library.func(declaration);
    const socket = call('int socket(int domain, int type, int protocol)');
    const connect = call('int connect(int fd, const void *address, uint32_t length)');
    const setsockopt = call(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    );
    const check = (what: string, result: unknown) => {
      if (Number(result) >= 0) return Number(result);
      throw new Error(`${what} failed, errno ${libc.koffi.errno()}`);
    };
    this.#fd = check('socket', socket(AF_UNIX, SOCK_STREAM, 0));
    try {
      const time = timeval(timeoutMs);
      for (const option of [platform.receiveTimeout, platform.sendTimeout]) {
        check('setsockopt', setsockopt(this.#fd, platform.level, option, time, time.length));
      }
      check('connect', connect(this.#fd, address, address.length));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(patiently(() => writeSync(this.#fd, rest)));
  }

  /** Exactly `length` bytes. */
  read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let at = 0;
    while (at < length) {
      const count = patiently(() => readSync(this.#fd, bytes, at, length - at, null));
      if (count === 0) throw Object.assign(new Error('connection closed'), { code: 'ECONNRESET' });
      at += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A signal interrupts a socket with a timeout, whatever its handler says. signal(7) */
function patiently(transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
}

function addressOf({ pathBytes, hasLengthByte }: Platform, path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length >= pathBytes || bytes.includes(0)) {
    throw new CodedError('SOCKET_PATH_INVALID', `socket path of ${bytes.length} bytes: ${path}`);
  }
  const address = Buffer.alloc(2 + pathBytes);
  if (hasLengthByte) address.set([address.length, AF_UNIX]);
  else address.writeUInt16LE(AF_UNIX);
  address.set(bytes, 2);
  return address;
}

/** Two 64-bit words; where the second is 32 bits wide, little endian, it reads the same. */
function timeval(ms: number): Buffer {
  const value = Buffer.alloc(TIMEVAL_BYTES);
  value.writeBigInt64LE(BigInt(Math.floor(ms / 1000)), 0);
  value.writeBigInt64LE(BigInt((ms % 1000) * 1000), 8);
  return value;
}
