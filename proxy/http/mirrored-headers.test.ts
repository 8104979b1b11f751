import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { mirrorFault } from './mirrored-headers.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CALL = {
  method: 'tools/call',
  params: {
    name: 'größe',
    arguments: { region: 'eu', deep: { count: 3 } },
    _meta: { [VERSION]: '2026-07-28' },
  },
};
const SCHEMA = {
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: { properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    other: { 'x-mcp-header': 'Other' },
  },
};
const PACKED = `=?base64?${Buffer.from('größe').toString('base64')}?=`;

for (const { name, headers, body = CALL, want } of [
  { name: 'no headers', headers: [], want: undefined },
  {
    name: 'headers that agree',
    headers: ['Mcp-Method', 'tools/call', 'mcp-name', PACKED, 'MCP-Protocol-Version', '2026-07-28'],
    want: undefined,
  },
  { name: 'another method', headers: ['Mcp-Method', 'ping'], want: 'Mcp-Method' },
  {
    name: 'two methods',
    headers: ['Mcp-Method', 'tools/call', 'Mcp-Method', 'ping'],
    want: 'Mcp-Method',
  },
  { name: 'another name', headers: ['Mcp-Name', 'harmless'], want: 'Mcp-Name' },
  {
    name: 'a name where the body has none',
    headers: ['Mcp-Name', 'a'],
    body: { method: 'ping' },
    want: 'Mcp-Name',
  },
  {
    name: 'another version',
    headers: ['MCP-Protocol-Version', '2025-11-25'],
    want: 'MCP-Protocol',
  },
  {
    name: 'params that agree',
    headers: ['Mcp-Param-Region', 'eu', 'mcp-param-count', '3'],
    want: undefined,
  },
  { name: 'another param', headers: ['Mcp-Param-Region', 'us'], want: 'mcp-param-region' },
  { name: 'another param deep inside', headers: ['Mcp-Param-Count', '4'], want: 'mcp-param-count' },
  {
    name: 'a param that was not given',
    headers: ['Mcp-Param-Other', '1'],
    want: 'mcp-param-other',
  },
  { name: 'a param of nobody', headers: ['Mcp-Param-X', '1'], want: undefined },
  { name: 'a batch', headers: ['Mcp-Method', 'tools/call'], body: [CALL], want: 'batch' },
  {
    name: 'a legacy batch',
    headers: ['MCP-Protocol-Version', '2025-03-26'],
    body: [CALL],
    want: undefined,
  },
]) {
  test(`mirrorFault() of ${name} [P3.http]`, () => {
    const found = mirrorFault(headers, Buffer.from(JSON.stringify(body)), () => SCHEMA);
    if (want === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(want);
  });
}
