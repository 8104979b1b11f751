import { CoverageMeter, type Coverage } from '../../shared/chain/coverage.ts';
import type { ReceiptVerdict, Unchecked } from '../../shared/chain/verdict.ts';
import type { Cli, ExitCode } from '../cli.ts';
import {
  answerFlags,
  evidenceFlags,
  paintFor,
  PATH_NOTE,
  publicKeyPath,
  storePath,
} from '../common-flags.ts';
import { KeyTrust, parsePins } from '../key-trust.ts';
import { readKeyring } from '../keyring.ts';
import { Progress } from '../progress.ts';
import { ReceiptReader } from '../store/reader.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { ChainLinks } from './chain-links.ts';
import { confirmParent } from './delegation.ts';
import { judgeChain, resultOf, type ChainReport } from './judge.ts';
import { Limits } from './limits.ts';
import { cutOf, findPruned, newestCut } from './pruned.ts';
import { JsonReport } from './verify-json.ts';
import { TextReport } from './verify-text.ts';

const spec = {
  ...evidenceFlags,
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    describe: 'verify this chain only, not every chain of the store',
    env: 'AGENTRECEIPTS_CHAIN_ID',
  },
  verbose: {
    type: 'boolean',
    describe: 'print every receipt of a broken chain, and every warning',
  },
  progress: {
    type: 'boolean',
    describe: 'say on standard error how far it is, also where that is no terminal',
  },
  ...answerFlags,
} as const;

const notes = `${PATH_NOTE}
Checks signatures, hash links, sequences, and that the columns of the store say
what the receipts say. Needs no daemon, and works while one runs. Keys that were
rotated out are looked for beside the public key, as <public-key>.rotated-*.
With -pin, the key of every chain must be pinned, or rotations must lead to it
from a pinned one. A sub-agent's chain is compared with the chain it was delegated from. Each root
chain names the end of the one before it: one that is gone or was cut is found,
unless -chain-id asks for one chain alone. At the end stand what was not checked,
and how complete the record is: period, calls, outcomes that nobody saw, dropped
events, down time and its causes.

Exit codes: 0 every chain is valid; 1 a chain is broken, or there was nothing to
verify; 2 wrong usage, or store or key not readable.
`;

/** `obsigna receipt verify` */
export const verifyCommand = defineVerb({
  name: 'receipt verify',
  operands: [],
  about: 'Verifies every chain of the store, or one.',
  spec,
  notes,
  run: verify,
});

/** How verdicts become output. */
export interface Report {
  chain(report: ChainReport): void;
  end(unchecked: readonly Unchecked[], isGood: boolean, coverage: Coverage): void;
}

async function verify({ flags }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const paint = paintFor(cli, flags.color);
  const chainId = flags['chain-id'];
  const pins = parsePins(flags.pin);
  const reader = new ReceiptReader(storePath(cli, flags.db));
  try {
    const keyring = readKeyring(publicKeyPath(cli, flags['public-key']));
    for (const line of keyring.skipped) cli.say.log(`Note: ${printable(line)}`);
    const trust = new KeyTrust(reader, keyring, pins);
    const isVerbose = flags.verbose === true;
    const output: Report =
      flags.json === true
        ? new JsonReport(cli.out, reader, isVerbose)
        : new TextReport(cli, paint, reader, trust, isVerbose);
    const chains = chainId === undefined ? reader.chains() : [{ id: chainId, key: chainId }];
    const progress = new Progress(cli, () => reader.count(), flags.progress === true);
    const pruned = await findPruned(reader, trust);
    // One chain alone says nothing of others.
    const isWhole = chainId === undefined;
    const links = isWhole ? new ChainLinks(reader, chains, keyring, pruned) : undefined;
    const limits = new Limits();
    const meter = new CoverageMeter();
    let bad = chains.length === 0 ? 1 : 0;
    for (const chain of [...chains, ...(links?.absent() ?? [])]) {
      const cut = await cutOf(reader, chain, () => Promise.resolve(pruned));
      const see = (verdict: ReceiptVerdict) => {
        progress.step(chain.id);
        meter.receipt(verdict);
      };
      const judged = await judgeChain(reader, chain, trust, see, cut);
      const isGone = judged.verdict.result === 'empty' || cut !== undefined;
      const gone = isGone ? pruned.get(chain.id) : undefined;
      const confirmed = confirmParent(reader, trust.keyring, judged);
      const linked = links?.confirm(confirmed) ?? confirmed;
      const report = gone === undefined ? linked : { ...linked, pruned: gone };
      progress.clear();
      output.chain(report);
      limits.add(report.verdict);
      const result = resultOf(report);
      meter.chain(chain.id, {
        isBroken: result === 'broken',
        isOpen: report.verdict.result !== 'empty' && report.verdict.status === 'unknown',
      });
      if (result !== 'valid') bad += 1;
    }
    const coverage = meter.finish(links?.coverage(), newestCut(pruned));
    output.end(limits.list(trust, pruned, coverage), bad === 0, coverage);
    return bad === 0 ? 0 : 1;
  } finally {
    reader.close();
  }
}
