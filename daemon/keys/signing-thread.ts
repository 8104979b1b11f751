import { sign as signOnce, type KeyObject } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import type { FileSigner } from '../../shared/crypto/private-key.ts';
import type { Log } from '../log.ts';

/** Fetches a signature that is on its way, and waits for it if it must. */
export type Signature = () => Uint8Array;

/** A batch worth the memory and the start of a thread: for fewer, waking it costs what it spares. */
const LARGE_BATCH = 8;
/** Receipts that one batch can hand over, and bytes of theirs; what is beyond is signed here. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 1024 * 1024;
/** Waking the other thread is a system call: several receipts share one. */
const WAKE_EVERY = 8;
/** Silence that is no load any more. Nothing is lost then: this thread signs instead. */
const PATIENCE_MS = 2000;

/** What becomes of a message. Only a thread that has moved it from `OPEN` to `TAKEN` may sign it. */
const EMPTY = 0;
const OPEN = 1;
const TAKEN = 2;
const DONE = 3;

const SIGNATURE_BYTES = 64;
/** Places in the control words: how many messages there are, the state of each, the end of each. */
const COUNT = 0;
const STATES = 1;
const ENDS = STATES + MAX_MESSAGES;
const CONTROL_WORDS = ENDS + MAX_MESSAGES;
/** Offsets in bytes. */
const SIGNATURES = 4 * CONTROL_WORDS;
const MESSAGES = SIGNATURES + SIGNATURE_BYTES * MAX_MESSAGES;

/** What both threads see. */
class Shared {
  readonly buffer = new SharedArrayBuffer(MESSAGES + MAX_BYTES);
  readonly control = new Int32Array(this.buffer, 0, CONTROL_WORDS);
  readonly signatures = new Uint8Array(this.buffer, SIGNATURES, SIGNATURE_BYTES * MAX_MESSAGES);
  readonly messages = new Uint8Array(this.buffer, MESSAGES, MAX_BYTES);

  message(index: number): Uint8Array {
    const start = index === 0 ? 0 : this.control[ENDS + index - 1];
    return this.messages.subarray(start, this.control[ENDS + index]);
  }

  signature(index: number): Uint8Array {
    return this.signatures.subarray(index * SIGNATURE_BYTES, (index + 1) * SIGNATURE_BYTES);
  }

  take(index: number): boolean {
    return Atomics.compareExchange(this.control, STATES + index, OPEN, TAKEN) === OPEN;
  }
}

interface Parts {
  readonly start?: typeof startWorker;
  readonly patienceMs?: number;
}

/**
 * Signs the receipts of a large batch in a second thread, while the next ones are built: a link is
 * over the receipt without its signature. Who hands over and who fetches is the same thread, the one
 * that writes. Where a signature is missing it signs whatever the other thread has not begun with,
 * and waits only for one that is being made.
 *
 * A thread that does not start, ends or falls silent costs time and a line in the log.
 *
 * @see ADR 0034
 */
export class SigningThread {
  readonly #signer: FileSigner;
  readonly #log: Log;
  readonly #startWorker: typeof startWorker;
  readonly #patienceMs: number;
  #worker: Worker | undefined;
  readonly #shared = new Shared();
  #isStarted = false;
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

