import { hash } from 'node:crypto';
import { decide } from '../../policy/decide.ts';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import { canonicalHashUri } from '../../shared/crypto/canonical-hash.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import { scanMembers } from '../../shared/json/scan.ts';
import type { JsonValue } from '../../shared/json/value.ts';
import { filledStore, FIRST_RECEIPTS, readReceipts } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import { ratioRow, type Budget, type Round, type Row } from '../row.ts';
import { CallLine, KB, MB } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

/** Inner loops, without budgets: here a change shows before it shows in a row that matters. */
export const micro: Bench = {
  name: 'micro',
  title: 'decide, canonicalize, scan',
  run: async (lab) => {
    const { db } = await filledStore(lab, FIRST_RECEIPTS);
    const receipt = readReceipts(db, 100).at(-1)?.text ?? 'null';
    const value = JSON.parse(receipt) as JsonValue;
    const argumentsText = '{"path":"/srv/project/notes.txt","content":"line one\\nline two"}';
    return [
      compare(lab, 'decide(), default rules', 'JSON.parse of its arguments', {
        repeat: 5000,
        floor: () => JSON.parse(argumentsText) as unknown,
        measured: () =>
          decide(DEFAULT_RULES, {
            server: 'files',
            tool: 'read_file',
            arguments: () => JSON.parse(argumentsText) as JsonValue,
          }),
      }),
      compare(lab, `canonicalize(), receipt of ${receipt.length} B`, 'JSON.stringify', {
        repeat: 3000,
        floor: () => JSON.stringify(value),
        measured: () => canonicalize(value),
      }),
      ...[
        { name: '1 KB', bytes: KB, repeat: 5000 },
        { name: '100 KB', bytes: 100 * KB, repeat: 60 },
        { name: '5 MB', bytes: 5 * MB, repeat: 2 },
      ].map(({ name, bytes, repeat }) => {
        const line = Buffer.from(new CallLine(bytes).withId(10_000_000));
        return compare(lab, `scanMembers(), line of ${name}`, 'decode + JSON.parse', {
          repeat,
          floor: () => JSON.parse(line.toString()) as unknown,
          measured: () => scanMembers(line),
        });
      }),
      ...[
        { name: '100 KB', bytes: 100 * KB, repeat: 30 },
        { name: '5 MB', bytes: 5 * MB, repeat: 1 },
      ].map(({ name, bytes, repeat }) => {
        const line = Buffer.from(new CallLine(bytes).withId(10_000_000));
        return compare(lab, `canonicalHashUri(), line of ${name}`, 'SHA-256', {
          repeat,
          floor: () => hash('sha256', line, 'hex'),
          measured: () => canonicalHashUri(line),
        });
      }),
    ];
  },
};

export interface Pair {
  readonly repeat: number;
  readonly budget?: Budget;
  readonly floor: () => unknown;
  readonly measured: () => unknown;
}

export function compare(lab: Lab, row: string, floorName: string, pair: Pair): Row {
  const { repeat, budget } = pair;
  const rounds: Round[] = [];
  const warmUp = 3;
  for (let i = 0; i < lab.size(9, 40) + warmUp; i += 1) {
    const round = { floor: time(pair.floor, repeat), measured: time(pair.measured, repeat) };
    if (i >= warmUp) rounds.push(round);
  }
  const spec = { row, basis: 'wall', unit: 'ns', floorName } as const;
  return ratioRow(budget === undefined ? spec : { ...spec, budget }, rounds);
}

/** Results go here, so that no compiler finds out that nobody looks at them. */
const sink: { last: unknown } = { last: undefined };

function time(work: () => unknown, repeat: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeat; i += 1) sink.last = work();
  return Number(process.hrtime.bigint() - start) / repeat;
}
