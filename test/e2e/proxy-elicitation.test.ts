import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { everythingServer, fixtureServer, proxied, rulesFile } from '../fixtures/mcp-programs.ts';

const RULES = `rules:
  - {name: ask-sum, tool_pattern: get-sum, action: pause}
  - {name: ask-note, tool_pattern: edit_note, action: pause}
`;

/** How the person, or the client for them, answers. */
type Person = () => Promise<{
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, string>;
}>;

interface Session {
  /** Text of the result of the paused tool. */
  readonly call: () => Promise<string>;
  readonly messages: string[];
  readonly close: () => Promise<void>;
}

const sessions: Session[] = [];
afterEach(async () => {
  for (const { close } of sessions.splice(0)) await close();
});

function commandLine(server: readonly string[], flags: readonly string[]) {
  const [command = '', ...args] = proxied(server, ['-rules', rulesFile(RULES), ...flags]);
  return { command, args, stderr: 'ignore' as const };
}

const textOf = (content: unknown): string => (content as { text: string }[])[0]?.text ?? '';

async function firstEra(person: Person, flags: readonly string[] = []): Promise<Session> {
  const client = new Client({ name: 't', version: '1' }, { capabilities: { elicitation: {} } });
  const messages: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    messages.push(params.message);
    return person();
  });
  await client.connect(new StdioClientTransport(commandLine(everythingServer(), flags)));
  const params = { name: 'get-sum', arguments: { a: 2, b: 3 } };
  const call = async () => textOf((await client.callTool(params)).content);
  return keep({ call, messages, close: () => client.close() });
}

async function secondEra(person: Person, flags: readonly string[] = []): Promise<Session> {
  const client = new ModernClient(
    { name: 't', version: '1' },
    {
      capabilities: { elicitation: { form: {} } },
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    },
  );
  const messages: string[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    messages.push(params.message);
    return person();
  });
  const server = fixtureServer('mcp-stateless-server.mjs');
  await client.connect(new ModernTransport(commandLine(server, flags)));
  expect(client.getProtocolEra()).toBe('modern');
  const params = { name: 'edit_note', arguments: { text: 'The sum of 2 and 3 is 5.' } };
  const call = async () => textOf((await client.callTool(params)).content);
  return keep({ call, messages, close: () => client.close() });
}

function keep(session: Session): Session {
  sessions.push(session);
  return session;
}

const accepting = (decision: string) => async () => ({
  action: 'accept' as const,
  content: { decision },
});

for (const { era, open } of [
  { era: 'a client of SDK v1', open: firstEra },
  { era: 'a client of SDK v2, 2026-07-28', open: secondEra },
]) {
  test(`${era} asks the person, and an approved call runs once [X.approvals]`, async () => {
    const { call, messages } = await open(accepting('approve once'));
    expect(await call()).toContain('The sum of 2 and 3 is 5.');
    expect(messages).toEqual([
      expect.stringMatching(/^obsigna: may this tool call run\?.*\nTool: "/),
    ]);
    await call();
    expect(messages.length).toBe(2);
  });

  test(`${era} grants the call, and is not asked again [X.grants]`, async () => {
    const { call, messages } = await open(
      accepting('approve, and this exact call again for 10 minutes'),
    );
    await call();
    expect(await call()).toContain('The sum of 2 and 3 is 5.');
    expect(messages.length).toBe(1);
  });

  for (const { name, person } of [
    { name: 'a choice', person: accepting('deny') },
    { name: 'a refusal to answer', person: async () => ({ action: 'decline' as const }) },
  ]) {
    test(`${era} denies a call by ${name} [X.approvals]`, async () => {
      const { call } = await open(person);
      await expect(call()).rejects.toMatchObject({
        code: -32002,
        data: { code: 'APPROVAL_DENIED', status: 'denied' },
      });
    });
  }

  test(`${era} closes the form, and nobody else can be asked`, async () => {
    const { call } = await open(async () => ({ action: 'cancel' }));
    await expect(call()).rejects.toMatchObject({ code: -32003, data: { code: 'NO_APPROVER' } });
  });

  test(`${era} hears that time is up [X.approvals]`, async () => {
    const late = async () => {
      await sleep(400);
      return accepting('approve once')();
    };
    const { call } = await open(late, ['-approval-timeout', '100ms']);
    await expect(call()).rejects.toMatchObject({
      code: -32002,
      message: expect.stringContaining('timed out after 100ms'),
      data: { code: 'APPROVAL_TIMED_OUT', status: 'timed_out' },
    });
  });

  test(`${era} is not asked with -approve none`, async () => {
    const { call, messages } = await open(accepting('approve once'), ['-approve', 'none']);
    await expect(call()).rejects.toMatchObject({ code: -32003 });
    expect(messages).toEqual([]);
  });
}
