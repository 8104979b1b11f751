import { CodedError } from '../shared/errors.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import { refusal, type Reply } from '../shared/wire/reply.ts';
import type { ChainHead } from './chains.ts';
import { Draft, type DraftOptions, type Job, type ReplySink } from './draft.ts';
import type { Ending } from './event-receipt.ts';
import { Heads } from './heads.ts';
import { REASONS } from './journal/abandonment.ts';
import { CallDraft } from './journal/call-draft.ts';
import { Journal } from './journal/journal.ts';
import { LingeringIntents } from './journal/lingering.ts';
import { fromRow, type OpenCall } from './journal/open-call.ts';
import { RecordedCalls } from './journal/recorded-calls.ts';
import { Sightings } from './journal/sightings.ts';
import { stoppedReceipt, type RollReason, type Statement } from './life.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { RootName } from './root-name.ts';

export interface LedgerOptions extends DraftOptions {
  readonly root: ChainHead;
  /** What the next root chain is called, and when it is due; never when absent. */
  readonly rootName?: RootName;
  /** The first receipt of the run. Owed until it can be written. */
  readonly start?: Statement;
  /** Told of each new root chain. */
  readonly onRoll?: (root: ChainHead) => void;
  readonly log: Log;
  readonly metrics?: Metrics;
  readonly now?: () => Date;
}

