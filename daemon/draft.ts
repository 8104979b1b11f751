import { randomUUID } from 'node:crypto';
import type { ChainLink } from '../shared/chain/links.ts';
import type { ReceiptColumns } from '../shared/chain/stored.ts';
import { CodedError } from '../shared/errors.ts';
import { callNoteOf } from '../shared/receipt/call.ts';
import type { PeerCredential, Receipt, ReceiptBody } from '../shared/receipt/receipt.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import type { Reply, ReplyOk } from '../shared/wire/reply.ts';
import { agentChainId, type ChainHead, type Chains } from './chains.ts';
import type { Disclosure } from './disclosure/discloser.ts';
import {
  droppedEventsReceipt,
  eventReceipt,
  payloadHash,
  terminatorReceipt,
  UNKNOWN_PRINCIPAL,
  type ActionDetail,
  type Ending,
  type ReceiptContext,
} from './event-receipt.ts';
import type { Heads, MovedHeads } from './heads.ts';
import type { CallDraft } from './journal/call-draft.ts';
import type { HostProcess } from './native/process.ts';
import type { Sighting } from './journal/sightings.ts';
import { joined, openCallOf, type OpenCall } from './journal/open-call.ts';
import { recordedKey, type RecordedCall } from './journal/recorded-calls.ts';
import { lastLink, rolledReceipt, type RollReason, type Statement } from './life.ts';
import { emptyTally } from './metrics.ts';
import type { Redactor } from './redact.ts';
import { prepare } from './sealer.ts';
import type { ReceiptRow } from './store/receipt-store.ts';
import { Unwritten, type UnwrittenOptions } from './unwritten.ts';

/** Who is told what became of a frame; a connection, in the running daemon. */
export interface ReplySink {
  reply(reply: Reply): void;
  /** Everything that was replied since the last call may go out now. */
  flush(): void;
  /** The same, within some milliseconds: nobody waits for it. */
  flushSoon(): void;
}

/** One reported action on its way into the record. */
export interface Job {
  readonly event: EventFrame;
  readonly peer: PeerCredential;
  /** Tells the peer from every other process that had or will have its pid. */
  readonly owner: string;
  /** The process that holds its calls, where that is not the peer; `owner` is its tag then. */
  readonly host?: HostProcess | undefined;
  readonly principalId: string;
  /** Absent where the daemon itself ends a call that nobody else will end. */
  readonly sink: ReplySink | undefined;
  /** Sealed before: a commit waits for nobody. */
  readonly disclosure?: Disclosure | undefined;
}

export interface DraftOptions extends UnwrittenOptions {
  readonly chains: Chains;
  readonly redact?: Redactor;
}

/** How far back the root is searched for a principal that this run has not seen yet. */
const PARENT_SEARCH = 10_000;

/** One batch in the making: heads move here and become real with the commit. */
export class Draft implements MovedHeads {
  /** What the batch holds so far; true once it is committed. */
  readonly tally = emptyTally();
  /** Reports of it that got no receipt and that nobody else tells of. */
  unrecorded = 0;
  readonly moved = new Map<string, ChainHead>();
  readonly spoken = new Map<string, string>();
  statementId: string | undefined;
  readonly #options: DraftOptions;
  readonly #committed: Heads;
  readonly #calls: CallDraft;
  readonly #unwritten: Unwritten;
  #rootId: string;
  readonly #nowMs: number;
  readonly #timestamp: string;

  constructor(options: DraftOptions, committed: Heads, calls: CallDraft, now: Date) {
    this.#options = options;
    this.#committed = committed;
    this.#calls = calls;
    this.#unwritten = new Unwritten(options);
    this.#rootId = committed.root.chainId;
    this.#nowMs = now.getTime();
    this.#timestamp = timestampOf(now);
  }

  get rootId(): string {
    return this.#rootId;
  }

  /** Last in the transaction. */
  write(): void {
    this.writeReceipts();
    this.tally.journalled += this.#calls.write(this.#options.store);
  }

  /** Also in front of whatever reads from the store what this batch may have written. */
  writeReceipts(): void {
    this.#unwritten.write();
  }

