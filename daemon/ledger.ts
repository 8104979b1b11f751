import { randomUUID } from 'node:crypto';
import type { Signer } from '../shared/crypto/suite.ts';
import type { ChainLink } from '../shared/chain/links.ts';
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
  type Ending,
  type ReceiptContext,
} from './event-receipt.ts';
import { Heads, type MovedHeads } from './heads.ts';
import {
  lastLink,
  rolledReceipt,
  stoppedReceipt,
  type RollReason,
  type Statement,
} from './life.ts';
import type { Log } from './log.ts';
import { emptyTally, Metrics } from './metrics.ts';
import type { Redactor } from './redact.ts';
import type { RootName } from './root-name.ts';
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
  /** What the next root chain is called, and when it is due; never when absent. */
  readonly rootName?: RootName;
  /** The first receipt of the run. Owed until it can be written. */
  readonly start?: Statement;
  /** Told of each new root chain. */
  readonly onRoll?: (root: ChainHead) => void;
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
/** Pause after a roll that failed: the chain in use goes on in the meantime. */
const ROLL_RETRY_MS = 10_000;
/** How far back the root is searched for a principal that this run has not seen yet. */
const PARENT_SEARCH = 10_000;

/** What is known when the last receipts are due. */
export interface Stop {
  /** Why, such as `SIGTERM`. */
  readonly reason: string;
  /** Calls that began and were not ended. */
  readonly openCalls: number;
  /** Whether every emitter had fallen silent. */
  readonly isQuiet: boolean;
  /** Whether there is time for one more receipt. */
  readonly mayGoOn: () => boolean;
}

