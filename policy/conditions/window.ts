import type { Window } from '../rule.ts';
import { DAYS } from '../words.ts';
import { parseClock } from './period.ts';

const DAY_MINUTES = 1440;

/** Whether a time zone is known here. */
export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/**
 * Whether a moment lies within a window. A window whose end is not behind its beginning reaches into
 * the next day, and belongs to the day on which it began. On days with a change of the clock it
 * is what the clock on the wall shows that counts.
 */
export function compileWindow({
  days,
  from,
  to,
  zone = 'UTC',
}: Window): (nowMs: number) => boolean {
  const wallClock = wallClockOf(zone);
  const begin = parseClock(from ?? '00:00') ?? 0;
  const end = parseClock(to ?? '24:00') ?? DAY_MINUTES;
  const on = new Set((days ?? DAYS).map((day) => DAYS.indexOf(day)));
  return (nowMs) => {
    const { day, minutes } = wallClock(nowMs);
    if (begin < end) return on.has(day) && begin <= minutes && minutes < end;
    if (minutes >= begin) return on.has(day);
    return minutes < end && on.has((day + 6) % 7);
  };
}

const SHORT_DAYS: Readonly<Record<string, number>> = {
  Mon: 0,
  Tue: 1,
  Wed: 2,
  Thu: 3,
  Fri: 4,
  Sat: 5,
  Sun: 6,
};
/** What a Date can be; a clock beyond it must not make a decision impossible. */
const MAX_DATE_MS = 8.64e15;

function wallClockOf(timeZone: string): (nowMs: number) => { day: number; minutes: number } {
  // Made when first asked: most proxies never look at the clock, and this costs a millisecond.
  let format: Intl.DateTimeFormat | undefined;
  return (nowMs) => {
    format ??= new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    const moment = Math.max(-MAX_DATE_MS, Math.min(MAX_DATE_MS, nowMs || 0));
    const parts = format.formatToParts(moment);
    const part = (type: string) => parts.find((it) => it.type === type)?.value ?? '';
    return {
      day: SHORT_DAYS[part('weekday')] ?? 0,
      minutes: Number(part('hour')) * 60 + Number(part('minute')),
    };
  };
}
