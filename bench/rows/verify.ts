import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
import { atLeast, atMost, ratioRow, type Round, type Row } from '../row.ts';
import type { Bench } from './bench.ts';
import { wholeRun } from './whole-run.ts';

const RECEIPTS = 2000;

/** Everything but the arithmetic of signatures: what our own code costs a verifier. */
const UNSIGNED_SUITE: CryptoSuite = {
  ...nodeSuite,
  name: 'no signatures',
  verifyKey: (raw) => ({ raw, verify: () => true }),
};

/** Chain verification against bare signature checks over the same bytes. */
export const verify: Bench = {
  name: 'verify',
  title: 'verify: one thread, without signatures, memory',
  run: async (lab) => {
    const large = await filledStore(lab, lab.size(20_000, 200_000));
    return [...inProcess(lab, large), await memoryRow(lab, large)];
  },
};

function inProcess(lab: Lab, { db, publicKey }: FilledStore): readonly Row[] {
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
  const chain = (suite: CryptoSuite) => () => {
    const verifier = new ChainVerifier(suite, 'bench', {
      key: suite.verifyKey(parsePublicKeyPem(pem)),
    });
    for (const receipt of receipts) verifier.push(receipt);
    const { result, error } = verifier.finish();
    if (result !== 'valid') throw new Error(`the store does not verify: ${error}`);
  };
  const whole = chain(nodeSuite);
  const unsigned = chain(UNSIGNED_SUITE);
  const oneThread: Round[] = [];
  const withoutSignatures: Round[] = [];
  for (let i = 0; i <= lab.size(7, 25); i += 1) {
    const floor = rate(raw);
    const round = { floor, measured: rate(whole) };
    const unsignedRound = { floor, measured: rate(unsigned) };
    if (i === 0) continue; // warm-up
    oneThread.push(round);
    withoutSignatures.push(unsignedRound);
  }
  const spec = { basis: 'wall', unit: '/s', floorName: 'signature checks' } as const;
  return [
    ratioRow({ ...spec, row: 'verify, one thread', budget: atLeast(0.8) }, oneThread),
    ratioRow({ ...spec, row: 'verify, without signatures', budget: atLeast(6) }, withoutSignatures),
  ];
}

function rate(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return (RECEIPTS / Number(process.hrtime.bigint() - start)) * 1e9;
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
