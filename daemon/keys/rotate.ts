import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import type { Handovers } from '../../shared/chain/handovers.ts';
import type { ChainLink } from '../../shared/chain/links.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { generateKeyPem, parsePrivateKeyPem } from '../../shared/crypto/private-key.ts';
import { formatPublicKeyPem, keyFingerprint } from '../../shared/crypto/public-key.ts';
import type { Signer } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';
import { Chains, type ChainHead } from '../chains.ts';
import type { DaemonConfig } from '../config.ts';
import { timeOrderedUuid } from '../draft.ts';
import { lastLink } from '../life.ts';
import type { Log } from '../log.ts';
import { loadLibC } from '../native/libc.ts';
import { acquireLock } from '../native/lock.ts';
import { seal } from '../sealer.ts';
import { isAnswered } from '../socket/listener.ts';
import { openStore, type ReceiptRow, type ReceiptStore } from '../store/receipt-store.ts';
import { appendAnchor } from './anchor-log.ts';
import { archivePathOf, readHandovers, refuseRetired } from './archive.ts';
import { checkPublicKey } from './key-files.ts';
import { rotationReceipt } from './rotation-receipt.ts';
import { isExternalKey, openSigner, type SignerParts } from './signer.ts';
import { archivePublicKey, finishSwap, settleSwap, stageKeys, type KeyPaths } from './swap.ts';

export interface RotationSummary {
  readonly chainId: string;
  readonly sequence: number;
  readonly receiptId: string;
  readonly outgoing: string;
  readonly incoming: string;
  readonly archive: string;
  /** Undefined when there is no anchor log, or when an earlier attempt was finished. */
  readonly anchorLog: string | undefined;
}

/** What has been done so far, in this order. */
export type RotationStep = 'staged' | 'anchored' | 'archived' | 'recorded' | 'swapped';

export interface RotateOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly now?: () => Date;
  /** Told after each step is on disk; what it throws fails the rotation there. For tests. */
  readonly onStep?: (step: RotationStep) => void;
}

/**
 * Replaces the signing key, while no daemon runs. The receipt that says so is the point of no
 * return: whatever fails before it is taken back, whatever fails behind it is finished by the next
 * start. See ADR 0015.
 *
 * @throws CodedError `DAEMON_RUNNING`, `KEY_RETIRED`, `ANCHOR_FAILED`, `ROTATION_UNFINISHED`, and as
 *   a start of the daemon
 */
export async function rotateKey(
  config: DaemonConfig,
  options: RotateOptions,
): Promise<RotationSummary> {
  const libc = await loadLibC();
  // A daemon that does not know our lock, such as the reference, is known by its socket.
  if (await isAnswered(config.socket)) {
    throw new CodedError('DAEMON_RUNNING', `a daemon is listening on ${config.socket}`);
  }
  const parts = { libc, env: options.env };
  const signer = openSigner(config.key, parts); // before a store is made for nothing
  const opened = openStore(config.db, () => acquireLock(libc, `${config.db}.lock`));
  let isKept = false;
  try {
    const rotation = new Rotation(config, opened.store, signer, parts, options);
    const summary = rotation.run(() => (isKept = true));
    opened.store.close();
    opened.lock.release();
    return summary;
  } catch (error) {
    if (isKept) {
      opened.store.close();
      opened.lock.release();
    } else opened.undo();
    throw error;
  }
}

/** The files that hold the key in use, or are to hold the one that follows it. */
export function keyPathsOf({ key, newKey, publicKey }: DaemonConfig): KeyPaths {
  const file = [key, newKey].find((it) => it !== '' && !isExternalKey(it));
  return { key: file, publicKey };
}

class Rotation {
  readonly #config: DaemonConfig;
  readonly #store: ReceiptStore;
  readonly #signer: Signer;
  readonly #parts: SignerParts;
  readonly #options: RotateOptions;
  readonly #paths: KeyPaths;

  constructor(
    config: DaemonConfig,
    store: ReceiptStore,
    signer: Signer,
    parts: SignerParts,
    options: RotateOptions,
  ) {
    this.#config = config;
    this.#store = store;
    this.#signer = signer;
    this.#parts = parts;
    this.#options = options;
    this.#paths = keyPathsOf(config);
  }

