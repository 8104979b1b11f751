import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import {
  at,
  CHAIN_ID,
  chainTexts,
  ISSUER_ID,
  rotationOf,
  SUITES,
  TEST_1,
  TEST_2,
  TEST_3,
  type Draft,
  type Link,
} from '../../test/vectors/fixture.ts';
import { nodeSuite } from '../crypto/node-suite.ts';
import { hashUri, type CryptoSuite } from '../crypto/suite.ts';
import type { JsonValue } from '../json/value.ts';
import type { StoredReceipt } from './stored.ts';
import { RESPONSE_HASH_NOTE, type ChainVerdict, type ReceiptVerdict } from './verdict.ts';
import { ChainVerifier, type VerifyOptions } from './verify-chain.ts';

type Options = Partial<VerifyOptions>;

function judge(
  rows: readonly (string | StoredReceipt)[],
  options: Options = {},
  suite: CryptoSuite = nodeSuite,
  chainId = CHAIN_ID,
): { verdict: ChainVerdict; receipts: ReceiptVerdict[] } {
  const key = suite.verifyKey(TEST_1.publicKey);
  const verifier = new ChainVerifier(suite, chainId, { key, ...options });
  const receipts = rows.map((row) => verifier.push(typeof row === 'string' ? { text: row } : row));
  return { verdict: verifier.finish(), receipts };
}

/** Edits before signing (the issuer lies) or after it (somebody tampers), by path. */
const signed = (path: string, members: { [name: string]: JsonValue }): Link => ({
  edit: (body) => Object.assign(at(body, path), members),
});
const tampered = (path: string, members: { [name: string]: JsonValue }): Link => ({
  tamper: (receipt) => Object.assign(at(receipt, path), members),
});
const CHAIN = 'credentialSubject.chain';
const OUTCOME = 'credentialSubject.outcome';
const ACTION = 'credentialSubject.action';
const terminal: Link = signed(CHAIN, { terminal: true, status: 'interrupted' });
const rotation = (changes: Draft = {}): Link =>
  signed('credentialSubject', {
    keyRotation: { ...rotationOf(TEST_1, TEST_2), ...changes } as JsonValue,
  });
const fingerprint = (raw: Uint8Array) => hashUri(nodeSuite, raw);
const GOOD: readonly Link[] = [{}, {}, {}, {}];

interface Row {
  readonly name: string;
  readonly links: readonly Link[];
  readonly brokenAt: number;
  readonly error?: string;
  /** What the three flags of the broken receipt say: signature, link, sequence. */
  readonly flags: readonly [boolean, boolean, boolean];
  readonly options?: Options;
}

