import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ElicitRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, test } from 'vitest';
import { startHttpProxy } from '../fixtures/http-proxy.ts';
import {
  startEverything,
  startOldStream,
  startSessions,
  startStateless,
} from '../fixtures/http-servers.ts';
import { rulesFile } from '../fixtures/mcp-programs.ts';

const INFO = { name: 'test', version: '1' };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What a person says to a question that is ours. */
const APPROVE = { action: 'accept' as const, content: { decision: 'approve once' } };

interface Session {
  readonly call: (name: string, given?: Record<string, unknown>) => Promise<unknown>;
  readonly tools: () => Promise<unknown>;
  readonly news: () => readonly string[];
}

async function legacy(transport: Transport): Promise<Session> {
  const client = new Client(INFO, { capabilities: { elicitation: {} } });
  const news: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    news.push(`asked ${params.message.slice(0, 5)}`);
    return params.message === 'sure?' ? { action: 'accept', content: {} } : APPROVE;
  });
  const listChanged = new Promise<void>((resolve) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      news.push('list changed');
      resolve();
    });
  });
  await client.connect(transport);
  closing.push(() => client.close());
  return {
    tools: async () => client.listTools(),
    call: async (name, given = {}) => {
      const onprogress = () => void news.push('progress');
      const result = await client.callTool({ name, arguments: given }, undefined, { onprogress });
      if (name === 'ask') await listChanged;
      return result;
    },
    news: () => news,
  };
}

async function modern(transport: ModernTransport): Promise<Session> {
  const client = new ModernClient(INFO, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  const news: string[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    news.push(`asked ${params.message.slice(0, 5)}`);
    return params.message === 'sure?' ? { action: 'accept' as const, content: {} } : APPROVE;
  });
  await client.connect(transport);
  closing.push(() => client.close());
  return {
    tools: async () => client.listTools(),
    call: async (name, given = {}) => client.callTool({ name, arguments: given }),
    news: () => news,
  };
}

const streamable = (url: string) => legacy(new StreamableHTTPClientTransport(new URL(url)));
const KINDS = [
  { name: 'sessions, answers as events', open: () => startSessions(), connect: streamable },
  {
    name: 'sessions, answers as JSON',
    open: () => startSessions({ json: true }),
    connect: streamable,
  },
  {
    name: 'HTTP+SSE of 2024-11-05',
    open: startOldStream,
    connect: (url: string) => legacy(new SSEClientTransport(new URL(url))),
  },
  {
    name: 'the stateless revision',
    open: startStateless,
    connect: (url: string) => modern(new ModernTransport(new URL(url))),
  },
];

for (const { name, open, connect } of KINDS) {
  describe(`${name} [P4.http]`, () => {
    test('SDK client and server come to the same results with and without us', async () => {
      const server = await open();
      const { url } = await startHttpProxy(server);
      const results = [];
      for (const address of [server, url]) {
        const session = await connect(address);
        const isModern = name === 'the stateless revision';
        const calls = [];
        for (const tool of ['echo', 'ask', isModern ? 'place' : 'slow', 'missing']) {
          const given = tool === 'place' ? { region: 'eu' } : {};
          calls.push(await session.call(tool, given).catch(String));
        }
        results.push({ tools: await session.tools(), calls, news: session.news() });
      }
      expect(results[1]).toEqual(results[0]);
      expect(JSON.stringify(results[0])).toContain('accept');
    });

    test('blocks what a rule blocks, and asks the person behind the client', async () => {
      const server = await open();
      const rules = `rules:
  - {name: no-echo, tool_pattern: echo, action: block}
  - {name: ask-edit, tool_pattern: edit_note, action: pause}
`;
      const { url } = await startHttpProxy(server, ['-rules', rulesFile(rules)]);
      const session = await connect(url);
      await expect(session.call('echo')).rejects.toThrow('blocked by policy');
      expect(session.news()).toEqual([]);
      expect(JSON.stringify(await session.call('edit_note'))).toContain('noted');
      expect(session.news()).toContain('asked obsig');
    });
  });
}

test("the protocol authors' server works through us, and its session ends [P4.http]", async () => {
  const { url } = await startHttpProxy(await startEverything());
  const transport = new StreamableHTTPClientTransport(new URL(url));
  const client = new Client(INFO, { capabilities: {} });
  await client.connect(transport);
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
  expect(content).toEqual([{ type: 'text', text: 'Echo: hi' }]);
  await transport.terminateSession();
  expect(transport.sessionId).toBeUndefined();
  await client.close();
});
