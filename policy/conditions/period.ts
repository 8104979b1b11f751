const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const MAX_MS = 366 * 86_400_000;

/**
 * Milliseconds of `30s`, `5m`, `1h30m`, `24h`, `7d`; undefined for everything else. Units stand in this
 * order, each once, so that one period has few spellings.
 */
export function parsePeriod(text: string): number | undefined {
  const match = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(text);
  if (match === null) return undefined;
  const [, d, h, m, s] = match;
  const ms = Object.entries({ d, h, m, s })
    .map(([unit, count]) => Number(count ?? 0) * (UNITS[unit] ?? 0))
    .reduce((total, part) => total + part, 0);
  return ms > 0 && ms <= MAX_MS ? ms : undefined;
}

/** As `parsePeriod`, and `Infinity` for `session`. For periods that were checked. */
export function periodMs(text: string): number {
  return text === 'session' ? Infinity : (parsePeriod(text) ?? Infinity);
}

/** Minutes from midnight of `08:30`; `24:00` is the end of the day. Undefined for everything else. */
export function parseClock(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text);
  const minutes = match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2]);
  return minutes <= 1440 && Number(match?.[2]) < 60 ? minutes : undefined;
}
