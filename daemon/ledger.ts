import { randomUUID } from 'node:crypto';
import type { Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import type { PeerCredential, ReceiptBody } from '../shared/receipt/receipt.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import { refusal, type Reply, type ReplyOk } from '../shared/wire/reply.ts';
import { agentChainId, type ChainHead, type Chains, type Identity } from './chains.ts';
import type { Disclosure } from './disclosure/discloser.ts';
import {
  droppedEventsReceipt,
  eventReceipt,
  terminatorReceipt,
  UNKNOWN_PRINCIPAL,
  type ActionDetail,
  type ReceiptContext,
} from './event-receipt.ts';
import { REASONS } from './journal/abandonment.ts';
import { CallDraft } from './journal/call-draft.ts';
import { Journal } from './journal/journal.ts';
import { fromRow, joined, openCallOf, type OpenCall } from './journal/open-call.ts';
import { recordedKey, RecordedCalls, type RecordedCall } from './journal/recorded-calls.ts';
import type { Log } from './log.ts';
import { emptyTally, Metrics } from './metrics.ts';
import type { Redactor } from './redact.ts';
import { seal } from './sealer.ts';
import type { ReceiptRow, ReceiptStore } from './store/receipt-store.ts';

/** Who is told what became of a frame; a connection, in the running daemon. */
export interface ReplySink {
  reply(reply: Reply): void;
  /** Everything that was replied since the last call may go out now. */
  flush(): void;
}

/** One reported action on its way into the record. */
export interface Job {
  readonly event: EventFrame;
  readonly peer: PeerCredential;
  /** Tells the peer from every other process that had or will have its pid. */
  readonly owner: string;
  readonly principalId: string;
  /** Absent where the daemon itself ends a call that nobody else will end. */
  readonly sink: ReplySink | undefined;
  /** Sealed before: a commit waits for nobody. */
  readonly disclosure?: Disclosure | undefined;
}

export interface LedgerOptions {
  readonly store: ReceiptStore;
  readonly chains: Chains;
  readonly root: ChainHead;
  readonly signer: Signer;
  readonly identity: Identity;
  readonly log: Log;
  readonly metrics?: Metrics;
  readonly redact?: Redactor;
  readonly now?: () => Date;
}

/** Receipts of one commit: more would only make the first of them wait. */
const MAX_BATCH = 512;
/** Frames that wait for the disk before connections are held back. */
const MAX_QUEUED = 4096;
/** Silence after which the WAL is moved into the database. */
const IDLE_MS = 250;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** An intent that nobody waits for lies this long: most calls are over by then, and cost one commit. */
const LINGER_MS = 10;

/**
 * The one writer of receipts. Takes whatever has arrived, seals it in order, commits it in one
 * durable transaction and only then answers: latency when idle is one fsync, and under load the
 * next batch collects itself while this one is written.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #now: () => Date;
  readonly #metrics: Metrics;
  #heads = new Map<string, ChainHead>();
  readonly #rootId: string;
  #queue: Job[] = [];
  #queuedBytes = 0;
  #scheduled = false;
  /** Frames that no receipt and no reply speaks of; told by the next receipt that can be written. */
  #lost = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  readonly journal = new Journal();
  readonly #recorded: RecordedCalls;
  #submitted = 0;
  #settled = 0;
  #waiting: { readonly until: number; readonly resolve: () => void }[] = [];
  #onRoom: (() => void)[] = [];

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#metrics = options.metrics ?? new Metrics();
    this.#rootId = options.root.chainId;
    this.#heads.set(this.#rootId, options.root);
    this.#recorded = new RecordedCalls(options.store);
    for (const row of options.store.openCalls()) this.journal.add(fromRow(row), row.detail.length);
  }

  get rootHead(): ChainHead {
    return this.#heads.get(this.#rootId) as ChainHead;
  }

  /** Frames that wait for a commit. */
  get queued(): number {
    return this.#queue.length;
  }

  /** True when callers must wait for `whenRoom` before they submit more. */
  get isFull(): boolean {
    return this.#queue.length >= MAX_QUEUED || this.#queuedBytes >= MAX_QUEUED_BYTES;
  }

  whenRoom(resume: () => void): void {
    this.#onRoom.push(resume);
  }

  submit(job: Job): void {
    this.#queue.push(job);
    this.#submitted += 1;
    this.#queuedBytes += sizeOf(job.event);
    if (this.#mayLinger(job)) {
      this.#lingerTimer ??= setTimeout(() => this.#schedule(), LINGER_MS);
    } else this.#schedule();
  }

  /** Ends a call that nobody else will end; for one that has ended meanwhile this does nothing. */
  giveUp(call: OpenCall, reason: string): void {
    this.submit(abandonment(call, reason));
  }

  #mayLinger({ event }: Job): boolean {
    return event.phase === 'intent' && event.awaited !== true && !this.isFull;
  }

  /** Resolves once everything submitted so far is in the record or refused. */
  drained(): Promise<void> {
    const until = this.#submitted;
    if (this.#settled === until) return Promise.resolve();
    this.#schedule();
    return new Promise((resolve) => this.#waiting.push({ until, resolve }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After this turn's reads: what several connections sent together is committed together.
    setImmediate(() => this.#writeBatch());
  }

  #writeBatch(): void {
    this.#scheduled = false;
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
    const batch = this.#queue.splice(0, MAX_BATCH);
    this.#queuedBytes = this.#queue.reduce((sum, { event }) => sum + sizeOf(event), 0);
    const sinks = new Set<ReplySink>();
    for (const [job, reply] of this.#write(batch)) {
      if (reply === undefined) continue;
      job.sink?.reply(reply);
      if (job.sink !== undefined) sinks.add(job.sink);
    }
    for (const sink of sinks) sink.flush();
    if (!this.isFull) for (const resume of this.#onRoom.splice(0)) resume();
    if (this.#queue.length > 0) this.#schedule();
    else this.#tidyWhenIdle();
    this.#settled += batch.length;
    while (this.#waiting[0] !== undefined && this.#waiting[0].until <= this.#settled) {
      this.#waiting.shift()?.resolve();
    }
  }

  #tidyWhenIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#tidy(), IDLE_MS).unref();
  }

  /** A disk that is full now is no reason to die: the WAL keeps everything, the next pause tries again. */
  #tidy(): void {
    try {
      this.#options.store.checkpoint();
    } catch (error) {
      this.#options.log(`level=warn checkpoint: ${(error as Error).message}`);
    }
  }

  /** Commits a batch and says what to reply to each job; nothing is replied before the commit. */
  #write(batch: readonly Job[]): readonly (readonly [Job, Reply | undefined])[] {
    const draft = this.#newDraft();
    const replies: (readonly [Job, Reply | undefined])[] = [];
    const startedAt = performance.now();
    try {
      this.#options.store.commit(() => {
        if (this.#lost > 0) draft.appendLost(this.#lost);
        for (const job of batch) replies.push([job, this.#append(draft, job)]);
        draft.writeCalls();
      });
    } catch (error) {
      return this.#refuse(batch, error);
    }
    this.#metrics.committed(draft.tally, performance.now() - startedAt);
    this.#lost = 0;
    this.#heads = draft.committed();
    return replies;
  }

  #newDraft(): Draft {
    const calls = new CallDraft(this.journal, this.#recorded);
    return new Draft(this.#options, this.#heads, calls, this.#rootId, this.#now());
  }

  /** A frame that no receipt can be built from costs its own receipt, never the batch's. */
  #append(draft: Draft, job: Job): Reply | undefined {
    const { ack } = job.event;
    try {
      const place = draft.take(job);
      return ack === undefined ? undefined : { ack, ok: true, ...place };
    } catch (error) {
      if (isStoreFault(error)) throw error;
      const cause = error instanceof CodedError ? error.message : String((error as Error).stack);
      this.#options.log(`handler error: build receipt: ${cause}`, { level: 'error' });
      this.#metrics.refused(error instanceof CodedError ? error.code : 'INTERNAL');
      return ack === undefined ? undefined : refusal(ack, error);
    }
  }

  #refuse(batch: readonly Job[], error: unknown): readonly (readonly [Job, Reply | undefined])[] {
    const coded = asWriteFailure(error);
    const what = `handler error: insert receipt: ${coded.message} (${batch.length} frames)`;
    this.#options.log(what, { level: 'error', code: coded.code, frames: batch.length });
    this.#metrics.commitFailed();
    this.#metrics.refused(coded.code, batch.length);
    return batch.map((job) => {
      const { ack, dropCount, phase } = job.event;
      if (ack !== undefined) return [job, refusal(ack, coded)] as const;
      // An intent is told again by its outcome; what the daemon itself ends stays in the journal.
      const isTold = phase === 'intent' || job.sink === undefined;
      const lost = dropCount + (isTold ? 0 : 1);
      this.#lost += lost;
      this.#metrics.lost(lost);
      return [job, undefined] as const;
    });
  }

  /**
   * Ends every open chain: the root first and in any case, because it is the one that everybody
   * looks at, then the sub-agents', each only while `mayGoOn` says that there is time.
   *
   * @returns Chains that got no last receipt
   * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CHANGED`; no chain has ended then
   */
  terminate(mayGoOn: () => boolean): readonly string[] {
    clearTimeout(this.#idleTimer);
    try {
      return this.#terminate(mayGoOn);
    } catch (error) {
      throw asWriteFailure(error);
    }
  }

  #terminate(mayGoOn: () => boolean): readonly string[] {
    const { store, chains, log } = this.#options;
    const left: string[] = [];
    const startedAt = performance.now();
    const draft = this.#newDraft();
    store.commit(() => {
      if (this.#lost > 0) draft.appendLost(this.#lost); // the last chance to tell of them
      for (const call of this.journal.all()) {
        // Those that time is too short for stay in the journal, and are told at the next start.
        if (mayGoOn()) this.#append(draft, abandonment(call, REASONS.daemonStopped));
      }
      draft.writeCalls();
      draft.appendRootTerminator();
      const warn = ({ message }: CodedError) => log(`level=warn terminator: ${message}`);
      for (const head of chains.openAgents(this.#rootId, warn)) {
        if (mayGoOn()) draft.appendTerminator(head);
        else left.push(head.chainId);
      }
    });
    this.#metrics.committed(draft.tally, performance.now() - startedAt);
    this.#lost = 0;
    this.#heads = draft.committed();
    return left;
  }
}

/** One batch in the making: heads move here and become real with the commit. */
class Draft {
  /** What the batch holds so far; true once it is committed. */
  readonly tally = emptyTally();
  readonly #options: LedgerOptions;
  readonly #committed: ReadonlyMap<string, ChainHead>;
  readonly #calls: CallDraft;
  readonly #moved = new Map<string, ChainHead>();
  readonly #rootId: string;
  readonly #nowMs: number;
  readonly #timestamp: string;

  constructor(
    options: LedgerOptions,
    committed: ReadonlyMap<string, ChainHead>,
    calls: CallDraft,
    rootId: string,
    now: Date,
  ) {
    this.#options = options;
    this.#calls = calls;
    this.#committed = committed;
    this.#rootId = rootId;
    this.#nowMs = now.getTime();
    this.#timestamp = timestampOf(now);
  }

  /** The batch is durable: open calls are as it left them, and these are the heads. */
  committed(): Map<string, ChainHead> {
    this.#calls.apply();
    return new Map([...this.#committed, ...this.#moved]);
  }

  /** Last in the transaction. */
  writeCalls(): void {
    this.tally.journalled += this.#calls.write(this.#options.store);
  }

  /** Takes one frame. @returns Where it stands in the record; nothing for an intent */
  take(job: Job): Place | undefined {
    const { event } = job;
    if (event.callId === undefined) return placeOf(this.#appendEvent(event, job));
    return event.phase === 'intent' ? this.#begin(event.callId, job) : this.#end(event.callId, job);
  }

  #begin(callId: string, job: Job): Place | undefined {
    const { event, owner } = job;
    const party = { owner, sessionId: event.sessionId };
    const isKnown =
      this.#calls.find(party, callId) !== undefined ||
      this.#recordedBefore(callId, job, event.redelivered === true) !== undefined;
    if (!isKnown) this.#calls.begin(openCallOf({ ...job, callId, beganMs: this.#nowMs }));
    // Behind what may refuse it: the count then goes out again with the next frame.
    this.#tellDrops(event, job);
    return undefined;
  }

  #end(callId: string, job: Job): Place | undefined {
    const { event, owner, sink } = job;
    const open = this.#calls.find({ owner, sessionId: event.sessionId }, callId);
    if (open !== undefined) return this.#join(open, job);
    if (sink === undefined) return undefined; // it ended while the daemon was giving up on it
    const isOutcome = event.phase === 'outcome';
    const before = this.#recordedBefore(callId, job, isOutcome || event.redelivered === true);
    if (before === undefined) {
      const call = { isIntentMissing: isOutcome };
      return this.#recordCall(callId, event, job, { disclosure: job.disclosure, call });
    }
    const row = this.#options.store.at(before.chainId, before.sequence);
    if (row === undefined) throw new CodedError('STORE_CHANGED', 'a recorded call has gone');
    const isNews = before.isPending && event.decision !== 'pending';
    if (event.redelivered === true && !isNews) {
      this.#tellDrops(event, job);
      return placeOf(row);
    }
    const call = isNews ? { completes: row.columns.id } : {};
    return this.#recordCall(callId, event, job, { disclosure: job.disclosure, call });
  }

  #join(open: OpenCall, job: Job): Place {
    const { callId, beganMs, parametersHash } = open;
    const place = this.#recordCall(callId, joined(open, job.event), job, {
      disclosure: { ...open.disclosure, ...job.disclosure },
      parametersHash,
      call: { beganMs, ...(job.sink === undefined && { closedBy: 'daemon' as const }) },
    });
    this.#calls.end(open);
    return place;
  }

  #recordCall(callId: string, event: EventFrame, job: Job, detail: ActionDetail): Place {
    const row = this.#appendEvent(event, job, detail);
    const { chain_id: chainId, sequence, status } = row.columns;
    const key = recordedKey(job.peer.pid, event.sessionId, callId);
    this.#calls.record(key, { chainId, sequence, isPending: status === 'pending' });
    return placeOf(row);
  }

  #recordedBefore(callId: string, job: Job, wasTold: boolean): RecordedCall | undefined {
    const key = recordedKey(job.peer.pid, job.event.sessionId, callId);
    return this.#calls.findRecorded(key, wasTold);
  }

  #appendEvent(
    event: EventFrame,
    { peer, principalId, disclosure }: Job,
    detail: ActionDetail = { disclosure },
  ): ReceiptRow {
    const chainId = this.#chainOf(event);
    const who = { peer, principalId };
    const build = (context: ReceiptContext) => eventReceipt(event, context, detail);
    if (event.dropCount > 0) {
      // Built first: a frame that gets no receipt must leave its drop count to the next one.
      const { signer, identity } = this.#options;
      seal(build(this.#context(this.#head(chainId), who)), signer, identity.verificationMethod);
      this.#tellDrops(event, { peer, principalId });
    }
    return this.#append(chainId, who, build);
  }

  #tellDrops(event: EventFrame, { peer, principalId }: Pick<Job, 'peer' | 'principalId'>): void {
    const { dropCount, sessionId } = event;
    if (dropCount === 0) return;
    this.tally.dropped += dropCount;
    this.#append(this.#chainOf(event), { peer, principalId }, (context) =>
      droppedEventsReceipt(dropCount, sessionId, context),
    );
  }

  /** Frames that the daemon itself could not write, and told nobody. */
  appendLost(count: number): void {
    this.#append(this.#rootId, { principalId: UNKNOWN_PRINCIPAL }, (context) =>
      droppedEventsReceipt(count, undefined, context),
    );
  }

  /** A root that has no receipt needs no end. */
  appendRootTerminator(): void {
    const root = this.#head(this.#rootId);
    if (root.sequence > 0) this.appendTerminator(root);
  }

  appendTerminator(head: ChainHead): void {
    if (!this.#committed.has(head.chainId)) this.#moved.set(head.chainId, head);
    this.#append(head.chainId, { principalId: UNKNOWN_PRINCIPAL }, terminatorReceipt);
  }

  #chainOf({ agentId }: EventFrame): string {
    if (agentId === undefined) return this.#rootId;
    const chainId = agentChainId(this.#rootId, agentId);
    if (!this.#committed.has(chainId) && !this.#moved.has(chainId)) {
      const root = this.#head(this.#rootId);
      this.#moved.set(chainId, this.#options.chains.resumeAgent(root, agentId));
    }
    return chainId;
  }

  #head(chainId: string): ChainHead {
    const moved = this.#moved.get(chainId);
    if (moved !== undefined) return moved;
    const head = this.#committed.get(chainId) as ChainHead;
    // First touch in this batch, inside the transaction: is the store still as we left it?
    const link = this.#options.store.tailLink(chainId);
    if ((link?.sequence ?? 0) !== head.sequence || (link?.hash ?? null) !== head.hash) {
      throw new CodedError('STORE_CHANGED', `chain ${chainId} was written by another program`);
    }
    this.#moved.set(chainId, head);
    return head;
  }

  #append(
    chainId: string,
    who: Pick<ReceiptContext, 'peer' | 'principalId'>,
    build: (context: ReceiptContext) => ReceiptBody,
  ): ReceiptRow {
    const { signer, identity, store } = this.#options;
    const body = build(this.#context(this.#head(chainId), who));
    const row = seal(body, signer, identity.verificationMethod);
    store.insert(row);
    this.tally.receipts[body.credentialSubject.outcome.status] += 1;
    const { sequence, receipt_hash: hash, id: receiptId } = row.columns;
    this.#moved.set(chainId, { chainId, sequence, hash, receiptId });
    return row;
  }

  #context(head: ChainHead, who: Pick<ReceiptContext, 'peer' | 'principalId'>): ReceiptContext {
    return {
      ...who,
      receiptId: `urn:receipt:${timeOrderedUuid(this.#nowMs)}`,
      actionId: `act_${randomUUID()}`,
      timestamp: this.#timestamp,
      issuerId: this.#options.identity.issuerId,
      chain: {
        sequence: head.sequence + 1,
        previous_receipt_hash: head.hash,
        chain_id: head.chainId,
      },
      ...(head.delegation !== undefined && { delegation: head.delegation }),
      ...(this.#options.redact !== undefined && { redact: this.#options.redact }),
    };
  }
}

