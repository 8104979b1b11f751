import { accessSync, constants, lstatSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import { KeyTrust, NOT_PINNED } from '../key-trust.ts';
import type { Keyring } from '../keyring.ts';
import { secondText } from '../moment.ts';
import { confirmParent } from '../receipt/delegation.ts';
import { judgeChain, objectionTo, resultOf } from '../receipt/judge.ts';
import { cutOf, findPruned } from '../receipt/pruned.ts';
import type { ReceiptReader, StoredChain } from '../store/reader.ts';
import { plural } from '../words.ts';
import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';

/** Owner may write, group may read. */
const LOOSE_BITS = 0o777 & ~0o640;

export function permissionsCheck(path: string): HealthCheck {
  const name = 'db permissions';
  const modes: string[] = [];
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const stat = statOf(file);
    if (stat === undefined) {
      if (file !== path) continue;
      return fail(name, `no store at ${path}`, 'start the daemon: it makes the store');
    }
    if (!stat.isFile())
      return fail(name, `${file} is not a regular file`, `check -db, or remove it if it is yours`);
    const mode = `0${(stat.mode & 0o777).toString(8)}`;
    if ((stat.mode & LOOSE_BITS) !== 0) {
      return fail(name, `${file} has mode ${mode}, looser than 0640`, `chmod 0640 ${file}`);
    }
    modes.push(mode);
  }
  return ok(name, `${path}, mode ${modes[0]}`);
}

function statOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Store and key as far as they could be opened; a fault is the answer of the check that needs it. */
export interface Evidence {
  readonly reader: ReceiptReader | CodedError;
  readonly keyring: Keyring | CodedError;
  readonly pins: readonly string[];
}

export function schemaCheck({ reader, keyring }: Evidence): HealthCheck {
  const name = 'schema/version';
  for (const part of [reader, keyring]) {
    if (part instanceof CodedError) return fail(name, part.message, part.remedy);
  }
  try {
    const receipts = (reader as ReceiptReader).count();
    const chains = (reader as ReceiptReader).chains().length;
    const { fingerprint } = (keyring as Keyring).published;
    return ok(
      name,
      `${plural(receipts, 'receipt')} in ${plural(chains, 'chain')}, key ${fingerprint}`,
    );
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return fail(name, error.message, error.remedy);
  }
}

export function platformCheck(platform: string): HealthCheck {
  const name = 'peer credentials';
  if (platform === 'linux' || platform === 'darwin')
    return ok(name, `the kernel of ${platform} names callers`);
  return fail(name, `not known on ${platform}`, 'run the daemon on Linux or macOS');
}

/**
 * Verifies the chain that is being written. That it has no last receipt yet is what a running
 * daemon looks like, and a warning only when none runs.
 */
export async function chainHeadCheck(
  { reader, keyring, pins }: Evidence,
  chain: StoredChain,
  isDaemonUp: boolean,
  step: () => void,
): Promise<HealthCheck> {
  const name = 'chain head';
  for (const part of [reader, keyring]) {
    if (part instanceof CodedError) return fail(name, part.message, part.remedy);
  }
  try {
    const trust = new KeyTrust(reader as ReceiptReader, keyring as Keyring, pins);
    const cut = await cutOf(reader as ReceiptReader, chain, () =>
      findPruned(reader as ReceiptReader, trust),
    );
    const judged = await judgeChain(reader as ReceiptReader, chain, trust, step, cut);
    const report = confirmParent(reader as ReceiptReader, keyring as Keyring, judged);
    const { verdict } = report;
    const result = resultOf(report);
    const size = `chain ${chain.id}: ${plural(verdict.length, 'receipt')}`;
    const from = cut === undefined ? '' : ` from sequence ${cut.sequence + 1}`;
    const valid = `${size}, valid${from}`;
    const limit = pins.length > 0 ? '' : `; ${NOT_PINNED}`;
    if (result === 'empty') {
      return warn(
        name,
        `no receipts in chain ${chain.id}`,
        'make one tool call, or drop -no-roundtrip',
      );
    }
    if (result === 'broken') {
      const cause = objectionTo(report) ?? verdict.error ?? 'signature, link or sequence is wrong';
      const place = verdict.brokenAt === -1 ? '' : ` at receipt ${verdict.brokenAt}`;
      const fix = `obsigna receipt verify -chain-id ${chain.id}`;
      return fail(name, `${size}, broken${place}: ${cause}`, fix);
    }
    if (verdict.status !== 'unknown') return ok(name, `${valid}, ended: ${verdict.status}${limit}`);
    if (isDaemonUp) return ok(name, `${valid} and being written${limit}`);
    const fix =
      'start the daemon, which goes on with this chain, and look at its log for why it ended';
    return warn(name, `${valid}, but no daemon runs and nothing ended the chain${limit}`, fix);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return fail(name, error.message, error.remedy);
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Calls whose outcome nobody saw are in order as evidence, and still worth a look while fresh. */
export function outcomesCheck({ reader }: Evidence, nowMs: number): HealthCheck {
  const name = 'recent outcomes';
  if (reader instanceof CodedError) return note(name, 'not known: the store cannot be read');
  try {
    const count = reader.pendingSince(secondText(nowMs - DAY_MS));
    if (count === 0) return ok(name, 'every outcome of the last 24 hours was seen');
    const verb = count === 1 ? 'says' : 'say';
    const reason = `${plural(count, 'receipt')} of the last 24 hours ${verb} pending: nobody had seen the outcome by then`;
    return note(name, reason, 'obsigna receipt list -status pending -since 24h');
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return note(name, `not known: ${error.message}`);
  }
}

/**
 * Whether the daemon's key is out of reach of this user. In an installation for one user it is not,
 * which is worth saying and nothing to repair in a hurry.
 *
 * @param daemonUid - Owner of the socket; undefined when there is none.
 */
export function sharedUidCheck(
  daemonUid: number | undefined,
  uid: number,
  keyPath: string,
): HealthCheck {
  const name = 'shared uid';
  if (daemonUid === undefined)
    return note(name, 'not known: there is no socket whose owner could be asked');
  const remedy =
    'where agents are not to be trusted with the key, give the daemon a user of its own: obsigna daemon install -system';
  if (daemonUid === uid) {
    return note(
      name,
      `daemon and this user share uid ${uid}: whatever runs as this user can read the signing key`,
      remedy,
    );
  }
  if (uid === 0)
    return note(name, `the daemon has uid ${daemonUid}; root reads its key all the same`);
  if (mayRead(keyPath)) {
    const reason = `the daemon has uid ${daemonUid}, but uid ${uid} can read its key ${keyPath}`;
    return fail(name, reason, `chmod 0600 ${keyPath}, then rotate the key: obsigna keys rotate`);
  }
  return ok(name, `the daemon has uid ${daemonUid}, this user ${uid}`);
}

/** Asks about the permission only: the key itself is the daemon's to open. */
function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
