import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { PeerCredential } from '../../shared/receipt/receipt.ts';
import { VERSION } from '../../shared/version.ts';
import { FrameError } from '../../shared/wire/event-members.ts';
import type { ApprovalsFrame, EventFrame, HelloFrame } from '../../shared/wire/event.ts';
import { parseFrame } from '../../shared/wire/parse-frame.ts';
import { encodeTextFrame, FrameDecoder, MAX_FRAME_BYTES } from '../../shared/wire/frame.ts';
import {
  parseApprovalRequest,
  type ApprovalAnswer,
  type RefusedRelay,
} from '../../shared/wire/approvals.ts';
import { refusal, type Reply, type ReplyOk } from '../../shared/wire/reply.ts';
import type { ApprovalBoard, Asker } from '../approvals/board.ts';
import type { Discloser, Disclosure } from '../disclosure/discloser.ts';
import { SealingQueue } from '../disclosure/sealing-queue.ts';
import { partyKey } from '../journal/journal.ts';
import type { Party } from '../journal/open-call.ts';
import type { HostProcess } from '../native/process.ts';
import type { ReplySink } from '../draft.ts';
import type { Ledger } from '../ledger.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Rests } from './rests.ts';

/** Replies that a peer may leave unread before we stop reading from it. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** What this daemon understands beyond the protocol, for the reply to `hello`. */
const EXTENSIONS = [
  'ack',
  'decision_context',
  'payload_digest',
  'phase',
  'approvals',
  'held_by',
] as const;

/** A peer that says as much at once is not kept waiting: it would have to, before long. */
const BUSY_BYTES = 16 * 1024;
/** A reply that nobody waits for may lie this long, so that several leave in one piece. */
const PATIENCE_MS = 20;
/** Sessions that one connection may speak for; ours speaks for one. */
const MAX_SESSIONS = 1000;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly peer: PeerCredential;
  /** Tells the peer from every other process that had or will have its pid. */
  readonly owner: string;
  readonly principalId: string;
  /** Who started the peer; asked at most once, and only of one that says it reports for it. */
  readonly hostOf: (pid: number) => HostProcess;
  readonly ledger: Ledger;
  readonly presence: Presence;
  readonly approvals: ApprovalBoard;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Absent while disclosure is off: frames go to the ledger at once. */
  readonly discloser?: Discloser | undefined;
  /** Called for every chunk that was read, for whoever waits until all peers fall silent. */
  readonly onRead: () => void;
  readonly rests: Rests;
}

/** Told which sessions a connection speaks for, and when it does no more. */
export interface Presence {
  joined(party: Party): void;
  /** Everything that came from it is recorded or refused. */
  left(party: Party): void;
}

/**
 * One emitter. Its frames are taken strictly in order; nothing is written to it unless a frame
 * asked for a reply, because emitters of the plain protocol never read.
 *
 * @see Daemon protocol, "Frame transport"
 */
