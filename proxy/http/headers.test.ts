import { expect, test } from 'vitest';
import { endToEnd, mediaType, valuesOf, withField, withValue } from './headers.ts';

const RAW = [
  'Set-Cookie',
  'a=1',
  'X-Trace',
  '1',
  'SET-COOKIE',
  'b=2',
  'Connection',
  'close, x-Trace',
];

test('endToEnd() keeps case, order and repeats, and drops what Connection names', () => {
  expect(endToEnd(RAW)).toEqual(['Set-Cookie', 'a=1', 'SET-COOKIE', 'b=2']);
  expect(endToEnd(['Transfer-Encoding', 'chunked', 'A', '1', 'B', '2'], ['b'])).toEqual(['A', '1']);
});

test('valuesOf() finds every value', () => {
  expect(valuesOf(RAW, 'set-cookie')).toEqual(['a=1', 'b=2']);
  expect(valuesOf(RAW, 'host')).toEqual([]);
});

test('withValue() changes values where they stand', () => {
  expect(withValue(['A', '1', 'b', '2', 'a', '3'], 'a', (value) => `${value}!`)).toEqual([
    'A',
    '1!',
    'b',
    '2',
    'a',
    '3!',
  ]);
});

test('withField() leaves one field of a name, in its place', () => {
  expect(withField(['host', 'x', 'A', '1', 'Host', 'y'], 'Host', 'z')).toEqual([
    'host',
    'z',
    'A',
    '1',
  ]);
  expect(withField(['A', '1'], 'Host', 'z')).toEqual(['A', '1', 'Host', 'z']);
});

for (const [headers, want] of [
  [['Content-Type', 'Application/JSON; charset=utf-8'], 'application/json'],
  [[], ''],
  [['content-type', 'application/json', 'Content-Type', 'text/plain'], ''],
] as const) {
  test(`mediaType() of ${JSON.stringify(headers)} is "${want}"`, () => {
    expect(mediaType(headers)).toBe(want);
  });
}
