import { describe, expect, test } from 'vitest';
import type { Receipt } from '../receipt/receipt.ts';
import { nodeSuite } from '../crypto/node-suite.ts';
import {
  deletionLimit,
  judgeLink,
  linkStatement,
  readLink,
  summariseAgents,
  truncationLimit,
  type AgentChains,
  type AgentHead,
} from './links.ts';

const LINK = { chainId: 'c', sequence: 3, receiptHash: 'sha256:33' };

function receiptOf(issuer: object, type = 'agent_receipts.daemon_started'): Receipt {
  const runtime = { obsigna: { previous_chain: linkStatement(LINK) } };
  return {
    issuer: { id: 'i', runtime, ...issuer },
    credentialSubject: { action: { type } },
  } as unknown as Receipt;
}

describe('[D.chain-links] readLink()', () => {
  test('reads what a statement of the daemon names', () => {
    expect(readLink(receiptOf({}))).toEqual(LINK);
  });

  test.each([
    ['has a session, as all that emitters report', { session_id: 's' }, undefined],
    ['is no statement of the daemon', {}, 'mcp.tool'],
    ['names none', { runtime: { obsigna: {} } }, undefined],
    [
      'names nothing that can be',
      { runtime: { obsigna: { previous_chain: { chain_id: 1 } } } },
      undefined,
    ],
  ])('reads nothing from a receipt that %s', (_name, issuer, type) => {
    expect(readLink(receiptOf(issuer, type))).toBeUndefined();
  });
});

describe('[D.chain-links] judgeLink()', () => {
  const gone = { length: 0, hashThere: undefined };
  for (const { name, evidence, says } of [
    { name: 'as it was', evidence: { length: 3, hashThere: 'sha256:33' }, says: undefined },
    { name: 'gone on since', evidence: { length: 9, hashThere: 'sha256:33' }, says: undefined },
    {
      name: 'cut',
      evidence: { length: 2, hashThere: undefined },
      says: /^its end is missing: it stops at 2, before receipt 3/,
    },
    {
      name: 'another one',
      evidence: { length: 3, hashThere: 'sha256:44' },
      says: /^receipt 3 \(sha256:44\) is not receipt 3 \(sha256:33\)/,
    },
    { name: 'removed', evidence: gone, says: /^the whole chain is missing, up to receipt 3/ },
    {
      name: 'pruned',
      evidence: { ...gone, pruned: { lastSequence: 3, headHash: 'sha256:33' } },
      says: undefined,
    },
    {
      name: 'pruned after it had gone on',
      evidence: { ...gone, pruned: { lastSequence: 4, headHash: 'sha256:44' } },
      says: undefined,
    },
    {
      name: 'cut, and then pruned',
      evidence: { ...gone, pruned: { lastSequence: 2, headHash: 'sha256:22' } },
      says: /^it was pruned with receipt 2/,
    },
    {
      name: 'replaced, and then pruned',
      evidence: { ...gone, pruned: { lastSequence: 3, headHash: 'sha256:44' } },
      says: /^it was pruned with receipt 3/,
    },
  ] as const) {
    test(`a chain that is ${name}`, () => {
      const said = judgeLink(LINK, { pruned: undefined, agents: undefined, ...evidence });
      if (says === undefined) expect(said).toBeUndefined();
      else expect(said).toMatch(says);
    });
  }
});

describe('[D.chain-links] the chains of sub-agents', () => {
  const heads = [
    { chainId: 'c/agent/b', sequence: 2, receiptHash: 'sha256:bb' },
    { chainId: 'c/agent/a', sequence: 1, receiptHash: 'sha256:aa' },
  ];
  const summary = (all = heads) => summariseAgents(nodeSuite, all) as AgentChains;
  const link = { ...LINK, agents: summary() };
  const evidence = { length: 3, hashThere: 'sha256:33', pruned: undefined };

  test('are known again in any order, and survive the receipt', () => {
    expect(judgeLink(link, { ...evidence, agents: summary(heads.toReversed()) })).toBeUndefined();
    const runtime = { obsigna: { previous_chain: linkStatement(link) } };
    expect(readLink(receiptOf({ runtime }))).toEqual(link);
  });

  test('that are missing or cut break the root, unless the root went on', () => {
    const cut = [{ ...heads[0], sequence: 1 } as AgentHead, heads[1] as AgentHead];
    for (const agents of [summary(heads.slice(1)), summary(cut), undefined]) {
      expect(judgeLink(link, { ...evidence, agents })).toMatch(/^the chains of its sub-agents/);
      expect(judgeLink(link, { ...evidence, agents, length: 4 })).toBeUndefined();
    }
  });
});

test('[P6.limits] what links do not reach is named', () => {
  const one = { unnamed: ['c'], unlinked: 0, agents: 0, retention: 0 };
  expect(truncationLimit(one)).toBe(
    'receipts removed from the end of chain c, which no other chain names',
  );
  expect(deletionLimit(one)).toBe(
    'chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names',
  );
  const many = { unnamed: ['a', 'b', 'c', 'd', 'e'], unlinked: 4, agents: 1, retention: 1 };
  expect(truncationLimit(many)).toBe(
    "receipts removed from the end of chains a, b, c and 2 more, which no other chain names, or of a sub-agent's chain below it, or of a chain of prune receipts",
  );
  expect(deletionLimit(many)).toBe(
    'chains removed as a whole: newer than every root that is here, or of sub-agents below a root that no other names, or before 4 root chains that name none before them',
  );
});
