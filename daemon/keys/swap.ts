import { chownSync, lstatSync, renameSync, rmSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { Handover, Handovers } from '../../shared/chain/handovers.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import {
  formatPublicKeyPem,
  keyFingerprint,
  parsePublicKeyPem,
} from '../../shared/crypto/public-key.ts';
import { CodedError } from '../../shared/errors.ts';
import { archivePathOf } from './archive.ts';
import {
  loadSigningKey,
  PRIVATE_MODE,
  PUBLIC_MODE,
  readPublicKey,
  writeNewKeyFile,
} from './key-files.ts';
import { stagedPathOf } from './staged-path.ts';
import { syncDirectory } from './sync.ts';

/** Where the key pair in use lies. */
export interface KeyPaths {
  /** Undefined when no file holds the private half. */
  readonly key: string | undefined;
  readonly publicKey: string;
}

/** The incoming key pair as text. */
export interface NextKey {
  readonly publicPem: string;
  /** Undefined when no file is to hold it. */
  readonly privatePem: string | undefined;
}

export function isSwapPending(paths: KeyPaths): boolean {
  return stagedFiles(paths).some((path) => statOf(path) !== undefined);
}

/** Puts the incoming pair in waiting; it is on disk when this returns. */
export function stageKeys(paths: KeyPaths, { publicPem, privatePem }: NextKey): void {
  const { key, publicKey } = paths;
  writeLike(publicKey, stagedPathOf(publicKey), publicPem, PUBLIC_MODE);
  if (key !== undefined && privatePem !== undefined) {
    // A key that moves into a file has none to take after yet.
    const model = statOf(key) === undefined ? publicKey : key;
    writeLike(model, stagedPathOf(key), privatePem, PRIVATE_MODE);
  }
}

/**
 * Keeps the outgoing public key where readers look for it. The same key is there already when an
 * earlier attempt got this far.
 *
 * @throws CodedError `KEY_EXISTS` when another key has the name
 */
export function archivePublicKey(publicKeyPath: string, outgoing: Uint8Array): string {
  const path = archivePathOf(publicKeyPath, keyFingerprint(nodeSuite, outgoing));
  const pem = formatPublicKeyPem(outgoing);
  if (readPublicKey(path) !== pem) writeLike(publicKeyPath, path, pem, PUBLIC_MODE);
  return path;
}

/**
 * Replaces both files, once the rotation is recorded. Every step may be done already. The one that
 * takes away the last waiting file comes last, so that a crash before it is seen.
 */
export function finishSwap(paths: KeyPaths, handover: Handover): void {
  const { key, publicKey } = paths;
  archivePublicKey(publicKey, handover.from.raw);
  const isReplaced = key !== undefined && isStaged(key);
  if (key !== undefined && !isReplaced) removeRetired(key, handover.fromFingerprint);
  if (isStaged(publicKey)) replace(publicKey);
  if (key !== undefined && isReplaced) {
    const staged = loadSigningKey(stagedPathOf(key));
    if (keyFingerprint(nodeSuite, staged.publicKey) !== handover.toFingerprint) {
      throw new CodedError('KEY_MISMATCH', `${stagedPathOf(key)} is not the key rotated to`);
    }
    replace(key);
  }
}

/** Takes back what a rotation that was not recorded has left. */
export function undoSwap(paths: KeyPaths): void {
  const { publicKey } = paths;
  const published = readPublicKey(publicKey);
  if (published !== undefined) {
    const fingerprint = keyFingerprint(nodeSuite, parsePublicKeyPem(published));
    const archive = archivePathOf(publicKey, fingerprint);
    if (readPublicKey(archive) === published) rmSync(archive);
  }
  for (const path of stagedFiles(paths)) rmSync(path, { force: true });
  for (const path of stagedFiles(paths)) syncDirectory(dirname(path));
}

/**
 * Brings a rotation that was cut short to an end: finished when the store has its receipt, undone
 * when it has not.
 *
 * @throws CodedError `KEY_RETIRED` when the store knows a successor and it is not the waiting key;
 *   `ROTATION_UNFINISHED` when the waiting key is all there is, and nothing leads to it here
 */
export function settleSwap(
  paths: KeyPaths,
  handovers: Handovers,
  current: Uint8Array,
): { readonly finished: Handover } | 'undone' | undefined {
  if (!isSwapPending(paths)) return undefined;
  const waiting = waitingFingerprint(paths);
  const finished = Array.from(handovers.all()).find((it) => it.toFingerprint === waiting);
  if (finished !== undefined) {
    finishSwap(paths, finished);
    return { finished };
  }
  const fingerprint = keyFingerprint(nodeSuite, current);
  if (waiting === fingerprint) {
    // Perhaps the only copy of a key in force: with another store or public key it may well be.
    const message = `${stagedPathOf(paths.key ?? paths.publicKey)} waits for a rotation that this store does not prove; start with the key from before, or with the -public-key it was published as`;
    throw new CodedError('ROTATION_UNFINISHED', message);
  }
  const successor = handovers.from(fingerprint);
  if (successor !== undefined) {
    const { toFingerprint, receiptId } = successor;
    const message = `the key ${fingerprint} gave way to ${toFingerprint} in ${receiptId}, and that key is not here`;
    throw new CodedError('KEY_RETIRED', message);
  }
  undoSwap(paths);
  return 'undone';
}

/** Undefined for a file that was cut short while it was written: nothing was recorded then. */
function waitingFingerprint({ key, publicKey }: KeyPaths): string | undefined {
  try {
    if (key !== undefined && isStaged(key)) {
      return keyFingerprint(nodeSuite, loadSigningKey(stagedPathOf(key)).publicKey);
    }
    const pem = readPublicKey(stagedPathOf(publicKey));
    return pem === undefined ? undefined : keyFingerprint(nodeSuite, parsePublicKeyPem(pem));
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** A key moved out of the file system: its old file would be a second way to sign. */
function removeRetired(path: string, fingerprint: string): void {
  if (statOf(path) === undefined) return;
  if (keyFingerprint(nodeSuite, loadSigningKey(path).publicKey) !== fingerprint) return;
  rmSync(path);
  syncDirectory(dirname(path));
}

function replace(path: string): void {
  renameSync(stagedPathOf(path), path);
  syncDirectory(dirname(path));
}

/** A file of the owner of `model`: root may rotate the key of a service user. */
function writeLike(model: string, path: string, text: string, mode: number): void {
  writeNewKeyFile(path, text, mode);
  const owner = statOf(model);
  const own = statOf(path);
  if (owner !== undefined && (owner.uid !== own?.uid || owner.gid !== own.gid)) {
    chownSync(path, owner.uid, owner.gid);
  }
  syncDirectory(dirname(path));
}

function stagedFiles({ key, publicKey }: KeyPaths): readonly string[] {
  return [publicKey, ...(key === undefined ? [] : [key])].map(stagedPathOf);
}

function isStaged(path: string): boolean {
  return statOf(stagedPathOf(path)) !== undefined;
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}
