import { describe, expect, test } from 'vitest';
import type { Receipt } from '../receipt/receipt.ts';
import { CallNumberMeter, type MissingCalls, type NumberLimits } from './call-numbers.ts';

interface Said {
  readonly id?: string | number;
  readonly session?: string;
  readonly pid?: number;
  readonly day?: number;
  readonly began?: number;
  readonly completes?: boolean;
  readonly dropped?: number;
}

const dayText = (day: number) => `2026-06-${String(day).padStart(2, '0')}T12:00:00Z`;

/** What the meter looks at, and nothing else. */
function receiptOf({ id, session = 's', pid = 7, began, completes }: Said): Receipt {
  const call = {
    ...(id !== undefined && { id: String(id) }),
    ...(began !== undefined && { began: dayText(began) }),
    ...(completes === true && { completes: 'urn:receipt:1' }),
  };
  const issuer = { id: 'did:daemon', session_id: session, runtime: { obsigna: { call } } };
  const credentialSubject = { action: { peer_credential: { platform: 'linux', pid } } };
  return { issuer, credentialSubject } as unknown as Receipt;
}

interface Scope {
  readonly isWhole?: boolean;
  readonly pruned?: number;
  readonly limits?: NumberLimits;
}

function measure(said: readonly Said[], scope: Scope = {}): MissingCalls {
  const meter = new CallNumberMeter(scope.limits);
  for (const it of said) {
    if (it.dropped === undefined) meter.call(receiptOf(it), Date.parse(dayText(it.day ?? 10)));
    else meter.dropped(receiptOf(it), it.dropped);
  }
  const prunedBefore = scope.pruned === undefined ? undefined : dayText(scope.pruned);
  return meter.finish({ isWhole: scope.isWhole ?? true, prunedBefore });
}

const calls = (...ids: readonly number[]): Said[] => ids.map((id) => ({ id }));

describe('CallNumberMeter [P1.missing-calls]', () => {
  for (const { name, said, want, scope } of [
    { name: 'nothing in a session without holes, in any order', said: calls(2, 1, 4, 3), want: {} },
    { name: 'a hole', said: calls(1, 3), want: { count: 1, sessions: 1 } },
    {
      name: 'calls before the first one that is there',
      said: calls(4),
      want: { count: 3, sessions: 1 },
    },
    {
      name: 'holes of every session by itself',
      said: [...calls(1, 2), { id: 2, session: 't' }, { id: 4, session: 'u' }],
      want: { count: 4, sessions: 2 },
    },
    {
      name: 'no hole that another process fills under the name of the session',
      said: [...calls(1, 3), { id: 2, pid: 8 }, { id: 1, pid: 8 }],
      want: { count: 1, sessions: 1 },
    },
    {
      name: 'less what the session counted as dropped',
      said: [...calls(1, 5), { dropped: 2 }],
      want: { count: 1, sessions: 1 },
    },
    {
      name: 'not less for what another session dropped',
      said: [...calls(1, 5), { dropped: 3, session: 't' }],
      want: { count: 3, sessions: 1 },
    },
    {
      name: 'nothing of which more was dropped than is missing',
      said: [...calls(1, 3), { dropped: 9 }],
      want: {},
    },
    {
      name: 'nothing for certain when not every chain was read',
      said: [...calls(2, 5), { dropped: 1 }],
      scope: { isWhole: false },
      want: { maybeElsewhere: 2 },
    },
    {
      name: 'nothing for certain of a session older than what was pruned',
      said: [
        { id: 3, day: 4 },
        { id: 5, day: 10 },
      ],
      scope: { pruned: 5 },
      want: { maybeElsewhere: 3 },
    },
    {
      name: 'nothing for certain where a call began before what was pruned ended',
      said: [
        { id: 3, day: 10, began: 4 },
        { id: 5, day: 10 },
      ],
      scope: { pruned: 5 },
      want: { maybeElsewhere: 3 },
    },
    {
      name: 'for certain what is missing behind what was pruned',
      said: [
        { id: 3, day: 6 },
        { id: 5, day: 10 },
      ],
      scope: { pruned: 5 },
      want: { count: 1, sessions: 1, maybeElsewhere: 2 },
    },
  ] as readonly { name: string; said: Said[]; want: Partial<MissingCalls>; scope?: Scope }[]) {
    test(`counts ${name}`, () => {
      const { count, sessions, maybeElsewhere } = measure(said, scope);
      expect({ count, sessions, maybeElsewhere }).toEqual({
        count: 0,
        sessions: 0,
        maybeElsewhere: 0,
        ...want,
      });
    });
  }

  test('counts a call once when a later receipt completes it', () => {
    const meter = new CallNumberMeter();
    const see = (said: Said) => meter.call(receiptOf(said), 0);
    expect(see({ id: 1 })).toBe(false);
    expect(see({ id: 1, completes: true })).toBe(true);
    // The pending receipt is not among what was read: this one is all that is known of the call.
    expect(see({ id: 2, completes: true })).toBe(false);
    expect(see({ id: 'seven' })).toBe(false);
    expect(see({ id: 'seven', completes: true })).toBe(true);
    const { count, numberedCalls, unnumberedCalls } = meter.finish({
      isWhole: true,
      prunedBefore: undefined,
    });
    expect({ count, numberedCalls, unnumberedCalls }).toEqual({
      count: 0,
      numberedCalls: 2,
      unnumberedCalls: 1,
    });
  });

  for (const id of ['0', '01', '-1', '1.5', '1e3', ' 1', '9999999999', undefined]) {
    test(`takes ${JSON.stringify(id)} for no number`, () => {
      const said = id === undefined ? {} : { id };
      expect(measure([said])).toMatchObject({ count: 0, numberedCalls: 0, unnumberedCalls: 1 });
    });
  }

  test('names the first sessions and the first numbers', () => {
    const odd = Array.from({ length: 10 }, (_, i) => i * 2 + 1);
    const said = odd.flatMap((id) => 'abcdefg'.split('').map((session) => ({ id, session })));
    const { count, sessions, first } = measure(said);
    expect({ count, sessions }).toEqual({ count: 63, sessions: 7 });
    expect(first.map(({ sessionId }) => sessionId).join('')).toBe('abcde');
    expect(first[0]).toMatchObject({ count: 9, ranges: [2, 4, 6, 8, 10].map((n) => [n, n]) });
  });

  const limits = { maxSessions: 2, maxSettled: 1, maxRanges: 2 };
  for (const { name, said, want } of [
    {
      name: 'forgets a session without holes, and does not know how one began that comes later',
      said: [
        { id: 1, session: 'a' },
        { id: 1, session: 'b' },
        { id: 1, session: 'c' },
        { id: 2, session: 'a' },
      ],
      want: { count: 0, maybeElsewhere: 1, sessionsNotFollowed: 0 },
    },
    {
      name: 'keeps the holes of one that it forgets, as long as there is room',
      said: ['a', 'b', 'c', 'd'].map((session) => ({ id: 2, session })),
      want: { count: 2, maybeElsewhere: 1, sessionsNotFollowed: 1 },
    },
    {
      name: 'gives up a session with too many holes',
      said: calls(1, 3, 5, 7),
      want: { count: 0, maybeElsewhere: 0, sessionsNotFollowed: 1 },
    },
  ] as readonly { name: string; said: Said[]; want: Partial<MissingCalls> }[]) {
    test(`${name}, and says so`, () => {
      expect(measure(said, { limits })).toMatchObject(want);
    });
  }
});