/**
 * The one writer of receipts. Takes whatever has arrived, seals it in order, commits it in one
 * durable transaction and only then answers: latency when idle is one fsync, and under load the
 * next batch collects itself while this one is written.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #now: () => Date;
  readonly #metrics: Metrics;
  readonly #heads: Heads;
  #owedStart: Statement | undefined;
  #rollAfterMs = 0;
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
    this.#heads = new Heads(options.root);
    this.#owedStart = options.start;
  }

  get rootHead(): ChainHead {
    return this.#heads.root;
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
    this.rollWhenDue();
    const replies: (readonly [Job, Reply | undefined])[] = [];
    try {
      this.#commit(this.#now(), (draft) => {
        for (const job of batch) replies.push([job, this.#append(draft, job)]);
      });
    } catch (error) {
      return this.#refuse(batch, error);
    }
    return replies;
  }

  /** Everything that `write` appends, behind what is owed; nothing has changed when it throws. */
  #commit(now: Date, write: (draft: Draft) => void): void {
    const draft = new Draft(this.#options, this.#heads, now);
    const startedAt = performance.now();
    this.#options.store.commit(() => {
      if (this.#owedStart !== undefined) draft.appendStatement(this.#owedStart);
      if (this.#lost > 0) draft.appendLost(this.#lost);
      write(draft);
    });
    this.#metrics.committed(draft.tally, performance.now() - startedAt);
    this.#owedStart = undefined;
    this.#lost = 0;
    this.#heads.settle(draft);
  }

  /** Writes the first receipt of the run. Where the disk is full, the next commit does. */
  begin(): void {
    try {
      this.#commit(this.#now(), () => undefined);
    } catch (error) {
      const { message, code } = asWriteFailure(error);
      const text = `the start is not recorded yet: ${message}`;
      this.#options.log(text, { level: 'error', code });
    }
  }

  /** Begins a new root chain if another day has come. */
  rollWhenDue(): void {
    const now = this.#now();
    if (this.#options.rootName?.isDue(now) !== true) return;
    // Also when the clock was put back meanwhile: then the time to wait has no meaning any more.
    const waitMs = this.#rollAfterMs - now.getTime();
    if (waitMs <= 0 || waitMs > ROLL_RETRY_MS) this.roll('midnight');
  }

  /**
   * Ends the root chain and every open one below it, and begins the next root, in one commit. Where
   * that cannot be, the chains in use go on, and the log says why.
   */
  roll(reason: RollReason): void {
    const { chains, rootName, log, onRoll } = this.#options;
    if (rootName === undefined) return;
    const now = this.#now();
    try {
      this.#commit(now, (draft) => {
        this.#endChains(draft, 'complete', () => true);
        draft.beginRoot(chains.resumeRoot(rootName.at(now)), reason);
      });
    } catch (error) {
      const { message, code } = asWriteFailure(error);
      log(`no new chain (${reason}): ${message}`, { level: 'error', code });
      this.#rollAfterMs = now.getTime() + ROLL_RETRY_MS;
      return;
    }
    rootName.rolled(now);
    log(`began chain ${this.rootHead.chainId} (${reason})`);
    onRoll?.(this.rootHead);
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
   * Says that the daemon stops, and ends every open chain: the root first and in any case, because
   * it is the one that everybody looks at, then the sub-agents', each only while there is time.
   *
   * @returns Chains that got no last receipt
   * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CHANGED`; no chain has ended then
   */
  terminate({ reason, openCalls, isQuiet, mayGoOn }: Stop): readonly string[] {
    clearTimeout(this.#idleTimer);
    // Time alone makes nothing incomplete: chains it runs out for get no last receipt at all.
    const isWhole = this.#lost === 0 && openCalls === 0 && isQuiet;
    let left: readonly string[] = [];
    try {
      this.#commit(this.#now(), (draft) => {
        draft.appendStatement(stoppedReceipt(reason));
        left = this.#endChains(draft, isWhole ? 'complete' : 'interrupted', mayGoOn);
      });
    } catch (error) {
      throw asWriteFailure(error);
    }
    return left;
  }

  #endChains(draft: Draft, status: Ending, mayGoOn: () => boolean): readonly string[] {
    const { chains, log } = this.#options;
    const left: string[] = [];
    const root = draft.appendTerminator(this.#heads.root, status);
    const warn = ({ message }: CodedError) => log(`level=warn terminator: ${message}`);
    for (const head of chains.openAgents(root, warn)) {
      if (mayGoOn()) draft.appendTerminator(head, status);
      else left.push(head.chainId);
    }
    return left;
  }
}

/** One batch in the making: heads move here and become real with the commit. */
class Draft implements MovedHeads {
  /** What the batch holds so far; true once it is committed. */
  readonly tally = emptyTally();
  readonly moved = new Map<string, ChainHead>();
  readonly spoken = new Map<string, string>();
  statementId: string | undefined;
  readonly #options: LedgerOptions;
  readonly #committed: Heads;
  #rootId: string;
  readonly #nowMs: number;
  readonly #timestamp: string;

  constructor(options: LedgerOptions, committed: Heads, now: Date) {
    this.#options = options;
    this.#committed = committed;
    this.#rootId = committed.root.chainId;
    this.#nowMs = now.getTime();
    this.#timestamp = timestampOf(now);
  }

  get rootId(): string {
    return this.#rootId;
  }

  appendEvent({ event, peer, principalId, disclosure }: Job): ReceiptRow {
    const chainId = this.#chainOf(event, principalId);
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

  /** What the daemon says in the root chain. */
  appendStatement(build: Statement): void {
    this.#append(this.#rootId, { principalId: UNKNOWN_PRINCIPAL }, build);
  }

  /** @returns The chain's id */
  appendTerminator(head: ChainHead, status: Ending): string {
    const { chainId } = head;
    if (this.#committed.get(chainId) === undefined) this.moved.set(chainId, head);
    this.#append(chainId, { principalId: UNKNOWN_PRINCIPAL }, (context) =>
      terminatorReceipt(context, status),
    );
    return chainId;
  }

  /** Everything from here on goes to `root`, whose first receipt names the root before it. */
  beginRoot(root: ChainHead, reason: RollReason): void {
    const previous = lastLink(this.#options.store) as ChainLink; // its end was just written
    this.#rootId = root.chainId;
    this.moved.set(root.chainId, root);
    this.appendStatement(rolledReceipt(reason, previous));
  }

  #chainOf({ agentId }: EventFrame, principalId: string): string {
    if (agentId === undefined) return this.#rootId;
    const chainId = agentChainId(this.#rootId, agentId);
    const known = this.moved.get(chainId) ?? this.#committed.get(chainId);
    // Without a receipt yet, its parent depends on whom the first one belongs to.
    if (known === undefined || known.sequence === 0) {
      const parentId = () => this.#parentFor(principalId);
      this.moved.set(chainId, this.#options.chains.resumeAgent(this.#rootId, agentId, parentId));
    }
    return chainId;
  }

  /** A chain may only hang on a receipt of the same principal, or on one that has none. */
  #parentFor(principalId: string): string | undefined {
    const root = this.#head(this.#rootId);
    const spoken = this.spoken.get(principalId) ?? this.#committed.spokenBy(principalId);
    if (spoken !== undefined) return spoken;
    const { store } = this.#options;
    const earlier = store.latestOf(root.chainId, principalId, root.sequence - PARENT_SEARCH);
    return earlier?.columns.id ?? this.statementId ?? this.#committed.statementId;
  }

  #head(chainId: string): ChainHead {
    const moved = this.moved.get(chainId);
    if (moved !== undefined) return moved;
    const head = this.#committed.get(chainId) as ChainHead;
    // First touch in this batch, inside the transaction: is the store still as we left it?
    const link = this.#options.store.tailLink(chainId);
    if ((link?.sequence ?? 0) !== head.sequence || (link?.hash ?? null) !== head.hash) {
      throw new CodedError('STORE_CHANGED', `chain ${chainId} was written by another program`);
    }
    this.moved.set(chainId, head);
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
    this.moved.set(chainId, { chainId, sequence, hash, receiptId });
    if (chainId === this.#rootId) {
      if (who.peer === undefined) this.statementId = receiptId;
      else this.spoken.set(who.principalId, receiptId);
    }
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
