import { describe, expect, test } from 'vitest';
import { choosePaint, printable } from './terminal.ts';

describe('choosePaint()', () => {
  for (const { mode = 'auto', env = {}, terminal = true, want } of [
    { want: true },
    { terminal: false, want: false },
    { env: { NO_COLOR: '1' }, want: false },
    { env: { NO_COLOR: '' }, want: true },
    { env: { CI: 'true' }, want: false },
    { env: { CI: 'false' }, want: true },
    { env: { TERM: 'dumb' }, want: false },
    { mode: 'never', want: false },
    { mode: 'always', terminal: false, env: { NO_COLOR: '1', CI: '1', TERM: 'dumb' }, want: true },
  ]) {
    const given = JSON.stringify({ mode, env, terminal });
    test(`${want ? 'paints' : 'leaves plain'} with ${given}`, () => {
      const painted = choosePaint(mode, env, terminal)('red', 'x');
      expect(painted).toBe(want ? '\u001b[31mx\u001b[39m' : 'x');
    });
  }

  test('refuses a mode it does not know [P8.usage]', () => {
    expect(() => choosePaint('sometimes', {}, true)).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});

for (const [text, want] of [
  ['read_file', 'read_file'],
  ['a\nb\tc', 'a\\nb\\tc'],
  ['\u001b[2J', '\\u{1b}[2J'],
  ['\u009b31m', '\\u{9b}31m'],
  ['a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
  ['zero\u200bwidth', 'zero\\u{200b}width'],
  ['lone \ud800', 'lone \ufffd'],
  ['\u00fc \u6f22 \u{1f600}', '\u00fc \u6f22 \u{1f600}'],
] as const) {
  test(`printable() of ${JSON.stringify(text)}`, () => expect(printable(text)).toBe(want));
}
