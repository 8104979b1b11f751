import { join } from 'node:path';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import {
  everythingServer,
  fixtureServer,
  proxied,
  rulesFile,
  temporaryFolder,
} from '../fixtures/mcp-programs.ts';

let recorder: FrameRecorder;
let folder: string;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = temporaryFolder();
  recorder = await FrameRecorder.listen(join(folder, 's'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  recorder.close();
});

function commandLine(server: readonly string[], rules: string) {
  const flags = ['-name', 's', '-socket', join(folder, 's'), '-pins', join(folder, 'pins')];
  const [command = '', ...args] = proxied(server, [...flags, '-rules', rulesFile(rules)]);
  return { command, args, stderr: 'ignore' as const };
}

const CONFIRM = { action: 'accept' as const, content: { confirm: true } };
const APPROVE = { action: 'accept' as const, content: { decision: 'approve once' } };
/** The person confirms what the server asks, and approves what the proxy asks. */
const answerTo = ({ message }: { message: string }) =>
  message.startsWith('obsigna:') ? APPROVE : CONFIRM;
const DEPLOY = { name: 'deploy', arguments: { env: 'staging' } };
const DELETE = { name: 'delete_all', arguments: {} };

async function legacy(server: readonly string[], rules: string) {
  const client = new Client(
    { name: 't', version: '1' },
    { capabilities: { elicitation: {}, sampling: {}, roots: {} } },
  );
  let asked = 0;
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked += 1;
    return answerTo(params);
  });
  client.setRequestHandler(CreateMessageRequestSchema, async () => ({
    role: 'assistant' as const,
    model: 'm',
    content: { type: 'text' as const, text: 'sampled' },
  }));
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [] }));
  closing.push(() => client.close());
  await client.connect(new StdioClientTransport(commandLine(server, rules)));
  return { client, asked: () => asked };
}

async function modern(rules: string, mode: 'auto' | { pin: '2026-07-28' } = { pin: '2026-07-28' }) {
  const client = new ModernClient(
    { name: 't', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
  );
  let asked = 0;
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked += 1;
    return answerTo(params);
  });
  closing.push(() => client.close());
  const line = commandLine(fixtureServer('mcp-asking-server.mjs'), rules);
  await client.connect(new ModernTransport(line));
  expect(client.getProtocolEra()).toBe('modern');
  return { client, asked: () => asked };
}

/** What was recorded of calls and of requests, announcements and notes left out. */
const ends = () =>
  recorder.frames
    .filter((frame) => !('phase' in frame) && !('action_type' in frame))
    .map(({ tool, decision, error, decision_context: context }) => ({
      tool: tool.name,
      decision,
      ...(error !== undefined && { error }),
      ...(context?.['rounds'] !== undefined && { rounds: context['rounds'] }),
      ...(context?.['direction'] !== undefined && { direction: context['direction'] }),
    }));
const noted = () =>
  recorder.frames.flatMap((frame) => ('action_type' in frame ? [frame.action_type] : []));

const HIDING = `hide_blocked: true
rules: [{name: no-deletes, description: Nothing is deleted, tool_pattern: "delete_*", action: block}]`;
const NO_QUESTIONS = 'rules: [{name: no-questions, tool_pattern: "elicitation/*", action: block}]';

const PAUSED = 'rules: [{name: ask-first, tool_pattern: deploy, action: pause}]';
const approvals = () =>
  recorder.frames.flatMap((frame) => {
    const isEnd = !('phase' in frame) && frame.tool.name === 'deploy';
    const approval = frame.decision_context?.['approval'] as { outcome?: string } | undefined;
    return isEnd ? [approval?.outcome] : [];
  });

