import type { JsonValue } from '../../shared/json/value.ts';
import type { Limits } from '../rule.ts';

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const GROUPED = /^([+-]?\d{1,3})((?:([,_' ])\d{3})(?:\3\d{3})*)(\.\d+)?$/;
const RADIX = /^0(?:x[\da-f]+|o[0-7]+|b[01]+)$/i;
/** Longer texts are no numbers that anybody wrote, and reading them would cost. */
const MAX_LENGTH = 10_000;

/**
 * The number that a value is, or that a server may read in a text: `"50000"`, `" 5e4 "`, `"50,000"`,
 * `"0xC350"`, full-width digits. Undefined for everything else.
 */
export function readNumber(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  const text = value.normalize('NFKC').trim();
  if (DECIMAL.test(text) || RADIX.test(text)) return Number(text);
  const match = GROUPED.exec(text);
  if (match === null) return undefined;
  const [, head = '', groups = '', , fraction = ''] = match;
  return Number(head + groups.replaceAll(/[,_' ]/g, '') + fraction);
}

/** The amount of a value: its size, whatever its sign. Undefined where none can be read. */
export function readAmount(value: JsonValue): number | undefined {
  const number = readNumber(value);
  return number === undefined ? undefined : Math.abs(number);
}

/**
 * The limit for an amount in one of these currencies, which may be no texts at all. The least of
 * what could be meant: a currency that nobody listed has limit 0, and one that is not told may be
 * any of the listed ones.
 */
export function limitFor(limits: Limits, currencies: readonly JsonValue[]): number {
  if (typeof limits === 'number') return limits;
  if (currencies.length === 0) return Math.min(...Object.values(limits));
  return Math.min(...currencies.map((currency) => limits[currencyName(currency)] ?? 0));
}

/** Upper case, as in the limits; a name that no limit has for what is no text. */
export function currencyName(currency: JsonValue | undefined): string {
  return typeof currency === 'string' ? currency.trim().toUpperCase() : '';
}
