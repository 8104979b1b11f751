import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { CodedError, type ErrorCode } from '../shared/errors.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply, type Reply, type ReplyRefused } from '../shared/wire/reply.ts';
import { VERSION } from '../shared/version.ts';
import {
  checkIdentity,
  CROWDED_BYTES,
  frameOf,
  FrameWriter,
  type CallMembers,
} from './frame-body.ts';
import { AnnouncedAction, type OpenReport, type ReportPort } from './open-report.ts';
import { Outbox, type Pending } from './outbox.ts';
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

const DEFAULT_SPOOL_BYTES = 16 * 1024 * 1024;
/** Long enough for a daemon whose disk is busy: taken for plain, it would be trusted too early. */
const DEFAULT_HELLO_MS = 5000;
/** A daemon that has greeted before is only busy: what it has not acknowledged is not given up. */
const KNOWN_HELLO_FACTOR = 6;
/** Beyond this the kernel's buffer and Node's are full: frames wait in the spool instead. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;
/** A look at a socket is cheap, and what waits here dies with this process. */
const RETRY_MS = { first: 20, limit: 500 };
const HELLO_ACK = 0;
/** What this emitter can speak beyond the protocol; `phase` also names what a daemon must speak. */
const PHASES = 'phase';
const EXTENSIONS = ['ack', PHASES];

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
 *
 * An action that takes time is announced with `begin` and told again when it has ended; the daemon
 * makes one receipt of the two, also when this process is killed in between. See ADR 0019.
 */