type Place = Pick<ReplyOk, 'chain_id' | 'sequence' | 'receipt_hash'>;

function placeOf({ columns }: ReceiptRow): Place {
  const { chain_id, sequence, receipt_hash } = columns;
  return { chain_id, sequence, receipt_hash };
}

/** The outcome that nobody reported, in the words of the daemon. */
function abandonment({ event, callId, owner, peer, principalId }: OpenCall, reason: string): Job {
  const outcome: EventFrame = {
    ...event,
    callId,
    phase: 'outcome',
    decision: 'pending',
    error: reason,
    dropCount: 0,
    ack: undefined,
    redelivered: undefined,
  };
  return { event: outcome, owner, peer, principalId, sink: undefined };
}

function asWriteFailure(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError('STORE_WRITE_FAILED', (error as Error).message, { cause: error });
}

/** What concerns store or signer concerns everybody in the batch; all else only its own frame. */
function isStoreFault(error: unknown): boolean {
  if (error instanceof CodedError) {
    return error.code === 'STORE_CHANGED' || error.code === 'SIGNER_UNAVAILABLE';
  }
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_');
}

/**
 * A version 7 UUID: ids of neighbours in time are neighbours in the index of ids, so that a commit
 * writes one page of it and not one for each receipt. See ADR 0012.
 *
 * @see RFC 9562 section 5.7
 */
export function timeOrderedUuid(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

function sizeOf({ input, output }: EventFrame): number {
  return (input?.length ?? 0) + (output?.length ?? 0);
}

/** UTC, whole seconds: the form of every time in a daemon's receipts. */
export function timestampOf(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
