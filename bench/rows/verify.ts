import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { judgeAhead } from '../../shared/chain/judge-ahead.ts';
import type { StoredReceipt } from '../../shared/chain/stored.ts';
import { ChainVerifier } from '../../shared/chain/verify-chain.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { parsePublicKeyPem } from '../../shared/crypto/public-key.ts';
import type { CryptoSuite } from '../../shared/crypto/suite.ts';
import { signedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { decodeProofValue } from '../../shared/receipt/proof.ts';
import { filledStore, FIRST_RECEIPTS, readReceipts, type FilledStore } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import { atLeast, atMost, ratioRow, type Budget, type Round, type Row } from '../row.ts';
import type { Bench } from './bench.ts';
import { largeStore } from './large-store.ts';
import { wholeRun } from './whole-run.ts';

const RECEIPTS = 2000;
/** Rounds until V8 has compiled what a long chain is judged by: that happens beside, and is CPU as well. */
const WARM_UP = 4;

/** Everything but the arithmetic of signatures: what our own code costs a verifier. */
const UNSIGNED_SUITE: CryptoSuite = {
  ...nodeSuite,
  name: 'no signatures',
  verifyKey: (raw) => ({ raw, verify: () => true }),
};

/** Chain verification against bare signature checks over the same bytes. */
export const verify: Bench = {
  name: 'verify',
  title: 'verify: one thread, two cores, without signatures, memory',
  run: async (lab) => {
    const large = await largeStore(lab);
    return [...(await inProcess(lab, large)), await memoryRow(lab, large)];
  },
};

/** One pass over the receipts; both clocks, in receipts per second. */
interface Pace {
  readonly wall: number;
  readonly cpu: number;
}

async function inProcess(lab: Lab, { db, publicKey }: FilledStore): Promise<readonly Row[]> {
  const pem = readFileSync(publicKey, 'utf8');
  const receipts = readReceipts(db, RECEIPTS) as unknown as readonly StoredReceipt[];
  const signatures = receipts.map(({ text }) => {
    const { receipt, json } = parseReceipt(text);
    return { bytes: Buffer.from(signedText(json)), proof: decodeProofValue(receipt.proof) };
  });
  const keyObject = createPublicKey(pem);
  const raw = () => {
    for (const { bytes, proof } of signatures) {
      if (!verifySignature(null, bytes, keyObject, proof)) throw new Error('a bad signature');
    }
  };
  const verifierFor = (suite: CryptoSuite) =>
    new ChainVerifier(suite, 'bench', { key: suite.verifyKey(parsePublicKeyPem(pem)) });
  const oneByOne = (suite: CryptoSuite) => () => {
    const verifier = verifierFor(suite);
    for (const receipt of receipts) verifier.push(receipt);
    expectValid(verifier);
  };
  const ahead = async () => {
    const verifier = verifierFor(nodeSuite);
    await judgeAhead(verifier, receipts, () => undefined);
    expectValid(verifier);
  };
  const works = { whole: oneByOne(nodeSuite), ahead, unsigned: oneByOne(UNSIGNED_SUITE) };
  const rounds: Record<keyof typeof works, { floor: Pace; measured: Pace }[]> = {
    whole: [],
    ahead: [],
    unsigned: [],
  };
  for (let i = 0; i < WARM_UP + lab.size(7, 25); i += 1) {
    for (const name of ['whole', 'ahead', 'unsigned'] as const) {
      const round = { floor: await pace(raw), measured: await pace(works[name]) };
      if (i >= WARM_UP) rounds[name].push(round);
    }
  }
  const unit = '/s';
  const floorName = 'signature checks';
  const by = (clock: keyof Pace, list: readonly { floor: Pace; measured: Pace }[]) =>
    list.map(({ floor, measured }) => ({ floor: floor[clock], measured: measured[clock] }));
  const oneThread = (row: string, budget: Budget, list: (typeof rounds)['whole']) =>
    ratioRow({ row, basis: 'wall', unit, floorName, budget }, by('wall', list), {
      cpu: by('cpu', list),
    });
  return [
    oneThread('verify, one thread', atLeast(0.8), rounds.whole),
    ratioRow(
      {
        row: 'verify, every core',
        basis: 'wall',
        unit,
        floorName,
        budget: atLeast(1.5),
        note: `promised for two idle cores; here are ${availableParallelism()}`,
      },
      by('wall', rounds.ahead),
      { cpu: by('cpu', rounds.ahead) },
    ),
    oneThread('verify, without signatures', atLeast(6), rounds.unsigned),
  ];
}

function expectValid(verifier: ChainVerifier): void {
  const { result, error } = verifier.finish();
  if (result !== 'valid') throw new Error(`the store does not verify: ${error}`);
}

async function pace(work: () => void | Promise<void>): Promise<Pace> {
  const start = process.hrtime.bigint();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  const wallNs = Number(process.hrtime.bigint() - start);
  return { wall: (RECEIPTS / wallNs) * 1e9, cpu: (RECEIPTS / (user + system)) * 1e6 };
}

async function memoryRow(lab: Lab, large: FilledStore): Promise<Row> {
  const small = await filledStore(lab, FIRST_RECEIPTS);
  const run = (store: FilledStore) =>
    wholeRun(lab, 'obsigna', [
      'receipt',
      'verify',
      '-db',
      store.db,
      '-public-key',
      store.publicKey,
    ]);
  const rounds: Round[] = [];
  for (let i = 0; i < lab.size(2, 3); i += 1) {
    const floor = await run(small);
    const measured = await run(large);
    rounds.push({ floor: floor.peakMb, measured: measured.peakMb });
  }
  const row = `peak RSS of obsigna verify, ${large.receipts} receipts`;
  const floorName = `${small.receipts} receipts`;
  const note = 'constant: half as much again is room for the young heap';
  return ratioRow(
    { row, basis: 'memory', unit: 'MB', floorName, budget: atMost(1.5), note },
    rounds,
  );
}
