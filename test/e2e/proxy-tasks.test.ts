import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CreateTaskResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import { everythingServer, proxied, temporaryFolder } from '../fixtures/mcp-programs.ts';

let recorder: FrameRecorder;
let client: Client;

beforeEach(async () => {
  const socket = join(temporaryFolder(), 's');
  recorder = await FrameRecorder.listen(socket);
  const [command = '', ...args] = proxied(everythingServer(), ['-socket', socket]);
  client = new Client({ name: 'test', version: '1' });
  await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }));
});

afterEach(async () => {
  await client.close();
  recorder.close();
});

const PARAMS = { name: 'simulate-research-query', arguments: { topic: 'chains' } };

/** How calls ended, announcements left out. */
function ends() {
  return recorder.frames.filter((frame) => !Object.hasOwn(frame, 'phase'));
}

test("a call that the protocol authors' server makes a task of ends with the task's result [P1.task-result]", async () => {
  await client.listTools(); // the client looks there whether the tool wants a task
  let text = '';
  for await (const message of client.experimental.tasks.callToolStream(PARAMS)) {
    if (message.type === 'taskCreated') expect(ends()).toEqual([]);
    if (message.type === 'result') text = JSON.stringify(message.result.content);
  }
  expect(text).toContain('# Research Report: chains');
  await recorder.received(1);
  expect(ends()).toMatchObject([
    {
      tool: { name: 'simulate-research-query' },
      decision: 'allowed',
      input: { topic: 'chains' },
      output: { content: [{ type: 'text', text: expect.stringContaining('# Research Report') }] },
    },
  ]);
});

test('a task whose result nobody fetched ends as pending, with its last status [P1.task-result]', async () => {
  const params = { ...PARAMS, task: { ttl: 60_000 } };
  const request = { method: 'tools/call' as const, params };
  const { task } = await client.request(request, CreateTaskResultSchema);
  await client.experimental.tasks.cancelTask(task.taskId);
  await client.close();
  await recorder.received(1);
  expect(ends()).toMatchObject([
    {
      decision: 'pending',
      error: expect.stringMatching(
        /^outcome unknown: cancelled by the client; no result of task "[^"]+" \(last status: cancelled\) was fetched; the server ended/,
      ),
    },
  ]);
});
