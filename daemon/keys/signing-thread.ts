import { sign as signOnce, type KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FileSigner } from '../../shared/crypto/private-key.ts';
import type { Log } from '../log.ts';

/** Fetches a signature that is on its way, and waits for it if it must. */
export type Signature = () => Uint8Array;

/** A thread of its own costs memory and a start: not before this many receipts came at once. */
const START_AT = 16;
/** For fewer, waking it takes as long as signing. */
const USE_AT = 4;
/** Receipts that one batch can hand over, and bytes of theirs; what is beyond is signed here. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 1024 * 1024;
/** Waking a thread is a system call, for either side: several receipts share one. */
const TOGETHER = 8;
/** Silence that is no load any more. Nothing is lost then: this thread signs instead. */
const PATIENCE_MS = 2000;

const SIGNATURE_BYTES = 64;
const ASKED = 0;
const DONE = 1;
const IS_READY = 2;
/** How many must be done before whoever fetches wants to be woken. */
const WANTED = 3;
const ENDS_AT = 4;
const SIGNATURES_AT = 4 * (ENDS_AT + MAX_MESSAGES);
const MESSAGES_AT = SIGNATURES_AT + SIGNATURE_BYTES * MAX_MESSAGES;

/** What both threads see: a few counters, where each message ends, signatures, messages. */
class Shared {
  readonly buffer = new SharedArrayBuffer(MESSAGES_AT + MAX_BYTES);
  readonly control = new Int32Array(this.buffer, 0, ENDS_AT + MAX_MESSAGES);
  readonly signatures = new Uint8Array(this.buffer, SIGNATURES_AT, SIGNATURE_BYTES * MAX_MESSAGES);
  readonly messages = new Uint8Array(this.buffer, MESSAGES_AT, MAX_BYTES);
}

interface Parts {
  readonly start?: typeof startWorker;
  readonly patienceMs?: number;
}

/**
 * Signs the receipts of a large batch in a second thread, while the next ones are built: a link is
 * over the receipt without its signature. Who hands over and who fetches is the same thread, the one
 * that writes; it waits for what is missing inside its transaction.
 *
 * A thread that does not start, ends or falls silent costs time and a line in the log: whoever
 * fetches then signs by itself.
 *
 * @see ADR 0034
 */
export class SigningThread {
  readonly #signer: FileSigner;
  readonly #log: Log;
  readonly #startWorker: typeof startWorker;
  readonly #patienceMs: number;
  #worker: Worker | undefined;
  #shared: Shared | undefined;
  #hasFailed = false;
  #isInUse = false;
  #count = 0;
  #bytes = 0;

  constructor(signer: FileSigner, log: Log, { start, patienceMs }: Parts = {}) {
    this.#signer = signer;
    this.#log = log;
    this.#startWorker = start ?? startWorker;
    this.#patienceMs = patienceMs ?? PATIENCE_MS;
  }

