import type { Coverage } from '../../shared/chain/coverage.ts';
import {
  RESPONSE_HASH_NOTE,
  type ChainStatus,
  type Unchecked,
} from '../../shared/chain/verdict.ts';
import type { Cli } from '../cli.ts';
import { NOT_PINNED, type KeyTrust } from '../key-trust.ts';
import type { ReceiptReader } from '../store/reader.ts';
import { printable, type Paint } from '../terminal.ts';
import { plural } from '../words.ts';
import { faultOf, judgeAgain, MOST_BAD, type ReceiptFault } from './bad-receipts.ts';
import { objectionTo, resultOf, type ChainReport } from './judge.ts';
import { coverageLines, missingText } from './coverage-text.ts';
import type { PrunedRecord } from './pruned.ts';
import type { Report } from './verify.ts';

/** Chains up to this length are printed receipt by receipt when they are broken. */
const SHORT_CHAIN = 200;

const FAULTS: Readonly<Record<ReceiptFault, string>> = {
  bad_signature: 'BAD SIGNATURE',
  bad_hash_link: 'BAD HASH LINK',
  bad_sequence: 'BAD SEQUENCE',
  unreadable: 'UNREADABLE',
  mismatch: 'MISMATCH',
};

const STATUSES: Readonly<Record<ChainStatus, string>> = {
  complete: 'complete',
  interrupted: 'interrupted',
  unknown: 'no terminal receipt',
};

/** Verdicts for people, and for scripts that look for `Chain C: VALID (`. */
export class TextReport implements Report {
  readonly #cli: Cli;
  readonly #paint: Paint;
  readonly #reader: ReceiptReader;
  readonly #trust: KeyTrust;
  readonly #isVerbose: boolean;
  readonly #counts = { valid: 0, broken: 0, empty: 0 };
  #receipts = 0;
  #hasUnseenBody = false;
  /** Chains that begin with an archived key, by key. */
  readonly #rotated = new Map<string, number>();

  constructor(cli: Cli, paint: Paint, reader: ReceiptReader, trust: KeyTrust, isVerbose: boolean) {
    this.#cli = cli;
    this.#paint = paint;
    this.#reader = reader;
    this.#trust = trust;
    this.#isVerbose = isVerbose;
  }

  chain(report: ChainReport): void {
    const { verdict } = report;
    const result = resultOf(report);
    const objection = objectionTo(report);
    this.#counts[result] += 1;
    this.#receipts += verdict.length;
    this.#hasUnseenBody ||= verdict.responseHashNote !== undefined;
    this.#advise(report);
    const name = `Chain ${printable(verdict.chainId)}`;
    if (result === 'empty') {
      this.#line(`${name}: ${this.#paint('red', 'NO RECEIPTS FOUND')} (0 receipts)`);
      if (report.pruned !== undefined) this.#line(`  ${prunedText(report.pruned)}`);
    } else if (result === 'valid') {
      const { endNamedBy: by } = report;
      const end = by === undefined ? 'truncation not excluded' : `end named by ${printable(by)}`;
      const limits = this.#trust.pins.length > 0 ? end : `${end}, ${NOT_PINNED}`;
      const from = report.cut === undefined ? '' : ` from sequence ${report.cut.sequence + 1}`;
      const valid = `${this.#paint('green', 'VALID')}${from} (${plural(verdict.length, 'receipt')})`;
      this.#line(`${name}: ${valid} \u2014 ${STATUSES[verdict.status]}; ${limits}`);
      if (report.pruned !== undefined) this.#line(`  ${prunedText(report.pruned)}`);
    } else if (objection !== undefined) {
      this.#line(`${name}: ${this.#paint('red', 'BROKEN')} \u2014 ${printable(objection)}`);
    } else {
      this.#line(`${name}: ${this.#paint('red', 'BROKEN')} at receipt ${verdict.brokenAt}`);
      if (verdict.error !== undefined) this.#line(`  cause: ${printable(verdict.error)}`);
      if (verdict.brokenReceipt !== undefined) {
        const { receiptId, sequence } = verdict.brokenReceipt;
        this.#line(`  receipt: ${printable(receiptId)} (sequence ${sequence ?? 'unknown'})`);
      }
      this.#listReceipts(report);
    }
  }

