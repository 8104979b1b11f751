import { expect, test } from 'vitest';
import { StderrLog, type LogFormat, type LogLevel } from './log.ts';

const AT = new Date(2026, 5, 15, 12, 0, 1, 23);

function logged(format: LogFormat, level: LogLevel, use: (log: StderrLog['log']) => void): string {
  let text = '';
  const out = new StderrLog(
    'p',
    { format, level },
    () => AT,
    (line) => (text += line),
  );
  use(out.log);
  return text;
}

test('[D.logs] text lines are as they have always been, whatever the details', () => {
  const text = logged('text', 'info', (log) => {
    log('listening');
    log('level=warn careful');
    log('handler error: x', { level: 'error', pid: 3 });
  });
  expect(text).toBe(
    'p 2026/06/15 12:00:01.023000 listening\n' +
      'p 2026/06/15 12:00:01.023000 level=warn careful\n' +
      'p 2026/06/15 12:00:01.023000 handler error: x\n',
  );
});

test('[D.logs] JSON lines hold time, level, text and fields, one object a line', () => {
  const text = logged('json', 'debug', (log) => {
    log('a\n"b"');
    log('level=warn careful');
    log('connection', { level: 'debug', pid: 3 });
  });
  expect(
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { time: AT.toISOString(), level: 'info', msg: 'a\n"b"' },
    { time: AT.toISOString(), level: 'warn', msg: 'careful' },
    { time: AT.toISOString(), level: 'debug', msg: 'connection', pid: 3 },
  ]);
});

for (const { level, want } of [
  { level: 'debug', want: 'dbg inf wrn err' },
  { level: 'info', want: 'inf wrn err' },
  { level: 'warn', want: 'wrn err' },
  { level: 'error', want: 'err' },
] as const) {
  test(`[D.logs] level ${level} logs ${want}`, () => {
    const text = logged('text', level, (log) => {
      log('dbg', { level: 'debug' });
      log('inf');
      log('level=warn wrn');
      log('err', { level: 'error' });
    });
    expect(
      text
        .match(/(dbg|inf|wrn|err)\n/g)
        ?.join('')
        .trim()
        .replaceAll('\n', ' '),
    ).toBe(want);
  });
}
