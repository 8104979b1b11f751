import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { mayHoldWord, readServerLine } from './server-message.ts';

for (const { name, line, want } of [
  {
    name: 'a result as it was written',
    line: '{"jsonrpc":"2.0","id":1e2,"result": {"a":1.0} }\r\n',
    want: [{ id: '1e2', result: '{"a":1.0}' }],
  },
  {
    name: 'an error',
    line: '{"error":{"code":-1},"id":"x"}\n',
    want: [{ id: '"x"', error: '{"code":-1}' }],
  },
  { name: 'a null id', line: '{"id":null,"result":0}', want: [{ id: 'null', result: '0' }] },
  {
    name: 'names with escapes',
    line: '{"i\\u0064":1,"r\\u0065sult":{}}',
    want: [{ id: '1', result: '{}' }],
  },
  {
    name: 'the last of two results, as the client reads it',
    line: '{"id":1,"result":{"a":1},"result":{"a":2}}',
    want: [{ id: '1', result: '{"a":2}' }],
  },
  {
    name: 'the answers of a batch',
    line: '[{"id":1,"result":1},{"method":"x"},3,{"id":2,"error":{}}]',
    want: [
      { id: '1', result: '1' },
      { id: '2', error: '{}' },
    ],
  },
  { name: "no answer in the server's own request", line: '{"id":1,"method":"ping"}', want: [] },
  {
    name: 'no answer in a request with a result',
    line: '{"id":1,"method":"ping","result":{}}',
    want: [],
  },
  {
    name: 'news of tasks, in either form',
    line: '[{"method":"notifications/tasks/status","params":{"a":1}},{"method":"notifications/tasks","params":{}}]',
    want: [{ params: '{"a":1}' }, { params: '{}' }],
  },
  {
    name: "nothing about tasks in the server's own requests",
    line: '[{"id":1,"method":"tasks/get","params":{}},{"id":2,"method":"notifications/tasks","params":{}}]',
    want: [],
  },
  {
    name: 'a request of the server, however its method is written',
    line: '[{"id":0,"method":"sampling\\/createMessage","params":{"a":1}},{"id":1,"Method":"roots/list","method":"x"}]',
    want: [
      { id: '0', method: 'sampling/createMessage', params: '{"a":1}' },
      { id: '1', method: 'roots/list', params: undefined },
    ],
  },
  { name: 'no answer without id', line: '{"result":{}}', want: [] },
  { name: 'no answer without result', line: '{"id":1}', want: [] },
  { name: 'nothing in a banner', line: 'Server {ready} on stdio\n', want: [] },
  { name: 'nothing in half a message', line: '{"id":1,"result":', want: [] },
  { name: 'nothing in a blank line', line: '\n', want: [] },
  { name: 'nothing in junk', line: '[\u0000\ufffd', want: [] },
  { name: 'nothing in a nesting without end', line: '['.repeat(20_000), want: [] },
]) {
  test(`readServerLine() finds ${name}`, () => {
    const found = readServerLine(Buffer.from(line)).map((word) => {
      if (word.kind === 'task') return { params: String(word.params) };
      if (word.kind === 'request')
        return { id: String(word.id), method: word.method, params: word.params?.toString() };
      return {
        id: String(word.id),
        ...(word.result !== undefined && { result: String(word.result) }),
        ...(word.error !== undefined && { error: String(word.error) }),
      };
    });
    expect(found).toEqual(want);
    if (want.length > 0) expect(mayHoldWord(Buffer.from(`{}\n${line}\n{}`))).toBe(true);
  });
}
