import { Buffer } from 'node:buffer';
import { finding, type Finding, type FindingCode } from '../policy/finding.ts';
import { MAX_RESULT_BYTES, mayHoldFindings, resultFindings } from '../policy/text-findings.ts';
import type { JsonObject } from '../shared/json/value.ts';
import { findingsMember } from './finding-context.ts';
import { printable } from './proxy-log.ts';
import type { OpenRecord } from './recorder.ts';

/**
 * Looks at what tools answer. The result has gone to the client already, so that nothing waits for
 * this; what is found stands in the receipt, and is known when the next tool is called.
 */
export class ResultWatch {
  readonly #heard = new Map<FindingCode, Finding>();

  /** What results of this session held so far: the last of each kind. */
  get findings(): readonly Finding[] {
    return [...this.#heard.values()];
  }

  /** The same record, told of what stands in the result as well. */
  over(record: OpenRecord, tool: string, context: JsonObject): OpenRecord {
    return {
      durable: record.durable,
      reference: record.reference,
      unknown: (error, itsContext) => record.unknown(error, itsContext),
      denied: (error, itsContext) => record.denied(error, itsContext),
      answered: (outcome) => {
        const seen = this.#look(tool, outcome.output ?? outcome.error);
        record.answered(
          seen === undefined
            ? outcome
            : { ...outcome, context: { ...(outcome.context ?? context), ...seen } },
        );
      },
    };
  }

  /** Undefined where nothing is to be said. */
  #look(tool: string, result: Buffer | undefined): JsonObject | undefined {
    if (result === undefined) return undefined;
    const isCut = result.length > MAX_RESULT_BYTES;
    const part = isCut ? result.subarray(0, MAX_RESULT_BYTES) : result;
    const findings = mayHoldFindings(part) ? resultFindings(part.toString()) : [];
    if (findings.length === 0 && !isCut) return undefined;
    for (const { code, text } of findings) {
      this.#heard.set(code, finding(code, `an earlier result of ${printable(tool)}: ${text}`));
    }
    return {
      ...findingsMember(findings, 'result_findings'),
      ...(isCut && { result_bytes_checked: MAX_RESULT_BYTES }),
    };
  }
}
