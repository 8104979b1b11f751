import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { everythingServer, proxied, rulesFile } from '../fixtures/mcp-programs.ts';

const RULES = `rules:
  - {name: no-env, description: Not the environment, tool_pattern: get-env, action: block}
  - {name: ask-image, tool_pattern: get-tiny-image, action: pause}
`;

let client: Client;

beforeEach(async () => {
  const [command = '', ...args] = proxied(everythingServer(), ['-rules', rulesFile(RULES)]);
  const transport = new StdioClientTransport({ command, args, stderr: 'ignore' });
  client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
});

afterEach(() => client.close());

test("the protocol authors' client lists and calls tools through the proxy", async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain('get-env');
  const result = await client.callTool({ name: 'get-sum', arguments: { a: 2, b: 3 } });
  expect(result.content).toEqual([{ type: 'text', text: 'The sum of 2 and 3 is 5.' }]);
  const structured = await client.callTool({
    name: 'get-structured-content',
    arguments: { location: 'Chicago' },
  });
  expect(structured.structuredContent).toMatchObject({ temperature: 36 });
});

test("the protocol authors' client gets -32001 for a blocked call [X.errors]", async () => {
  await expect(client.callTool({ name: 'get-env', arguments: {} })).rejects.toMatchObject({
    code: -32001,
    message: expect.stringContaining('blocked by policy: Not the environment'),
  });
  // By the name that some hosts give it, too.
  await expect(client.callTool({ name: 'mcp__any__get-env' })).rejects.toMatchObject({
    code: -32001,
  });
});

test("the protocol authors' client gets -32003 and its data for a paused call [X.errors]", async () => {
  await expect(client.callTool({ name: 'get-tiny-image' })).rejects.toMatchObject({
    code: -32003,
    message: expect.stringContaining('no approver configured for pause rule "ask-image"'),
    data: {
      approval_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      approval_required: true,
      approval_timeout_ms: 60_000,
      approval_token_required: true,
      approval_url: '',
      code: 'NO_APPROVER',
      risk_score: 10,
      rule_name: 'ask-image',
      status: 'no_approver',
      tool_name: 'get-tiny-image',
    },
  });
});

test("the protocol authors' client sees a tool's own error as before", async () => {
  const result = await client.callTool({ name: 'echo', arguments: { message: 7 } });
  expect(result.isError).toBe(true);
  await expect(client.readResource({ uri: 'demo://no/such' })).rejects.toMatchObject({
    code: -32602,
  });
  await expect(client.ping()).resolves.toEqual({});
});
