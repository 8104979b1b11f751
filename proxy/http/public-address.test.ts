import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { PublicAddress } from './public-address.ts';

const OURS = 'http://127.0.0.1:4100';
const THEIRS = 'https://api.example';
const alone = () => new PublicAddress(new URL(`${THEIRS}/mcp`), '');
const behind = () => new PublicAddress(new URL(`${THEIRS}/mcp`), '/github');
const root = () => new PublicAddress(new URL(THEIRS), '/github');

test('PublicAddress puts the endpoint behind its prefix, and back', () => {
  expect([alone(), behind(), root()].map(({ endpoint }) => endpoint)).toEqual([
    '/mcp',
    '/github/mcp',
    '/github',
  ]);
  expect(behind().toUpstream('/github/mcp')).toBe('/mcp');
  expect(root().toUpstream('/github')).toBe('/');
});

const RESOURCE = '/.well-known/oauth-protected-resource';
const SERVER = '/.well-known/oauth-authorization-server';

describe('PublicAddress.discovery() [X.http-sign-in]', () => {
  for (const { address, path, want } of [
    { address: alone, path: RESOURCE, want: RESOURCE },
    { address: alone, path: `${RESOURCE}/mcp`, want: `${RESOURCE}/mcp` },
    {
      address: alone,
      path: `/mcp/.well-known/openid-configuration`,
      want: '/mcp/.well-known/openid-configuration',
    },
    { address: alone, path: `${RESOURCE}/other`, want: undefined },
    { address: alone, path: '/admin', want: undefined },
    { address: behind, path: `${RESOURCE}/github/mcp`, want: `${RESOURCE}/mcp` },
    { address: behind, path: `${SERVER}/github`, want: SERVER },
    { address: behind, path: RESOURCE, want: undefined },
    { address: root, path: `${RESOURCE}/github`, want: RESOURCE },
  ]) {
    test(`${address().endpoint} finds ${path} at ${want ?? 'no place'}`, () => {
      expect(address().discovery(path)).toBe(want);
    });
  }
});

test('PublicAddress.challenge() leads to us, and finds the document there [X.http-sign-in]', () => {
  const address = behind();
  const said = `Bearer realm="x", resource_metadata="${THEIRS}${RESOURCE}/mcp", scope="a b"`;
  expect(address.challenge(said, OURS)).toBe(
    `Bearer realm="x", resource_metadata="${OURS}${RESOURCE}/github/mcp", scope="a b"`,
  );
  const odd = address.challenge(`Bearer resource_metadata=${THEIRS}/meta/of?x=1`, OURS);
  expect(odd).toBe(`Bearer resource_metadata=${OURS}/github/meta/of?x=1`);
  expect(address.discovery('/github/meta/of')).toBe('/meta/of');
  const elsewhere = 'Bearer resource_metadata="https://other.example/x"';
  expect(address.challenge(elsewhere, OURS)).toBe(elsewhere);
});

test('PublicAddress.resource() changes the resource and no other byte [X.http-sign-in]', () => {
  const document = (resource: string) =>
    Buffer.from(`{ "a":1.0, "resource" : "${resource}","authorization_servers":["${THEIRS}"]}`);
  const changed = (resource: string) => behind().resource(document(resource), OURS);
  expect(changed(`${THEIRS}/mcp`)).toEqual(document(`${OURS}/github/mcp`));
  expect(changed(THEIRS)).toEqual(document(`${OURS}/github`));
  expect(changed('https://other.example/')).toEqual(document('https://other.example/'));
  expect(alone().resource(Buffer.from('not json'), OURS).toString()).toBe('not json');
});

describe('PublicAddress.messages() stays behind our prefix', () => {
  for (const { address, written, text, url, theirs } of [
    { address: alone, written: '/m?s=1', text: '/m?s=1', url: '/m?s=1', theirs: '/m?s=1' },
    { address: alone, written: 'm?s=1', text: 'm?s=1', url: '/m?s=1', theirs: '/m?s=1' },
    {
      address: behind,
      written: '/m?s=1',
      text: '/github/m?s=1',
      url: '/github/m?s=1',
      theirs: '/m?s=1',
    },
    { address: behind, written: 'm', text: 'm', url: '/github/m', theirs: '/m' },
    {
      address: behind,
      written: `${THEIRS}/m`,
      text: `${OURS}/github/m`,
      url: '/github/m',
      theirs: '/m',
    },
    {
      address: behind,
      written: '../notes/mcp',
      text: '/github/notes/mcp',
      url: '/github/notes/mcp',
      theirs: '/notes/mcp',
    },
    {
      address: behind,
      written: '//evil.example/m',
      text: undefined,
      url: undefined,
      theirs: undefined,
    },
    {
      address: behind,
      written: 'https://evil.example/m',
      text: undefined,
      url: undefined,
      theirs: undefined,
    },
  ]) {
    test(`${address().endpoint}: ${written}`, () => {
      const stream = address().endpoint;
      const found = address().messages(written, stream, OURS);
      expect(found).toEqual(text === undefined ? undefined : { text, url, theirs });
    });
  }
});

test('PublicAddress.challenge() takes no place that belongs to another server', () => {
  const address = behind();
  address.challenge(`Bearer resource_metadata="${THEIRS}${RESOURCE}X/mcp"`, OURS);
  expect(address.discovery(`${RESOURCE}/githubX/mcp`)).toBeUndefined();
});