/** Receipts of one commit: more would only make the first of them wait. */
const MAX_BATCH = 512;
/** Frames that wait for the disk before connections are held back. */
const MAX_QUEUED = 4096;
/** Silence after which the WAL is moved into the database. */
const IDLE_MS = 250;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** How long an intent lingers that nobody waits for. */
const LINGER_MS = 10;
/** Pause after a roll that failed: the chain in use goes on in the meantime. */
const ROLL_RETRY_MS = 10_000;
/** What is known when the last receipts are due. */
export interface Stop {
  /** Why, such as `SIGTERM`. */
  readonly reason: string;
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
  #lingerTimer: NodeJS.Timeout | undefined;
  readonly #lingering = new LingeringIntents();
  /** Calls that were announced and have not ended, as the last commit left them. */
  readonly journal = new Journal();
  readonly #recorded: RecordedCalls;
  readonly #sightings = new Sightings();
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
    this.#recorded = new RecordedCalls(options.store);
    for (const row of options.store.openCalls()) this.journal.add(fromRow(row), row.detail.length);
  }

  get rootHead(): ChainHead {
    return this.#heads.root;
  }

  /** Frames that wait for a commit. */
  get queued(): number {
    return this.#queue.length + this.#lingering.count;
  }

  /** True when callers must wait for `whenRoom` before they submit more. */
  get isFull(): boolean {
    return this.#queue.length >= MAX_QUEUED || this.#queuedBytes >= MAX_QUEUED_BYTES;
  }

  whenRoom(resume: () => void): void {
    this.#onRoom.push(resume);
  }

  submit(job: Job): void {
    this.#submitted += 1;
    if (!this.isFull && this.#lingering.hold(job)) {
      this.#lingerTimer ??= setTimeout(() => this.#endLingering(), LINGER_MS);
      return;
    }
    const intent = this.#lingering.takeFor(job);
    if (intent !== undefined) this.#enqueue(intent);
    this.#enqueue(job);
    this.#schedule();
  }

  #enqueue(job: Job): void {
    this.#queue.push(job);
    this.#queuedBytes += sizeOf(job.event);
  }

  #endLingering(): void {
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
    for (const intent of this.#lingering.takeAll()) this.#enqueue(intent);
    if (this.#queue.length > 0) this.#schedule();
  }

  /** Ends a call that nobody else will end; for one that has ended meanwhile this does nothing. */
  giveUp(call: OpenCall, reason: string): void {
    this.submit(abandonment(call, reason));
  }

  /** Reports that came in and cannot be recorded; the next commit tells of them. */
  countLost(count: number): void {
    this.#lost += count;
    this.#metrics.lost(count);
  }

  /** Resolves once everything submitted so far is in the record or refused. */
  drained(): Promise<void> {
    const until = this.#submitted;
    if (this.#settled === until) return Promise.resolve();
    this.#endLingering();
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
    this.#reply(this.#write(batch));
    if (!this.isFull) for (const resume of this.#onRoom.splice(0)) resume();
    if (this.#queue.length > 0) this.#schedule();
    else this.#tidyWhenIdle();
    this.#settled += batch.length;
    while (this.#waiting[0] !== undefined && this.#waiting[0].until <= this.#settled) {
      this.#waiting.shift()?.resolve();
    }
  }

  /** What nobody waits for may leave together with later replies. */
  #reply(replies: readonly (readonly [Job, Reply | undefined])[]): void {
    const waiting = new Set<ReplySink>();
    const patient = new Set<ReplySink>();
    for (const [{ sink, event }, reply] of replies) {
      if (reply === undefined || sink === undefined) continue;
      sink.reply(reply);
      (event.patient === true ? patient : waiting).add(sink);
    }
    for (const sink of waiting) sink.flush();
    for (const sink of patient) if (!waiting.has(sink)) sink.flushSoon();
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
      const append = (draft: Draft) => {
        for (const job of batch) replies.push([job, this.#append(draft, job)]);
      };
      this.#commit(this.#now(), append, batch.length);
    } catch (error) {
      return this.#refuse(batch, error);
    }
    return replies;
  }

  /**
   * Everything that `write` appends, behind what is owed; nothing has changed when it throws.
   *
   * @param frames - How many it is about to append, where they may be many
   */
  #commit(now: Date, write: (draft: Draft) => void, frames = 0): void {
    this.#options.signingThread?.begin(frames);
    const calls = new CallDraft(this.journal, this.#recorded, this.#sightings);
    const draft = new Draft(this.#options, this.#heads, calls, now);
    const startedAt = process.hrtime.bigint(); // `performance` would load all of perf_hooks
    const lost = this.#lost;
    this.#options.store.commit(() => {
      if (this.#owedStart !== undefined) draft.appendStatement(this.#owedStart);
      if (lost > 0) draft.appendLost(lost);
      write(draft);
      draft.write();
    });
    const ns = Number(process.hrtime.bigint() - startedAt);
    this.#metrics.committed(draft.tally, ns / 1e6);
    this.#owedStart = undefined;
    this.#lost -= lost;
    this.countLost(draft.unrecorded);
    this.#heads.settle(draft);
    calls.apply();
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
      const place = draft.take(job);
      return ack === undefined ? undefined : { ack, ok: true, ...place };
    } catch (error) {
      if (isStoreFault(error)) throw error;
      const cause = error instanceof CodedError ? error.message : String((error as Error).stack);
      this.#options.log(`handler error: build receipt: ${cause}`, { level: 'error' });
      this.#metrics.refused(error instanceof CodedError ? error.code : 'INTERNAL');
      if (ack !== undefined) return refusal(ack, error);
      draft.unrecorded += lossOf(job);
      return undefined;
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
      this.countLost(lossOf(job));
      return [job, undefined] as const;
    });
  }

  /**
   * Tells the calls that are open as unknown, says that the daemon stops, and ends every open chain:
   * the root first and in any case, because it is the one that everybody looks at, then the
   * sub-agents', each only while there is time.
   *
   * @returns Chains that got no last receipt
   * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CHANGED`; no chain has ended then
   */
  terminate({ reason, isQuiet, mayGoOn }: Stop): readonly string[] {
    clearTimeout(this.#idleTimer);
    // Time alone makes nothing incomplete: chains it runs out for get no last receipt at all.
    const isWhole = this.#lost === 0 && this.journal.count === 0 && isQuiet;
    let left: readonly string[] = [];
    try {
      this.#commit(this.#now(), (draft) => {
        for (const call of this.journal.all()) {
          // Those that time is too short for stay in the journal, and are told at the next start.
          if (mayGoOn()) this.#append(draft, abandonment(call, REASONS.daemonStopped));
        }
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
    draft.writeReceipts(); // what is open is read from the store
    const warn = ({ message }: CodedError) => log(`level=warn terminator: ${message}`);
    for (const head of chains.openAgents(root, warn)) {
      if (mayGoOn()) draft.appendTerminator(head, status);
      else left.push(head.chainId);
    }
    return left;
  }
}

/** What nobody else will tell of when a frame without `ack` gets no receipt. */
function lossOf({ event, sink }: Job): number {
  // An intent is told again by its outcome; what the daemon itself ends stays in the journal.
  const isTold = event.phase === 'intent' || sink === undefined;
  return event.dropCount + (isTold ? 0 : 1);
}

/** The outcome that nobody reported, in the words of the daemon. */
function abandonment(call: OpenCall, reason: string): Job {
  const { event, callId, owner, peer, host, principalId } = call;
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
  return { event: outcome, owner, peer, host, principalId, sink: undefined };
}

function asWriteFailure(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError('STORE_WRITE_FAILED', (error as Error).message, { cause: error });
}

const BATCH_FAULTS: ReadonlySet<string> = new Set([
  'STORE_CHANGED',
  'STORE_WRITE_FAILED',
  'SIGNER_UNAVAILABLE',
]);

/** What concerns store or signer concerns everybody in the batch; all else only its own frame. */
function isStoreFault(error: unknown): boolean {
  if (error instanceof CodedError) {
    return BATCH_FAULTS.has(error.code);
  }
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_');
}

function sizeOf({ input, output }: EventFrame): number {
  return (input?.length ?? 0) + (output?.length ?? 0);
}
