import { CodedError } from '../../shared/errors.ts';
import type { PinFile } from './pin-file.ts';
import { emptyRecord, type PinRecord } from './pin-record.ts';

type Change = (record: PinRecord) => PinRecord;

const RETRY_MS = 25;
const MAX_TRIES = 400;

/**
 * The pins of a server as one session knows them. Read when they are needed first, because every
 * agent waits for our start; without a file they last as long as the session.
 */
export class PinBook {
  readonly #file: PinFile | undefined;
  readonly #onProblem: (problem: CodedError) => void;
  #record: PinRecord;
  #stamp: string | undefined;
  /** Changes that wait for another proxy to finish its own. */
  #owed: Change[] = [];
  #problem: CodedError | undefined;

  constructor(server: string, file: PinFile | undefined, onProblem: (problem: CodedError) => void) {
    this.#record = emptyRecord(server);
    this.#file = file;
    this.#onProblem = onProblem;
  }

  /** Kept beyond this session. */
  get isKept(): boolean {
    return this.#file !== undefined;
  }

  /** The file cannot be read: whether anything has changed is not known. */
  get isUnreadable(): boolean {
    return this.#problem?.code === 'PINS_UNREADABLE';
  }

  /** The record as it was read last. */
  get record(): PinRecord {
    if (this.#stamp === undefined) this.refresh();
    return this.#record;
  }

  /** Reads again what somebody else has written. @returns Whether it did */
  refresh(): boolean {
    if (this.#file === undefined || this.isUnreadable) return false;
    const { stamp } = this.#file;
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    try {
      this.#record = this.#file.read();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** Changes the record, here at once and in the file as soon as nobody else is writing. */
  change(change: Change): void {
    this.#record = change(this.record);
    if (this.#file === undefined || this.#problem !== undefined) return;
    this.#owed.push(change);
    if (this.#owed.length === 1) this.#settle(0);
  }

  #settle(tries: number): void {
    const changes = this.#owed;
    try {
      const written = this.#file?.update((record) =>
        changes.reduce((latest, change) => change(latest), record),
      );
      if (written === undefined) {
        this.#later(tries);
        return;
      }
      this.#record = written;
      this.#stamp = this.#file?.stamp;
      this.#owed = [];
    } catch (error) {
      this.#fail(error);
    }
  }

  #later(tries: number): void {
    if (tries >= MAX_TRIES) {
      this.#fail(new CodedError('PINS_UNWRITABLE', `${this.#file?.path} is locked for too long`));
      return;
    }
    setTimeout(() => this.#settle(tries + 1), RETRY_MS).unref();
  }

  /** Said once: what cannot be written now will not be in a second. */
  #fail(error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    this.#problem = error;
    this.#owed = [];
    this.#onProblem(error);
  }
}