export class Emitter {
  readonly #options: EmitterOptions;
  #socket: Socket | undefined;
  /** `greeting` until the daemon has shown whether it replies. */
  #state: 'away' | 'connecting' | 'greeting' | 'acknowledging' | 'plain' | 'closed' = 'away';
  #nextAck = HELLO_ACK + 1;
  #calls = 0;
  readonly #outbox = new Outbox();
  readonly #writer: FrameWriter;
  #dropped = 0;
  /**
   * Drops that one frame tells, and that are forgotten once it is in the record. Sent again it says
   * the same, and no other frame does: a daemon that has it already then knows both.
   */
  #told: { readonly ack: number; readonly count: number } | undefined;
  #retryMs = RETRY_MS.first;
  #retryTimer: NodeJS.Timeout | undefined;
  #helloTimer: NodeJS.Timeout | undefined;
  #wasAway = false;
  /** Whether the daemon at this path has ever replied. */
  #hasGreeted = false;
  /** Whether the daemon of this connection joins intents with outcomes. */
  #joinsPhases = false;
  #isClosing = false;
  readonly #port: ReportPort = {
    mayAnnounce: (isAwaited) => this.#mayAnnounce(isAwaited),
    take: (report, call, settle) => this.#take(report, call, settle),
    joins: () => this.#state === 'acknowledging' && this.#joinsPhases,
    withdraw: (pending) => this.#outbox.remove(pending),
  };
  #whenEmpty: (() => void)[] = [];

  /** @throws CodedError `FRAME_INVALID` for an identity that no daemon would accept */
  constructor(options: EmitterOptions) {
    checkIdentity(options);
    this.#options = options;
    this.#writer = new FrameWriter(options);
  }

  /** Reports that could neither be sent nor kept and that no receipt tells of yet. */
  get droppedCount(): number {
    return this.#dropped;
  }

  /** Reports that wait for the daemon or for its answer. */
  get pendingCount(): number {
    return this.#outbox.count;
  }

  /** Connects ahead of the first report, so that it finds the connection ready. */
  start(): void {
    if (this.#state === 'away' && this.#retryTimer === undefined) this.#connect();
  }

  /** Takes a report and returns at once. What becomes of it is told to `onNotice`. */
  emit(report: ActionReport): void {
    this.#take(report, { call_id: this.#nextCallId() }, undefined);
  }

  /**
   * What is reported while `work` runs leaves in one system call, as far as it can leave at once. Not towards a
   * plain daemon: there it counts, frame by frame, what the kernel has taken.
   */
  together(work: () => void): void {
    const socket = this.#state === 'acknowledging' ? this.#socket : undefined;
    socket?.cork();
    try {
      work();
    } finally {
      socket?.uncork();
    }
  }

  /**
   * Takes a report and resolves when its receipt is durable.
   *
   * @throws CodedError `DAEMON_UNREACHABLE` after `timeoutMs` without an answer, `FRAME_DROPPED`,
   *   or the code that the daemon refused it with. The report itself stays on its way.
   */
  emitConfirmed(report: ActionReport, timeoutMs: number): Promise<Acknowledgement> {
    return this.#confirmed(timeoutMs, (settle) => {
      this.#take(report, { call_id: this.#nextCallId() }, settle);
    });
  }

  /** Announces an action that is about to happen, and returns at once. */
  begin(report: ActionReport): OpenReport {
    return this.#begin(report, undefined);
  }

  /**
   * Announces an action. `durable` resolves when the announcement is on the daemon's disk: whatever
   * happens from then on, the action will have a receipt.
   *
   * @returns `durable` rejects as `emitConfirmed` does. The action is announced nevertheless, and
   *   has to be ended.
   */
  beginConfirmed(
    report: ActionReport,
    timeoutMs: number,
  ): { readonly open: OpenReport; readonly durable: Promise<void> } {
    let open: OpenReport | undefined;
    const confirmed = this.#confirmed(timeoutMs, (settle) => {
      open = this.#begin(report, settle);
    });
    // Set: a promise runs what it is made of at once.
    return { open: open as unknown as OpenReport, durable: confirmed.then(() => undefined) };
  }

  #confirmed(
    timeoutMs: number,
    take: (settle: NonNullable<Pending['settle']>) => void,
  ): Promise<Acknowledgement> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message = `no acknowledgement from ${this.#options.socketPath} within ${timeoutMs} ms`;
        reject(new CodedError('DAEMON_UNREACHABLE', message));
      }, timeoutMs);
      take((result) => {
        clearTimeout(timer);
        if (result instanceof CodedError) reject(result);
        else resolve(result);
      });
    });
  }

  #nextCallId(): string {
    this.#calls += 1;
    return String(this.#calls);
  }

  #begin(report: ActionReport, settle: Pending['settle']): OpenReport {
    return new AnnouncedAction(report, this.#nextCallId(), this.#port, settle);
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
      this.#pump();
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
    return this.#outbox.all().filter(({ taken }) => !taken).length;
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

  /** Where memory gets short the outcome alone tells everything; so it does to a plain daemon. */
  #mayAnnounce(isAwaited: boolean): boolean {
    if (this.#state === 'plain') return false;
    if (this.#state === 'acknowledging' && !this.#joinsPhases) return false;
    return isAwaited || !this.#isCrowded;
  }

  get #isCrowded(): boolean {
    return this.#outbox.bytes > this.#spoolBytes / 2;
  }

  get #spoolBytes(): number {
    return this.#options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES;
  }

  #take(report: ActionReport, call: CallMembers, settle: Pending['settle']): Pending | undefined {
    const ack = this.#nextAck;
    this.#nextAck += 1;
    const { phase } = call;
    let pending: Pending;
    try {
      if (this.#state === 'closed') throw new CodedError('FRAME_DROPPED', 'the emitter is closed');
      // Half full: from here on the hash of a payload has to do, so that no report is dropped.
      const payloadBytes = this.#isCrowded ? CROWDED_BYTES : undefined;
      const { payloadsAreScanned: isScanned } = this.#options;
      const members: CallMembers = settle === undefined ? { ...call, patient: true } : call;
      const options = { payloadBytes, isScanned, call: members };
      const body = this.#writer.write(report, ack, new Date(), options);
      if (this.#outbox.bytes + body.length > this.#spoolBytes) {
        throw new CodedError(
          'FRAME_DROPPED',
          `${this.pendingCount} reports wait already, ${this.#spoolBytes} bytes is the limit`,
        );
      }
      pending = { ack, body, phase, sent: false, taken: false, isVoid: false, settle };
      this.#outbox.add(pending);
    } catch (error) {
      this.#drop(asCoded(error), phase, settle);
      return undefined;
    }
    this.#pump();
    return pending;
  }

  /** An announcement that is dropped is no loss yet: the outcome will tell everything. */
  #drop(error: CodedError, phase: Pending['phase'], settle: Pending['settle']): void {
    settle?.(error);
    if (phase === 'intent') return;
    this.#dropped += 1;
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
    if (this.#outbox.spooled > 1) this.together(() => this.#writeWaiting(socket));
    else this.#writeWaiting(socket);
  }

  #writeWaiting(socket: Socket): void {
    for (const pending of this.#outbox.waiting()) {
      if (socket.writableLength >= MAX_UNSENT_BYTES) return;
      // The second half is sent to a daemon that is known to join it with the first.
      if (pending.phase !== 'outcome' || this.#state !== 'greeting') this.#send(socket, pending);
    }
  }

  #isOpen(): boolean {
    return this.#state === 'greeting' || this.#state === 'acknowledging' || this.#state === 'plain';
  }

  #send(socket: Socket, pending: Pending): void {
    let prefix = pending.sent ? '{"redelivered":true,' : '{';
    // Only with a frame that is new: one that was sent before may be in the record, without a count.
    if (this.#dropped > 0 && this.#told === undefined && !pending.sent) {
      this.#told = { ack: pending.ack, count: this.#dropped };
    }
    if (this.#told?.ack === pending.ack) prefix += `"drop_count":${this.#told.count},`;
    pending.sent = true;
    pending.taken = false;
    this.#outbox.toWindow(pending);
    const pieces = frameOf(pending.body, prefix);
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces.slice(0, -1)) socket.write(piece);
    socket.write(pieces.at(-1) as Uint8Array, (error) => {
      if (error || socket !== this.#socket) return;
      pending.taken = true;
      if (this.#state === 'plain') this.#settlePlain(pending);
    });
    if (pieces.length > 1) socket.uncork();
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
    const { sessionId } = this.#options;
    const hello = {
      client: 'obsigna-emitter',
      version: VERSION,
      extensions: EXTENSIONS,
      session_id: sessionId,
    };
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
    this.#joinsPhases = false;
    this.#forgetIntents();
    for (const pending of this.#outbox.unacknowledged()) {
      if (pending.taken) this.#settlePlain(pending);
    }
    this.#pump();
  }

  /** A plain daemon would take an announcement for the whole story. */
  #forgetIntents(): void {
    for (const pending of this.#outbox.waiting()) {
      if (pending.phase === 'intent') this.#settlePlain(pending);
    }
  }

  #settlePlain(pending: Pending): void {
    if (!this.#outbox.remove(pending)) return;
    pending.isVoid = true;
    pending.settle?.(new CodedError('DAEMON_UNREACHABLE', 'this daemon does not acknowledge'));
    this.#delivered(pending);
  }

  #cameBack(): void {
    if (this.#wasAway) this.#notice({ kind: 'connected' });
    this.#wasAway = false;
  }

  #delivered(pending: Pending): void {
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
      this.#joinsPhases = knowsPhases(reply);
      if (!this.#joinsPhases) this.#forgetIntents();
      this.#cameBack();
      return;
    }
    const pending = this.#outbox.withAck(reply.ack);
    if (pending === undefined) return; // settled already, by an earlier reply or without one
    if (!reply.ok) {
      this.#refused(pending, reply);
      return;
    }
    this.#outbox.remove(pending);
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
    this.#outbox.remove(pending);
    pending.isVoid = true;
    if (pending.phase !== 'intent') this.#dropped += 1;
    pending.settle?.(coded);
    this.#delivered(pending);
  }

  #onClose(cause: Error | undefined): void {
    clearTimeout(this.#helloTimer);
    this.#socket = undefined;
    this.#outbox.requeue();
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
    if (this.#isClosing && !wasOpen && !this.#hasGreeted) {
      // Nobody, and never was: the caller's exit does not wait for a daemon. One that was there
      // before is on its way back, and what waits here would be lost.
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

function knowsPhases(reply: Reply): boolean {
  const extensions = reply.ok ? reply.hello?.['extensions'] : undefined;
  return Array.isArray(extensions) && extensions.includes(PHASES);
}

function asCoded(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError('INTERNAL', (error as Error).message, { cause: error });
}