  /** Takes one frame. @returns Where it stands in the record; nothing for an intent */
  take(job: Job): Place | undefined {
    const { event } = job;
    if (event.callId === undefined) return placeOf(this.#appendEvent(event, job));
    if (event.phase !== 'intent') return this.#end(event.callId, job);
    this.#begin(event.callId, job);
    return undefined;
  }

  #begin(callId: string, job: Job): void {
    const { event, owner } = job;
    this.#calls.sightings.concerns(event); // a hook's calls are told to a proxy next
    const party = { owner, sessionId: event.sessionId };
    const isKnown =
      this.#calls.find(party, callId) !== undefined ||
      this.#recordedBefore(callId, job, event.redelivered === true) !== undefined;
    if (isKnown) {
      // And so is what it says was dropped, but for a hook that was started twice.
      if (event.heldBy !== undefined) this.#tellDrops(event, job);
      return;
    }
    this.#calls.begin(openCallOf({ ...job, callId, beganMs: this.#nowMs }));
    // Behind what may refuse it: the count then goes out again with the next frame.
    this.#tellDrops(event, job);
  }

  #end(callId: string, job: Job): Place | undefined {
    const { event, owner, sink } = job;
    const party = { owner, sessionId: event.sessionId };
    const isHeld = event.heldBy !== undefined;
    const exact = this.#calls.find(party, callId);
    const open = exact ?? (isHeld ? this.#calls.findHeld(party, callId) : undefined);
    if (open !== undefined) return this.#join(open, job);
    if (sink === undefined) return undefined; // it ended while the daemon was giving up on it
    const isOutcome = event.phase === 'outcome';
    const before = this.#recordedBefore(callId, job, isOutcome || event.redelivered === true);
    if (before === undefined) {
      const call = { isIntentMissing: isOutcome };
      return this.#recordCall(callId, event, job, { disclosure: job.disclosure, call });
    }
    this.writeReceipts();
    const row = this.#options.store.at(before.chainId, before.sequence);
    if (row === undefined) throw new CodedError('STORE_CHANGED', 'a recorded call has gone');
    const isNews = before.isPending && event.decision !== 'pending';
    if (event.redelivered === true && !isNews) return placeOf(row.columns);
    if (!isNews && isToldTwice(event, row)) {
      this.#tellDrops(event, job);
      return placeOf(row.columns);
    }
    const call = isNews ? { completes: row.columns.id } : {};
    return this.#recordCall(callId, event, job, { disclosure: job.disclosure, call });
  }