const ROTATION_INVALID = 'key rotation invalid at index 1: ';
const ROWS: readonly Row[] = [
  // -- signature --
  {
    name: 'a changed member',
    links: [{}, tampered(ACTION, { tool_name: 'delete' }), {}],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'a changed first receipt',
    links: [tampered(OUTCOME, { status: 'failure' }), {}],
    brokenAt: 0,
    flags: [false, true, true],
  },
  {
    name: 'an unknown member at the top',
    links: [{}, tampered('', { note: 1 })],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'an unknown member inside',
    links: [{}, tampered('credentialSubject', { note: null })],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'a member of issuer.runtime',
    links: [{}, tampered('issuer', { runtime: {} })],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'another key',
    links: [{}, { signer: TEST_2 }, {}],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'another proof type',
    links: [{}, tampered('proof', { type: 'X' })],
    brokenAt: 1,
    flags: [false, true, true],
    error: 'signature compute failed at index 1: unsupported proof type "X"',
  },
  {
    name: 'a padded proof value',
    links: [{}, tampered('proof', { proofValue: `u${'A'.repeat(86)}==` })],
    brokenAt: 1,
    flags: [false, true, true],
    error:
      'signature compute failed at index 1: proof value is not 86 canonical base64url characters',
  },
  // -- link and sequence --
  {
    name: 'a link to something else',
    links: [{}, signed(CHAIN, { previous_receipt_hash: fingerprint(TEST_1.publicKey) }), {}],
    brokenAt: 1,
    flags: [true, false, true],
  },
  {
    name: 'a null link in the middle',
    links: [{}, signed(CHAIN, { previous_receipt_hash: null })],
    brokenAt: 1,
    flags: [true, false, true],
  },
  {
    name: 'a first receipt with a predecessor',
    links: [signed(CHAIN, { previous_receipt_hash: fingerprint(TEST_1.publicKey) })],
    brokenAt: 0,
    flags: [true, false, true],
  },
  {
    name: 'a first receipt that is not sequence 1',
    links: [signed(CHAIN, { sequence: 5 }), signed(CHAIN, { sequence: 6 })],
    brokenAt: 0,
    flags: [true, true, false],
  },
  {
    name: 'sequence 0',
    links: [signed(CHAIN, { sequence: 0 })],
    brokenAt: 0,
    flags: [true, true, false],
  },
  {
    name: 'a gap',
    links: [{}, signed(CHAIN, { sequence: 3 }), signed(CHAIN, { sequence: 4 })],
    brokenAt: 1,
    flags: [true, true, false],
  },
  {
    name: 'a sequence twice',
    links: [{}, signed(CHAIN, { sequence: 1 })],
    brokenAt: 1,
    flags: [true, true, false],
  },
  // -- rotation --
  {
    name: 'a rotation event of another type',
    links: [{}, rotation({ event_type: 'key_lost' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}event_type must be "key_rotated", got "key_lost"`,
  },
  {
    name: 'a rotation signed with the new key',
    links: [{}, rotation({ signed_with: 'new' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}signed_with must be "old", got "new"`,
  },
  {
    name: 'a rotation from RSA',
    links: [{}, rotation({ old_algorithm: 'rsa' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}unsupported old_algorithm "rsa"`,
  },
  {
    name: 'a rotation to RSA',
    links: [{}, rotation({ new_algorithm: 'rsa' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}unsupported new_algorithm "rsa"`,
  },
  {
    name: 'a rotation from a key that is not active',
    links: [{}, rotation({ old_key_fingerprint: fingerprint(TEST_3.publicKey) })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}old_key_fingerprint mismatch: outgoing key is ${fingerprint(TEST_1.publicKey)}, field says ${fingerprint(TEST_3.publicKey)}`,
  },
  {
    name: 'a rotation to no key',
    links: [{}, rotation({ new_public_key: 'z6Mk' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}decode new_public_key: key is not \`u\` and 43 base64url characters`,
  },
  {
    name: 'a rotation that names another new key',
    links: [{}, rotation({ new_key_fingerprint: fingerprint(TEST_3.publicKey) })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}new_key_fingerprint mismatch: new_public_key hashes to ${fingerprint(TEST_2.publicKey)}, field says ${fingerprint(TEST_3.publicKey)}`,
  },
  {
    name: 'a receipt by the old key after a rotation',
    links: [{}, rotation(), {}],
    brokenAt: 2,
    flags: [false, true, true],
  },
  {
    name: 'a hand-over with a bad signature, which hands nothing over',
    links: [{}, { ...rotation(), signer: TEST_2 }, { signer: TEST_2 }],
    brokenAt: 1,
    flags: [false, true, true],
  },
  // -- schema of the chain --
  {
    name: 'an unknown chain.status',
    links: [{}, signed(CHAIN, { terminal: true, status: 'unknown' })],
    brokenAt: 1,
    flags: [true, true, true],
    error:
      'invalid chain.status value at index 1: unknown is not a valid wire value (spec \u00a77.3.3)',
  },
  {
    name: 'a chain.status without terminal',
    links: [{}, signed(CHAIN, { status: 'complete' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: 'chain.status without chain.terminal: true at index 1 (spec \u00a77.3.3)',
  },
  {
    name: 'a chain.status with terminal false',
    links: [signed(CHAIN, { status: 'interrupted', terminal: false })],
    brokenAt: 0,
    flags: [true, true, true],
    error: 'chain.status without chain.terminal: true at index 0 (spec \u00a77.3.3)',
  },
  // -- what must not change along a chain --
  {
    name: '[S.issuer-constant] another issuer',
    links: [{}, {}, signed('issuer', { id: 'did:x' })],
    brokenAt: 2,
    flags: [true, true, true],
    error: `issuer changes at index 2: expected "${ISSUER_ID}", got "did:x"`,
  },
  {
    name: 'another verificationMethod',
    links: [{}, tampered('proof', { verificationMethod: 'did:x#k1' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: `proof.verificationMethod changes at index 1: expected "${ISSUER_ID}#k1", got "did:x#k1"`,
  },
  {
    name: 'another proofPurpose',
    links: [{}, tampered('proof', { proofPurpose: 'authentication' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: 'proof.proofPurpose is "authentication", expected "assertionMethod" at index 1',
  },
  {
    name: 'an extra member in the proof',
    links: [{}, tampered('proof', { nonce: null })],
    brokenAt: 1,
    flags: [true, true, true],
    error: 'unsigned member "nonce" in proof at index 1',
  },
  {
    name: 'another proof.created',
    links: [{}, tampered('proof', { created: '2026-06-15T12:00:01Z' })],
    brokenAt: 1,
    flags: [true, true, true],
    error:
      'proof.created is 2026-06-15T12:00:01Z, the receipt was issued 2026-06-15T12:00:00Z at index 1',
  },
  // -- binding --
  {
    name: 'another chain_id',
    links: [{}, {}, signed(CHAIN, { chain_id: 'other' })],
    brokenAt: 2,
    flags: [true, true, true],
    error: `chain_id mismatch at index 2: expected "${CHAIN_ID}", got "other"`,
  },
  {
    name: 'another chain than was asked for',
    links: [signed(CHAIN, { chain_id: 'other' }), signed(CHAIN, { chain_id: 'other' })],
    brokenAt: 0,
    flags: [true, true, true],
    error: `chain_id mismatch at index 0: expected "${CHAIN_ID}", got "other"`,
  },
  {
    name: 'a receipt after the terminal one',
    links: [{}, terminal, {}],
    brokenAt: 2,
    flags: [true, true, true],
    error: 'receipt after terminal: receipt at index 2 follows a terminal receipt at index 1',
  },
  {
    name: 'two terminal receipts: the first counts',
    links: [{}, terminal, terminal, {}],
    brokenAt: 2,
    flags: [true, true, true],
    error: 'receipt after terminal: receipt at index 2 follows a terminal receipt at index 1',
  },
  // -- what the caller expects --
  {
    name: 'a length that is not the expected one',
    links: GOOD,
    options: { expectedLength: 5 },
    brokenAt: 3,
    flags: [true, true, true],
    error: 'expected chain length does not match: expected 5, got 4',
  },
  {
    name: 'a final hash that is not the expected one',
    links: [{}],
    options: { expectedFinalHash: 'sha256:00' },
    brokenAt: 0,
    flags: [true, true, true],
    error: `final receipt hash mismatch at index 0: expected sha256:00, got ${judge(chainTexts([{}])).verdict.head?.receiptHash}`,
  },
  {
    name: 'an end that is not terminal',
    links: GOOD,
    options: { requireTerminal: true },
    brokenAt: 3,
    flags: [true, true, true],
    error: 'require_terminal: last receipt does not have chain.terminal: true',
  },
  {
    name: 'length before hash before terminal',
    links: [{}],
    options: { expectedLength: 2, expectedFinalHash: 'x', requireTerminal: true },
    brokenAt: 0,
    flags: [true, true, true],
    error: 'expected chain length does not match: expected 2, got 1',
  },
  {
    name: 'hash before terminal',
    links: [{}],
    options: { expectedFinalHash: 'x', requireTerminal: true },
    brokenAt: 0,
    flags: [true, true, true],
    error: `final receipt hash mismatch at index 0: expected x, got ${judge(chainTexts([{}])).verdict.head?.receiptHash}`,
  },
  {
    name: 'no expectation of a chain that is broken anyway',
    links: [{}, { signer: TEST_2 }],
    options: { expectedLength: 5 },
    brokenAt: 1,
    flags: [false, true, true],
  },
  // -- several at once: signature, rotation, schema; then the two that override --
  {
    name: 'signature error before rotation error',
    links: [{}, { ...rotation({ event_type: 'x' }), ...tampered('proof', { type: 'X' }) }],
    brokenAt: 1,
    flags: [false, true, true],
    error: 'signature compute failed at index 1: unsupported proof type "X"',
  },
  {
    name: 'rotation error before chain.status',
    links: [
      {},
      {
        edit: (body) => {
          rotation({ event_type: 'x' }).edit?.(body);
          at(body, CHAIN)['status'] = 'x';
        },
      },
    ],
    brokenAt: 1,
    flags: [true, true, true],
    error: `${ROTATION_INVALID}event_type must be "key_rotated", got "x"`,
  },
  {
    name: 'chain.status before the issuer',
    links: [
      {},
      {
        edit: (body) => {
          at(body, CHAIN)['status'] = 'x';
          at(body, 'issuer')['id'] = 'did:x';
        },
      },
    ],
    brokenAt: 1,
    flags: [true, true, true],
    error: 'invalid chain.status value at index 1: x is not a valid wire value (spec \u00a77.3.3)',
  },
  {
    name: 'the first of two breaks',
    links: [{}, { signer: TEST_2 }, signed(CHAIN, { status: 'complete' })],
    brokenAt: 1,
    flags: [false, true, true],
  },
  {
    name: 'mixed chains before everything, even what comes earlier',
    links: [{}, tampered('proof', { type: 'X' }), signed(CHAIN, { chain_id: 'other' })],
    brokenAt: 2,
    flags: [true, true, true],
    error: `chain_id mismatch at index 2: expected "${CHAIN_ID}", got "other"`,
  },
  {
    name: 'mixed chains before a receipt after the terminal one',
    links: [terminal, {}, signed(CHAIN, { chain_id: 'other' })],
    brokenAt: 2,
    flags: [true, true, true],
    error: `chain_id mismatch at index 2: expected "${CHAIN_ID}", got "other"`,
  },
  {
    name: 'an error with a text before the terminal rule',
    links: [tampered('proof', { type: 'X' }), terminal, {}],
    brokenAt: 0,
    flags: [false, true, true],
    error: 'signature compute failed at index 0: unsupported proof type "X"',
  },
  {
    name: 'an error at the very receipt of the terminal rule',
    links: [terminal, tampered('proof', { type: 'X' })],
    brokenAt: 1,
    flags: [false, true, true],
    error: 'signature compute failed at index 1: unsupported proof type "X"',
  },
  {
    name: 'a break without a text lends its place to the terminal rule',
    links: [{ signer: TEST_2 }, terminal, {}],
    brokenAt: 0,
    flags: [false, true, true],
    error: 'receipt after terminal: receipt at index 2 follows a terminal receipt at index 1',
  },
  {
    name: 'the terminal rule before a later error',
    links: [terminal, {}, tampered('proof', { type: 'X' })],
    brokenAt: 1,
    flags: [true, true, true],
    error: 'receipt after terminal: receipt at index 1 follows a terminal receipt at index 0',
  },
];

describe.each(SUITES)('[S.tamper] ChainVerifier with $suite.name breaks at', ({ suite }) => {
  for (const { name, links, brokenAt, error, flags, options } of ROWS) {
    test(name, () => {
      const texts = chainTexts(links);
      const { verdict, receipts } = judge(texts, options, suite);
      expect(verdict).toMatchObject({ result: 'broken', brokenAt, length: links.length });
      expect(verdict.error).toBe(error);
      expect(verdict.head).toBeUndefined();
      const { id } = JSON.parse(texts[brokenAt] ?? '') as { id: string };
      expect(verdict.brokenReceipt?.receiptId).toBe(id);
      const { signatureValid, hashLinkValid, sequenceValid } = receipts[brokenAt] as ReceiptVerdict;
      expect([signatureValid, hashLinkValid, sequenceValid]).toEqual(flags);
    });
  }

  for (const { name, links } of [
    { name: 'one receipt', links: [{}] },
    { name: 'a rotation and what the new key signs', links: [{}, rotation(), { signer: TEST_2 }] },
    { name: 'a rotation at the end', links: [{}, rotation()] },
    {
      name: 'a rotation to what is no key, as nothing has been signed with it',
      links: [
        {},
        rotation({
          new_public_key: `u${'AgIC'.repeat(10)}AgI`,
          new_key_fingerprint: fingerprint(new Uint8Array(32).fill(2)),
        }),
      ],
    },
    {
      name: 'an issuer whose name and model change',
      links: [{}, signed('issuer', { name: 'n', model: 'm', session_id: 's2' })],
    },
    {
      name: 'another issuer type with a later proof',
      links: [
        {
          edit: (body) => Object.assign(at(body, 'issuer'), { type: 'AIAgent' }),
          tamper: (receipt) =>
            Object.assign(at(receipt, 'proof'), { created: '2026-06-15T12:00:05Z' }),
        },
      ],
    },
    {
      name: 'empty texts and nulls where nothing is said',
      links: [
        signed(CHAIN, { status: '' }),
        signed('credentialSubject', { keyRotation: null, delegation: null }),
        signed(CHAIN, { status: null, terminal: null }),
      ],
    },
    {
      name: 'versions that grow',
      links: [signed('', { version: '0.2.0' }), signed('', { version: '0.6.0' })],
    },
  ] satisfies { name: string; links: Link[] }[]) {
    test(`nothing: ${name}`, () => {
      const { verdict, receipts } = judge(chainTexts(links), {}, suite);
      expect(verdict.error).toBeUndefined();
      expect(verdict).toMatchObject({ result: 'valid', brokenAt: -1, length: links.length });
      expect(receipts.map(({ problem }) => problem)).toEqual(links.map(() => undefined));
    });
  }
});

describe('[S.tamper] rows of a store that were moved about', () => {
  const texts = chainTexts([{}, {}, {}, {}, terminal]);
  for (const { name, order, brokenAt } of [
    { name: 'the first one deleted', order: [1, 2, 3, 4], brokenAt: 0 },
    { name: 'one in the middle deleted', order: [0, 2, 3, 4], brokenAt: 1 },
    { name: 'two swapped', order: [0, 2, 1, 3, 4], brokenAt: 1 },
    { name: 'one twice', order: [0, 1, 1, 2, 3, 4], brokenAt: 2 },
    { name: 'the order reversed', order: [4, 3, 2, 1, 0], brokenAt: 0 },
  ]) {
    test(name, () => {
      const { verdict } = judge(order.map((i) => texts[i] ?? ''));
      expect(verdict).toMatchObject({ result: 'broken', brokenAt });
    });
  }

  test('the last ones deleted: not seen, and the verdict says that it cannot be', () => {
    const { verdict } = judge(texts.slice(0, 2));
    expect(verdict).toMatchObject({ result: 'valid', status: 'unknown' });
    expect(verdict.unchecked.map(({ code }) => code)).toContain('TRUNCATION');
    expect(judge(texts.slice(0, 2), { requireTerminal: true }).verdict.result).toBe('broken');
  });
});

describe('an unreadable row', () => {
  const texts = chainTexts([{}, {}, {}, {}]);
  const columns = { id: 'urn:receipt:from-the-column', sequence: 2 } as StoredReceipt['columns'];

  test('[C.corrupt-row] is named by its columns, and the rest is still judged', () => {
    const rows = [...texts];
    rows[3] = (rows[3] ?? '').replace('success', 'failure');
    const stored: (string | StoredReceipt)[] = [...rows];
    stored[1] = { text: '{"id":', ...(columns && { columns }) };
    const { verdict, receipts } = judge(stored);
    expect(verdict).toMatchObject({
      result: 'broken',
      brokenAt: 1,
      length: 4,
      brokenReceipt: { receiptId: 'urn:receipt:from-the-column', sequence: 2 },
    });
    expect(verdict.error).toMatch(/^unreadable receipt at index 1: not JSON/);
    const flags = receipts.map((it) => [it.signatureValid, it.hashLinkValid, it.sequenceValid]);
    expect(flags).toEqual([
      [true, true, true],
      [false, false, false],
      [true, true, true],
      [false, true, true],
    ]);
  });

  test('without columns is named by its place', () => {
    const { verdict } = judge([texts[0] ?? '', 'garbage', ...texts.slice(2)]);
    expect(verdict.brokenReceipt).toEqual({ receiptId: '(unreadable)', sequence: undefined });
    expect(verdict.brokenAt).toBe(1);
  });

  test('hides no gap when its column tells where it stood', () => {
    const { receipts } = judge([
      texts[0] ?? '',
      { text: 'x', ...(columns && { columns }) },
      texts[3] ?? '',
    ]);
    expect(receipts[2]).toMatchObject({
      signatureValid: true,
      hashLinkValid: true,
      sequenceValid: false,
    });
  });

  test('at the start leaves the chain id to be checked all the same', () => {
    const { verdict, receipts } = judge(['garbage', ...texts.slice(1)]);
    expect(verdict).toMatchObject({ result: 'broken', brokenAt: 0 });
    expect(receipts[1]).toMatchObject({
      signatureValid: true,
      hashLinkValid: true,
      sequenceValid: true,
    });
    expect(judge(['garbage', ...texts.slice(1)], {}, nodeSuite, 'other').verdict.error).toBe(
      `chain_id mismatch at index 1: expected "other", got "${CHAIN_ID}"`,
    );
  });

  test('[P6.terminator] at the end leaves unknown how the chain ended', () => {
    const { verdict } = judge([...chainTexts([{}, terminal]), 'garbage']);
    expect(verdict).toMatchObject({ status: 'unknown', result: 'broken', brokenAt: 2 });
  });

  test.each([
    ['nothing', ''],
    ['another JSON value', 'null'],
    [
      'a nesting beyond the limit',
      (texts[1] ?? '').replace('"session"', '['.repeat(10_001) + ']'.repeat(10_001)),
    ],
    ['a number beyond a double', (texts[1] ?? '').replace('"medium"', '"medium","n":1e400')],
    [
      'a rotation of odd members',
      (texts[1] ?? '').replace(
        '"chain":',
        '"keyRotation":{"old_key_fingerprint":{"toString":1},"event_type":"key_rotated","signed_with":"old","old_algorithm":"ed25519","new_algorithm":"ed25519"},"chain":',
      ),
    ],
    ['members that every object has', '{"__proto__":null,"constructor":1,"toString":{}}'],
  ])('%s is an answer, not a fault', (_, text) => {
    const { verdict } = judge([texts[0] ?? '', text, ...texts.slice(2)]);
    expect(verdict).toMatchObject({ result: 'broken', brokenAt: 1, length: 4 });
    expect(verdict.error).toMatch(/^unreadable receipt at index 1: /);
  });
});

describe('response bodies', () => {
  const body = '{"isError": false, "content": []}';
  const hash = hashUri(nodeSuite, '{"content":[],"isError":false}');
  const links = [{}, signed(OUTCOME, { response_hash: hash }), {}];
  const bodyIs = (text: string): Options => ({ responseBody: () => Buffer.from(text) });

  test('that were not supplied are named as unchecked', () => {
    const { verdict } = judge(chainTexts(links));
    expect(verdict).toMatchObject({ result: 'valid', responseHashNote: RESPONSE_HASH_NOTE });
    expect(verdict.unchecked.map(({ code }) => code)).toContain('RESPONSE_BODIES');
    expect(RESPONSE_HASH_NOTE).toBe(
      'response_hash present in one or more receipts; response body not supplied — hash cannot be verified offline',
    );
  });

  test('that fit, whatever their spelling', () => {
    const { verdict } = judge(chainTexts(links), bodyIs(body));
    expect(verdict.result).toBe('valid');
    expect(verdict.responseHashNote).toBeUndefined();
  });

  test('that differ', () => {
    const { verdict } = judge(chainTexts(links), bodyIs('{}'));
    expect(verdict).toMatchObject({ result: 'broken', brokenAt: 1 });
    expect(verdict.error).toBe(
      `response_hash mismatch at index 1: receipt has ${hash}, body hashes to ${hashUri(nodeSuite, '{}')}`,
    );
  });

  test('that are no JSON', () => {
    const { verdict } = judge(chainTexts(links), bodyIs('{'));
    expect(verdict.error).toMatch(/^response_hash: failed to parse response body at index 1: /);
  });

  test('are not the first thing wrong when the chain is broken later, but before what is expected of its end', () => {
    const texts = chainTexts([...links, { signer: TEST_2 }]);
    expect(judge(texts, bodyIs('{}')).verdict.brokenAt).toBe(3);
    expect(judge(chainTexts(links), { ...bodyIs('{}'), expectedLength: 9 }).verdict.brokenAt).toBe(
      1,
    );
  });
});

describe('the verdict', () => {
  test('[P6.empty-chain] of nothing is empty, never valid', () => {
    expect(judge([]).verdict).toMatchObject({
      result: 'empty',
      length: 0,
      status: 'unknown',
      brokenAt: -1,
    });
    expect(judge([], { expectedLength: 0 }).verdict.result).toBe('empty');
    expect(judge([], { requireTerminal: true, expectedFinalHash: 'x' }).verdict.result).toBe(
      'empty',
    );
    const { verdict } = judge([], { expectedLength: 2 });
    expect(verdict).toMatchObject({
      result: 'broken',
      brokenAt: 0,
      error: 'expected chain length does not match: expected 2, got 0',
    });
    expect(verdict.brokenReceipt).toBeUndefined();
  });

  for (const { name, last, status } of [
    { name: 'no terminal receipt', last: {}, status: 'unknown' },
    { name: 'an interrupted one', last: terminal, status: 'interrupted' },
    {
      name: 'a complete one',
      last: signed(CHAIN, { terminal: true, status: 'complete' }),
      status: 'complete',
    },
    { name: 'one without a status', last: signed(CHAIN, { terminal: true }), status: 'complete' },
  ] satisfies { name: string; last: Link; status: string }[]) {
    test(`[P6.terminator] tells ${name} by its status`, () => {
      expect(judge(chainTexts([{}, last])).verdict).toMatchObject({ result: 'valid', status });
    });
  }

  test('[P6.limits] lists what was not checked', () => {
    const links: Link[] = [
      signed('credentialSubject', {
        delegation: { parent_chain_id: 'p', parent_receipt_id: 'r', delegator: { id: 'd' } },
      }),
      signed(OUTCOME, { status: 'pending' }),
      signed(ACTION, { emitter_metadata: { drop_count: 3 } }),
      signed(ACTION, { emitter_metadata: { drop_count: 4 } }),
    ];
    const { verdict } = judge(chainTexts(links));
    expect(verdict).toMatchObject({ result: 'valid', outcomesUnknown: 1, eventsDropped: 7 });
    const codes = verdict.unchecked.map(({ code }) => code);
    expect(codes).toEqual([
      'TRUNCATION',
      'TIMESTAMPS',
      'DELEGATION',
      'OUTCOME_UNKNOWN',
      'EVENTS_DROPPED',
    ]);
    const known = judge(chainTexts(links), { expectedLength: 4 }).verdict.unchecked;
    expect(known.map(({ code }) => code)).not.toContain('TRUNCATION');
  });

  test('names the head of a valid chain', () => {
    const texts = chainTexts(GOOD);
    const { verdict } = judge(texts);
    const { expectedFinalHash } = { expectedFinalHash: verdict.head?.receiptHash ?? '' };
    expect(verdict.head?.sequence).toBe(4);
    expect(judge(texts, { expectedFinalHash, expectedLength: 4 }).verdict.result).toBe('valid');
  });

  test('says when the last receipt waits for an outcome, unless it ends the chain', () => {
    const pending = signed(OUTCOME, { status: 'pending' });
    expect(judge(chainTexts([{}, pending])).verdict.incompleteToolRoundtrip).toBe(true);
    expect(judge(chainTexts([pending, {}])).verdict.incompleteToolRoundtrip).toBe(false);
    const end: Link = {
      edit: (body) => {
        pending.edit?.(body);
        terminal.edit?.(body);
      },
    };
    expect(judge(chainTexts([{}, end])).verdict.incompleteToolRoundtrip).toBe(false);
  });

  test('says when a terminal session was opened and not closed', () => {
    const open = signed(ACTION, { type: 'system.pty.open' });
    const close = signed(ACTION, { type: 'system.pty.close' });
    expect(judge(chainTexts([open, close])).verdict.incompleteSession).toBe(false);
    expect(judge(chainTexts([open, open, close])).verdict.incompleteSession).toBe(true);
    expect(judge(chainTexts([close])).verdict.incompleteSession).toBe(true);
  });

  test('warns of idempotency keys that occur twice', () => {
    const key = (value: string) => signed(ACTION, { idempotency_key: value });
    const { verdict } = judge(
      chainTexts([key('b'), key('a"'), key(''), key('a"'), key(''), key('b'), key('c'), key('b')]),
    );
    expect(verdict.warnings).toEqual([
      'duplicate idempotency_key "b" on receipts at indices 0, 5, 7 (retries are legitimate; review for double-counting)',
      'duplicate idempotency_key "a\\"" on receipts at indices 1, 3 (retries are legitimate; review for double-counting)',
    ]);
    expect(verdict.result).toBe('valid');
  });
});
