import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Abandonment, REASONS } from './abandonment.ts';
import { Journal } from './journal.ts';
import type { OpenCall } from './open-call.ts';

const PARTY = { owner: 'boot:7:1', sessionId: 's' };

function callOf(callId: string): OpenCall {
  return { ...PARTY, callId } as OpenCall;
}

let alive = true;
let reported: [callId: string, reason: string][] = [];
let journal = new Journal();
let abandonment: Abandonment;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  alive = true;
  reported = [];
  journal = new Journal();
  abandonment = new Abandonment({
    journal,
    isAlive: (owner) => alive && owner === PARTY.owner,
    giveUp: (call, reason) => {
      reported.push([call.callId, reason]);
      journal.remove(call);
    },
  });
  journal.add(callOf('1'), 100);
});
afterEach(() => {
  abandonment.stop();
  vi.useRealTimers();
});

const MINUTE_MS = 60_000;

const leave = () => abandonment.left(PARTY);
const restart = () => abandonment.restarted();

for (const { name, goAway, patientMs, dies, want } of [
  {
    name: 'its process is gone',
    goAway: leave,
    patientMs: 1000,
    dies: true,
    want: REASONS.processEnded,
  },
  {
    name: 'its process lives and stays away for ten minutes',
    goAway: leave,
    patientMs: 9 * MINUTE_MS,
    dies: false,
    want: REASONS.connectionLost,
  },
  {
    name: 'the daemon restarted and its process is gone',
    goAway: restart,
    patientMs: 1000,
    dies: true,
    want: REASONS.restartedGone,
  },
  {
    name: 'the daemon restarted and its process stays away for a minute',
    goAway: restart,
    patientMs: MINUTE_MS - 10_000,
    dies: false,
    want: REASONS.restartedAway,
  },
]) {
  test(`[P1.intent] Abandonment gives a call up when ${name}`, () => {
    abandonment.joined(PARTY);
    goAway();
    vi.advanceTimersByTime(patientMs);
    expect(reported).toEqual([]);
    alive = !dies;
    vi.advanceTimersByTime(dies ? 5000 : 2 * MINUTE_MS);
    expect(reported).toEqual([['1', want]]);
  });
}

test('Abandonment waits for ever while a connection of the session stands, or has come back', () => {
  abandonment.joined(PARTY);
  abandonment.joined(PARTY);
  abandonment.left(PARTY);
  alive = false;
  vi.advanceTimersByTime(60 * MINUTE_MS);
  expect(reported).toEqual([]);
  alive = true;
  abandonment.left(PARTY);
  vi.advanceTimersByTime(MINUTE_MS);
  abandonment.joined(PARTY);
  vi.advanceTimersByTime(60 * MINUTE_MS);
  expect(reported).toEqual([]);
});

test('Abandonment tries again while a call cannot be recorded', () => {
  const attempts: string[] = [];
  const stubborn = new Abandonment({
    journal,
    isAlive: () => false,
    giveUp: ({ callId }) => void attempts.push(callId),
  });
  stubborn.left(PARTY);
  vi.advanceTimersByTime(MINUTE_MS);
  expect(attempts.length).toBeGreaterThan(5);
  journal.remove(callOf('1'));
  vi.advanceTimersByTime(10_000);
  const count = attempts.length;
  vi.advanceTimersByTime(10 * MINUTE_MS);
  expect(attempts).toHaveLength(count);
  stubborn.stop();
});

test('[H.pending] a call that its host holds is given up with the host, or after a day', () => {
  const host = { tag: PARTY.owner, pid: 7 };
  let nowMs = 0;
  journal = new Journal();
  const held = new Abandonment({
    journal,
    isAlive: () => alive,
    giveUp: (call, reason) => {
      reported.push([call.callId, reason]);
      journal.remove(call);
    },
    wallClock: () => nowMs,
  });
  journal.add({ ...callOf('early'), host, beganMs: 0 }, 100);
  journal.add({ ...callOf('late'), host, beganMs: 1000 }, 100);
  held.joined(PARTY);
  held.left(PARTY); // the hook has ended, as it does after every call
  vi.advanceTimersByTime(60 * MINUTE_MS);
  expect(reported).toEqual([]);
  nowMs = 24 * 60 * MINUTE_MS + 500;
  vi.advanceTimersByTime(10_000);
  expect(reported).toEqual([['early', REASONS.hostSilent]]);
  alive = false;
  vi.advanceTimersByTime(10_000);
  expect(reported.at(-1)).toEqual(['late', REASONS.hostEnded]);
  held.stop();
});