  #join(open: OpenCall, job: Job): Place {
    const { callId, beganMs, peer } = open;
    const event = joined(open, job.event);
    const told = job.host === undefined ? undefined : payloadHash(job.event, 'input');
    const ran = told ?? open.parametersHash;
    const place = this.#recordCall(callId, event, job, {
      disclosure: { ...open.disclosure, ...job.disclosure },
      parametersHash: ran,
      call: {
        beganMs,
        ...(job.sink === undefined && { closedBy: 'daemon' as const }),
        ...(peer.pid !== job.peer.pid && { beganBy: peer }),
        ...(ran !== open.parametersHash && { announced: open.parametersHash }),
      },
    });
    this.#calls.end(open);
    return place;
  }

  #recordCall(callId: string, event: EventFrame, job: Job, detail: ActionDetail): Place {
    const sighting = this.#sightingOf(event, job, detail);
    const sameAs = sighting && this.#calls.toldBefore(sighting);
    const call = { ...detail.call, host: job.host, sameAs };
    const columns = this.#appendEvent(event, job, { ...detail, call });
    const { chain_id: chainId, sequence, status, id } = columns;
    if (sighting !== undefined && sameAs === undefined) this.#calls.saw(sighting, id);
    const key = recordedKey((job.host ?? job.peer).pid, event.sessionId, callId);
    this.#calls.record(key, { chainId, sequence, isPending: status === 'pending' });
    return placeOf(columns);
  }

  /** What makes a call recognisable that hook and proxy both tell of. */
  #sightingOf(
    event: EventFrame,
    { principalId }: Job,
    { parametersHash }: ActionDetail,
  ): Sighting | undefined {
    const by = event.heldBy === undefined ? 'proxy' : 'hook';
    // What a hook has denied never reaches a proxy; what a proxy has denied is still the agent's call.
    const isShared =
      event.decision === 'allowed' || (by === 'proxy' && event.decision === 'denied');
    if (!this.#calls.sightings.concerns(event) || !isShared) return undefined;
    return {
      by,
      principalId,
      tool: event.toolName,
      server: event.toolServer ?? '',
      correlationId: event.correlationId,
      parametersHash: parametersHash ?? payloadHash(event, 'input'),
      atMs: this.#nowMs,
    };
  }

  #recordedBefore(callId: string, job: Job, wasTold: boolean): RecordedCall | undefined {
    const key = recordedKey((job.host ?? job.peer).pid, job.event.sessionId, callId);
    return this.#calls.findRecorded(key, wasTold);
  }

  #appendEvent(
    event: EventFrame,
    { peer, principalId, disclosure }: Job,
    detail: ActionDetail = { disclosure },
  ): ReceiptColumns {
    const chainId = this.#chainOf(event, principalId);
    const who = { peer, principalId };
    const build = (context: ReceiptContext) => eventReceipt(event, context, detail);
    if (event.dropCount > 0) {
      // Built first: a frame that gets no receipt must leave its drop count to the next one.
      const { verificationMethod } = this.#options.identity;
      prepare(build(this.#context(this.#head(chainId), who)), verificationMethod);
      this.#tellDrops(event, { peer, principalId });
    }
    return this.#append(chainId, who, build);
  }

  #tellDrops(event: EventFrame, { peer, principalId }: Pick<Job, 'peer' | 'principalId'>): void {
    const { dropCount, sessionId } = event;
    if (dropCount === 0) return;
    this.tally.dropped += dropCount;
    this.#append(this.#chainOf(event, principalId), { peer, principalId }, (context) =>
      droppedEventsReceipt(dropCount, sessionId, context),
    );
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
    this.writeReceipts();
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
  ): ReceiptColumns {
    const body = build(this.#context(this.#head(chainId), who));
    const columns = this.#unwritten.add(body);
    this.tally.receipts[body.credentialSubject.outcome.status] += 1;
    const { sequence, receipt_hash: hash, id: receiptId } = columns;
    this.moved.set(chainId, { chainId, sequence, hash, receiptId });
    if (chainId === this.#rootId) {
      if (who.peer === undefined) this.statementId = receiptId;
      else this.spoken.set(who.principalId, receiptId);
    }
    return columns;
  }

  #context(head: ChainHead, who: Pick<ReceiptContext, 'peer' | 'principalId'>): ReceiptContext {
    const { identity, redact } = this.#options;
    const chain = {
      sequence: head.sequence + 1,
      previous_receipt_hash: head.hash,
      chain_id: head.chainId,
    };
    return {
      principalId: who.principalId,
      peer: who.peer,
      receiptId: `urn:receipt:${timeOrderedUuid(this.#nowMs)}`,
      actionId: `act_${randomUUID()}`,
      timestamp: this.#timestamp,
      issuerId: identity.issuerId,
      chain,
      delegation: head.delegation,
      redact,
    };
  }
}

type Place = Pick<ReplyOk, 'chain_id' | 'sequence' | 'receipt_hash'>;

function placeOf({ chain_id, sequence, receipt_hash }: ReceiptColumns): Place {
  return { chain_id, sequence, receipt_hash };
}

/**
 * A version 7 UUID: ids of neighbours in time are neighbours in the index of ids, so that a commit
 * writes one page of it and not one for each receipt. See ADR 0012.
 *
 * @see RFC 9562 section 5.7
 */
export function timeOrderedUuid(nowMs: number): string {
  if (nowMs !== lastTime.ms) lastTime = { ms: nowMs, head: headOf(nowMs) };
  return lastTime.head + randomUUID().slice(15);
}

/** The receipts of a batch share their time. */
let lastTime = { ms: 0, head: headOf(0) };

function headOf(ms: number): string {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7`;
}

/**
 * Where an agent has the hook in two of its files, each outcome is told twice, under the agent's own id.
 * An outcome behind a denial is something else: the agent has run what it was told not to.
 */
function isToldTwice({ heldBy, correlationId }: EventFrame, { text }: ReceiptRow): boolean {
  if (heldBy === undefined || correlationId === undefined) return false;
  const note = callNoteOf(JSON.parse(text) as Receipt);
  return note?.began !== undefined || note?.intent !== undefined;
}

/** UTC, whole seconds: the form of every time in a daemon's receipts. */
export function timestampOf(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