  /** Before each batch of `size` frames: whether its receipts are signed in the other thread. */
  begin(size: number): void {
    if (size >= START_AT && this.#worker === undefined && !this.#hasFailed) this.#start();
    this.#isInUse = size >= USE_AT && this.#clear();
  }

  /** @param message - Copied, or signed before this returns */
  sign(message: Uint8Array): Signature {
    const shared = this.#shared;
    const end = this.#bytes + message.length;
    const isInTime = this.#isInUse && this.#count < MAX_MESSAGES && end <= MAX_BYTES;
    if (!isInTime || shared === undefined) {
      const signature = this.#signer.sign(message);
      return () => signature;
    }
    const index = this.#count;
    shared.messages.set(message, this.#bytes);
    shared.control[ENDS_AT + index] = end;
    this.#bytes = end;
    this.#count = index + 1;
    Atomics.store(shared.control, ASKED, this.#count);
    if (this.#count % TOGETHER === 0) Atomics.notify(shared.control, ASKED);
    return () => this.#fetch(shared, index);
  }

  /** The daemon ends. */
  stop(): void {
    this.#isInUse = false;
    this.#hasFailed = true;
    void this.#worker?.terminate();
  }

  #fetch(shared: Shared, index: number): Uint8Array {
    const { control, signatures, messages } = shared;
    Atomics.store(control, WANTED, Math.min(index + TOGETHER, this.#count));
    for (;;) {
      const done = Atomics.load(control, DONE);
      if (done > index) {
        return signatures.slice(index * SIGNATURE_BYTES, (index + 1) * SIGNATURE_BYTES);
      }
      if (this.#hasFailed) break;
      Atomics.notify(control, ASKED); // the last ones of a batch may not have woken it
      const isSilent = Atomics.wait(control, DONE, done, this.#patienceMs) === 'timed-out';
      if (isSilent) this.#fail(`no answer within ${this.#patienceMs} ms`);
    }
    const start = index === 0 ? 0 : (control[ENDS_AT + index - 1] as number);
    return this.#signer.sign(messages.slice(start, control[ENDS_AT + index]));
  }

  /** @returns false while the thread still starts, or signs for a batch that has failed */
  #clear(): boolean {
    const control = this.#shared?.control;
    if (control === undefined || this.#hasFailed || Atomics.load(control, IS_READY) === 0) {
      return false;
    }
    if (Atomics.load(control, DONE) !== this.#count) {
      Atomics.notify(control, ASKED); // what nobody fetched may not have woken it
      return false;
    }
    this.#count = 0;
    this.#bytes = 0;
    // In this order: the other thread reads them the other way round, and must not see more to do.
    Atomics.store(control, ASKED, 0);
    Atomics.store(control, DONE, 0);
    return true;
  }

  #start(): void {
    const shared = new Shared();
    this.#shared = shared;
    try {
      this.#worker = this.#startWorker(this.#signer.key, shared.buffer);
    } catch (error) {
      this.#fail((error as Error).message);
      return;
    }
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', () => this.#fail('it ended'));
    this.#worker.unref();
  }

  #fail(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#isInUse = false;
    void this.#worker?.terminate();
    this.#log(`level=warn signing thread: ${reason}; receipts are signed without it from here on`);
  }
}

/**
 * Its code is text of this program and no file: what signs is what was started, also while the
 * package is replaced. It gets the key and the shared bytes, no variables and little memory.
 */
function startWorker(key: KeyObject, buffer: SharedArrayBuffer): Worker {
  const code = `(${signForever.toString()})(require('node:worker_threads').workerData, require('node:crypto').sign)`;
  return new Worker(code, {
    eval: true,
    workerData: { key, buffer, layout: { ENDS_AT, SIGNATURES_AT, SIGNATURE_BYTES, MESSAGES_AT } },
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8, stackSizeMb: 1 },
  });
}

interface Work {
  readonly key: KeyObject;
  readonly buffer: SharedArrayBuffer;
  readonly layout: Readonly<
    Record<'ENDS_AT' | 'SIGNATURES_AT' | 'SIGNATURE_BYTES' | 'MESSAGES_AT', number>
  >;
}

/** All of the other thread. Its text is what runs there: nothing outside of it can be named. */
function signForever({ key, buffer, layout }: Work, sign: typeof signOnce): never {
  const { ENDS_AT: endsAt, SIGNATURES_AT: signaturesAt, SIGNATURE_BYTES: size } = layout;
  const control = new Int32Array(buffer, 0);
  const [asked, done, isReady, wanted] = [0, 1, 2, 3];
  Atomics.store(control, isReady, 1);
  for (;;) {
    const next = Atomics.load(control, done); // first: see `#clear`
    const count = Atomics.load(control, asked);
    if (next >= count) {
      Atomics.wait(control, asked, count);
      continue;
    }
    const start = next === 0 ? 0 : (control[endsAt + next - 1] as number);
    const length = (control[endsAt + next] as number) - start;
    const message = new Uint8Array(buffer, layout.MESSAGES_AT + start, length);
    new Uint8Array(buffer, signaturesAt + next * size, size).set(sign(null, message, key));
    Atomics.store(control, done, next + 1);
    if (next + 1 >= Atomics.load(control, wanted)) Atomics.notify(control, done);
  }
}
