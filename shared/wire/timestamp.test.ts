import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTimestamp } from './timestamp.ts';

const GOOD = [
  '2026-06-15T12:00:00Z',
  '2026-06-15T12:00:00.1Z',
  '2026-06-15T12:00:00.123456789Z',
  '2026-06-15T12:00:00.12345678901234567890Z',
  '2026-06-15T12:00:00,5Z',
  '2026-06-15T12:00:00+02:00',
  '2026-06-15T12:00:00.5-00:00',
  '2026-06-15T12:00:00+24:60', // Go's parser lets 24 hours and 60 minutes of offset pass
  '2026-06-15T1:00:00Z', // and an hour of one digit
  '2024-02-29T00:00:00Z',
  '2000-02-29T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
];
const BAD = [
  '',
  '2026-06-15',
  '2026-06-15T12:00Z',
  '2026-06-15 12:00:00Z',
  '2026-06-15t12:00:00Z',
  '2026-06-15T12:00:00z',
  '2026-06-15T12:00:00',
  '2026-06-15T12:00:00.Z',
  '2026-06-15T12:00:00.1.2Z',
  '2026-06-15T12:00:00+0200',
  '2026-06-15T12:00:00+2:00',
  '2026-06-15T12:00:00+25:00',
  '2026-06-15T12:00:00+00:61',
  '2026-06-15T12:00:00Z+00:00',
  '2026-06-15T24:00:00Z',
  '2026-06-15T12:60:00Z',
  '2026-06-15T12:00:60Z',
  '2026-06-15T12:0:00Z',
  '2026-00-15T12:00:00Z',
  '2026-13-15T12:00:00Z',
  '2026-06-00T12:00:00Z',
  '2026-06-31T12:00:00Z',
  '2026-04-31T12:00:00Z',
  '2026-01-32T12:00:00Z',
  '2026-02-29T12:00:00Z',
  '1900-02-29T12:00:00Z',
  '2026-6-15T12:00:00Z',
  '02026-06-15T12:00:00Z',
  '+2026-06-15T12:00:00Z',
  ' 2026-06-15T12:00:00Z',
  '2026-06-15T12:00:00Z ',
  '2026-06-15T12:00:00Z\n',
  '\u0662026-06-15T12:00:00Z',
  '2026-06-15T12:00:00.\u0661Z',
];

describe('[P5.frames-foreign] isTimestamp()', () => {
  test.each(GOOD)('accepts %j', (text) => expect(isTimestamp(text)).toBe(true));
  test.each(BAD)('refuses %j', (text) => expect(isTimestamp(text)).toBe(false));

  test('accepts every moment that Date can print', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(isTimestamp(date.toISOString())).toBe(true);
        },
      ),
    );
  });

  test('knows the days of every month of four centuries as Date does', () => {
    for (let year = 1800; year <= 2200; year += 1) {
      for (let month = 1; month <= 12; month += 1) {
        const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
        const prefix = `${year}-${String(month).padStart(2, '0')}`;
        expect(isTimestamp(`${prefix}-${days}T00:00:00Z`)).toBe(true);
        expect(isTimestamp(`${prefix}-${days + 1}T00:00:00Z`)).toBe(false);
      }
    }
  });
});
