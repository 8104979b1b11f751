import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chainTexts, CHAIN_ID, TEST_1, TEST_2, type Link } from '../../test/vectors/fixture.ts';
import {
  ACTION,
  CHAIN,
  judge,
  OUTCOME,
  rotation,
  signed,
  tampered,
  terminal,
} from '../../test/vectors/judge.ts';
import { nobleSuite } from '../crypto/noble-suite.ts';
import { nodeSuite } from '../crypto/node-suite.ts';
import type { CryptoSuite, VerifyKey } from '../crypto/suite.ts';
import { judgeAhead } from './judge-ahead.ts';
import type { ReceiptVerdict } from './verdict.ts';
import { ChainVerifier } from './verify-chain.ts';

const LINKS: readonly Link[] = [
  {},
  {},
  rotation(),
  { signer: TEST_2 },
  { ...rotation(), signer: TEST_2 },
  tampered('credentialSubject', { keyRotation: { event_type: 'x' } }),
  terminal,
  signed(CHAIN, { chain_id: 'other' }),
  signed(OUTCOME, { status: 'pending' }),
  signed(ACTION, { idempotency_key: 'again' }),
  signed(ACTION, { tool_name: 'line\nbreak' }),
  tampered(ACTION, { tool_name: 'x' }),
  tampered(CHAIN, { sequence: 9 }),
  tampered('proof', { proofValue: 'u' }),
  tampered('proof', { created: 'later' }),
];

/** Chains of such links, with rows deleted, doubled, moved, and cut to something unreadable. */
const anyRows = fc
  .tuple(
    fc.array(fc.constantFrom(...LINKS), { minLength: 1, maxLength: 12 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(40)), { maxLength: 16 }),
    fc.boolean(),
  )
  .map(([links, places, isMoved]) => {
    const texts = chainTexts(links);
    if (!isMoved) return texts;
    return places.map(([place, cut]) => {
      const text = texts[place % texts.length] ?? '';
      return cut === 0 ? text.slice(1) : text;
    });
  });

/** Everything that anybody is told of a chain when signatures are checked ahead. */
async function judgedAhead(texts: readonly string[], suite: CryptoSuite) {
  const key = suite.verifyKey(TEST_1.publicKey);
  const verifier = new ChainVerifier(suite, CHAIN_ID, { key });
  const receipts: ReceiptVerdict[] = [];
  const rows = texts.map((text) => ({ text }));
  await judgeAhead(verifier, rows, (verdict, row) => {
    expect(row).toBe(rows[receipts.length]);
    receipts.push(verdict);
  });
  return { verdict: verifier.finish(), receipts };
}

/** Answers come when the test says so, in any order; the bytes are overwritten meanwhile. */
function suiteOn(scheduler: fc.Scheduler): CryptoSuite {
  const later = (key: VerifyKey): VerifyKey => ({
    raw: key.raw,
    verify: (message, signature) => key.verify(message, signature),
    verifyLater: (message, signature) =>
      scheduler.schedule(Promise.resolve(key.verify(message, signature))),
  });
  return { ...nodeSuite, verifyKey: (raw) => later(nodeSuite.verifyKey(raw)) };
}

test('judgeAhead() tells of any chain what push() tells, whenever answers come [S.tamper] [S.one-verdict]', async () => {
  const property = fc.asyncProperty(anyRows, fc.scheduler(), async (texts, scheduler) => {
    const ahead = judgedAhead(texts, suiteOn(scheduler));
    const want = judge(texts);
    expect(await scheduler.waitFor(ahead)).toEqual(want);
    expect(await judgedAhead(texts, nodeSuite)).toEqual(want);
    expect(await judgedAhead(texts, nobleSuite)).toEqual(want);
  });
  await fc.assert(property, { numRuns: 150 });
});

test('judgeAhead() reads at most 64 receipts ahead [P7.memory-flat]', async () => {
  const texts = chainTexts(Array.from({ length: 200 }, () => ({})));
  let [open, most] = [0, 0];
  const rows = function* () {
    for (const text of texts) {
      open += 1;
      most = Math.max(most, open);
      yield { text };
    }
  };
  const key = nodeSuite.verifyKey(TEST_1.publicKey);
  const verifier = new ChainVerifier(nodeSuite, CHAIN_ID, { key });
  await judgeAhead(verifier, rows(), () => (open -= 1));
  expect(verifier.finish()).toMatchObject({ result: 'valid', length: 200 });
  expect(most).toBe(65);
});

test('judgeAhead() ends with the fault of whoever reads, and leaves no answer behind', async () => {
  const [text = ''] = chainTexts([{}]);
  const rows = function* () {
    yield { text };
    throw new Error('the disk is gone');
  };
  const key = nodeSuite.verifyKey(TEST_1.publicKey);
  const failing: VerifyKey = { ...key, raw: key.raw, verify: () => false };
  failing.verifyLater = () => Promise.reject(new Error('no threads'));
  const verifier = new ChainVerifier(nodeSuite, CHAIN_ID, { key: failing });
  const run = judgeAhead(verifier, rows(), () => undefined);
  await expect(run).rejects.toThrow('the disk is gone');
});