  /** Before each batch of `size` frames, so that a large one is handed over. */
  begin(size: number): void {
    const isLarge = size >= LARGE_BATCH && !this.#hasFailed;
    if (isLarge && !this.#isStarted) void this.#start();
    this.#isInUse = isLarge && this.#worker !== undefined && this.#clear();
  }

  /** @param message - Copied, or signed before this returns */
  sign(message: Uint8Array): Signature {
    const end = this.#bytes + message.length;
    if (!this.#isInUse || this.#count === MAX_MESSAGES || end > MAX_BYTES) {
      const signature = this.#signer.sign(message);
      return () => signature;
    }
    const { control, messages } = this.#shared;
    const index = this.#count;
    messages.set(message, this.#bytes);
    control[ENDS + index] = end;
    this.#bytes = end;
    this.#count = index + 1;
    Atomics.store(control, STATES + index, OPEN); // behind its bytes
    Atomics.store(control, COUNT, this.#count);
    if (index % WAKE_EVERY === 0) Atomics.notify(control, COUNT);
    return () => this.#fetch(index);
  }

  /** The daemon ends. */
  stop(): void {
    this.#isInUse = false;
    this.#hasFailed = true;
    void this.#worker?.terminate();
  }

  #fetch(index: number): Uint8Array {
    const shared = this.#shared;
    const place = STATES + index;
    while (Atomics.load(shared.control, place) !== DONE) {
      const open = this.#takeFrom(index);
      if (open !== undefined) {
        shared.signature(open).set(this.#signer.sign(shared.message(open)));
        Atomics.store(shared.control, STATES + open, DONE);
      } else if (Atomics.wait(shared.control, place, TAKEN, this.#patienceMs) === 'timed-out') {
        this.#fail(`no answer within ${this.#patienceMs} ms`);
        return this.#signer.sign(shared.message(index)); // its place belongs to the other thread
      }
    }
    return shared.signature(index);
  }

  /** The next message that nobody has begun with; the one at `index` first. */
  #takeFrom(index: number): number | undefined {
    for (let i = index; i < this.#count; i += 1) if (this.#shared.take(i)) return i;
    return undefined;
  }

  /** @returns false while the other thread is busy with a batch that has failed */
  #clear(): boolean {
    const { control } = this.#shared;
    for (let i = 0; i < this.#count; i += 1) {
      const isOurs = this.#shared.take(i); // left over by a commit that failed
      if (!isOurs && Atomics.load(control, STATES + i) === TAKEN) return false;
      Atomics.store(control, STATES + i, EMPTY);
    }
    Atomics.store(control, COUNT, 0);
    this.#count = 0;
    this.#bytes = 0;
    return true;
  }

  async #start(): Promise<void> {
    this.#isStarted = true;
    try {
      const worker = await this.#startWorker(this.#signer.key, this.#shared.buffer);
      worker.on('error', (error) => this.#fail(error.message));
      worker.on('exit', () => this.#fail('it ended'));
      worker.unref();
      this.#worker = worker;
      if (this.#hasFailed) void worker.terminate(); // stopped meanwhile
    } catch (error) {
      this.#fail((error as Error).message);
    }
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
async function startWorker(key: KeyObject, buffer: SharedArrayBuffer): Promise<Worker> {
  const { Worker } = await import('node:worker_threads'); // a start does without it
  const code = `(${signForever.toString()})(require('node:worker_threads').workerData, require('node:crypto').sign)`;
  return new Worker(code, {
    eval: true,
    workerData: { key, buffer, layout: LAYOUT },
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8, stackSizeMb: 1 },
  });
}

const LAYOUT = { COUNT, STATES, ENDS, SIGNATURES, SIGNATURE_BYTES, MESSAGES, OPEN, TAKEN, DONE };

interface Work {
  readonly key: KeyObject;
  readonly buffer: SharedArrayBuffer;
  readonly layout: typeof LAYOUT;
}

/** All of the other thread. Its text is what runs there: nothing outside of it can be named. */
function signForever({ key, buffer, layout: the }: Work, sign: typeof signOnce): never {
  const control = new Int32Array(buffer, 0, the.SIGNATURES / 4);
  for (;;) {
    const count = Atomics.load(control, the.COUNT);
    let at = 0;
    const isOpen = () =>
      Atomics.compareExchange(control, the.STATES + at, the.OPEN, the.TAKEN) === the.OPEN;
    while (at < count && !isOpen()) at += 1;
    if (at === count) {
      Atomics.wait(control, the.COUNT, count);
      continue;
    }
    const start = at === 0 ? 0 : (control[the.ENDS + at - 1] as number);
    const length = (control[the.ENDS + at] as number) - start;
    const message = new Uint8Array(buffer, the.MESSAGES + start, length);
    const signature = new Uint8Array(
      buffer,
      the.SIGNATURES + at * the.SIGNATURE_BYTES,
      the.SIGNATURE_BYTES,
    );
    signature.set(sign(null, message, key));
    Atomics.store(control, the.STATES + at, the.DONE);
    Atomics.notify(control, the.STATES + at);
  }
}