  #advise({ verdict, isRotated, genesis }: ChainReport): void {
    const chain = `chain ${printable(verdict.chainId)}`;
    if (verdict.incompleteToolRoundtrip) {
      this.#line(
        `Advisory: incomplete tool roundtrip: the last receipt of ${chain} is pending, its outcome was not seen`,
      );
    }
    if (verdict.incompleteSession) {
      this.#line(
        `Advisory: incomplete session: ${chain} does not close as many terminals as it opens`,
      );
    }
    if (this.#isVerbose) {
      for (const warning of verdict.warnings)
        this.#line(`Warning: ${chain}: ${printable(warning)}`);
    }
    if (isRotated) {
      const { path, fingerprint } = genesis;
      const name = `${printable(path)} (${fingerprint})`;
      this.#rotated.set(name, (this.#rotated.get(name) ?? 0) + 1);
    }
  }

  #listReceipts(report: ChainReport): void {
    const showAll = this.#isVerbose || report.verdict.length <= SHORT_CHAIN;
    let bad = 0;
    for (const verdict of judgeAgain(this.#reader, report)) {
      const fault = faultOf(verdict);
      if (fault !== undefined) bad += 1;
      if (!showAll && (fault === undefined || bad > MOST_BAD)) continue;
      let text = fault === undefined ? 'ok' : this.#paint('red', FAULTS[fault]);
      // The three plain faults say it all; of the others the cause is the point.
      const why = fault === 'mismatch' || fault === 'unreadable' ? verdict.problem : undefined;
      if (why !== undefined) text += `: ${printable(why)}`;
      this.#line(`  [${verdict.index}] ${printable(verdict.receiptId)} \u2014 ${text}`);
    }
    if (!showAll && bad > MOST_BAD) {
      this.#line(`  and ${bad - MOST_BAD} more bad receipts; -verbose prints every receipt`);
    }
  }

  end(unchecked: readonly Unchecked[], _isGood: boolean, coverage: Coverage): void {
    const { valid, broken, empty } = this.#counts;
    const chains = valid + broken + empty;
    if (chains === 0) this.#line(`${this.#paint('red', 'NO RECEIPTS FOUND')} (0 receipts)`);
    for (const [key, count] of this.#rotated) {
      const begin = count === 1 ? 'begins' : 'begin';
      this.#cli.say.log(`Note: ${plural(count, 'chain')} ${begin} with the archived key ${key}`);
    }
    if (this.#hasUnseenBody) this.#cli.say.log(`Note: ${RESPONSE_HASH_NOTE}`);
    const counts = [`${valid} valid`, `${broken} broken`];
    if (empty > 0) counts.push(`${empty} without receipts`);
    this.#line('');
    this.#line(
      `${plural(chains, 'chain')}, ${plural(this.#receipts, 'receipt')}: ${counts.join(', ')}`,
    );
    const missing = missingText(coverage.missingCalls);
    if (missing !== undefined) this.#line(`${this.#paint('red', 'MISSING')} \u2014 ${missing}`);
    this.#line(`Key: ${this.#trust.keyring.published.fingerprint}`);
    this.#line('');
    this.#line('Not checked:');
    for (const { text } of unchecked) this.#line(`  - ${printable(text)}`);
    this.#line('');
    for (const line of coverageLines(coverage)) this.#line(printable(line));
  }

  #line(text: string): void {
    this.#cli.out.write(`${text}\n`);
  }
}

function prunedText({ lastSequence, headHash, at, receiptId }: PrunedRecord): string {
  const what = `pruned: receipts 1 to ${lastSequence}, head ${headHash}`;
  return printable(`${what}, removed on ${at} by receipt ${receiptId}`);
}
