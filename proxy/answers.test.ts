import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { ERROR_REMEDIES } from '../shared/errors.ts';
import { codedData, errorAnswer } from './answers.ts';

for (const id of ['1', '1e2', '-0', '9007199254740993', '"\\u0061"', '"a\u2028b"', 'null']) {
  test(`errorAnswer() gives the id ${id} back byte for byte [P4.ids-raw]`, () => {
    expect(String(errorAnswer(Buffer.from(id), -32001, 'no'))).toBe(
      `{"error":{"code":-32001,"message":"no"},"id":${id},"jsonrpc":"2.0"}\n`,
    );
  });
}

test('errorAnswer() answers a message without a readable id with null', () => {
  expect(String(errorAnswer(undefined, -32700, 'a\nb', { x: 1 }))).toBe(
    '{"error":{"code":-32700,"data":{"x":1},"message":"a\\nb"},"id":null,"jsonrpc":"2.0"}\n',
  );
});

test('codedData() names the code and what to do', () => {
  const code = 'TOO_MANY_OPEN_CALLS';
  expect(codedData(code)).toEqual({ code, remedy: ERROR_REMEDIES[code] });
});
