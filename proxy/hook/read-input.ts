import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import { CodedError } from '../../shared/errors.ts';

/** An agent's edit of a large file fits; what is larger is no call that anybody looks at. */
export const MAX_INPUT_BYTES = 32 * 1024 * 1024;

/**
 * `process.stdin`, but for a pipe not taken apart at its end, for which Node would make a standard error too:
 * the agent waits for that. As a socket that could still be written to, it stays.
 */
export function standardInput(): NodeJS.ReadableStream {
  try {
    return new Socket({ fd: 0, readable: true, writable: true, allowHalfOpen: true });
  } catch {
    return process.stdin; // a file or a terminal
  }
}

/**
 * Everything on standard input.
 *
 * @throws CodedError `HOOK_INPUT_TOO_LARGE`, `HOOK_INPUT_INVALID`
 */
export function readInput(
  input: NodeJS.ReadableStream,
  maxBytes = MAX_INPUT_BYTES,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    input.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= maxBytes) return;
      input.pause();
      const message = `input of more than ${maxBytes} bytes`;
      reject(new CodedError('HOOK_INPUT_TOO_LARGE', message));
    });
    input.once('end', () => resolve(Buffer.concat(chunks, bytes)));
    input.once('error', (cause) => {
      reject(new CodedError('HOOK_INPUT_INVALID', 'input cannot be read', { cause }));
    });
  });
}