  /** @param recorded - Called when the store holds something that must not be taken back. */
  run(recorded: () => void): RotationSummary {
    const before = this.#settle();
    if (before !== undefined) {
      recorded();
      return before;
    }
    const handovers = this.#handovers();
    refuseRetired(this.#signer, handovers);
    checkPublicKey(this.#config.publicKey, this.#signer);
    const { publicKey, privatePem } = this.#nextKey(handovers);
    const rows = this.#receipts(handovers, publicKey);
    try {
      this.#record(rows, { publicPem: formatPublicKeyPem(publicKey), privatePem });
    } catch (error) {
      if (this.#afterFailure(error) === undefined) throw error;
    }
    recorded();
    return this.#finish(rows[0] as ReceiptRow);
  }

  #handovers(): Handovers {
    return readHandovers(this.#store, this.#config.publicKey, this.#signer);
  }

  /** Deals with an attempt that was cut short; a summary when it only had to be finished. */
  #settle(): RotationSummary | undefined {
    const settled = settleSwap(this.#paths, this.#handovers(), this.#signer.publicKey);
    if (settled === undefined) return undefined;
    if (settled === 'undone') {
      this.#options.log('undid a key rotation that was interrupted before it was recorded');
      return undefined;
    }
    this.#options.log('finished the key rotation that was interrupted');
    const row = this.#store.withId(settled.finished.receiptId) as ReceiptRow;
    return this.#summary(row, settled.finished.fromFingerprint, settled.finished.toFingerprint);
  }

  /** Whether the rotation took place after all; everything is as before when it did not. */
  #afterFailure(error: unknown): RotationSummary | undefined {
    try {
      return this.#settle();
    } catch (cause) {
      const message = `${(error as Error).message}; and then ${(cause as Error).message}`;
      throw new CodedError('ROTATION_UNFINISHED', message, { cause: error });
    }
  }

  #nextKey(handovers: Handovers): { publicKey: Uint8Array; privatePem: string | undefined } {
    const { key, newKey } = this.#config;
    if (newKey === '' && isExternalKey(key)) {
      throw new CodedError(
        'USAGE',
        'to rotate a key that is no file, name its successor: -new-key',
      );
    }
    if (newKey === '') return freshKey();
    if (!isExternalKey(newKey)) {
      this.#requireNewFile(newKey);
      return freshKey();
    }
    const { publicKey } = openSigner(newKey, this.#parts);
    const incoming = keyFingerprint(nodeSuite, publicKey);
    const outgoing = keyFingerprint(nodeSuite, this.#signer.publicKey);
    if (handovers.leads(incoming, outgoing)) {
      throw new CodedError('KEY_RETIRED', `${incoming} was the signing key before, or still is`);
    }
    return { publicKey, privatePem: undefined };
  }

  /** A key file is replaced where it is; a key from elsewhere may move into a file of its own. */
  #requireNewFile(path: string): void {
    if (!isExternalKey(this.#config.key)) {
      const message = `${this.#config.key} is replaced in its place: leave -new-key out`;
      throw new CodedError('USAGE', message);
    }
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
    throw new CodedError('KEY_EXISTS', `${path} exists already; -new-key FILE makes a fresh key`);
  }

  /** The rotation as the open chains are to tell it: the root first, then every sub-agent's. */
  #receipts(handovers: Handovers, incoming: Uint8Array): readonly ReceiptRow[] {
    const { issuerId, verificationMethod, isChainNamed, chainId } = this.#config;
    const identity = { issuerId, verificationMethod };
    const key = nodeSuite.verifyKey(this.#signer.publicKey);
    const chains = new Chains(this.#store, key, identity, handovers);
    const live = isChainNamed ? undefined : this.#store.latestRoot();
    const root =
      (live === undefined ? undefined : chains.openHead(live)) ?? chains.resumeRoot(chainId);
    const warn = ({ message }: CodedError) => this.#options.log(`level=warn rotation: ${message}`);
    const heads = [root, ...chains.openAgents(root.chainId, warn)];
    const now = this.#now();
    // A root that begins with the rotation names the one before it, as with every other beginning.
    const link = root.sequence === 0 ? lastLink(this.#store) : undefined;
    return heads.map((head) => {
      const body = this.#receipt(head, incoming, now, head === root ? link : undefined);
      return seal(body, this.#signer, verificationMethod);
    });
  }

  #receipt(head: ChainHead, incoming: Uint8Array, now: Date, link: ChainLink | undefined) {
    const context = {
      receiptId: `urn:receipt:${timeOrderedUuid(now.getTime())}`,
      actionId: `act_${randomUUID()}`,
      timestamp: `${now.toISOString().slice(0, 19)}Z`,
      issuerId: this.#config.issuerId,
      chain: {
        sequence: head.sequence + 1,
        previous_receipt_hash: head.hash,
        chain_id: head.chainId,
      },
    };
    return rotationReceipt(context, this.#signer.publicKey, incoming, link);
  }

  #record(
    rows: readonly ReceiptRow[],
    next: { readonly publicPem: string; readonly privatePem: string | undefined },
  ): void {
    const { publicKey, anchorLog } = this.#config;
    stageKeys(this.#paths, next);
    this.#did('staged');
    const [{ text }] = rows as readonly [ReceiptRow];
    if (anchorLog !== '') appendAnchor(anchorLog, 'rotation', text, this.#now());
    this.#did('anchored');
    archivePublicKey(publicKey, this.#signer.publicKey);
    this.#did('archived');
    this.#store.commit(() => rows.forEach((row) => this.#store.insert(row)));
    this.#did('recorded');
  }

  #finish(row: ReceiptRow): RotationSummary {
    const handover = this.#handovers().from(keyFingerprint(nodeSuite, this.#signer.publicKey));
    if (handover === undefined) throw new TypeError('the rotation just recorded does not hold');
    try {
      finishSwap(this.#paths, handover);
      this.#did('swapped');
    } catch (cause) {
      const message = `the rotation is recorded in ${row.columns.id}, its key files are not replaced: ${(cause as Error).message}`;
      throw new CodedError('ROTATION_UNFINISHED', message, { cause });
    }
    const { anchorLog } = this.#config;
    const summary = this.#summary(row, handover.fromFingerprint, handover.toFingerprint);
    return { ...summary, anchorLog: anchorLog === '' ? undefined : anchorLog };
  }

  #summary(row: ReceiptRow, outgoing: string, incoming: string): RotationSummary {
    const { chain_id: chainId, sequence, id: receiptId } = row.columns;
    const archive = archivePathOf(this.#config.publicKey, outgoing);
    return { chainId, sequence, receiptId, outgoing, incoming, archive, anchorLog: undefined };
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  #did(step: RotationStep): void {
    this.#options.onStep?.(step);
  }
}

function freshKey() {
  const { privatePem } = generateKeyPem();
  return { publicKey: parsePrivateKeyPem(privatePem).publicKey, privatePem };
}

/** What operators and scripts read; the first seven lines are the protocol's. */
export function describeRotation(
  { publicKey, newKey }: DaemonConfig,
  { chainId, sequence, ...summary }: RotationSummary,
): string {
  const rows: readonly (readonly [label: string, value: string])[] = [
    ['key_rotated receipt:', summary.receiptId],
    ['outgoing key:', summary.outgoing],
    ['incoming key:', summary.incoming],
    ['archived public key:', summary.archive],
    [
      'anchored to:',
      summary.anchorLog ?? '(none \u2014 set --anchor-log for post-compromise integrity)',
    ],
  ];
  return [
    `rotated signing key on chain ${chainId} (seq ${sequence})`,
    ...rows.map(([label, value]) => `  ${label.padEnd(20)} ${value}`),
    '',
    newKey === ''
      ? 'Start the daemon again: it signs with the incoming key.'
      : `Start the daemon with -key ${newKey} -public-key ${publicKey}: it signs with the incoming key.`,
    `Publish the new ${publicKey}, and keep the archived key beside it:`,
    '`obsigna verify` follows the rotation from one to the other.',
    '',
  ].join('\n');
}
