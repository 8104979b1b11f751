import { readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../../emitter/emitter.ts';
import type { ActionReport } from '../../emitter/report.ts';
import { CodedError } from '../../shared/errors.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { ReceiptReader, type StoredRow } from '../store/reader.ts';
import { fail, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import type { Greeting } from '../../shared/health/daemon-checks.ts';
import { START_FIX } from '../../shared/health/daemon-checks.ts';

export interface RoundTripOptions {
  readonly socketPath: string;
  readonly dbPath: string;
  /** The chain to look in, for daemons that do not say where a receipt went. */
  readonly chainId: string | undefined;
  readonly timeoutMs: number;
}

const NAME = 'round-trip';
const TOOL = 'agent-receipts-doctor.roundtrip';
const ACTION_TYPE = `doctor.${TOOL}`;
const POLL_MS = 25;
const NEWEST = 50;
const HELLO_MS = 300;
const STORE_FIX = 'point -db at the store of the daemon that owns this socket';

/**
 * Reports one event through the real socket and looks for its receipt in the store: the caller that
 * the kernel named must be this very process.
 */
export async function roundTripCheck(
  greeting: Greeting,
  options: RoundTripOptions,
): Promise<HealthCheck> {
  if (greeting.state === 'unreachable') {
    return fail(NAME, `not possible: nobody answers (${greeting.code})`, START_FIX);
  }
  const startedAt = performance.now();
  const sessionId = `doctor-${BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n)}`;
  const emitter = new Emitter({
    socketPath: options.socketPath,
    sessionId,
    helloTimeoutMs: HELLO_MS,
  });
  try {
    const row =
      greeting.state === 'greeted'
        ? await confirmed(emitter, options)
        : await polled(emitter, sessionId, options);
    return compare(row, Math.round(performance.now() - startedAt));
  } catch (error) {
    if (error instanceof CodedError) return fail(NAME, error.message, remedyOf(error));
    throw error;
  } finally {
    await emitter.close(0);
  }
}

function remedyOf({ code, remedy }: CodedError): string {
  return code === 'RECEIPT_NOT_FOUND' ? STORE_FIX : remedy;
}

const REPORT: ActionReport = { channel: 'doctor', tool: { name: TOOL }, decision: 'allowed' };

async function confirmed(
  emitter: Emitter,
  { dbPath, timeoutMs }: RoundTripOptions,
): Promise<StoredRow> {
  const { chainId, sequence } = await emitter.emitConfirmed(REPORT, timeoutMs);
  const row = lookUp(dbPath, (reader) => reader.at({ id: chainId, key: chainId }, sequence));
  if (row !== undefined) return row;
  const message = `acknowledged as ${chainId}:${sequence}, which ${dbPath} does not have`;
  throw new CodedError('RECEIPT_NOT_FOUND', message);
}

/** A plain daemon says nothing, so the store is asked until the session shows up in it. */
async function polled(
  emitter: Emitter,
  sessionId: string,
  { dbPath, chainId, timeoutMs }: RoundTripOptions,
): Promise<StoredRow> {
  const deadline = performance.now() + timeoutMs;
  emitter.emit(REPORT);
  while (performance.now() < deadline) {
    await delay(POLL_MS);
    const row = lookUp(dbPath, (reader) => {
      const chain = chainId === undefined ? reader.newestRoot() : { id: chainId, key: chainId };
      if (chain === undefined) return undefined;
      const rows = Array.from(reader.ofType(chain, ACTION_TYPE, NEWEST));
      return rows.find((it) => readable(it)?.issuer.session_id === sessionId);
    });
    if (row !== undefined) return row;
  }
  const message = `no receipt of it in ${dbPath} within ${timeoutMs} ms`;
  throw new CodedError('RECEIPT_NOT_FOUND', message);
}

/** Opens the store anew: a reader sees one moment of it. */
function lookUp(
  dbPath: string,
  find: (reader: ReceiptReader) => StoredRow | undefined,
): StoredRow | undefined {
  const reader = new ReceiptReader(dbPath);
  try {
    return find(reader);
  } finally {
    reader.close();
  }
}

function readable({ text }: StoredRow): Receipt | undefined {
  try {
    return parseReceipt(text).receipt;
  } catch {
    return undefined; // another row that is no receipt must not hide ours
  }
}

function compare(row: StoredRow, tookMs: number): HealthCheck {
  const place = `seq ${row.columns.sequence} of chain ${row.columns.chain_id}`;
  const receipt = readable(row);
  if (receipt === undefined) {
    return fail(
      NAME,
      `the receipt at ${place} cannot be read`,
      'obsigna receipt verify tells what is wrong with it',
    );
  }
  const peer = receipt.credentialSubject.action.peer_credential;
  const logs = 'look at the log of the daemon: obsigna daemon logs';
  if (peer === undefined) return fail(NAME, `the receipt at ${place} names no caller`, logs);
  const uid = process.getuid?.();
  if (peer.platform === 'darwin' && peer.pid === 0 && peer.uid === uid) {
    return warn(
      NAME,
      `found at ${place}, uid ${uid}, without a pid`,
      'nothing: this version of macOS does not tell it',
    );
  }
  if (peer.pid !== process.pid || peer.uid !== uid) {
    const reason = `the receipt at ${place} names pid ${peer.pid}, uid ${peer.uid ?? 'none'}; this is pid ${process.pid}, uid ${uid}`;
    return fail(NAME, reason, 'run daemon and emitters in the same pid and user namespace');
  }
  const exe = ownExecutable();
  const found = `found at ${place} after ${tookMs} ms, pid ${peer.pid}, uid ${peer.uid}`;
  if (peer.exe_path === undefined) {
    return ok(NAME, `${found}; the daemon may not see executables of this user`);
  }
  if (peer.exe_path === exe) return ok(NAME, `${found}, ${exe}`);
  return warn(NAME, `${found}, but executable ${peer.exe_path}, this is ${exe}`, logs);
}

/** As the kernel names it, links resolved. */
function ownExecutable(): string {
  try {
    return process.platform === 'linux'
      ? readlinkSync('/proc/self/exe')
      : realpathSync(process.execPath);
  } catch {
    return process.execPath;
  }
}
