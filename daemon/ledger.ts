import { randomUUID } from 'node:crypto';
import type { Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import type { PeerCredential, ReceiptBody } from '../shared/receipt/receipt.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import { refusal, type Reply } from '../shared/wire/reply.ts';
import { agentChainId, type ChainHead, type Chains, type Identity } from './chains.ts';
import type { Disclosure } from './disclosure/discloser.ts';
import {
  droppedEventsReceipt,
  eventReceipt,
  terminatorReceipt,
  UNKNOWN_PRINCIPAL,
  type ReceiptContext,
} from './event-receipt.ts';
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
  readonly principalId: string;
  readonly sink: ReplySink;
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
    this.#schedule();
  }

  /** Resolves once everything submitted so far is in the record or refused. */
  drained(): Promise<void> {
    const until = this.#submitted;
    if (this.#settled === until) return Promise.resolve();
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
    const batch = this.#queue.splice(0, MAX_BATCH);
    this.#queuedBytes = this.#queue.reduce((sum, { event }) => sum + sizeOf(event), 0);
    const sinks = new Set<ReplySink>();
    for (const [job, reply] of this.#write(batch)) {
      if (reply === undefined) continue;
      job.sink.reply(reply);
      sinks.add(job.sink);
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
    const draft = new Draft(this.#options, this.#heads, this.#rootId, this.#now());
    const replies: (readonly [Job, Reply | undefined])[] = [];
    const startedAt = performance.now();
    try {
      this.#options.store.commit(() => {
        if (this.#lost > 0) draft.appendLost(this.#lost);
        for (const job of batch) replies.push([job, this.#append(draft, job)]);
      });
    } catch (error) {
      return this.#refuse(batch, error);
    }
    this.#metrics.committed(draft.tally, performance.now() - startedAt);
    this.#lost = 0;
    this.#heads = draft.committedHeads();
    return replies;
  }

  /** A frame that no receipt can be built from costs its own receipt, never the batch's. */
  #append(draft: Draft, job: Job): Reply | undefined {
    const { ack } = job.event;
    try {
      const { columns } = draft.appendEvent(job);
      if (ack === undefined) return undefined;
      const { chain_id, sequence, receipt_hash } = columns;
      return { ack, ok: true, chain_id, sequence, receipt_hash };
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
      const { ack } = job.event;
      if (ack !== undefined) return [job, refusal(ack, coded)] as const;
      this.#lost += 1 + job.event.dropCount;
      this.#metrics.lost(1 + job.event.dropCount);
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
    const draft = new Draft(this.#options, this.#heads, this.#rootId, this.#now());
    store.commit(() => {
      if (this.#lost > 0) draft.appendLost(this.#lost); // the last chance to tell of them
      draft.appendRootTerminator();
      const warn = ({ message }: CodedError) => log(`level=warn terminator: ${message}`);
      for (const head of chains.openAgents(this.#rootId, warn)) {
        if (mayGoOn()) draft.appendTerminator(head);
        else left.push(head.chainId);
      }
    });
    this.#metrics.committed(draft.tally, performance.now() - startedAt);
    this.#lost = 0;
    this.#heads = draft.committedHeads();
    return left;
  }
}

/** One batch in the making: heads move here and become real with the commit. */
class Draft {
  /** What the batch holds so far; true once it is committed. */
  readonly tally = emptyTally();
  readonly #options: LedgerOptions;
  readonly #committed: ReadonlyMap<string, ChainHead>;
  readonly #moved = new Map<string, ChainHead>();
  readonly #rootId: string;
  readonly #nowMs: number;
  readonly #timestamp: string;

  constructor(
    options: LedgerOptions,
    committed: ReadonlyMap<string, ChainHead>,
    rootId: string,
    now: Date,
  ) {
    this.#options = options;
    this.#committed = committed;
    this.#rootId = rootId;
    this.#nowMs = now.getTime();
    this.#timestamp = timestampOf(now);
  }

  committedHeads(): Map<string, ChainHead> {
    return new Map([...this.#committed, ...this.#moved]);
  }

  appendEvent({ event, peer, principalId, disclosure }: Job): ReceiptRow {
    const chainId = this.#chainOf(event);
    const who = { peer, principalId };
    // Built first: a frame that gets no receipt must leave its drop count to the next one.
    const build = (context: ReceiptContext) => eventReceipt(event, context, disclosure);
    if (event.dropCount === 0) return this.#append(chainId, who, build);
    this.tally.dropped += event.dropCount;
    const { signer, identity } = this.#options;
    seal(build(this.#context(this.#head(chainId), who)), signer, identity.verificationMethod);
    this.#append(chainId, who, (context) =>
      droppedEventsReceipt(event.dropCount, event.sessionId, context),
    );
    return this.#append(chainId, who, build);
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
