import { Buffer } from 'node:buffer';
import { createPublicKey, verify } from 'node:crypto';
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
import { formatPublicKeyPem, parseMultibaseKey } from '../crypto/public-key.ts';
import { canonicalize } from '../json/canonical.ts';
import type { JsonObject } from '../json/value.ts';
import type { Receipt } from '../receipt/receipt.ts';

const LINKS: readonly Link[] = [
  {},
  {},
  rotation(),
  terminal,
  { signer: TEST_2 },
  { ...rotation(), signer: TEST_2 },
  signed(CHAIN, { terminal: true }),
  signed(CHAIN, { status: 'complete' }),
  signed(CHAIN, { chain_id: 'other' }),
  signed(OUTCOME, { status: 'pending' }),
  signed('issuer', { id: 'did:x' }),
  tampered(ACTION, { tool_name: 'x' }),
  tampered(CHAIN, { sequence: 9 }),
  tampered('proof', { proofValue: 'u' }),
  tampered('proof', { created: 'later' }),
];

/** Any chain of such links, with rows deleted, doubled and moved. */
const anyRows = fc
  .tuple(
    fc.array(fc.constantFrom(...LINKS), { maxLength: 6 }),
    fc.array(fc.nat(), { maxLength: 8 }),
    fc.boolean(),
  )
  .map(([links, places, shuffled]) => {
    const texts = chainTexts(links);
    if (!shuffled || texts.length === 0) return texts;
    return places.map((place) => texts[place % texts.length] ?? '');
  });

/** The whole list at once: the specification's steps with everything in memory. */
function firstBreak(texts: readonly string[]): number {
  const receipts = texts.map((text) => JSON.parse(text) as Receipt);
  const bodies = receipts.map((it) => {
    const { proof, ...body } = it as unknown as JsonObject;
    expect(proof).toBeDefined();
    return canonicalize(body);
  });
  const chains = receipts.map((it) => it.credentialSubject.chain);
  const hashes = bodies.map((body) => `sha256:${nodeSuite.sha256Hex(body)}`);
  const mixed = chains.findIndex(
    (it) => it.chain_id !== (it === chains[0] ? CHAIN_ID : chains[0]?.chain_id),
  );
  if (mixed !== -1) return mixed;
  let active = TEST_1.publicKey;
  const bad = receipts.map((receipt, i) => {
    const { chain, keyRotation } = receipt.credentialSubject;
    const signature = Buffer.from(receipt.proof.proofValue.slice(1), 'base64url');
    const isSigned = verify(
      null,
      Buffer.from(bodies[i] ?? ''),
      createPublicKey(formatPublicKeyPem(active)),
      signature,
    );
    let isRotated = true;
    if (keyRotation !== undefined) {
      isRotated = keyRotation.old_key_fingerprint === `sha256:${nodeSuite.sha256Hex(active)}`;
      if (isRotated && isSigned) active = parseMultibaseKey(keyRotation.new_public_key);
    }
    const isLinked = chain.previous_receipt_hash === (hashes[i - 1] ?? null);
    const isNext = chain.sequence === (chains[i - 1]?.sequence ?? 0) + 1;
    const isStated = chain.status === undefined || chain.terminal === true;
    const isSame = receipt.issuer.id === receipts[0]?.issuer.id;
    const isTimely = receipt.proof.created === receipt.issuanceDate;
    return !(isSigned && isRotated && isLinked && isNext && isStated && isSame && isTimely);
  });
  const end = chains.findIndex((it) => it.terminal === true);
  const afterEnd = end === -1 || end === receipts.length - 1 ? Infinity : end + 1;
  const loop = bad.indexOf(true);
  const first = Math.min(loop === -1 ? Infinity : loop, afterEnd);
  return first === Infinity ? -1 : first;
}

test('ChainVerifier, row by row, finds what a look at the whole list finds', () => {
  fc.assert(
    fc.property(anyRows, (texts) => {
      const { verdict } = judge(texts);
      const brokenAt = firstBreak(texts);
      const result = brokenAt !== -1 ? 'broken' : texts.length === 0 ? 'empty' : 'valid';
      expect(verdict).toMatchObject({ result, brokenAt, length: texts.length });
    }),
    { numRuns: 500 },
  );
});

test('[P5.vectors-noble] both suites come to the same verdict, word for word', () => {
  fc.assert(
    fc.property(anyRows, (texts) => {
      expect(judge(texts, {}, nobleSuite)).toEqual(judge(texts, {}, nodeSuite));
    }),
    { numRuns: 40 },
  );
});

test('what is said of a receipt depends on nothing that comes later', () => {
  fc.assert(
    fc.property(anyRows, fc.nat(), (texts, cut) => {
      const length = cut % (texts.length + 1);
      const prefix = judge(texts.slice(0, length));
      expect(judge(texts).receipts.slice(0, length)).toEqual(prefix.receipts);
    }),
  );
});
