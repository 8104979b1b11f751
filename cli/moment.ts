import { parseGoDuration } from '../shared/duration.ts';
import { CodedError } from '../shared/errors.ts';
import { isTimestamp } from '../shared/wire/timestamp.ts';

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 86_400_000;
/** 9999-12-31T23:59:59Z and its opposite: beyond them the text form has more digits. */
const MAX_MS = 253_402_300_799_000;
const MIN_MS = -62_167_219_200_000;

/**
 * The moment that a `-since` or `-until` names, in milliseconds, to the second: an RFC 3339 time; a
 * date, meaning its first second for `since` and its last for `until`, in UTC; or how long ago, as
 * a Go duration that may begin with days (`90m`, `7d`, `1d12h`).
 *
 * @throws CodedError `USAGE`
 */
export function parseMoment(flag: 'since' | 'until', text: string, nowMs: number): number {
  const ms = momentMs(flag, text, nowMs);
  if (ms === undefined || !(ms >= MIN_MS && ms <= MAX_MS)) {
    const forms = 'a time such as 2026-06-15T12:00:00Z, a date, or how long ago, such as 90m or 7d';
    throw new CodedError('USAGE', `-${flag} is ${JSON.stringify(text)}, expected ${forms}`);
  }
  return Math.floor(ms / 1000) * 1000;
}

function momentMs(flag: 'since' | 'until', text: string, nowMs: number): number | undefined {
  if (DATE.test(text)) {
    if (!isTimestamp(`${text}T00:00:00Z`)) return undefined;
    return Date.parse(`${text}T00:00:00Z`) + (flag === 'until' ? DAY_MS - 1000 : 0);
  }
  if (isTimestamp(text)) return Date.parse(text);
  const ago = agoMs(text);
  return ago === undefined || ago < 0 ? undefined : nowMs - ago;
}

function agoMs(text: string): number | undefined {
  const [, days, rest = ''] = /^(?:(\d{1,7})d)?(.*)$/s.exec(text) ?? [];
  if (days !== undefined && rest === '') return Number(days) * DAY_MS;
  try {
    return Number(days ?? 0) * DAY_MS + parseGoDuration(rest);
  } catch {
    return undefined;
  }
}

/** `YYYY-MM-DDTHH:MM:SS` without a zone: sorts before the same second with a fraction or a `Z`. */
export function secondText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
