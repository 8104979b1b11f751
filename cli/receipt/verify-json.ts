import type { Coverage } from '../../shared/chain/coverage.ts';
import type { ReceiptVerdict, Unchecked } from '../../shared/chain/verdict.ts';
import type { Output } from '../output.ts';
import type { ReceiptReader } from '../store/reader.ts';
import { faultOf, judgeAgain, MOST_BAD } from './bad-receipts.ts';
import { objectionTo, resultOf, type ChainReport } from './judge.ts';
import { coverageJson } from './coverage-json.ts';
import type { PrunedRecord } from './pruned.ts';
import type { Report } from './verify.ts';

/** The verdict as one JSON object, printed chain by chain. docs/cli.md describes every member. */
export class JsonReport implements Report {
  readonly #out: Output;
  readonly #reader: ReceiptReader;
  readonly #isVerbose: boolean;
  #isFirst = true;

  constructor(out: Output, reader: ReceiptReader, isVerbose: boolean) {
    this.#out = out;
    this.#reader = reader;
    this.#isVerbose = isVerbose;
  }

  chain(report: ChainReport): void {
    const { verdict, genesis } = report;
    const result = resultOf(report);
    const bad =
      verdict.result === 'broken' ? this.#badReceipts(report) : { receipts: [], count: 0 };
    const { brokenReceipt, head } = verdict;
    this.#print({
      chain_id: verdict.chainId,
      verified: result === 'valid',
      exit_code: result === 'valid' ? 0 : 1,
      result,
      length: verdict.length,
      ...(report.cut !== undefined && { first_sequence: report.cut.sequence + 1 }),
      status: verdict.status,
      head: head === undefined ? null : { sequence: head.sequence, receipt_hash: head.receiptHash },
      end_named_by: report.endNamedBy ?? null,
      broken_at: verdict.brokenAt,
      cause: objectionTo(report) ?? verdict.error ?? null,
      broken_receipt:
        brokenReceipt === undefined
          ? null
          : { receipt_id: brokenReceipt.receiptId, sequence: brokenReceipt.sequence ?? null },
      receipts: bad.receipts,
      bad_receipts: bad.count,
      advisories: advisoriesOf(report),
      warnings: verdict.warnings,
      unchecked: verdict.unchecked,
      key_fingerprint: genesis.fingerprint,
      ...(report.pruned !== undefined && { pruned: prunedOf(report.pruned) }),
    });
  }

  end(unchecked: readonly Unchecked[], isGood: boolean, coverage: Coverage): void {
    this.#out.write(this.#isFirst ? '{\n  "chains": [],' : '\n  ],');
    const rest = JSON.stringify(
      { ok: isGood, unchecked, coverage: coverageJson(coverage) },
      null,
      2,
    );
    this.#out.write(`${rest.slice(1)}\n`);
  }

  #print(chain: object): void {
    const text = JSON.stringify(chain, null, 2).replaceAll('\n', '\n    ');
    this.#out.write(`${this.#isFirst ? '{\n  "chains": [' : ','}\n    ${text}`);
    this.#isFirst = false;
  }

  #badReceipts(report: ChainReport): { receipts: readonly object[]; count: number } {
    const receipts: object[] = [];
    let count = 0;
    for (const verdict of judgeAgain(this.#reader, report)) {
      const status = faultOf(verdict);
      if (status === undefined) continue;
      count += 1;
      if (!this.#isVerbose && count > MOST_BAD) continue;
      receipts.push({ ...place(verdict), status });
    }
    return { receipts, count };
  }
}

function place({ index, receiptId }: ReceiptVerdict) {
  return { index, receipt_id: receiptId };
}

function prunedOf({ lastSequence, headHash, keyFingerprint, at, receiptId }: PrunedRecord) {
  return {
    last_sequence: lastSequence,
    head_hash: headHash,
    key_fingerprint: keyFingerprint,
    at,
    receipt_id: receiptId,
  };
}

function advisoriesOf({ verdict }: ChainReport): readonly string[] {
  return [
    ...(verdict.incompleteToolRoundtrip ? ['incomplete_tool_roundtrip'] : []),
    ...(verdict.incompleteSession ? ['incomplete_session'] : []),
  ];
}
