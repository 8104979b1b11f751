import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { CodedError, type ErrorCode } from '../shared/errors.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply, type Reply, type ReplyRefused } from '../shared/wire/reply.ts';
import { VERSION } from '../shared/version.ts';
import { checkIdentity, CROWDED_BYTES, frameBody } from './frame-body.ts';
import type { OpenReport } from './open-report.ts';
import type { Acknowledgement, ActionReport, EmitterIdentity } from './report.ts';

export interface EmitterOptions extends EmitterIdentity {
  /** Path of the daemon's socket; `defaultSocketPath()` tells the usual one. */
  readonly socketPath: string;
  /** Told what went wrong and when it is right again. Must not throw. */
  readonly onNotice?: (notice: EmitterNotice) => void;
  /** Reports kept in memory while the daemon is away; beyond it they are counted and dropped. */
  readonly maxSpoolBytes?: number;
  /**
   * Payloads are known to be one JSON value each, because the caller has cut them out of JSON that
   * it scanned. Anything else would be refused by the daemon, or forge members of the frame.
   */
  readonly payloadsAreScanned?: boolean;
  /** Time for the daemon to greet back before it is taken for one that never replies. */
  readonly helloTimeoutMs?: number;
}

export type EmitterNotice =
  | { readonly kind: 'disconnected' | 'dropped' | 'refused'; readonly error: CodedError }
  | { readonly kind: 'connected' };

interface Pending {
  readonly ack: number;
  /** Frame body without its opening brace. */
  readonly body: Buffer;
  sent: boolean;
  /** The kernel has all of it. */
  taken: boolean;
  readonly settle: ((result: Acknowledgement | CodedError) => void) | undefined;
}

const DEFAULT_SPOOL_BYTES = 16 * 1024 * 1024;
/** Long enough for a daemon whose disk is busy: taken for plain, it would be trusted too early. */
const DEFAULT_HELLO_MS = 5000;
/** A daemon that has greeted before is only busy: what it has not acknowledged is not given up. */
const KNOWN_HELLO_FACTOR = 6;
/** Beyond this the kernel's buffer and Node's are full: frames wait in the spool instead. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;
const RETRY_MS = { first: 50, limit: 2000 };
const HELLO_ACK = 0;

/** Refusals that time heals; every other one would be refused again. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  'STORE_WRITE_FAILED',
  'STORE_UNAVAILABLE',
  'INTERNAL',
]);

/**
 * The client of a daemon. Never blocks and never throws into its caller's path: a report is sent,
 * kept for later, or counted as dropped, and the count goes to the daemon with the next frame.
 *
 * A daemon that greets back acknowledges each report once it is durable; what was not acknowledged
 * when a connection broke is sent again, marked as redelivered. A daemon that does not greet (the
 * plain protocol has no replies) gets each frame once, and a frame counts as delivered when the
 * kernel took it.
 */
export class Emitter {
  readonly #options: EmitterOptions;
  #socket: Socket | undefined;
  /** `greeting` until the daemon has shown whether it replies. */
  #state: 'away' | 'connecting' | 'greeting' | 'acknowledging' | 'plain' | 'closed' = 'away';
  #nextAck = HELLO_ACK + 1;
  /** Not yet written to the current connection, oldest first. */
  #spool: Pending[] = [];
  /** Written, not yet acknowledged, oldest first. */
  readonly #window = new Map<number, Pending>();
  #heldBytes = 0;
  #dropped = 0;
  /** Drops that were told on this connection and are forgotten once the frame is in the record. */
  #told: { readonly ack: number; readonly count: number } | undefined;
  #retryMs = RETRY_MS.first;
  #retryTimer: NodeJS.Timeout | undefined;
  #helloTimer: NodeJS.Timeout | undefined;
  #wasAway = false;
  /** Whether the daemon at this path has ever replied. */
  #hasGreeted = false;
  #isClosing = false;
  #whenEmpty: (() => void)[] = [];

  /** @throws CodedError `FRAME_INVALID` for an identity that no daemon would accept */
  constructor(options: EmitterOptions) {
    checkIdentity(options);
    this.#options = options;
  }

  /** Reports that could neither be sent nor kept and that no receipt tells of yet. */
  get droppedCount(): number {
    return this.#dropped;
  }

  /** Reports that wait for the daemon or for its answer. */
  get pendingCount(): number {
    return this.#spool.length + this.#window.size;
  }

