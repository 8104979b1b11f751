import { describe, expect, test } from 'vitest';
import { parseMoment, secondText } from './moment.ts';

const NOW = Date.parse('2026-06-15T12:00:00.500Z');

describe('parseMoment()', () => {
  for (const [flag, text, want] of [
    ['since', '2026-06-15T10:00:00Z', '2026-06-15T10:00:00'],
    ['since', '2026-06-15T12:00:00.999+02:00', '2026-06-15T10:00:00'],
    ['since', '2026-06-15', '2026-06-15T00:00:00'],
    ['until', '2026-06-15', '2026-06-15T23:59:59'],
    ['since', '90m', '2026-06-15T10:30:00'],
    ['since', '7d', '2026-06-08T12:00:00'],
    ['until', '1d12h', '2026-06-14T00:00:00'],
    ['since', '0', '2026-06-15T12:00:00'],
  ] as const) {
    test(`reads -${flag} ${text}`, () => {
      expect(secondText(parseMoment(flag, text, NOW))).toBe(want);
    });
  }

  for (const text of [
    '',
    'yesterday',
    '2026-02-30',
    '2026-06-15 10:00',
    '-5m',
    '7',
    '9999999d',
    'd',
  ]) {
    test(`refuses ${JSON.stringify(text)} [P8.usage]`, () => {
      expect(() => parseMoment('since', text, NOW)).toThrow(
        expect.objectContaining({ code: 'USAGE' }),
      );
    });
  }
});
