import { describe, expect, test } from 'vitest';
import { at, chainTexts, draftBody, type Draft } from '../../test/vectors/fixture.ts';
import type { JsonValue } from '../json/value.ts';
import { parseReceipt, readReceipt } from './parse.ts';

const [TEXT = ''] = chainTexts([{}]);

function edited(path: string, value: JsonValue | undefined): string {
  const receipt = JSON.parse(TEXT) as Draft;
  const dot = path.lastIndexOf('.');
  const parent = at(receipt, dot === -1 ? '' : path.slice(0, dot));
  const name = path.slice(dot + 1);
  if (value === undefined) delete parent[name];
  else parent[name] = value;
  return JSON.stringify(receipt);
}

const REQUIRED = [
  '@context',
  'id',
  'type',
  'version',
  'issuer',
  'issuer.id',
  'issuanceDate',
  'credentialSubject',
  'proof',
];
const SUBJECT = [
  'principal',
  'principal.id',
  'action',
  'action.id',
  'action.type',
  'action.risk_level',
  'action.timestamp',
  'outcome',
  'outcome.status',
  'chain',
  'chain.sequence',
  'chain.chain_id',
];
const PROOF = ['type', 'created', 'verificationMethod', 'proofPurpose', 'proofValue'];
const ALL = [
  ...REQUIRED,
  ...SUBJECT.map((it) => `credentialSubject.${it}`),
  ...PROOF.map((it) => `proof.${it}`),
];

describe('parseReceipt()', () => {
  test('returns the typed view and everything the text had', () => {
    const text = edited('credentialSubject.later', { version: 7 });
    const { receipt, json } = parseReceipt(text);
    expect(receipt.credentialSubject.action.tool_name).toBe('create_issue');
    expect(json).toEqual(JSON.parse(text));
  });

  test.each(ALL)('refuses a receipt without %s, and one where it is null', (path) => {
    const refusal = expect.objectContaining({
      code: 'RECEIPT_INVALID',
      message: `${path} is missing`,
    });
    expect(() => parseReceipt(edited(path, undefined))).toThrow(refusal);
    expect(() => parseReceipt(edited(path, null))).toThrow(refusal);
  });

  test('wants previous_receipt_hash spelled out: null is a statement there', () => {
    const path = 'credentialSubject.chain.previous_receipt_hash';
    expect(parseReceipt(TEXT).receipt.credentialSubject.chain.previous_receipt_hash).toBeNull();
    expect(() => parseReceipt(edited(path, undefined))).toThrow(`${path} is missing`);
  });

  for (const [path, value, expected] of [
    ['@context', 'x', 'an array of strings'],
    ['type', ['a', 1], 'an array of strings'],
    ['issuer', [], 'an object'],
    ['issuer.runtime', [], 'an object'],
    ['issuer.model', 1, 'a string'],
    ['credentialSubject.action.risk_level', 'extreme', 'low, medium, high, critical'],
    ['credentialSubject.action.risk_level', 'Low', 'low, medium, high, critical'],
    ['credentialSubject.action.target', 'x', 'an object'],
    ['credentialSubject.action.peer_credential.pid', 1.5, 'a whole number'],
    ['credentialSubject.action.idempotency_key', {}, 'a string'],
    ['credentialSubject.outcome.status', 'denied', 'success, failure, pending'],
    ['credentialSubject.outcome.response_hash', 5, 'a string'],
    ['credentialSubject.chain.sequence', '1', 'a whole number'],
    ['credentialSubject.chain.sequence', -1, 'a whole number'],
    ['credentialSubject.chain.sequence', 1.5, 'a whole number'],
    ['credentialSubject.chain.sequence', 2 ** 53, 'a whole number'],
    ['credentialSubject.chain.previous_receipt_hash', 1, 'a string or null'],
    ['credentialSubject.chain.terminal', 'true', 'true or false'],
    ['credentialSubject.chain.status', {}, 'a string'],
    ['credentialSubject.keyRotation', 'x', 'an object'],
    ['credentialSubject.keyRotation', { old_key_fingerprint: { toString: 1 } }, 'a string'],
    ['credentialSubject.delegation', [], 'an object'],
    ['proof.proofValue', 1, 'a string'],
  ] satisfies [string, JsonValue, string][]) {
    test(`refuses ${path} = ${JSON.stringify(value)}`, () => {
      const message = expect.stringMatching(
        new RegExp(`^${path.replaceAll('.', '\\.')}.* is not ${expected}$`),
      );
      expect(() => parseReceipt(edited(path, value))).toThrow(
        expect.objectContaining({ code: 'RECEIPT_INVALID', message }),
      );
    });
  }

  test.each([
    'issuer.type',
    'issuer.runtime',
    'credentialSubject.action.tool_name',
    'credentialSubject.action.emitter_metadata',
    'credentialSubject.action.idempotency_key',
    'credentialSubject.outcome.response_hash',
    'credentialSubject.chain.status',
    'credentialSubject.keyRotation',
    'credentialSubject.delegation',
  ])('reads a null %s as absent, and still shows that it was there', (path) => {
    const { receipt, json } = parseReceipt(edited(path, null));
    const dot = path.lastIndexOf('.');
    const view = at(receipt as unknown as Draft, path.slice(0, dot));
    expect(view).not.toHaveProperty(path.slice(dot + 1));
    expect(at(json, path.slice(0, dot))).toHaveProperty(path.slice(dot + 1), null);
    expect(receipt.credentialSubject.chain).toHaveProperty('previous_receipt_hash', null);
  });

  test('hides nothing of a proof from whoever looks for additions', () => {
    const receipt = JSON.parse(edited('issuer.type', null)) as Draft;
    at(receipt, 'proof')['extra'] = null;
    expect(parseReceipt(JSON.stringify(receipt)).receipt.proof).toHaveProperty('extra', null);
  });

  test('does not take an inherited member for one that was sent', () => {
    expect(() => parseReceipt('{"__proto__":{"id":"x"},"@context":[]}')).toThrow('id is missing');
  });

  for (const [text, code] of [
    ['', 'JSON_INVALID'],
    ['{}x', 'JSON_INVALID'],
    ['null', 'RECEIPT_INVALID'],
    ['[]', 'RECEIPT_INVALID'],
    ['"receipt"', 'RECEIPT_INVALID'],
  ] as const) {
    test(`refuses the text ${JSON.stringify(text)}`, () => {
      expect(() => parseReceipt(text)).toThrow(expect.objectContaining({ code }));
    });
  }

  test.each(['0.1.0', '0.2.0', '0.2.1', '0.3.0', '0.4.0', '0.5.0', '0.6.0'])(
    '[S.versions] reads version %s',
    (version) => {
      const body = { ...draftBody(1, null), version, proof: (JSON.parse(TEXT) as Draft)['proof'] };
      expect(readReceipt(body as JsonValue).receipt.version).toBe(version);
    },
  );
});
