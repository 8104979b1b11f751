import type { Buffer } from 'node:buffer';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** What a write-ahead log holds, as far as truncating it needs to know. */
export interface WalOutline {
  /** Changes when the log starts again from its beginning. */
  readonly generation: string;
  readonly frameBytes: number;
  /** Frames of this generation; what is behind them is left over from the one before. */
  readonly frames: number;
}

/** @see SQLite, "WAL-mode File Format" */
export function outlineWal(wal: Buffer): WalOutline {
  if (wal.length < HEADER_BYTES) return { generation: 'none', frameBytes: 0, frames: 0 };
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  const generation = wal.toString('hex', 16, 24);
  let frames = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    if (wal.toString('hex', at + 8, at + 16) !== generation) break;
    frames += 1;
  }
  return { generation, frameBytes, frames };
}

/** The log as it is after a power cut that took everything behind its first `frames` frames. */
export function cutWal(wal: Buffer, { frameBytes }: WalOutline, frames: number): Buffer {
  return wal.subarray(0, frames === 0 ? 0 : HEADER_BYTES + frames * frameBytes);
}
