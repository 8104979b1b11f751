import { decide, type Decision } from '../../policy/decide.ts';
import { PolicyHistory } from '../../policy/history.ts';
import type { RuleSet } from '../../policy/rule.ts';
import { CodedError } from '../../shared/errors.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { colorFlag, dbFlag, paintFor, PATH_NOTE, storePath } from '../common-flags.ts';
import { parseMoment, secondText } from '../moment.ts';
import { ReceiptReader, type StoredRow } from '../store/reader.ts';
import { Table } from '../table.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { digestOf, readRules } from './files.ts';
import { recordedCall, type RecordedCall } from './recorded-call.ts';

const DEFAULT_LIMIT = 50;

const spec = {
  db: dbFlag,
  since: {
    type: 'string',
    placeholder: 'WHEN',
    describe: 'not before: a time, a date (UTC), or how long ago (90m, 7d)',
    default: '7d',
  },
  limit: { type: 'integer', describe: 'show at most this many calls', default: DEFAULT_LIMIT },
  json: { type: 'boolean', describe: 'print the answer as JSON' },
  color: colorFlag,
} as const;

const notes = `${PATH_NOTE}
Shows calls that these rules would have decided otherwise, or may have. Receipts have
hashes of arguments, and neither the client nor what the server said about its tool.
Where the answer depends on these, both ends are shown: pass..block. Rates, budgets and
sequences count the calls that would have gone on. Nothing is verified here; that is
what obsigna verify does.

Exit codes: 0 whatever is found; 2 wrong usage, or not readable.
`;

/** `obsigna rules replay` */
export const replayRulesCommand = defineVerb({
  name: 'rules replay',
  operands: ['FILE'],
  about: 'Decides recorded calls by these rules, and says honestly what cannot be known.',
  spec,
  notes,
  run: replay,
});

/** The two ends between which the decision lies; the same where it is certain. */
interface Replayed {
  readonly call: RecordedCall;
  readonly place: string;
  readonly low: Decision;
  readonly high: Decision;
}

interface Counts {
  calls: number;
  same: number;
  differ: number;
  uncertain: number;
  unreadable: number;
}

function replay({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const rules = readRules(operands[0]);
  const { limit = DEFAULT_LIMIT } = flags;
  if (limit < 0) throw new CodedError('USAGE', `-limit is ${limit}, expected a number from 0`);
  const since = secondText(parseMoment('since', flags.since ?? '7d', Date.now()));
  const counts: Counts = { calls: 0, same: 0, differ: 0, uncertain: 0, unreadable: 0 };
  const shown: Replayed[] = [];
  const reader = new ReceiptReader(storePath(cli, flags.db));
  try {
    for (const replayed of replayAll(reader, rules, since, counts)) {
      count(replayed, counts);
      if (!isSame(replayed) && shown.length < limit) shown.push(replayed);
    }
  } finally {
    reader.close();
  }
  if (flags.json === true) printJson(cli, rules, since, counts, shown);
  else printText(cli, flags.color, since, counts, shown);
  return 0;
}

/** Chain by chain, oldest first: rates and sequences need the order of the calls. */
function* replayAll(
  reader: ReceiptReader,
  rules: RuleSet,
  since: string,
  counts: Counts,
): Generator<Replayed> {
  const sessions = new Map<string, Readonly<Record<'low' | 'high', PolicyHistory>>>();
  for (const chain of reader.chainsSince(since)) {
    for (const row of reader.chain(chain)) {
      if (row.columns.timestamp < since) continue;
      const call = readCall(row, counts);
      if (call === undefined) continue;
      const fresh = () => ({ low: new PolicyHistory(), high: new PolicyHistory() });
      const history = sessions.get(call.session) ?? fresh();
      sessions.set(call.session, history);
      yield {
        call,
        place: `${chain.id}:${row.columns.sequence}`,
        low: decideRecorded(rules, call, false, history.low),
        high: decideRecorded(rules, call, true, history.high),
      };
    }
  }
}

function readCall(row: StoredRow, counts: Counts): RecordedCall | undefined {
  try {
    return recordedCall(parseReceipt(row.text).receipt);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    counts.unreadable += 1;
    return undefined;
  }
}

function decideRecorded(
  rules: RuleSet,
  { server, tool, agent, atMs, score, findings }: RecordedCall,
  assume: boolean,
  history: PolicyHistory,
): Decision {
  return decide(rules, {
    server,
    tool,
    agent,
    findings,
    history,
    assume,
    nowMs: atMs,
    ...(score !== undefined && { recordedScore: score }),
    arguments: () => undefined,
  });
}

function isSame({ call, low, high }: Replayed): boolean {
  return low.action === high.action && low.action === call.action;
}

function count(replayed: Replayed, counts: Counts): void {
  counts.calls += 1;
  if (isSame(replayed)) counts.same += 1;
  else if (replayed.low.action === replayed.high.action) counts.differ += 1;
  else counts.uncertain += 1;
}

function wouldText({ low, high }: Replayed): string {
  return low.action === high.action ? low.action : `${low.action}..${high.action}`;
}

function printText(
  cli: Cli,
  color: string | undefined,
  since: string,
  counts: Counts,
  shown: readonly Replayed[],
): void {
  if (shown.length > 0) {
    const table = new Table(cli.out, paintFor(cli, color));
    const head = ['TIME', 'RECEIPT', 'SERVER', 'TOOL', 'WAS', 'WOULD BE', 'RULE'];
    table.row(head.map((text) => ({ text })));
    for (const replayed of shown) {
      const { call, place, high } = replayed;
      const { server, tool, action = 'not told' } = call;
      const at = `${secondText(call.atMs)}Z`;
      const cells = [at, place, server, tool, action, wouldText(replayed), high.rule?.name ?? '-'];
      table.row(cells.map((text) => ({ text: printable(text) })));
    }
    table.end();
    cli.out.write('\n');
  }
  const { calls, same, differ, uncertain, unreadable } = counts;
  cli.out.write(`${calls} calls since ${since}Z: ${same} as they were, ${differ} otherwise, `);
  cli.out.write(`${uncertain} cannot be known without what receipts do not have\n`);
  const left = differ + uncertain - shown.length;
  if (left > 0) cli.out.write(`${left} more are not shown; -limit shows them\n`);
  if (unreadable > 0) cli.say.warn(`${unreadable} rows are no receipts; see obsigna verify`);
}

function printJson(
  cli: Cli,
  rules: RuleSet,
  since: string,
  counts: Counts,
  shown: readonly Replayed[],
): void {
  const rows = shown.map((replayed) => {
    const { call, place, low, high } = replayed;
    return {
      receipt: place,
      timestamp: new Date(call.atMs).toISOString(),
      server: call.server,
      tool: call.tool,
      was: call.action ?? null,
      would_be: { at_least: low.action, at_most: high.action },
      certain: low.action === high.action,
      rule: high.rule?.name ?? null,
    };
  });
  const answer = { since: `${since}Z`, policy_digest: digestOf(rules), ...counts, shown: rows };
  cli.out.write(`${JSON.stringify(answer, null, 2)}\n`);
}
