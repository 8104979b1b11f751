import { array, assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json/value.ts';
import type { Receipt } from '../receipt/receipt.ts';
import { CoverageMeter, type Coverage } from './coverage.ts';
import { OTHER_TEXTS, Tally } from './tally.ts';

interface Said {
  readonly at: string;
  readonly chain?: string;
  readonly type?: string;
  readonly session?: string;
  readonly runtime?: JsonObject;
  readonly terminal?: 'complete' | 'interrupted';
  readonly pending?: string;
  readonly dropped?: number;
  readonly issuer?: string;
  readonly rotation?: boolean;
}

/** What the meter looks at, and nothing else. `at` is a time of day. */
function receiptOf(said: Said): Receipt {
  const { at, chain = 'a', type = 'mcp.read', session, runtime, terminal, pending, dropped } = said;
  const issuer = {
    id: said.issuer ?? 'did:daemon',
    ...(session !== undefined && { session_id: session }),
    ...(runtime !== undefined && { runtime: { obsigna: { daemon: runtime } } }),
  };
  const credentialSubject = {
    action: {
      type,
      timestamp: `2026-06-15T${at}Z`,
      ...(dropped !== undefined && { emitter_metadata: { drop_count: dropped } }),
    },
    outcome: pending === undefined ? { status: 'success' } : { status: 'pending', error: pending },
    ...(said.rotation === true && { keyRotation: {} }),
    chain: { chain_id: chain, ...(terminal !== undefined && { terminal: true, status: terminal }) },
  };
  return { issuer, credentialSubject } as unknown as Receipt;
}

const VERDICT = { index: 0, receiptId: '', sequence: 1, hashLinkValid: true, sequenceValid: true };

/** What links say of a store with one root chain. */
const ALL_LINKED = { unnamed: ['c'], unlinked: 0, agents: 0, retention: 0 };

function measure(...all: readonly Said[]): Coverage {
  const meter = new CoverageMeter();
  for (const said of all) {
    meter.receipt({ ...VERDICT, signatureValid: true, receipt: receiptOf(said) });
  }
  return meter.finish(ALL_LINKED);
}

const call = (at: string, chain?: string): Said => ({ at, session: 's', ...(chain && { chain }) });
const own = (type: string, at: string, chain: string, runtime?: JsonObject): Said => ({
  type: `agent_receipts.${type}`,
  at,
  chain,
  ...(runtime && { runtime }),
});
const started = (at: string, chain: string, runtime: JsonObject = { boot: 'clean' }) =>
  own('daemon_started', at, chain, runtime);
const stopped = (at: string, chain: string) =>
  own('daemon_stopped', at, chain, { reason: 'SIGTERM' });
const end = (at: string, chain: string, terminal: Said['terminal'] = 'interrupted') => ({
  ...own('chain_interrupted', at, chain),
  ...(terminal && { terminal }),
});

describe('down time', () => {
  for (const { name, said, causes, since } of [
    {
      name: 'from a stop and the next start [P1.coverage]',
      said: [
        started('10:00:00', 'a'),
        stopped('10:10:00', 'a'),
        end('10:10:01', 'a'),
        started('10:20:01', 'a-2'),
        call('10:21:00', 'a-2'),
      ],
      causes: [{ cause: 'stopped: SIGTERM', certainty: 'exact', gaps: 1, seconds: 600 }],
    },
    {
      name: 'from a stop and the next start, with a rotation and a pruning between them',
      said: [
        started('10:00:00', 'a'),
        stopped('10:10:00', 'a'),
        end('10:10:00', 'a', 'complete'),
        { at: '10:12:00', chain: 'a-2', type: 'agent.key.rotate', rotation: true },
        { at: '10:15:00', chain: 'retention-1', type: 'obsigna.store.prune' },
        started('10:20:00', 'a-2', { boot: 'clean', previous_stop: '2026-06-15T10:10:00Z' }),
      ],
      causes: [{ cause: 'stopped: SIGTERM', certainty: 'exact', gaps: 1, seconds: 600 }],
    },
    {
      name: 'from a crash: at most since the last receipt',
      said: [
        started('10:00:00', 'a'),
        call('10:05:00', 'a'),
        started('10:06:30', 'a', { boot: 'crash' }),
      ],
      causes: [{ cause: 'crash', certainty: 'at_most', gaps: 1, seconds: 90 }],
    },
    {
      name: 'from the stop that a start remembers',
      said: [started('10:06:30', 'a', { boot: 'clean', previous_stop: '2026-06-15T10:06:00Z' })],
      causes: [{ cause: 'stopped', certainty: 'exact', gaps: 1, seconds: 30 }],
    },
    {
      name: 'of older stores as down or idle',
      said: [
        call('10:00:00', 'a'),
        end('10:10:00', 'a'),
        call('11:10:00', 'b'),
        end('12:00:00', 'b'),
      ],
      causes: [{ cause: 'down or idle', certainty: 'down_or_idle', gaps: 1, seconds: 3600 }],
      since: '2026-06-15T12:00:00Z',
    },
    {
      name: 'of a stop without a start as a bound',
      said: [
        call('10:00:00', 'a'),
        stopped('10:10:00', 'a'),
        end('10:10:00', 'a'),
        call('11:10:00', 'b'),
      ],
      causes: [{ cause: 'stopped: SIGTERM', certainty: 'down_or_idle', gaps: 1, seconds: 3600 }],
    },
    {
      name: 'of several stops added up by cause',
      said: [
        call('10:00:00', 'a'),
        stopped('10:10:00', 'a'),
        started('10:11:00', 'b'),
        stopped('10:20:00', 'b'),
        started('10:22:00', 'c'),
      ],
      causes: [{ cause: 'stopped: SIGTERM', certainty: 'exact', gaps: 2, seconds: 180 }],
    },
    {
      name: 'not from a chain that was ended in order',
      said: [call('10:00:00', 'a'), end('10:10:00', 'a', 'complete'), call('11:10:00', 'b')],
      causes: [],
    },
    {
      name: 'not from what an emitter says about a daemon',
      said: [
        call('10:00:00', 'a'),
        { ...stopped('10:10:00', 'a'), session: 's' },
        { ...started('11:10:00', 'a'), session: 's' },
      ],
      causes: [],
    },
    {
      name: 'not from sub-agents, whose chains end before the daemon does',
      said: [call('10:00:00', 'a'), end('10:10:00', 'a/agent/x'), call('11:10:00', 'b')],
      causes: [],
    },
    {
      name: 'of every issuer by itself',
      said: [
        { ...end('10:10:00', 'a'), issuer: 'did:one' },
        { ...call('10:11:00', 'b'), issuer: 'did:two' },
        { ...call('10:12:00', 'c'), issuer: 'did:one' },
      ],
      causes: [{ cause: 'down or idle', certainty: 'down_or_idle', gaps: 1, seconds: 120 }],
    },
    {
      name: 'as nothing where the clock was put back',
      said: [call('10:00:00', 'a'), stopped('10:10:00', 'a'), started('09:00:00', 'b')],
      causes: [{ cause: 'stopped: SIGTERM', certainty: 'exact', gaps: 1, seconds: 0 }],
    },
  ]) {
    test(`CoverageMeter reads down time ${name}`, () => {
      const { downTime } = measure(...said);
      expect(downTime.causes).toEqual(causes);
      expect(downTime.since).toBe(since);
    });
  }

  test('tells what is proved from what is a bound', () => {
    const { downTime, notExcluded } = measure(
      call('10:00:00', 'a'),
      stopped('10:10:00', 'a'),
      started('10:11:00', 'b'),
      started('10:15:00', 'b', { boot: 'crash' }),
    );
    expect(downTime).toMatchObject({ gaps: 2, seconds: 60, secondsAtMost: 300 });
    expect(notExcluded.map(({ code }) => code)).not.toContain('DOWN_TIME_UNRECORDED');
  });
});

describe('CoverageMeter', () => {
  test('counts calls apart from what the daemon says for itself', () => {
    const { calls, eventsDropped, period } = measure(
      started('10:00:00', 'a'),
      call('10:00:02', 'a'),
      { ...call('10:00:03', 'a'), type: 'agent_receipts.events_dropped', dropped: 5 },
      { ...own('events_dropped', '10:00:04', 'a'), dropped: 2 },
      { ...call('10:00:01', 'a'), type: 'agent_receipts.chain_interrupted' },
    );
    expect({ calls, eventsDropped }).toEqual({ calls: 2, eventsDropped: 7 });
    expect(period).toEqual({ first: '2026-06-15T10:00:00Z', last: '2026-06-15T10:00:04Z' });
  });

  test('groups the outcomes that nobody saw by reason, the most frequent first', () => {
    const pending = (reason: string): Said => ({ ...call('10:00:00'), pending: reason });
    const { outcomesUnknown } = measure(
      pending('server exited'),
      pending('connection lost'),
      pending(''),
      pending('connection lost'),
    );
    expect(outcomesUnknown).toEqual([
      ['connection lost', 2],
      ['server exited', 1],
      ['no reason given', 1],
    ]);
  });

  test('counts nothing that is not signed, and says how much that was', () => {
    const meter = new CoverageMeter();
    const receipt = receiptOf({ ...call('10:00:00'), pending: 'x', dropped: 3 });
    meter.receipt({ ...VERDICT, signatureValid: false, receipt });
    meter.receipt({ ...VERDICT, signatureValid: false, problem: 'unreadable receipt' });
    meter.chain('a', { isBroken: true, isOpen: true });
    const { calls, eventsDropped, outcomesUnknown, notCounted, notExcluded, period } =
      meter.finish();
    expect({ calls, eventsDropped, outcomesUnknown, notCounted, period }).toEqual({
      calls: 0,
      eventsDropped: 0,
      outcomesUnknown: [],
      notCounted: 2,
      period: undefined,
    });
    expect(notExcluded.map(({ code }) => code)).toEqual([
      'NOT_COUNTED',
      'BROKEN_CHAINS',
      'TRUNCATION',
      'OTHER_CHAINS',
      'DOWN_TIME_UNRECORDED',
      'UNMEDIATED_ACTIONS',
    ]);
  });

  test('names open chains, the first twenty of them', () => {
    const meter = new CoverageMeter();
    for (let i = 0; i < 30; i += 1) meter.chain(`c${i}`, { isBroken: false, isOpen: i % 10 !== 0 });
    const { openChains } = meter.finish(ALL_LINKED);
    expect(openChains.count).toBe(27);
    expect(openChains.ids).toHaveLength(20);
    expect(openChains.ids[0]).toBe('c1');
  });
});

test('Tally loses no count and keeps at most a hundred texts and one for the others', () => {
  assert(
    property(array(nat(400)), (numbers) => {
      const tally = new Tally();
      for (const number of numbers) tally.add(`reason ${number}`);
      const entries = tally.entries();
      const counted = entries.reduce((sum, [, count]) => sum + count, 0);
      expect(counted).toBe(numbers.length);
      expect(entries.length).toBeLessThanOrEqual(101);
      const isFull = new Set(numbers).size > 100;
      expect(entries.some(([text]) => text === OTHER_TEXTS)).toBe(isFull);
    }),
  );
});
