import { expect, test } from 'vitest';
import { printable } from './proxy-log.ts';

for (const { text, want } of [
  { text: 'delete_repo \u{1f600} \u00e4', want: 'delete_repo \u{1f600} \u00e4' },
  { text: 'a\nb\r\tc', want: 'a\\u{a}b\\u{d}\\u{9}c' },
  { text: '\u001b[2J\u009b2J', want: '\\u{1b}[2J\\u{9b}2J' },
  { text: 'a\u2028b\u2029', want: 'a\\u{2028}b\\u{2029}' },
  { text: '\u202egnp.exe\u200b', want: '\\u{202e}gnp.exe\\u{200b}' },
  { text: '\u{e0041}', want: '\\u{e0041}' },
  { text: '', want: '' },
]) {
  test(`printable() makes ${JSON.stringify(text)} safe for a terminal`, () => {
    expect(printable(text)).toBe(want);
  });
}

test('printable() does not let one name fill a log', () => {
  expect(printable('x'.repeat(1_000_000))).toBe(`${'x'.repeat(300)}...`);
});
