import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { CodedError } from '../shared/errors.ts';

const MAX_BYTES = 10 * 1024 * 1024;
/** Files beside the one in use: `<path>.1` is the newest. */
const KEPT = 3;
const MODE = 0o640;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const STDERR = 2;

/**
 * The log of a daemon that no service manager listens to. Moves itself aside when it is full, at the
 * end of a line, so that nothing is cut or lost but the oldest file as a whole.
 */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number;
  #bytes: number;
  /** Lines that the disk did not take; told by the next one that it takes. */
  #lost = 0;
  #isTorn = false;
  #takeStderr: ((fd: number) => void) | undefined;

  /** @throws CodedError `LOG_UNAVAILABLE` */
  constructor(path: string, maxBytes = MAX_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      this.#fd = openSync(path, FLAGS, MODE);
    } catch (cause) {
      throw new CodedError('LOG_UNAVAILABLE', (cause as Error).message, { cause });
    }
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Whether what goes to standard error comes here anyway, as `obsigna daemon start` arranges it. */
  get isStderr(): boolean {
    const [own, stderr] = [fstatSync(this.#fd), fstatSync(STDERR)];
    return own.ino === stderr.ino && own.dev === stderr.dev;
  }

  /**
   * From now on standard error is this file, wherever it moves: last words of Node itself would
   * otherwise go to a file that was moved away.
   *
   * @param redirect - Makes standard output and error the open file that it is given.
   */
  takeStderr(redirect: (fd: number) => void): void {
    this.#takeStderr = redirect;
    redirect(this.#fd);
  }

  /** Never throws: a log that cannot be written is no reason to stop. */
  write(line: string): void {
    if (this.#bytes >= this.#maxBytes) this.#rotate();
    const told = this.#lost > 0 ? `level=warn ${this.#lost} log lines could not be written\n` : '';
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${told}${line}`);
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
      this.#lost = 0;
      this.#isTorn = false;
    } catch {
      this.#lost += 1;
      this.#isTorn ||= at > 0;
    }
    this.#bytes += at;
  }

  /** For whoever has moved the file away: goes on in a new one of its name. */
  reopen(): void {
    let fd: number;
    try {
      fd = openSync(this.#path, FLAGS, MODE);
    } catch {
      return; // the one that is open still takes what is written
    }
    const old = this.#fd;
    this.#fd = fd;
    this.#bytes = fstatSync(fd).size;
    this.#takeStderr?.(fd);
    closeSync(old);
  }

  #rotate(): void {
    try {
      for (let n = KEPT; n > 0; n -= 1) this.#move(n === 1 ? '' : `.${n - 1}`, `.${n}`);
    } catch {
      this.#bytes = 0; // where nothing can be moved, it grows; and is tried again later
      return;
    }
    this.reopen();
  }

  #move(from: string, to: string): void {
    try {
      renameSync(`${this.#path}${from}`, `${this.#path}${to}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