export class Connection implements ReplySink, Asker {
  readonly #options: ConnectionOptions;
  readonly #decoder = new FrameDecoder();
  readonly #sealing: SealingQueue | undefined;
  /** Who holds the calls of each session: the peer, or its host. */
  readonly #parties = new Map<string, Party>();
  #host: HostProcess | undefined;
  #replies: Buffer[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #heldBack = false;
  /** Reports come in that nobody waits for, and none so far that somebody does. */
  #mayRest = false;
  #isAwaited = false;
  #hasGreeted = false;
  #isEnding = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, discloser } = options;
    if (discloser !== undefined) {
      this.#sealing = new SealingQueue(discloser, (event, disclosure) =>
        this.#submit(event, disclosure),
      );
    }
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) =>
      options.log(`connection error: ${error.message}`, { level: 'warn' }),
    );
    socket.on('drain', () => this.#release());
    socket.once('close', () => void this.#settled().then(() => this.#leave()));
    socket.once('close', () => options.approvals.left(this));
    socket.resume();
  }

  get peer(): PeerCredential {
    return this.#options.peer;
  }

  get principalId(): string {
    return this.#options.principalId;
  }

  /** Only to a connection that has asked something: others never read. */
  push(frame: JsonObject): void {
    this.#options.socket.write(encodeTextFrame(JSON.stringify(frame)));
  }

  /** What was read is still recorded and answered. */
  stopReading(): void {
    this.#isEnding = true;
    this.#options.socket.pause();
  }

  /** Resolves once everything that was read is with the ledger. */
  async handedOn(): Promise<void> {
    await this.#sealing?.handedOn();
  }

  close(): void {
    this.flush();
    this.#options.socket.destroy();
  }

  reply(reply: Reply): void {
    this.#replies.push(encodeTextFrame(JSON.stringify(reply)));
  }

  flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => this.flush(), PATIENCE_MS);
  }

  flush(): void {
    const { socket } = this.#options;
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#replies.length === 0 || !socket.writable) return;
    socket.write(
      this.#replies.length === 1 ? (this.#replies[0] as Buffer) : Buffer.concat(this.#replies),
    );
    this.#replies = [];
    if (socket.writableLength > MAX_UNREAD_BYTES) this.#holdBack();
  }

  #onData(chunk: Buffer): void {
    const { ledger, log, onRead, socket } = this.#options;
    onRead();
    try {
      this.#decoder.push(chunk, (body) => this.#onFrame(body));
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'FRAME_LENGTH_INVALID') throw error;
      // The stream cannot be followed any further: where the next frame starts is unknown.
      log(`read frame: ${wordFrameLength(error.message)}`, { level: 'warn' });
      this.#options.metrics?.refused(error.code);
      if (!this.#hasGreeted) ledger.countLost(1);
      socket.destroy();
      return;
    }
    const isBusy = chunk.length >= BUSY_BYTES || this.#decoder.isPartial;
    if (this.#mayRest && !isBusy) this.#options.rests.begin(socket);
    for (const queue of [ledger, this.#sealing]) {
      if (queue?.isFull !== true) continue;
      this.#holdBack();
      queue.whenRoom(() => this.#release());
    }
  }

  #onFrame(body: Buffer): void {
    const { peer, log } = this.#options;
    try {
      const frame = parseFrame(body);
      if (frame.kind !== 'hello') this.#heard(frame.kind === 'event' && frame.patient === true);
      if (frame.kind === 'hello') this.#greet(frame);
      else if (frame.kind === 'approvals') this.#approvals(frame);
      else if (frame.phase === 'intent') this.#announced(frame);
      else this.#take(frame);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const details = { level: 'error', code: error.code, pid: peer.pid } as const;
      log(`handler error: ${error.message} (pid ${peer.pid})`, details);
      this.#options.metrics?.refused(error.code);
      const said = error instanceof FrameError ? error : { ack: undefined, dropCount: 0 };
      const { ack } = said;
      if (ack === undefined) {
        this.#options.ledger.countLost(1 + said.dropCount); // nobody else can tell of it
        return;
      }
      this.reply(refusal(ack, error));
      this.flush();
    }
  }

  /** Who has once waited for a reply will do so again, and is read as soon as it speaks. */
  #heard(isPatient: boolean): void {
    if (!isPatient) this.#isAwaited = true;
    this.#mayRest = isPatient && !this.#isAwaited;
  }

  /** Half of a call: should the other half never come, this connection's end is what tells. */
  #announced(frame: EventFrame): void {
    if (!this.#speaksFor({ owner: this.#ownerOf(frame), sessionId: frame.sessionId })) {
      const message = `one connection speaks for at most ${MAX_SESSIONS} sessions`;
      throw new FrameError(message, frame);
    }
    this.#take(frame);
  }

  /** @returns false where there is no room for another session */
  #speaksFor(party: Party): boolean {
    const key = partyKey(party);
    if (this.#parties.has(key)) return true;
    if (this.#parties.size >= MAX_SESSIONS) return false;
    this.#parties.set(key, party);
    this.#options.presence.joined(party);
    return true;
  }

  #leave(): void {
    for (const party of this.#parties.values()) this.#options.presence.left(party);
    this.#parties.clear();
  }

  #ownerOf(frame: EventFrame): string {
    return this.#hostOf(frame)?.tag ?? this.#options.owner;
  }

  /** Looked up when the first frame asks for it: the peer waits for its reply, and so still lives. */
  #hostOf({ heldBy }: EventFrame): HostProcess | undefined {
    if (heldBy === undefined) return undefined;
    this.#host ??= this.#options.hostOf(this.#options.peer.pid);
    return this.#host;
  }

  #take(frame: EventFrame): void {
    this.#hostOf(frame); // now: sealing takes its time, and the peer need not wait for it
    if (this.#sealing === undefined) this.#submit(frame);
    else this.#sealing.push(frame);
  }

  #submit(event: EventFrame, disclosure?: Disclosure): void {
    const { ledger, peer, principalId } = this.#options;
    const owner = this.#ownerOf(event);
    const host = this.#hostOf(event);
    ledger.submit({ event, peer, owner, host, principalId, sink: this, disclosure });
  }

  #greet({ ack, sessionId }: HelloFrame): void {
    if (sessionId !== undefined) this.#speaksFor({ owner: this.#options.owner, sessionId });
    if (ack === undefined) return;
    this.#hasGreeted = true;
    const hello = { server: 'obsigna-daemon', version: VERSION, extensions: EXTENSIONS };
    this.reply({ ack, ok: true, hello });
    this.flush();
  }

  #approvals({ approvals, ack }: ApprovalsFrame): void {
    const respond = (rest: Omit<ReplyOk, 'ack' | 'ok'> = {}) => {
      if (ack === undefined) return;
      this.reply({ ack, ok: true, ...rest });
      this.flush();
    };
    try {
      const { approvals: board } = this.#options;
      const request = parseApprovalRequest(approvals);
      switch (request.op) {
        case 'ask':
          board.ask(this, request.id, request.question);
          return respond();
        case 'withdraw':
          board.withdraw(this, request.id);
          return respond();
        case 'received':
          board.received(this, request.relay, request.refused);
          return respond();
        case 'list':
          return respond({ approvals: board.list(this) });
        case 'show':
          return respond({ approvals: [board.show(this, request.id)] });
        case 'answer':
          void this.#relay(request.answer, ack);
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#decline(ack, error);
    }
  }

  async #relay(answer: ApprovalAnswer, ack: number | undefined): Promise<void> {
    const refused = await this.#options.approvals.answer(this, answer).catch(asRefused);
    if (refused !== undefined) this.#decline(ack, new CodedError(refused.code, refused.error));
    else if (ack !== undefined) {
      this.reply({ ack, ok: true });
      this.flush();
    }
  }

  /** No report is lost with a frame about approvals, so nothing is counted. */
  #decline(ack: number | undefined, error: CodedError): void {
    const { peer, log } = this.#options;
    log(`approvals: ${error.message} (pid ${peer.pid})`, { level: 'warn', code: error.code });
    if (ack === undefined) return;
    this.reply(refusal(ack, error));
    this.flush();
  }

  #onEnd(): void {
    const { log, peer } = this.#options;
    if (this.#decoder.isPartial) {
      log(`read frame: unexpected end inside a frame (pid ${peer.pid})`, { level: 'warn' });
      // One that has greeted sends again what was not acknowledged.
      if (!this.#hasGreeted) this.#options.ledger.countLost(1);
    }
    // Half-closed: replies to what it sent are still owed.
    void this.#sayTheRest();
  }

  async #sayTheRest(): Promise<void> {
    await this.#settled();
    this.flush();
    this.#options.socket.end();
  }

  async #settled(): Promise<void> {
    await this.handedOn();
    await this.#options.ledger.drained();
  }

  #holdBack(): void {
    this.#heldBack = true;
    this.#options.socket.pause();
  }

  #release(): void {
    const { ledger, socket } = this.#options;
    if (
      !this.#heldBack ||
      this.#isEnding ||
      ledger.isFull ||
      this.#sealing?.isFull ||
      socket.writableLength > MAX_UNREAD_BYTES
    )
      return;
    this.#heldBack = false;
    socket.resume();
  }
}

function asRefused(error: unknown): RefusedRelay {
  if (!(error instanceof CodedError)) throw error;
  return { code: error.code, error: error.message };
}

/** The words that operators of the protocol search their logs for. */
function wordFrameLength(message: string): string {
  const length = Number(/frame length (\d+)/.exec(message)?.[1]);
  return length === 0
    ? 'zero-length frame'
    : `frame too large: ${length} bytes (max ${MAX_FRAME_BYTES})`;
}
