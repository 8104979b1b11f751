import { closeSync, openSync, readSync } from 'node:fs';

/**
 * What a proxy needs of randomness before the first call, straight from the kernel: `node:crypto`
 * takes its own from there too, and to load it takes longer than the rest of our start.
 */

/** @see RFC 9562 section 5.4 */
export function randomUuid(): string {
  const bytes = kernelRandom(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const part = (start: number, end: number) => bytes.toString('hex', start, end);
  return `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}-${part(8, 10)}-${part(10, 16)}`;
}

export function randomHex(byteCount: number): string {
  return kernelRandom(byteCount).toString('hex');
}

function kernelRandom(byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  const file = openSync('/dev/urandom', 'r');
  try {
    // At most 256 bytes come in one piece, always (random(4)).
    if (readSync(file, bytes) === byteCount) return bytes;
    throw new Error('/dev/urandom gave too few bytes');
  } finally {
    closeSync(file);
  }
}
