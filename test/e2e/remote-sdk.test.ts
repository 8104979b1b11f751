import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttpTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ElicitRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  startEverything,
  startOldStream,
  startSessions,
  startStateless,
} from '../fixtures/http-servers.ts';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import { program, rulesFile, temporaryFolder } from '../fixtures/mcp-programs.ts';

const INFO = { name: 'test', version: '1' };
/** What a person says to a question that is ours. */
const APPROVE = { action: 'accept' as const, content: { decision: 'approve once' } };
const closing: (() => Promise<void>)[] = [];
let recorder: FrameRecorder;
let socket: string;

beforeEach(async () => {
  socket = join(temporaryFolder(), 's');
  recorder = await FrameRecorder.listen(socket);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  recorder.close();
});

/** The proxy as a client starts it. */
function commandLine(url: string, flags: readonly string[]) {
  const given = ['-name', 'srv', '-socket', socket, '-pins', '', '-url', url, ...flags];
  const args = [program('mcp-proxy'), ...given];
  return { command: process.execPath, args, stderr: 'ignore' as const };
}

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
  closing.push(() => client.close());
  await client.connect(transport);
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

type Mode = 'auto' | { pin: '2026-07-28' };

async function modern(
  transport: ModernTransport | ModernHttpTransport,
  mode: Mode = { pin: '2026-07-28' },
): Promise<Session> {
  const client = new ModernClient(INFO, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode },
  });
  const news: string[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    news.push(`asked ${params.message.slice(0, 5)}`);
    return params.message === 'sure?' ? { action: 'accept' as const, content: {} } : APPROVE;
  });
  closing.push(() => client.close());
  await client.connect(transport);
  return {
    tools: async () => client.listTools(),
    call: async (name, given = {}) => client.callTool({ name, arguments: given }),
    news: () => [...news, client.getProtocolEra() ?? ''],
  };
}

const old = (url: string, flags: readonly string[] = []) =>
  legacy(new StdioClientTransport(commandLine(url, flags)));
const streamable = (url: string) => legacy(new StreamableHTTPClientTransport(new URL(url)));
const CALLS = ['echo', 'ask', 'slow', 'missing'];
const KINDS = [
  {
    name: 'sessions, answers as events',
    open: () => startSessions(),
    direct: streamable,
    through: old,
    calls: CALLS,
  },
  {
    name: 'sessions, answers as JSON',
    open: () => startSessions({ json: true }),
    direct: streamable,
    through: old,
    calls: CALLS,
  },
  {
    name: 'HTTP+SSE of 2024-11-05',
    open: startOldStream,
    direct: (url: string) => legacy(new SSEClientTransport(new URL(url))),
    through: old,
    calls: CALLS,
  },
  {
    name: 'the stateless revision',
    open: startStateless,
    direct: (url: string) => modern(new ModernHttpTransport(new URL(url))),
    through: (url: string, flags: readonly string[] = []) =>
      modern(new ModernTransport(commandLine(url, flags))),
    calls: ['echo', 'ask', 'place', 'missing'],
  },
  {
    name: 'the stateless revision, found out by the client',
    open: startStateless,
    direct: (url: string) => modern(new ModernHttpTransport(new URL(url)), 'auto'),
    through: (url: string, flags: readonly string[] = []) =>
      modern(new ModernTransport(commandLine(url, flags)), 'auto'),
    calls: ['echo', 'ask', 'place', 'missing'],
  },
  {
    name: 'sessions, found out by a client of both eras',
    open: () => startSessions(),
    direct: (url: string) => modern(new ModernHttpTransport(new URL(url)), 'auto'),
    through: (url: string, flags: readonly string[] = []) =>
      modern(new ModernTransport(commandLine(url, flags)), 'auto'),
    calls: ['echo', 'ask', 'missing'],
  },
];

for (const { name, open, direct, through, calls } of KINDS) {
  describe(`${name} [X.remote]`, () => {
    test('an SDK client comes to the same results over HTTP itself and through us', async () => {
      const server = await open();
      const results = [];
      for (const connect of [direct, through]) {
        const session = await connect(server);
        const tools = await session.tools();
        const ends = [];
        for (const tool of calls) {
          const given = tool === 'place' ? { region: 'Zürich' } : {};
          ends.push(await session.call(tool, given).catch(String));
        }
        // Progress that comes in one read with its answer is lost in the client on stdio.
        results.push({ tools, ends, news: session.news().filter((it) => it !== 'progress') });
      }
      expect(results[1]).toEqual(results[0]);
      expect(JSON.stringify(results[0])).toContain('accept');
      for (const close of closing.splice(0)) await close();
      const ended = recorder.frames.filter((frame) => !('phase' in frame));
      const names = ended.map(({ tool }) => tool.name).filter((it) => calls.includes(it));
      expect(names).toEqual(calls); // each once
    });

    test('blocks what a rule blocks, and asks the person behind the client', async () => {
      const rules = `rules:
  - {name: no-echo, tool_pattern: echo, action: block}
  - {name: ask-edit, tool_pattern: edit_note, action: pause}
`;
      const session = await through(await open(), ['-rules', rulesFile(rules)]);
      await expect(session.call('echo')).rejects.toThrow('blocked by policy');
      expect(JSON.stringify(await session.call('edit_note'))).toContain('noted');
      expect(session.news().filter((it) => it.startsWith('asked'))).toHaveLength(1);
    });
  });
}

test("the protocol authors' server with every feature works through us [X.remote]", async () => {
  const session = await old(await startEverything());
  expect(await session.call('get-sum', { a: 2, b: 3 })).toMatchObject({
    content: [{ type: 'text', text: 'The sum of 2 and 3 is 5.' }],
  });
  expect(JSON.stringify(await session.tools())).toContain('get-tiny-image');
});