  /** Connects ahead of the first report, so that it finds the connection ready. */
  start(): void {
    if (this.#state === 'away' && this.#retryTimer === undefined) this.#connect();
  }

  /** Takes a report and returns at once. What becomes of it is told to `onNotice`. */
  emit(report: ActionReport): void {
    this.#take(report, undefined);
  }

  /**
   * Takes a report and resolves when its receipt is durable.
   *
   * @throws CodedError `DAEMON_UNREACHABLE` after `timeoutMs` without an answer, `FRAME_DROPPED`,
   *   or the code that the daemon refused it with. The report itself stays on its way.
   */
  emitConfirmed(report: ActionReport, timeoutMs: number): Promise<Acknowledgement> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message = `no acknowledgement from ${this.#options.socketPath} within ${timeoutMs} ms`;
        reject(new CodedError('DAEMON_UNREACHABLE', message));
      }, timeoutMs);
      this.#take(report, (result) => {
        clearTimeout(timer);
        if (result instanceof CodedError) reject(result);
        else resolve(result);
      });
    });
  }

  /** Announces an action and returns at once. Until the journal is there, it is told at its end. */
  begin(report: ActionReport): OpenReport {
    return { end: (outcome) => this.emit({ ...report, ...outcome }) };
  }

  /**
   * Announces an action; `durable` resolves when the daemon holds the announcement.
   *
   * @returns `durable` rejects with CodedError `DAEMON_UNREACHABLE` after `timeoutMs` without an
   *   answer, `FRAME_DROPPED`, or the code that the daemon refused it with.
   */
  beginConfirmed(
    report: ActionReport,
    timeoutMs: number,
  ): { readonly open: OpenReport; readonly durable: Promise<void> } {
    const durable = this.emitConfirmed(report, timeoutMs).then(() => undefined);
    return { open: this.begin(report), durable };
  }

  /**
   * Waits until nothing is pending, then hangs up.
   *
   * @returns How many reports are lost with this process: undelivered ones and uncounted drops
   */
  async close(timeoutMs: number): Promise<number> {
    if (this.pendingCount > 0) {
      this.#isClosing = true;
      this.#retryNow();
      await this.#emptied(timeoutMs);
    }
    const lost = this.#undelivered() + this.#dropped;
    this.#state = 'closed';
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#helloTimer);
    this.#socket?.end();
    this.#socket?.unref();
    return lost;
  }

  /** While a daemon has not greeted it may be a plain one, and what the kernel took has arrived. */
  #undelivered(): number {
    if (this.#state !== 'greeting') return this.pendingCount;
    const waiting = [...this.#spool, ...this.#window.values()];
    return waiting.filter(({ taken }) => !taken).length;
  }

  #emptied(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#whenEmpty.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #take(report: ActionReport, settle: Pending['settle']): void {
    const ack = this.#nextAck;
    this.#nextAck += 1;
    try {
      if (this.#state === 'closed') throw new CodedError('FRAME_DROPPED', 'the emitter is closed');
      const limit = this.#options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES;
      // Half full: from here on the hash of a payload has to do, so that no report is dropped.
      const payloadBytes = this.#heldBytes > limit / 2 ? CROWDED_BYTES : undefined;
      const { payloadsAreScanned: isScanned } = this.#options;
      const body = frameBody(this.#options, report, ack, new Date(), { payloadBytes, isScanned });
      if (this.#heldBytes + body.length > limit) {
        throw new CodedError(
          'FRAME_DROPPED',
          `${this.pendingCount} reports wait already, ${limit} bytes is the limit`,
        );
      }
      this.#heldBytes += body.length;
      this.#spool.push({ ack, body, sent: false, taken: false, settle });
    } catch (error) {
      this.#drop(asCoded(error), settle);
      return;
    }
    this.#pump();
  }

  #drop(error: CodedError, settle: Pending['settle']): void {
    this.#dropped += 1;
    settle?.(error);
    this.#notice({ kind: 'dropped', error });
  }

  #notice(notice: EmitterNotice): void {
    this.#options.onNotice?.(notice);
  }

  /** Writes what waits, as far as the connection takes it. */
  #pump(): void {
    if (this.#state === 'away' && this.#retryTimer === undefined) this.#connect();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || !this.#isOpen()) return;
    // Not towards a plain daemon: there it counts, frame by frame, what the kernel has taken.
    if (this.#spool.length > 1 && this.#state === 'acknowledging') {
      // What is reported within one turn leaves in one system call.
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    while (this.#spool.length > 0 && socket.writableLength < MAX_UNSENT_BYTES) {
      this.#send(socket, this.#spool.shift() as Pending);
    }
  }

  #isOpen(): boolean {
    return this.#state === 'greeting' || this.#state === 'acknowledging' || this.#state === 'plain';
  }

  #send(socket: Socket, pending: Pending): void {
    let prefix = pending.sent ? '{"redelivered":true,' : '{';
    if (this.#dropped > 0 && this.#told === undefined) {
      prefix += `"drop_count":${this.#dropped},`;
      this.#told = { ack: pending.ack, count: this.#dropped };
    }
    pending.sent = true;
    pending.taken = false;
    this.#window.set(pending.ack, pending);
    socket.write(encodeFrame([Buffer.from(prefix), pending.body]), (error) => {
      if (error || socket !== this.#socket) return;
      pending.taken = true;
      if (this.#state === 'plain') this.#settlePlain(pending);
    });
  }

  #connect(): void {
    this.#state = 'connecting';
    const socket = connect(this.#options.socketPath);
    const decoder = new FrameDecoder();
    this.#socket = socket;
    socket.unref(); // a report on its way must not keep a program alive that has ended its work
    socket.once('connect', () => this.#greet(socket));
    socket.on('data', (chunk: Buffer) => this.#onData(socket, decoder, chunk));
    socket.on('drain', () => this.#pump());
    let cause: Error | undefined;
    socket.on('error', (error) => (cause ??= error));
    socket.once('close', () => this.#onClose(cause));
  }

  #greet(socket: Socket): void {
    if (this.#state !== 'connecting') return; // closed meanwhile
    this.#state = 'greeting';
    const hello = { client: 'obsigna-emitter', version: VERSION, extensions: ['ack'] };
    const frame = { v: '1', hello, ack: HELLO_ACK };
    socket.write(encodeFrame([Buffer.from(JSON.stringify(frame))]));
    const givenMs = this.#options.helloTimeoutMs ?? DEFAULT_HELLO_MS;
    const timeoutMs = this.#hasGreeted ? givenMs * KNOWN_HELLO_FACTOR : givenMs;
    // Behind one more look at the socket: a program that was busy itself has not read the greeting.
    const decide = () => void setImmediate(() => this.#becomePlain(socket));
    this.#helloTimer = setTimeout(decide, timeoutMs).unref();
    this.#pump();
  }

  /** No greeting: a daemon of the plain protocol. What the kernel took is delivered. */
  #becomePlain(socket: Socket): void {
    if (this.#state !== 'greeting' || socket !== this.#socket) return;
    this.#state = 'plain';
    this.#cameBack();
    this.#retryMs = RETRY_MS.first;
    for (const pending of this.#window.values()) {
      if (pending.taken) this.#settlePlain(pending);
    }
    this.#pump();
  }

  #settlePlain(pending: Pending): void {
    if (!this.#window.delete(pending.ack)) return;
    pending.settle?.(new CodedError('DAEMON_UNREACHABLE', 'this daemon does not acknowledge'));
    this.#delivered(pending);
  }

  #cameBack(): void {
    if (this.#wasAway) this.#notice({ kind: 'connected' });
    this.#wasAway = false;
  }

  #delivered(pending: Pending): void {
    this.#heldBytes -= pending.body.length;
    if (this.#told?.ack === pending.ack) {
      this.#dropped -= this.#told.count;
      this.#told = undefined;
    }
    if (this.pendingCount === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #onData(socket: Socket, decoder: FrameDecoder, chunk: Buffer): void {
    try {
      decoder.push(chunk, (body) => this.#onReply(parseReply(body.toString())));
    } catch (error) {
      socket.destroy(asCoded(error)); // not a daemon we understand: start over
      return;
    }
    this.#pump();
  }

  #onReply(reply: Reply): void {
    if (reply.ack === HELLO_ACK) {
      clearTimeout(this.#helloTimer);
      // Also late: a daemon that was busy for longer than the greeting may take does reply.
      if (this.#isOpen()) this.#state = 'acknowledging';
      this.#hasGreeted = true;
      this.#cameBack();
      return;
    }
    const pending = this.#window.get(reply.ack);
    if (pending === undefined) return; // settled already, by an earlier reply or without one
    if (!reply.ok) {
      this.#refused(pending, reply);
      return;
    }
    this.#window.delete(reply.ack);
    this.#retryMs = RETRY_MS.first; // not before: a daemon with a full disk greets as well
    const { chain_id: chainId = '', sequence = 0, receipt_hash: receiptHash = '' } = reply;
    pending.settle?.({ chainId, sequence, receiptHash });
    this.#delivered(pending);
  }

  #refused(pending: Pending, { code, error }: ReplyRefused): void {
    const coded = new CodedError(code, error);
    this.#notice({ kind: 'refused', error: coded });
    if (this.#told?.ack === pending.ack) this.#told = undefined;
    if (TRANSIENT.has(code) && pending.settle === undefined) {
      pending.sent = false; // the daemon said that it has not written it
      this.#socket?.destroy(); // stays in the window: comes back after a pause, in its old place
      return;
    }
    this.#window.delete(pending.ack);
    this.#dropped += 1;
    pending.settle?.(coded);
    this.#delivered(pending);
  }

  #onClose(cause: Error | undefined): void {
    clearTimeout(this.#helloTimer);
    this.#socket = undefined;
    this.#spool = [...this.#window.values(), ...this.#spool];
    this.#window.clear();
    this.#told = undefined;
    if (this.#state === 'closed') return;
    const wasOpen = this.#isOpen();
    this.#state = 'away';
    if (!this.#wasAway) {
      this.#wasAway = true;
      const reason =
        cause === undefined ? 'hung up' : ((cause as NodeJS.ErrnoException).code ?? cause.message);
      const message = `daemon at ${this.#options.socketPath} ${wasOpen ? 'went away' : 'not reached'} (${reason})`;
      this.#notice({
        kind: 'disconnected',
        error: new CodedError('DAEMON_UNREACHABLE', message, { cause }),
      });
    }
    if (this.#isClosing && !wasOpen) {
      // One more try was made and there is nobody: the caller's exit does not wait for a daemon.
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
      return;
    }
    this.#retryTimer = setTimeout(() => this.#retryNow(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.limit);
  }

  #retryNow(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (this.#state === 'away' && this.pendingCount + this.#dropped > 0) this.#connect();
  }
}

function asCoded(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError('INTERNAL', (error as Error).message, { cause: error });
}
