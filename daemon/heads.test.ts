import { expect, test } from 'vitest';
import type { ChainHead } from './chains.ts';
import { Heads } from './heads.ts';

const head = (chainId: string, sequence = 1): ChainHead => ({
  chainId,
  sequence,
  hash: sequence === 0 ? null : 'h',
  receiptId: 'r',
});

function settle(heads: Heads, rootId: string, ...moved: ChainHead[]): void {
  const entries = moved.map((it) => [it.chainId, it] as const);
  heads.settle({ rootId, moved: new Map(entries), spoken: new Map(), statementId: undefined });
}

test('[D.heads-bounded] Heads forgets the sub-agents that were silent for longest, never the root', () => {
  const heads = new Heads(head('r'), 3);
  for (let i = 0; i < 100; i += 1) {
    heads.get('r/agent/0'); // spoken with all the time
    settle(heads, 'r', head(`r/agent/${i}`));
  }
  expect(heads.agentCount).toBe(3);
  const known = [0, 1, 97, 98, 99].filter((i) => heads.get(`r/agent/${i}`) !== undefined);
  expect(known).toEqual([0, 98, 99]);
  expect(heads.root.chainId).toBe('r');
});

test('Heads keeps nothing of a root that was left, and no chain that has no receipt yet', () => {
  const heads = new Heads(head('r'));
  settle(heads, 'r', head('r/agent/a'), head('r/agent/b', 0));
  expect([heads.get('r/agent/a')?.sequence, heads.get('r/agent/b')]).toEqual([1, undefined]);
  settle(heads, 's', head('r', 9), head('r/agent/a', 2), head('s'), head('s/agent/c'));
  expect(heads.root.chainId).toBe('s');
  expect([heads.get('r'), heads.get('r/agent/a')]).toEqual([undefined, undefined]);
  expect(heads.get('s/agent/c')?.sequence).toBe(1);
});
