import { Buffer } from 'node:buffer';
import { base58 } from '@scure/base';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDidKey, encodeDidKey, resolveDidKey } from './did-key.ts';

const of = (hex: string) => `did:key:z${base58.encode(Buffer.from(hex, 'hex'))}`;
const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'; // RFC 8032 TEST 1
const DID = 'did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw';

describe('[S.did-key] did:key', () => {
  test('encodes and decodes the published key', () => {
    expect(encodeDidKey(Buffer.from(KEY, 'hex'))).toBe(DID);
    expect(Buffer.from(decodeDidKey(DID)).toString('hex')).toBe(KEY);
  });

  test('decoding undoes encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (raw) => {
        expect(decodeDidKey(encodeDidKey(raw))).toEqual(raw);
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['another method', 'did:web:example.com'],
    ['another multibase', DID.replace(':z', ':u')],
    ['a fragment', `${DID}#${DID.slice(8)}`],
    ['a character that base58 lacks', `${DID.slice(0, -1)}0`],
    ['a newline', `${DID}\n`],
    ['upper case', DID.replace('did', 'DID')],
    ['an empty key', 'did:key:z'],
    ['31 bytes', of(`ed01${KEY.slice(2)}`)],
    ['33 bytes', of(`ed01${KEY}00`)],
    ['a zero byte before the codec', of(`00ed01${KEY}`)],
    ['X25519', of(`ec01${KEY}`)],
    ['another codec', of(`ed02${KEY}`)],
  ])('refuses %s', (_, did) => {
    const invalid = expect.objectContaining({ code: 'DID_INVALID' });
    expect(() => decodeDidKey(did)).toThrow(invalid);
    expect(() => resolveDidKey(did)).toThrow(invalid);
  });

  test('encoding another length is a mistake of the caller', () => {
    expect(() => encodeDidKey(new Uint8Array(31))).toThrow(RangeError);
  });
});
