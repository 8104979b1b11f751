import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { redact } from './redact.ts';

const R = '[REDACTED]';
const hex = (count: number) => 'a1'.repeat(count).slice(0, count);
const block = (kind: string) =>
  `-----BEGIN ${kind}PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END ${kind}PRIVATE KEY-----`;

// [D.redaction] each row hides its secret and nothing beside it.
for (const { name, secret } of [
  { name: 'a classic GitHub token', secret: `ghp_${hex(36)}` },
  { name: 'a fine-grained GitHub token', secret: `github_pat_${'A_1'.repeat(27)}z` },
  { name: 'a GitHub OAuth token', secret: `gho_${hex(40)}` },
  { name: 'a GitHub installation token', secret: `ghs_${hex(36)}` },
  { name: 'a GitHub user-to-server token', secret: `ghu_${hex(36)}` },
  { name: 'an old GitHub installation token', secret: `v1.${hex(40)}` },
  { name: 'an OpenAI key', secret: `sk-proj-${hex(20)}` },
  { name: 'an Anthropic key with underscores', secret: `sk-ant-api03-${hex(10)}_${hex(30)}` },
  { name: 'an AWS key', secret: 'AKIAIOSFODNN7EXAMPLE' },
  { name: 'a bearer token', secret: `Bearer ${hex(30)}.x/y+z==` },
  { name: 'a JSON web token', secret: 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl' },
  { name: 'an unsigned JSON web token', secret: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' },
  { name: 'a Slack token', secret: 'xoxb-123-456-abc' },
  { name: 'a PKCS#1 block', secret: block('RSA ') },
  { name: 'a PKCS#8 block, the form of our own key', secret: block('') },
  { name: 'an encrypted PKCS#8 block', secret: block('ENCRYPTED ') },
  { name: 'an OpenSSH block', secret: block('OPENSSH ') },
]) {
  test(`[D.redaction] redact() hides ${name}`, () => {
    expect(redact(`before ${secret} behind`)).toBe(`before ${R} behind`);
  });
}

for (const { name, text, want } of [
  { name: 'a key block that was cut off', text: `x ${block('').slice(0, 60)}`, want: `x ${R}` },
  {
    name: 'two tokens in one word',
    text: 'a.eyJh.eyJi.c,eyJh.eyJi.c',
    want: `a.${R},${R}`,
  },
  { name: 'a token behind other text', text: 'xxeyJh.eyJi.c', want: `xx${R}` },
  {
    name: 'a token in a URL',
    text: 'GET https://x/?a=1&access_token=abc&b=2',
    want: `GET https://x/?a=1&access_token=${R}&b=2`,
  },
  { name: 'a key in a URL, any case', text: '?API-KEY=abc"', want: `?API-KEY=${R}"` },
  {
    name: 'words that are no secret',
    text: 'sk-short v1.2.3 eyJ eyJa.eyJb',
    want: 'sk-short v1.2.3 eyJ eyJa.eyJb',
  },
  {
    name: 'members of JSON, whatever their type',
    text: '{"b":{"Password":{"x":1},"ok":[{"PIN":1234}]},"a":"<t>"}',
    want: `{"a":"<t>","b":{"Password":"${R}","ok":[{"PIN":"${R}"}]}}`,
  },
  {
    name: 'members of a JSON array',
    text: '[{"set-cookie":null}]',
    want: `[{"set-cookie":"${R}"}]`,
  },
  { name: 'JSON that holds nothing secret', text: '{"b" : 1.0}', want: '{"b" : 1.0}' },
  { name: 'what only looks like JSON', text: '{"password": "x"', want: '{"password": "x"' },
  { name: 'a secret by its shape inside JSON', text: '{"m":"xoxb-1-2"}', want: `{"m":"${R}"}` },
  {
    name: 'JSON nested beyond every stack',
    text: `${'['.repeat(200_000)}{"password":"x"}${']'.repeat(200_000)}`,
    want: R,
  },
]) {
  test(`[D.redaction] redact() on ${name}`, () => {
    expect(redact(text)).toBe(want);
  });
}

const NAMES =
  `password token api_key apikey secret authorization private_key privatekey access_token
  refresh_token client_secret credentials session_token session_id sessionid auth_token cookie
  set-cookie x-api-key bearer jwt signing_key encryption_key database_url connection_string dsn
  ssh_key passphrase pin`.split(/\s+/);

test('[D.redaction] every sensitive member name of the protocol is known', () => {
  expect(NAMES).toHaveLength(29);
  for (const name of NAMES) {
    expect(redact(JSON.stringify({ [name]: 'hunter2' }))).toBe(`{"${name}":"${R}"}`);
  }
});

// Quadratic patterns would need hours for these; the test's own limit is what notices.
for (const piece of [
  'eyJ',
  'eyJa.eyJ',
  'eyJa.',
  'Bearer ',
  '-----BEGIN A ',
  'ghp_',
  'sk-',
  '?key=',
]) {
  test(`[D.redaction] redact() is linear in many ${JSON.stringify(piece)}`, () => {
    expect(redact(piece.repeat(1_000_000 / piece.length)).length).toBeGreaterThan(0);
  });
}

test('[D.redaction] redact() finds a JSON web token wherever it stands', () => {
  const around = fc.string({ unit: fc.constantFrom('e', 'y', 'J', '.', ' ', '-', '=', '\n') });
  fc.assert(
    fc.property(around, around, (before, behind) => {
      expect(redact(`${before} eyJSECRET.eyJSECRET.SECRET ${behind}`)).not.toContain('SECRET');
    }),
  );
});
