import { Buffer } from 'node:buffer';
import { batchLine } from '../../proxy/answers.ts';
import { inspectClientLine, type BatchElement } from '../../proxy/inspect.ts';
import { LineSplitter } from '../../proxy/lines.ts';

/** What a proxy that blocks every call would do with these bytes. */
export interface Guarded {
  /** To the server. */
  readonly passed: Buffer;
  /** Ids of the answers, `null` where none can be read. */
  readonly answered: readonly string[];
}

/** Inspects as the proxy does, without the programs around it: fast enough for thousands of tries. */
export function guard(bytes: Buffer): Guarded {
  const passed: Buffer[] = [];
  const answered: string[] = [];
  const judge = ({ inspection }: Pick<BatchElement, 'inspection'>): boolean => {
    if (inspection.kind === 'refuse') answered.push(inspection.id?.toString() ?? 'null');
    else if (inspection.kind === 'call') answered.push(inspection.call.id?.toString() ?? '');
    else return true;
    return false;
  };
  const line = (text: Buffer) => {
    const inspection = inspectClientLine(text);
    if (inspection.kind !== 'batch') {
      if (judge({ inspection })) passed.push(text);
      return;
    }
    const { elements } = inspection;
    const kept = elements.filter(judge);
    if (kept.length === elements.length) passed.push(text);
    else if (kept.length > 0)
      passed.push(batchLine(kept.map(({ start, end }) => text.subarray(start, end))));
  };
  const handler = { line, tooLong: () => void answered.push('null') };
  const splitter = new LineSplitter(64 * 1024 * 1024);
  splitter.push(bytes, handler);
  splitter.end(handler);
  return { passed: Buffer.concat(passed), answered: answered.filter((id) => id !== '') };
}
