import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { CHAIN_ID, chainTexts, TEST_2, type Link } from '../../test/vectors/fixture.ts';
import {
  ACTION,
  judge,
  OUTCOME,
  rotation,
  CHAIN,
  signed,
  terminal,
  type Options,
} from '../../test/vectors/judge.ts';
import { nodeSuite } from '../crypto/node-suite.ts';
import { hashUri } from '../crypto/suite.ts';
import type { StoredReceipt } from './stored.ts';
import { RESPONSE_HASH_NOTE } from './verdict.ts';

describe('an unreadable row', () => {
  const texts = chainTexts([{}, {}, {}, {}]);
  const columns = { id: 'urn:receipt:from-the-column', sequence: 2 } as StoredReceipt['columns'];

  test('is named by its columns, and the rest is still judged', () => {
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

test('[S.tamper] a hand-over that nobody signed hands nothing over', () => {
  const forged = { ...rotation(), signer: TEST_2 };
  const valid = (links: Link[]) => judge(chainTexts(links)).receipts.map((it) => it.signatureValid);
  expect(valid([{}, forged, { signer: TEST_2 }])).toEqual([true, false, false]);
  expect(valid([{}, forged, {}])).toEqual([true, false, true]);
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
    const texts = chainTexts([{}, {}, {}, {}]);
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
