import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mirrorFault } from '../http/mirrored-headers.ts';
import { readClientLine } from './client-line.ts';
import { mirroredHeaders } from './request-headers.ts';

const VERSION = '2026-07-28';
const META = { _meta: { 'io.modelcontextprotocol/protocolVersion': VERSION } };
const SCHEMA = {
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: { properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    list: { 'x-mcp-header': 'List' },
  },
};

function headersOf(method: string, params: object): readonly string[] {
  const line = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const read = readClientLine(line);
  if (read?.version === undefined) throw new Error('no version');
  return mirroredHeaders(read, read.version, () => SCHEMA);
}

for (const { method, params, want } of [
  { method: 'tools/list', params: {}, want: [] },
  { method: 'tools/call', params: { name: 'a b' }, want: ['Mcp-Name', 'a b'] },
  { method: 'prompts/get', params: { name: ' a' }, want: ['Mcp-Name', '=?base64?IGE=?='] },
  { method: 'resources/read', params: { uri: 'x://y' }, want: ['Mcp-Name', 'x://y'] },
  {
    method: 'tasks/get',
    params: { taskId: '=?base64?x' },
    want: ['Mcp-Name', '=?base64?PT9iYXNlNjQ/eA==?='],
  },
  { method: 'tools/call', params: { name: 7 }, want: [] },
]) {
  test(`mirroredHeaders() of ${method} ${JSON.stringify(params)}`, () => {
    const start = ['MCP-Protocol-Version', VERSION, 'Mcp-Method', method];
    expect(headersOf(method, { ...META, ...params })).toEqual([...start, ...want]);
  });
}

test('mirroredHeaders() can stand in a header and say what the body says [X.remote-bytes]', () => {
  const property = fc.property(fc.string(), fc.string(), fc.integer(), (name, region, count) => {
    const params = { name, arguments: { region, deep: { count }, list: [] }, ...META };
    const headers = headersOf('tools/call', params);
    const body = Buffer.from(JSON.stringify({ method: 'tools/call', params }));
    expect(headers.every((text) => /^[\x20-\x7e]*$/.test(text))).toBe(true);
    expect(headers.filter((_, at) => at % 2 === 0)).toEqual([
      'MCP-Protocol-Version',
      'Mcp-Method',
      'Mcp-Name',
      'Mcp-Param-region',
      'Mcp-Param-count',
    ]);
    // The same reader as in front of a server, which believes the body only.
    expect(mirrorFault(headers, body, () => SCHEMA)).toBeUndefined();
  });
  fc.assert(property);
});

test('readClientLine() finds what is asked, in batches too', () => {
  const read = (text: string) => readClientLine(Buffer.from(text));
  const ids = (text: string) => read(text)?.requests.map(({ id }) => id.toString());
  expect(read(' \r\n')).toBeUndefined();
  expect(read('{"id":1}\r\n')?.body.toString()).toBe('{"id":1}');
  expect(ids('{"id":1e2,"method":"x"}')).toEqual(['1e2']);
  expect(ids('{"method":"x"}')).toEqual([]);
  expect(ids('{"id":1,"result":{}}')).toEqual([]);
  expect(ids('[{"id":1,"method":"x"},7,{"id":"1","m\\u0065thod":"y"}]')).toEqual(['1', '"1"']);
  expect(ids('"text"')).toEqual([]);
});
