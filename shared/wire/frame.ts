import { Buffer } from 'node:buffer';
import { CodedError } from '../errors.ts';

/** Length prefix: four bytes, unsigned, big-endian. */
export const HEADER_BYTES = 4;
/** Payload limit of the protocol; every emitter refuses to send more. */
export const MAX_FRAME_BYTES = 1_048_576;

/**
 * One frame around the concatenation of `parts`, in one buffer, so that it leaves in one write.
 *
 * @throws CodedError `FRAME_LENGTH_INVALID` for an empty body or one over the limit
 */
export function encodeFrame(parts: readonly Uint8Array[], maxBytes = MAX_FRAME_BYTES): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length === 0 || length > maxBytes) {
    throw new CodedError('FRAME_LENGTH_INVALID', `frame length ${length}, limit ${maxBytes}`);
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt32BE(length, 0);
  let at = HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * Cuts a byte stream into frame bodies, however the stream was cut on its way. A claimed length is
 * judged before any of its bytes are waited for, and bytes are copied at most once.
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** True in the middle of a frame: an end of the stream here has lost something. */
  get isPartial(): boolean {
    return this.#buffered > 0;
  }

  /**
   * @param chunk - Kept until its frames are delivered; the caller must not reuse it.
   * @param deliver - Gets each body, which may be a view into `chunk`.
   * @throws CodedError `FRAME_LENGTH_INVALID`; the stream cannot be read further after it
   */
  push(chunk: Buffer, deliver: (body: Buffer) => void): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#buffered >= HEADER_BYTES) {
      const length = this.#peekLength(); // attacker-controlled
      if (length === 0 || length > this.#maxBytes) {
        const message = `frame length ${length}, limit ${this.#maxBytes}`;
        throw new CodedError('FRAME_LENGTH_INVALID', message);
      }
      const end = HEADER_BYTES + length;
      if (this.#buffered < end) return;
      const all = this.#join();
      const body = all.subarray(HEADER_BYTES, end);
      // Advance first: if `deliver` throws, this frame must not be delivered twice.
      this.#chunks = end < all.length ? [all.subarray(end)] : [];
      this.#buffered = all.length - end;
      deliver(body);
    }
  }

  #peekLength(): number {
    if ((this.#chunks[0] as Buffer).length < HEADER_BYTES) this.#join();
    return (this.#chunks[0] as Buffer).readUInt32BE(0);
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [all];
    return all;
  }
}
