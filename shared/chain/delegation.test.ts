import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../json/value.ts';
import type { Receipt } from '../receipt/receipt.ts';
import {
  checkDelegation,
  readDelegation,
  type DelegationClaim,
  type ParentEvidence,
} from './delegation.ts';

const CLAIM: DelegationClaim = {
  parentChainId: 'root',
  parentReceiptId: 'urn:receipt:1',
  delegatorId: 'did:daemon',
};

function receiptOf({ issuer = 'did:daemon', principal = 'did:user:alice', type = 'mcp.read' }) {
  const credentialSubject = { principal: { id: principal }, action: { type } };
  return { issuer: { id: issuer }, credentialSubject } as unknown as Receipt;
}

const DAEMONS_OWN = { type: 'agent_receipts.daemon_started', principal: 'did:user:unknown' };

describe('the parent of a chain', () => {
  const parent = (said: Parameters<typeof receiptOf>[0]): ParentEvidence => ({
    state: 'found',
    receipt: receiptOf(said),
  });
  for (const { name, evidence, child = {}, want } of [
    { name: 'confirms a parent that agrees', evidence: parent({}), want: 'confirmed' },
    {
      name: 'contradicts another issuer [C.delegation]',
      evidence: parent({ issuer: 'did:other' }),
      want: 'delegation: delegator is "did:daemon", the parent\'s issuer is "did:other"',
    },
    {
      name: 'contradicts another principal',
      evidence: parent({ principal: 'did:user:bob' }),
      want: 'delegation: principal is "did:user:alice", the parent\'s is "did:user:bob"',
    },
    { name: 'asks no principal of a daemon', evidence: parent(DAEMONS_OWN), want: 'confirmed' },
    { name: 'asks none for one', evidence: parent({}), child: DAEMONS_OWN, want: 'confirmed' },
    {
      name: 'contradicts a receipt that is not there',
      evidence: { state: 'not-in-chain' },
      want: 'delegation: parent chain root has no receipt urn:receipt:1',
    },
    {
      name: 'contradicts a receipt that nobody signed',
      evidence: { state: 'unproven', why: 'was signed by none of the known keys' },
      want: 'delegation: parent receipt urn:receipt:1 was signed by none of the known keys',
    },
    {
      name: 'leaves a missing chain open',
      evidence: { state: 'no-chain' },
      want: 'the parent chain root is not in this store',
    },
    {
      name: 'leaves a removed beginning open',
      evidence: { state: 'pruned' },
      want: 'the beginning of the parent chain root was removed',
    },
  ] as const) {
    test(`checkDelegation() ${name}`, () => {
      const verdict = checkDelegation(receiptOf(child), CLAIM, evidence);
      if (verdict.result === 'confirmed') expect(verdict.result).toBe(want);
      else expect(verdict.result === 'contradicted' ? verdict.cause : verdict.why).toBe(want);
      const isOpen = evidence.state === 'no-chain' || evidence.state === 'pruned';
      expect(verdict.result === 'unchecked').toBe(isOpen);
    });
  }
});

describe('readDelegation()', () => {
  const whole = {
    parent_chain_id: 'root',
    parent_receipt_id: 'urn:receipt:1',
    delegator: { id: 'did:daemon' },
  };
  for (const [name, delegation, want] of [
    ['nothing', undefined, undefined],
    ['a whole one', whole, CLAIM],
    ['a number for a chain', { ...whole, parent_chain_id: 7 }, /parent_chain_id is not/],
    ['no receipt', { ...whole, parent_receipt_id: null }, /parent_receipt_id is not/],
    ['a delegator without id', { ...whole, delegator: {} }, /delegator\.id is not/],
    ['no delegator', { ...whole, delegator: null }, /delegator\.id is not/],
  ] as const satisfies readonly (readonly [string, JsonValue | undefined, unknown])[]) {
    test(`reads ${name}`, () => {
      const child = { credentialSubject: { delegation } } as unknown as Receipt;
      const got = readDelegation(child);
      if (want instanceof RegExp) expect(got).toMatch(want);
      else expect(got).toEqual(want);
    });
  }
});
