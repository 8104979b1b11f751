import type { ChainVerdict, ReceiptVerdict } from '../../shared/chain/verdict.ts';
import { isDaemonStatement } from '../../shared/receipt/daemon-statement.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import { NOT_PINNED } from '../key-trust.ts';

export type CheckStatus = 'pass' | 'fail' | 'warn' | 'n/a';

export interface EventCheck {
  readonly name: string;
  readonly status: CheckStatus;
  readonly detail: string;
}

/** Words that scripts compare; ADR 0020 says what each of them promises. */
export type EventVerdict =
  | 'verified_provenance_confirmed'
  | 'verified_daemon_statement'
  | 'verified_no_provenance_evidence'
  | 'failed';

export interface EventResult {
  readonly receipt_id: string;
  readonly chain_id: string;
  readonly sequence: number | null;
  readonly checks: readonly EventCheck[];
  readonly verdict: EventVerdict;
}

/** What the whole chain says about each of its receipts. */
export interface ChainFacts {
  readonly chainId: string;
  readonly verdict: ChainVerdict;
  /** Why the chain is broken although its receipts are fine: its key, its parent. */
  readonly objection: string | undefined;
  /** The key of the chain is one that the caller named, or that such a key led to. */
  readonly isPinned: boolean;
  /** Index of the first receipt whose link is broken or cannot be judged; -1 when there is none. */
  readonly brokenLinkAt: number;
}

/** One receipt that was asked about, as the verifier saw it. */
export interface JudgedEvent {
  readonly judged: ReceiptVerdict;
  /** Whether the next receipt has the next number; undefined for the last one. */
  readonly nextFollows: boolean | undefined;
}

/** First part of the versions that this program verifies. */
const SCHEMA_MAJOR = '0';
const KNOWN_PLATFORMS = ['linux', 'darwin'];

/**
 * Judges one receipt by six checks, in the words and the order of the protocol's tools.
 *
 * @param allowed - Executables that may report; undefined when nobody named any.
 * @see Command line of the protocol, "receipt verify-event"; ADR 0020
 */
export function judgeEvent(
  { judged, nextFollows }: JudgedEvent,
  chain: ChainFacts,
  allowed: readonly string[] | undefined,
): EventResult {
  const { receipt } = judged;
  const checks =
    receipt === undefined
      ? [
          check('signature', 'fail', judged.problem ?? 'unreadable receipt'),
          linkCheck(judged, chain),
          ...['peer credential', 'emitter identity', 'schema version'].map((name) =>
            check(name, 'n/a', 'the receipt cannot be read'),
          ),
          contextCheck(judged, nextFollows, chain),
        ]
      : [
          signatureCheck(judged, chain),
          linkCheck(judged, chain),
          peerCheck(receipt),
          identityCheck(receipt, allowed),
          schemaCheck(receipt),
          contextCheck(judged, nextFollows, chain),
        ];
  return {
    receipt_id: judged.receiptId,
    chain_id: chain.chainId,
    sequence: judged.sequence ?? null,
    checks,
    verdict: verdictOf(checks, receipt),
  };
}

function verdictOf(checks: readonly EventCheck[], receipt: Receipt | undefined): EventVerdict {
  if (receipt === undefined || checks.some(({ status }) => status === 'fail')) return 'failed';
  if (isDaemonStatement(receipt)) return 'verified_daemon_statement';
  const peer = checks.find(({ name }) => name === 'peer credential');
  return peer?.status === 'pass'
    ? 'verified_provenance_confirmed'
    : 'verified_no_provenance_evidence';
}

function check(name: string, status: CheckStatus, detail: string): EventCheck {
  return { name, status, detail };
}

function signatureCheck(
  { signatureValid, problem }: ReceiptVerdict,
  { isPinned }: ChainFacts,
): EventCheck {
  if (signatureValid) {
    const limit = isPinned ? '' : `; ${NOT_PINNED}`;
    return check('signature', 'pass', `verifies under the key of its chain${limit}`);
  }
  const cause = problem?.startsWith('signature') === true ? `: ${problem}` : '';
  return check('signature', 'fail', `does not verify under the key of its chain${cause}`);
}

function linkCheck({ index }: ReceiptVerdict, { brokenLinkAt, verdict }: ChainFacts): EventCheck {
  if (brokenLinkAt === -1) {
    return check('hash linkage', 'pass', `no broken link in a chain of ${verdict.length}`);
  }
  let where = 'at this receipt';
  if (brokenLinkAt !== index) where = brokenLinkAt < index ? 'before this one' : 'after this one';
  return check('hash linkage', 'fail', `broken link at receipt ${brokenLinkAt}, ${where}`);
}

function peerCheck(receipt: Receipt): EventCheck {
  const name = 'peer credential';
  const peer = receipt.credentialSubject.action.peer_credential as
    | { readonly [name: string]: unknown }
    | undefined;
  if (peer === undefined) {
    return isDaemonStatement(receipt)
      ? check(name, 'n/a', 'the daemon speaks for itself here, there was no caller')
      : check(name, 'n/a', 'the receipt has none');
  }
  const { platform, pid, uid, gid } = peer;
  if (typeof platform !== 'string' || platform === '') return check(name, 'fail', 'no platform');
  if (!KNOWN_PLATFORMS.includes(platform)) {
    return check(name, 'n/a', `platform ${platform} is not known`);
  }
  if (typeof uid !== 'number' || typeof gid !== 'number') {
    return check(name, 'fail', `${platform} without uid or gid`);
  }
  return check(name, 'pass', `${platform}, pid ${String(pid)}, uid ${uid}, gid ${gid}`);
}

function identityCheck(receipt: Receipt, allowed: readonly string[] | undefined): EventCheck {
  const name = 'emitter identity';
  const exe = receipt.credentialSubject.action.peer_credential?.exe_path;
  if (exe === undefined || exe === '') return check(name, 'n/a', 'no executable recorded');
  if (allowed === undefined) return check(name, 'n/a', `${exe}; no -emitter-allowlist given`);
  return allowed.includes(exe)
    ? check(name, 'pass', `${exe} is on the allowlist`)
    : check(name, 'warn', `${exe} is not on the allowlist`);
}

function schemaCheck({ version }: Receipt): EventCheck {
  const name = 'schema version';
  if (!version.includes('.')) return check(name, 'fail', `version is ${JSON.stringify(version)}`);
  const major = version.slice(0, version.indexOf('.'));
  return major === SCHEMA_MAJOR
    ? check(name, 'pass', version)
    : check(name, 'fail', `${version}: this program verifies ${SCHEMA_MAJOR}.x`);
}

function contextCheck(
  judged: ReceiptVerdict,
  nextFollows: boolean | undefined,
  { verdict, objection }: ChainFacts,
): EventCheck {
  const name = 'chain context';
  const fail = (detail: string) => check(name, 'fail', detail);
  if (!judged.sequenceValid) return fail('its number does not follow the one before');
  if (nextFollows === false) return fail('the number of the next receipt does not follow');
  const problem = judged.signatureValid ? judged.problem : undefined;
  const structural = problem ?? verdict.error ?? objection;
  if (structural !== undefined) return fail(structural);
  const place = nextFollows === undefined ? 'the last receipt' : 'in sequence';
  return check(name, 'pass', `${place} of a chain of ${verdict.length}`);
}
