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
  { name: 'a GitLab token', secret: `glpat-${hex(18)}_-` },
  { name: 'a routable GitLab token', secret: `glpat-${hex(27)}.01.${hex(9)}` },
  { name: 'a GitLab runner token', secret: `glrt-${hex(20)}` },
  { name: 'a Google API key', secret: `AIza${hex(33)}_-` },
  { name: 'a Google access token', secret: `ya29.a0Af_${hex(30)}-x.y` },
  { name: 'a Google client secret', secret: `GOCSPX-${hex(26)}_-` },
  { name: 'a Stripe secret key', secret: `sk_live_${hex(24)}` },
  { name: 'a restricted Stripe key', secret: `rk_live_${hex(24)}` },
  { name: 'a Stripe test key', secret: `sk_test_${hex(24)}` },
  { name: 'a Stripe webhook secret', secret: `whsec_${hex(32)}` },
  { name: 'an npm token', secret: `npm_${hex(36)}` },
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
    name: 'an Azure connection string',
    text: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${hex(86)}==;EndpointSuffix=x`,
    want: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${R};EndpointSuffix=x`,
  },
  {
    name: 'a shared access signature of Azure',
    text: 'https://a.blob.core.windows.net/c?sv=2024&sig=aB3%2Fx9aB3%2Fx9aB3%3D&se=2026',
    want: `https://a.blob.core.windows.net/c?sv=2024&sig=${R}&se=2026`,
  },
  {
    name: 'a Slack webhook',
    text: 'POST https://hooks.slack.com/services/T000/B000/XXXX: 404',
    want: `POST https://hooks.slack.com/services/${R}: 404`,
  },
  {
    name: 'a database URL with a password',
    text: 'dial postgres://app:s3cr:et@db.internal:5432/orders failed',
    want: `dial postgres://app:${R}@db.internal:5432/orders failed`,
  },
  {
    name: 'a password with @ in a URL',
    text: 'mongodb+srv://u:p@ss@w@h/x?a=b@c',
    want: `mongodb+srv://u:${R}@h/x?a=b@c`,
  },
  { name: 'a password without a user', text: 'redis://:pw@h:1/0', want: `redis://:${R}@h:1/0` },
  {
    name: 'a connection string with a password',
    text: "Server=db;Uid=app;Pwd=x1;Database=d host=h password='a b' user=u",
    want: `Server=db;Uid=app;Pwd=${R};Database=d host=h password=${R} user=u`,
  },
  {
    name: 'a password parameter in a URL',
    text: 'jdbc:postgresql://h/d?user=u&password=x&ssl=1',
    want: `jdbc:postgresql://h/d?user=u&password=${R}&ssl=1`,
  },
  ...[
    'http://localhost:8080/a@b',
    'https://host:443',
    'ssh://git@host:22/x',
    'see a://b: c@d',
    'npm_config_registry sk_live_short glpat-short AIzaShort config=sig=1',
  ].map((plain) => ({ name: `no secret in ${plain}`, text: plain, want: plain })),
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

/** Beginnings that a pattern takes for its own and then loses, over and over. */
const STALLING = [
  'eyJ',
  'eyJa.eyJ',
  'eyJa.',
  'Bearer ',
  '-----BEGIN A ',
  'ghp_',
  'sk-',
  '?key=',
  'glpat-',
  'glpat-aaaaaaaaaaaaaaaaaaaa.',
  'AIza',
  'ya29.',
  'sk_live_',
  'AccountKey=',
  '&sig=',
  'https://hooks.slack.com/services/',
  '://',
  '://a:',
  '://a:b',
  '://:@',
  ':',
  '@',
  'password=',
  "password='",
  'password="a',
  'pwd=[',
  'a',
  ' ',
  '\n',
];

/** Quadratic patterns would need hours for this much; the test's own limit is what notices. */
const MANY = 1_000_000;

for (const piece of STALLING) {
  test(`[D.redaction] redact() is linear in many ${JSON.stringify(piece)}`, () => {
    for (const unit of [piece, piece + 'A'.repeat(1000)]) {
      expect(redact(unit.repeat(Math.ceil(MANY / unit.length))).length).toBeGreaterThan(0);
    }
  });
}

for (const [head, filler] of [
  ['eyJa.eyJ', 'a'],
  ['Bearer ', ' '],
  ['-----BEGIN ', 'A'],
  ['-----BEGIN ', 'A '],
  ['://', 'a'],
  ['://a:', 'a'],
  ['://a:', '@'],
  ["password='", 'a'],
  ['', 'A'],
  ['', 'eyJ'],
  ['{"a":"', '://a:@'],
] as const) {
  test(`[D.redaction] redact() is linear in ${JSON.stringify(head + filler)} without end`, () => {
    const text = head + filler.repeat(Math.ceil(MANY / filler.length));
    expect(redact(text).length).toBeGreaterThan(0);
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
