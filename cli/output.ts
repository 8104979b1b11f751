import { writeSync } from 'node:fs';
import { CodedError } from '../shared/errors.ts';

/** The reader of a pipe went away: nobody wants the rest, which is no failure. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe';
}

const FLUSH_CHARACTERS = 64 * 1024;
const RETRY_MS = 5;

/**
 * A file descriptor that is written synchronously, so that memory stays constant however much is
 * printed and a closed pipe stops the work at once.
 */
export class Output {
  readonly #fd: number;
  #pending = '';

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Takes text; it may reach the descriptor later. Throws as `flush`. */
  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= FLUSH_CHARACTERS) this.flush();
  }

  /** @throws BrokenPipe; CodedError `OUTPUT_FAILED` for everything else, such as a full disk */
  flush(): void {
    let rest: Uint8Array = Buffer.from(this.#pending);
    this.#pending = '';
    while (rest.length > 0) rest = rest.subarray(this.#writeSome(rest));
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new BrokenPipe('output closed', { cause });
      if (code === 'EAGAIN') {
        // A terminal or pipe that another program made non-blocking.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
        return 0;
      }
      throw new CodedError('OUTPUT_FAILED', `cannot write output: ${code}`, { cause });
    }
  }
}
