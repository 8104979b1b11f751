import { describe, expect, test } from 'vitest';
import {
  at,
  CHAIN_ID,
  chainTexts,
  ISSUER_ID,
  SUITES,
  TEST_1,
  TEST_2,
  TEST_3,
  type Link,
} from '../../test/vectors/fixture.ts';
import {
  ACTION,
  CHAIN,
  fingerprint,
  judge,
  OUTCOME,
  rotation,
  signed,
  tampered,
  terminal,
  type Options,
} from '../../test/vectors/judge.ts';
import type { ReceiptVerdict } from './verdict.ts';

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
    test(`with ${name}`, () => {
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
    test(`are found: ${name}`, () => {
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
