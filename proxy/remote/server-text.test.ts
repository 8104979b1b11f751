import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { asLine, errorFor, readError } from './server-text.ts';

test('asLine() makes one line of any JSON text, with the same meaning [X.remote-bytes]', () => {
  const property = fc.property(
    fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())),
    fc.constantFrom('\n', '\r\n', '\r'),
    (value, end) => {
      const text = `${end}${JSON.stringify(value, null, 2).replaceAll('\n', end)}${end}`;
      const line = asLine(Buffer.from(text)) ?? Buffer.alloc(0);
      expect(line.length).toBe(Buffer.byteLength(text) + 1); // blanks in place, and the line end
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line.includes('\r')).toBe(false);
      expect(JSON.parse(line.toString())).toEqual(JSON.parse(JSON.stringify(value)));
    },
  );
  fc.assert(property);
});

for (const { name, text, want } of [
  { name: 'white space', text: ' \r\n', want: undefined },
  { name: 'a page', text: '<html>\n</html>', want: undefined },
  { name: 'a word', text: 'null', want: undefined },
  { name: 'a byte order mark', text: '\ufeff{"a":1}', want: '{"a":1}\n' },
]) {
  test(`asLine() knows ${name}`, () => {
    expect(asLine(Buffer.from(text))?.toString()).toBe(want);
  });
}

for (const { name, body, error, id } of [
  { name: 'one without an id', body: '{"error":{"code":-1}}', error: '{"code":-1}' },
  { name: 'one for nobody', body: '{"id":null,"error": {"code":1.0} }', error: '{"code":1.0}' },
  { name: 'one with an id', body: '{"id":"7","error":{"code":1}}', error: '{"code":1}', id: '"7"' },
  { name: 'an error of OAuth', body: '{"error":"invalid_token"}' },
  { name: 'a result', body: '{"id":1,"result":{}}' },
  { name: 'a batch', body: '[{"error":{"code":1}}]' },
  { name: 'a page', body: '<html>' },
  { name: 'half a message', body: '{"error":{"code":1}' },
]) {
  test(`readError() tells ${name}`, () => {
    const found = readError(Buffer.from(body));
    expect(found?.error.toString()).toBe(error);
    expect(found?.id?.toString()).toBe(id);
  });
}

test('errorFor() changes nothing of an error but whom it is for', () => {
  const error = Buffer.from('{"code":1e2, "message":"\\u00e9"}');
  expect(errorFor(Buffer.from('1e2'), error).toString()).toBe(
    '{"error":{"code":1e2, "message":"\\u00e9"},"id":1e2,"jsonrpc":"2.0"}',
  );
});
