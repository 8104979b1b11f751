import { describe, expect, test } from 'vitest';
import { isActionReceipt, isDaemonStatement } from './daemon-statement.ts';
import type { Receipt } from './receipt.ts';

describe('isDaemonStatement()', () => {
  const TERMINATOR = 'agent_receipts.chain_interrupted';
  for (const { name, type = TERMINATOR, session, peer, rotation, dropped, own, action } of [
    { name: 'a terminator', own: true, action: false },
    { name: 'a start', type: 'agent_receipts.daemon_started', own: true, action: false },
    { name: 'a rotation', type: 'agent.key.rotate', rotation: {}, own: true, action: false },
    { name: 'a pruning', type: 'obsigna.store.prune', own: true, action: false },
    {
      name: 'a pruning with a session',
      type: 'obsigna.store.prune',
      session: 's',
      own: false,
      action: true,
    },
    { name: 'a rotation of nothing', type: 'agent.key.rotate', own: false, action: true },
    { name: 'a terminator with a session', session: 's', own: false, action: true },
    { name: 'a terminator with a caller', peer: {}, own: false, action: true },
    { name: 'another type', type: 'mcp.read', own: false, action: true },
    { name: 'a type that only looks like it', type: 'agent_receiptsX', own: false, action: true },
    {
      name: 'drops that an emitter counted',
      type: 'agent_receipts.events_dropped',
      session: 's',
      peer: {},
      dropped: 2,
      own: false,
      action: false,
    },
    {
      name: 'drops of the daemon itself',
      type: 'agent_receipts.events_dropped',
      dropped: 2,
      own: true,
      action: false,
    },
  ]) {
    test(`tells ${name}`, () => {
      const receipt = {
        issuer: { id: 'did:daemon', ...(session !== undefined && { session_id: session }) },
        credentialSubject: {
          action: {
            type,
            ...(peer !== undefined && { peer_credential: peer }),
            ...(dropped !== undefined && { emitter_metadata: { drop_count: dropped } }),
          },
          ...(rotation !== undefined && { keyRotation: rotation }),
        },
      } as unknown as Receipt;
      expect({ own: isDaemonStatement(receipt), action: isActionReceipt(receipt) }).toEqual({
        own,
        action,
      });
    });
  }
});
