import { expect, test } from 'vitest';
import { rejectVisitor, withoutToken } from './visitors.ts';

const RULES = { hosts: ['proxy.lan'], origins: ['https://app.example'], token: undefined };
const HOST = ['Host', '127.0.0.1:4100'];

for (const { name, headers, want, token } of [
  { name: 'an address', headers: HOST, want: undefined },
  { name: 'an IPv6 address', headers: ['host', '[::1]:4100'], want: undefined },
  { name: 'localhost', headers: ['Host', 'LOCALHOST:1'], want: undefined },
  { name: 'a name that was given', headers: ['Host', 'proxy.lan'], want: undefined },
  { name: 'a name that was rebound', headers: ['Host', 'evil.example:4100'], want: 403 },
  { name: 'a name behind ours', headers: ['Host', 'proxy.lan.evil.example'], want: 403 },
  { name: 'no name', headers: ['Host', ''], want: 403 },
  { name: 'two names', headers: [...HOST, 'Host', 'localhost'], want: 400 },
  { name: 'our own page', headers: [...HOST, 'Origin', 'http://127.0.0.1:4100'], want: undefined },
  {
    name: 'a page that was given',
    headers: [...HOST, 'Origin', 'https://app.example'],
    want: undefined,
  },
  { name: 'a page of somebody', headers: [...HOST, 'Origin', 'https://evil.example'], want: 403 },
  { name: 'a page without origin', headers: [...HOST, 'Origin', 'null'], want: 403 },
  { name: 'no token', headers: HOST, want: 401, token: 's3cret' },
  {
    name: 'a wrong token',
    headers: [...HOST, 'Authorization', 'Bearer x'],
    want: 401,
    token: 's3cret',
  },
  {
    name: 'the token',
    headers: [...HOST, 'authorization', 'bearer s3cret'],
    want: undefined,
    token: 's3cret',
  },
  {
    name: "the token beside the server's",
    headers: [...HOST, 'Authorization', 'Bearer theirs', 'Proxy-Authorization', 'Bearer s3cret'],
    want: undefined,
    token: 's3cret',
  },
]) {
  test(`rejectVisitor() for ${name} says ${want ?? 'nothing'} [X.http-visitors]`, () => {
    expect(rejectVisitor(headers, { ...RULES, token })?.status).toBe(want);
  });
}

test("withoutToken() takes our token out and leaves the server's", () => {
  const theirs = ['Authorization', 'Bearer theirs'];
  const headers = [
    ...theirs,
    'Proxy-Authorization',
    'Bearer s3cret',
    'Authorization',
    'Bearer s3cret',
  ];
  expect(withoutToken(headers, 's3cret')).toEqual(theirs);
});
