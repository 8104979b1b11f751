const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,]\d+)?(?:Z|[+-](\d{2}):(\d{2}))$/;

/**
 * Whether `text` is a timestamp that emitters may send: RFC 3339 with upper-case `T` and `Z`, any
 * number of fraction digits, a day that exists. (As peers read it: `,` for the fraction and a
 * one-digit hour pass too, and offsets up to `24:60`.)
 */
export function isTimestamp(text: string): boolean {
  const match = RFC3339.exec(text);
  if (match === null) return false;
  const part = (at: number) => Number(match[at] ?? 0);
  const month = part(2);
  const day = part(3);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(part(1), month)) return false;
  const isTime = part(4) < 24 && part(5) < 60 && part(6) < 60;
  return isTime && part(7) <= 24 && part(8) <= 60;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (month === 2) return leap ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
