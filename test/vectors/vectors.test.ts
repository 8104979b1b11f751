import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { ChainVerifier } from '../../shared/chain/verify-chain.ts';
import { canonicalHashUri } from '../../shared/crypto/canonical-hash.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { canonicalizeText, encodeUtf8 } from '../../shared/json/text.ts';
import { hashedText, signedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { verifyProof } from '../../shared/receipt/proof.ts';
import type { EventFrame } from '../../shared/wire/event.ts';
import { parseFrame } from '../../shared/wire/parse-frame.ts';
import { SUITES } from './fixture.ts';
import { fromHex } from './hex.ts';
import { readVectors, type CanonicalVectors, type ChainVectors, type WorkedExample } from './read.ts';

const canonical = readVectors<CanonicalVectors>('canonical.json');
const chain = readVectors<ChainVectors>('chain.json');
const example = readVectors<WorkedExample>('worked-example.json');

const bytesOf = ({ text, hex }: { text?: string; hex?: string }) =>
  hex === undefined ? Buffer.from(text ?? '') : fromHex(hex);

describe.each(SUITES)('$suite.name $cites', ({ suite }) => {
  for (const vector of canonical.accepted) {
    test(`[S.canonical-traps] canonical text: ${vector.name}`, () => {
      const text = canonicalizeText(bytesOf(vector));
      expect(text).toBe(vector.canonical);
      expect(hashUri(suite, text)).toBe(vector.hash);
      expect(hashUri(suite, encodeUtf8(text))).toBe(vector.hash);
    });
  }

  test('every receipt of the chain has its hash', () => {
    const hashes = chain.receipts.map((text) => hashUri(suite, hashedText(parseReceipt(text).json)));
    expect(hashes).toEqual(chain.hashes);
  });

  for (const { name, rows, result, brokenAt, error } of chain.variants) {
    test(`[S.tamper] chain: ${name}`, () => {
      const key = suite.verifyKey(fromHex(chain.publicKeyHex));
      const verifier = new ChainVerifier(suite, chain.chainId, { key });
      for (const row of rows) {
        verifier.push({ text: typeof row === 'string' ? row : (chain.receipts[row] ?? '') });
      }
      const verdict = verifier.finish();
      expect(verdict).toMatchObject({ result, brokenAt, length: rows.length });
      if (error !== undefined) expect(verdict.error).toBe(error);
      const head = result === 'valid' ? chain.hashes[rows.length - 1] : undefined;
      expect(verdict.head?.receiptHash).toBe(head);
    });
  }

  test('worked example: hashes, signature and verdict are as published', () => {
    const frame = parseFrame(Buffer.from(example.frame)) as EventFrame;
    const input = canonicalizeText(frame.input ?? new Uint8Array());
    const output = canonicalizeText(frame.output ?? new Uint8Array());
    expect([input, hashUri(suite, input)]).toEqual([example.canonicalInput, example.parametersHash]);
    expect([output, hashUri(suite, output)]).toEqual([example.canonicalOutput, example.responseHash]);
    const { receipt, json } = parseReceipt(example.receipt);
    const text = signedText(json);
    expect(Buffer.byteLength(text)).toBe(example.canonicalLength);
    expect(hashUri(suite, hashedText(json, text))).toBe(example.receiptHash);
    const key = suite.verifyKey(fromHex(example.publicKeyHex));
    expect(verifyProof(key, text, receipt.proof)).toBe(true);
    const verifier = new ChainVerifier(suite, '2026-06-15', { key, responseBody: () => frame.output });
    verifier.push({ text: example.receipt });
    expect(verifier.finish()).toMatchObject({ result: 'valid', head: { receiptHash: example.receiptHash } });
  });
});

/** Long enough that a part of it is hashed as the bytes it came in. */
const beside = (text: Uint8Array) =>
  Buffer.concat([Buffer.from(`["${'x'.repeat(4096)}", `), text, Buffer.from(']')]);

for (const vector of canonical.accepted) {
  test(`[S.canonical-traps] hash of large texts: ${vector.name}`, () => {
    const want = beside(Buffer.from(vector.canonical)).toString().replace(', ', ',');
    expect(canonicalHashUri(beside(bytesOf(vector)))).toBe(hashUri(nodeSuite, want));
    expect(canonicalHashUri(bytesOf(vector))).toBe(vector.hash);
  });
}

for (const vector of canonical.refused) {
  test(`[S.canonical-traps] refused as a large text: ${vector.name}`, () => {
    expect(() => canonicalHashUri(beside(bytesOf(vector)))).toThrow(
      expect.objectContaining({ code: vector.code }),
    );
  });

  test(`[S.canonical-traps] refused: ${vector.name}`, () => {
    expect(() => canonicalizeText(bytesOf(vector))).toThrow(
      expect.objectContaining({ code: vector.code }),
    );
  });
}
