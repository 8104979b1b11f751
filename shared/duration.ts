import { CodedError } from './errors.ts';

/** Nanoseconds by unit; both spellings of micro are in use (U+00B5 and U+03BC). */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
/** The range of Go's time.Duration. */
const MAX_NS = 2n ** 63n - 1n;

/**
 * Milliseconds in a duration as Go writes them: `300ms`, `1.5h`, `2h45m`, `-1m0s`, bare `0`.
 *
 * @throws CodedError `USAGE`
 */
export function parseGoDuration(text: string): number {
  const [, sign, rest] = /^([+-]?)(.*)$/s.exec(text) as unknown as [string, string, string];
  if (rest === '0') return 0;
  const invalid = () => new CodedError('USAGE', `invalid duration ${JSON.stringify(text)}`);
  if (rest === '') throw invalid();
  let total = 0n;
  let at = 0;
  while (at < rest.length) {
    const part = /(\d*)(?:\.(\d*))?([^\d.]*)/y;
    part.lastIndex = at;
    const match = part.exec(rest) as RegExpExecArray;
    const [all, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') throw invalid();
    if (unit === '')
      throw new CodedError('USAGE', `missing unit in duration ${JSON.stringify(text)}`);
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (scale === undefined) {
      const message = `unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`;
      throw new CodedError('USAGE', message);
    }
    // Nineteen digits are more than nanoseconds can show; a longer fraction changes nothing.
    const digits = fraction.slice(0, 19);
    total += BigInt(whole) * scale + (BigInt(digits) * scale) / 10n ** BigInt(digits.length);
    if (total > MAX_NS) throw invalid();
    at += all.length;
  }
  const ms = Number(total) / 1e6;
  return sign === '-' && ms !== 0 ? -ms : ms;
}

/** As Go prints a duration: `0s`, `1.5ms`, `200ms`, `1m0s`, `1h0m0s`. */
export function formatGoDuration(ms: number): string {
  const ns = Math.round(Math.abs(ms) * 1e6);
  if (ns === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${decimal(ns, 1e3)}\u00b5s`;
  if (ns < 1e9) return `${sign}${decimal(ns, 1e6)}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${decimal(ns - minutes * 60e9, 1e9)}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${sign}${minutes}m${seconds}`;
  return `${sign}${hours}h${minutes % 60}m${seconds}`;
}

/** `ns / scale` without the rounding of a division: whole part and the digits that are left. */
function decimal(ns: number, scale: number): string {
  const fraction = String(ns % scale)
    .padStart(String(scale).length - 1, '0')
    .replace(/0+$/, '');
  const whole = String(Math.floor(ns / scale));
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
