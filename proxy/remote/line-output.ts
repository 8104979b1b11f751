import type { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';

/** The lines of a remote server, from all of its responses, for one reader that may be slow. */
export class LineOutput {
  readonly stream: Readable;
  #isFull = false;
  #hasEnded = false;
  #whenRoom: (() => void)[] = [];

  constructor() {
    this.stream = new Readable({
      read: () => this.#release(),
      destroy: (error, done) => {
        this.#release(); // who waits for a reader that is gone would wait for ever
        done(error);
      },
    });
  }

  write(line: Buffer): void {
    if (this.stream.destroyed || this.#hasEnded) return;
    this.#isFull = !this.stream.push(line);
  }

  /** Whoever reads responses waits here before more is read. */
  async room(): Promise<void> {
    if (this.#isFull && !this.stream.destroyed)
      await new Promise<void>((resolve) => void this.#whenRoom.push(resolve));
  }

  end(): void {
    this.#hasEnded = true;
    if (!this.stream.destroyed) this.stream.push(null);
  }

  #release(): void {
    this.#isFull = false;
    for (const resolve of this.#whenRoom.splice(0)) resolve();
  }
}