describe('with a client and a server of MCP 2026-07-28', () => {
  test('a call that the server asks back about is one call [X.rounds]', async () => {
    const { client, asked } = await modern('rules: []');
    const { content } = await client.callTool(DEPLOY);
    expect(content).toEqual([{ type: 'text', text: 'deployed to staging' }]);
    expect(asked()).toBe(1);
    await recorder.received(1);
    expect(ends()).toEqual([{ tool: 'deploy', decision: 'allowed', rounds: 2 }]);
  });

  test('a person who approves a call that the server then asks back about is asked once [X.rounds] [X.approvals]', async () => {
    const { client, asked } = await modern(PAUSED);
    for (let call = 1; call <= 2; call += 1) {
      const { content } = await client.callTool(DEPLOY);
      expect(content).toEqual([{ type: 'text', text: 'deployed to staging' }]);
      expect(asked()).toBe(2 * call); // by us and by the server
      await recorder.received(call);
    }
    const approved = { tool: 'deploy', decision: 'allowed', rounds: 2 };
    expect(ends()).toEqual([approved, approved]);
    expect(approvals()).toEqual(['approved', 'approved']);
  });

  test('a question that a rule blocks is not asked [X.server-requests]', async () => {
    const { client, asked } = await modern(NO_QUESTIONS);
    await expect(client.callTool(DEPLOY)).rejects.toMatchObject({
      code: -32001,
      message: expect.stringContaining('blocked by policy: no-questions'),
    });
    expect(asked()).toBe(0);
  });

  test('blocked tools are not listed, and refused [X.hide-blocked]', async () => {
    const { client } = await modern(HIDING);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['deploy']);
    await expect(client.callTool(DELETE)).rejects.toMatchObject({ code: -32001 });
  });

  test('the twin that is started for a probe leaves pins that hold [X.pins]', async () => {
    for (let run = 0; run < 2; run += 1) {
      const { client } = await modern('on_drift: block\nrules: []', 'auto');
      await client.listTools();
      await client.callTool(DEPLOY);
      await client.close();
    }
    expect(noted()).toEqual(['obsigna.server.pinned']);
    expect(ends().map(({ decision }) => decision)).toEqual(['allowed', 'allowed']);
  });
});

describe('with a client of MCP 2025-11-25', () => {
  const SERVER = fixtureServer('mcp-asking-server.mjs');

  test('what the server asks is recorded beside the call [X.server-requests]', async () => {
    const { client, asked } = await legacy(SERVER, 'rules: []');
    expect(await client.callTool(DEPLOY)).toMatchObject({
      content: [{ text: 'deployed to staging' }],
    });
    expect(asked()).toBe(1);
    await client.close();
    expect(ends()).toEqual([
      { tool: 'elicitation/create', decision: 'allowed', direction: 'server' },
      { tool: 'deploy', decision: 'allowed' },
    ]);
  });

  test('an approved call in which the server asks too is one call [X.approvals]', async () => {
    const { client, asked } = await legacy(SERVER, PAUSED);
    expect(await client.callTool(DEPLOY)).toMatchObject({
      content: [{ text: 'deployed to staging' }],
    });
    expect(asked()).toBe(2);
    await client.close();
    expect(ends()).toEqual([
      { tool: 'elicitation/create', decision: 'allowed', direction: 'server' },
      { tool: 'deploy', decision: 'allowed' },
    ]);
    expect(approvals()).toEqual(['approved']);
  });

  test('what a rule blocks the server hears as an error [X.server-requests]', async () => {
    const { client, asked } = await legacy(SERVER, NO_QUESTIONS);
    expect(await client.callTool(DEPLOY)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('blocked by policy: no-questions') }],
    });
    expect(asked()).toBe(0);
    await client.close();
    expect(ends()).toMatchObject([
      { tool: 'elicitation/create', decision: 'denied', error: 'blocked by policy: no-questions' },
      { tool: 'deploy', decision: 'allowed' },
    ]);
  });

  test('blocked tools are not listed [X.hide-blocked]', async () => {
    const { client } = await legacy(SERVER, HIDING);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['deploy']);
  });

  test("sampling of the protocol authors' first server is recorded and can be blocked [X.server-requests]", async () => {
    const params = { name: 'trigger-sampling-request', arguments: { prompt: 'x' } };
    const open = await legacy(everythingServer(), 'rules: []');
    expect(JSON.stringify((await open.client.callTool(params)).content)).toContain('sampled');
    await open.client.close();
    expect(ends()).toContainEqual({
      tool: 'sampling/createMessage',
      decision: 'allowed',
      direction: 'server',
    });
    const closed = await legacy(
      everythingServer(),
      'rules: [{name: no-sampling, tool_pattern: "sampling/createmessage", action: block}]',
    );
    const { content, isError } = await closed.client.callTool(params);
    expect(isError).toBe(true);
    expect(JSON.stringify(content)).toContain('blocked by policy: no-sampling');
  });

  test('hidden or not, a list of many tools reaches the client as it was but for them [X.hide-blocked]', async () => {
    const everything = everythingServer();
    const { client } = await legacy(everything, 'rules: []');
    const all = await client.listTools();
    const hiding = await legacy(
      everything,
      'hide_blocked: true\nrules: [{name: n, tool_pattern: "get-*", action: block}]',
    );
    const left = await hiding.client.listTools();
    expect(left.tools).toEqual(all.tools.filter(({ name }) => !name.startsWith('get-')));
    expect(left.tools.length).toBeLessThan(all.tools.length);
  });
});
