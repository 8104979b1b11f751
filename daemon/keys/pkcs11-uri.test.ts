import { expect, test } from 'vitest';
import { parsePkcs11Uri } from './pkcs11-uri.ts';

const MODULE = 'module-path=/usr/lib/module.so';

test('[D.signer-token] parsePkcs11Uri() reads what names one key, escapes and bytes included', () => {
  const uri = `pkcs11:token=my%20token;serial=00ff;object=a%3Bb;id=%00%ff;type=private?${MODULE}&pin-source=file:///etc/pin`;
  expect(parsePkcs11Uri(uri)).toEqual({
    token: 'my token',
    serial: '00ff',
    object: 'a;b',
    id: Buffer.from([0, 255]),
    modulePath: '/usr/lib/module.so',
    pinPath: '/etc/pin',
  });
  for (const source of ['file:/etc/pin', '/etc/pin']) {
    const { pinPath } = parsePkcs11Uri(`pkcs11:object=k?${MODULE}&pin-source=${source}`);
    expect(pinPath).toBe('/etc/pin');
  }
  expect(parsePkcs11Uri(`pkcs11:id=%01?${MODULE}`)).toEqual({
    id: Buffer.from([1]),
    modulePath: '/usr/lib/module.so',
    pinPath: undefined,
  });
});

for (const { name, uri, says } of [
  { name: 'no key', uri: `pkcs11:token=t?${MODULE}`, says: 'neither object nor id' },
  { name: 'nothing', uri: 'pkcs11:', says: 'neither object nor id' },
  { name: 'no module', uri: 'pkcs11:object=k', says: 'module-path must be an absolute path' },
  { name: 'a module by name', uri: 'pkcs11:object=k?module-path=m.so', says: 'absolute path' },
  { name: 'a PIN', uri: `pkcs11:object=k?${MODULE}&pin-value=1`, says: 'seen by everybody' },
  {
    name: 'a PIN program',
    uri: `pkcs11:object=k?${MODULE}&pin-source=|cat`,
    says: 'absolute path',
  },
  { name: 'a public key', uri: `pkcs11:object=k;type=public?${MODULE}`, says: 'expected private' },
  { name: 'what it does not know', uri: `pkcs11:object=k;model=x?${MODULE}`, says: '"model"' },
  { name: 'a name twice', uri: `pkcs11:object=k;object=l?${MODULE}`, says: 'stands twice' },
  { name: 'half an escape', uri: `pkcs11:object=%4?${MODULE}`, says: 'a percent sign' },
  { name: 'two queries', uri: `pkcs11:object=k?${MODULE}?${MODULE}`, says: 'two question marks' },
]) {
  test(`[D.signer-token] parsePkcs11Uri() refuses ${name}`, () => {
    expect(() => parsePkcs11Uri(uri)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining(says) as string,
      }),
    );
  });
}
