import { spawnSync } from 'node:child_process';
import type { PrunedChain } from '../../shared/chain/pruned.ts';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { daemonFlags, handOn } from '../daemon/flags.ts';
import { daemonCommand } from '../daemon/program.ts';
import { parseMoment, secondText } from '../moment.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';

const spec = {
  before: {
    type: 'string',
    placeholder: 'WHEN',
    describe: 'remove chains whose last receipt is older: a date, a time, or how long ago (90d)',
  },
  'dry-run': { type: 'boolean', describe: 'only say what would be removed' },
  config: daemonFlags.config,
  db: daemonFlags.db,
  json: { type: 'boolean', describe: 'print what was done as JSON' },
} as const;

const notes = `Whole chains only, a root with those of its sub-agents. The daemon must be stopped: its
program does the work with the key that only it may open. A signed receipt names
every chain that went: its length, the hash of its last receipt, its key. Chains
that do not verify stay, and so do those that others need for their verification.

Exit codes: 0 done; 1 a chain stays because it does not verify; 2 wrong usage, or it
could not be done.
`;

/** `obsigna store prune` */
export const pruneCommand = defineVerb({
  name: 'store prune',
  operands: [],
  about: 'Removes old chains, and leaves signed receipts that name them.',
  spec,
  notes,
  run: prune,
});

interface Kept {
  readonly chainId: string;
  readonly reason: string;
}

/** What `obsigna-daemon -prune-before` prints. */
interface PruneReport {
  readonly pruned: readonly PrunedChain[];
  readonly kept: readonly Kept[];
  readonly broken: readonly Kept[];
  readonly receipts: readonly string[];
  readonly compacted: boolean;
}

function prune({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  if (flags.before === undefined) throw new CodedError('USAGE', '-before is required');
  const before = `${secondText(parseMoment('since', flags.before, Date.now()))}Z`;
  const dryRun = flags['dry-run'] === true;
  const [program, ...first] = daemonCommand(cli);
  const args = [`-prune-before=${before}`, ...(dryRun ? ['-dry-run'] : [])];
  const given = handOn({ config: flags.config, db: flags.db, socket: undefined });
  const { stdout, stderr, error } = spawnSync(program, [...first, ...args, ...given], {
    encoding: 'utf8',
    maxBuffer: Infinity,
  });
  if (error !== undefined || !stdout.startsWith('{')) {
    for (const line of stderr.trim().split('\n')) cli.say.log(printable(line));
    throw new CodedError('PRUNE_FAILED', error?.message ?? 'nothing was removed; see above');
  }
  const report = JSON.parse(stdout) as PruneReport;
  if (flags.json === true)
    cli.out.write(`${JSON.stringify(toJson(report, before, dryRun), null, 2)}\n`);
  else print(cli, report, before, dryRun);
  return report.broken.length === 0 ? 0 : 1;
}

function print(cli: Cli, report: PruneReport, before: string, dryRun: boolean): void {
  const line = (text: string) => cli.out.write(`${printable(text)}\n`);
  let receipts = 0;
  for (const { chainId, lastSequence, headHash } of report.pruned) {
    receipts += lastSequence;
    line(
      `${dryRun ? 'would remove' : 'removed'} ${chainId}: ${lastSequence} receipts, head ${headHash}`,
    );
  }
  for (const { chainId, reason } of report.kept) line(`kept ${chainId}: ${reason}`);
  for (const { chainId, reason } of report.broken) line(`kept ${chainId}: ${reason}`);
  line(`${report.pruned.length} chains, ${receipts} receipts that ended before ${before}`);
  for (const id of report.receipts) line(`named by ${id}`);
}

function toJson(report: PruneReport, before: string, dryRun: boolean): object {
  const kept = ({ chainId, reason }: Kept) => ({ chain_id: chainId, reason });
  return {
    before,
    dry_run: dryRun,
    pruned: report.pruned.map(({ chainId, lastSequence, headHash, keyFingerprint }) => ({
      chain_id: chainId,
      last_sequence: lastSequence,
      head_hash: headHash,
      key_fingerprint: keyFingerprint,
    })),
    kept: report.kept.map(kept),
    broken: report.broken.map(kept),
    receipts: report.receipts,
    compacted: report.compacted,
  };
}
