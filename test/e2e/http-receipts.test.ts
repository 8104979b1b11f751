import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { valuesOf } from '../../proxy/http/headers.ts';
import { jsonHeaders, play, post, startHttpProxy, type Script } from '../fixtures/http-proxy.ts';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import { rulesFile, temporaryFolder } from '../fixtures/mcp-programs.ts';

let recorder: FrameRecorder;
let socket: string;
beforeEach(async () => {
  socket = join(temporaryFolder(), 's');
  recorder = await FrameRecorder.listen(socket);
});
afterEach(() => recorder.close());

const RULES = `rules:
  - {name: no-deletes, tool_pattern: "delete_*", action: block}
`;
const open = async (script: Script, rules = RULES) => {
  const server = await play(script);
  const flags = ['-socket', socket, '-rules', rulesFile(rules)];
  return { server, ...(await startHttpProxy(`${server.origin}/mcp`, flags)) };
};
const call = (id: unknown, name: string, params: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {}, ...params },
});
const json =
  (text: string): Script =>
  (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(text);
  };
const reports = async (count: number) =>
  (await recorder.received(count)).map(({ tool, decision, error, output }) => ({
    tool: tool.name,
    decision,
    ...(error !== undefined && { error }),
    ...(output !== undefined && { output }),
  }));

describe('every call over HTTP ends in one report [P1.http]', () => {
  test('answered as JSON, as events, and refused', async () => {
    const { server, url } = await open(({ body }, response) => {
      const { id } = JSON.parse(body.toString()) as { id: number };
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: { n: id } });
      const isStream = id === 2;
      response.writeHead(200, {
        'Content-Type': isStream ? 'text/event-stream; charset=utf-8' : 'application/json',
      });
      response.end(isStream ? `event: message\ndata: ${text}\n\n` : text);
    });
    await post(url, call(1, 'read'));
    await post(url, call(2, 'read'));
    const { status, body } = await post(url, call(3, 'delete_all'));
    expect(status).toBe(200);
    expect(JSON.parse(body.toString())).toMatchObject({ id: 3, error: { code: -32001 } });
    expect(await reports(3)).toEqual([
      { tool: 'read', decision: 'allowed', output: { n: 1 } },
      { tool: 'read', decision: 'allowed', output: { n: 2 } },
      { tool: 'delete_all', decision: 'denied', error: 'blocked by policy: no-deletes' },
    ]);
    expect(server.seen).toHaveLength(2);
  });

  test('a batch: what is refused is answered in front of what the server answers [P3.batch]', async () => {
    const { server, url } = await open(json('[{"id":1,"result":{}}]'));
    const { body } = await post(url, [call(1, 'read'), call(2, 'delete_all')]);
    const answers = JSON.parse(body.toString()) as { id: number }[];
    expect(answers.map(({ id }) => id)).toEqual([2, 1]);
    expect(server.bodies).toEqual([`[${JSON.stringify(call(1, 'read'))}]`]);
    expect((await reports(2)).map(({ tool }) => tool).sort()).toEqual(['delete_all', 'read']);
  });

  for (const { name, script, status, want } of [
    {
      name: 'a server that refuses by status',
      script: (_, response) => void response.writeHead(403).end('no'),
      status: 403,
      want: { decision: 'allowed', error: '{"message":"the server answered HTTP 403"}' },
    },
    {
      name: 'a stream that ends without the answer',
      script: (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end(': nothing\n\n');
      },
      status: 200,
      want: {
        decision: 'pending',
        error: 'outcome unknown: the server answered HTTP 200 without it',
      },
    },
  ] satisfies { name: string; script: Script; status: number; want: object }[]) {
    test(`${name} ends the call [P1.http]`, async () => {
      const { url } = await open(script);
      expect((await post(url, call(1, 'read'))).status).toBe(status);
      expect(await reports(1)).toEqual([{ tool: 'read', ...want }]);
    });
  }

  test('a client of a stateless revision that hangs up [P4.http-hang-up]', async () => {
    const { url, server } = await open((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': on\n\n');
    });
    await hangUpAfterEvent(url, call(1, 'read'), 'MCP-Protocol-Version', '2026-07-28');
    expect(await reports(1)).toEqual([
      { tool: 'read', decision: 'pending', error: 'outcome unknown: the client hung up' },
    ]);
    expect(server.seen).toHaveLength(1);
  });

  test('an answer that comes on a stream taken up again counts, and once', async () => {
    const answer = '{"jsonrpc":"2.0","id":1,"result":{"late":true}}';
    const { url } = await open(({ method }, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (method === 'POST') response.write('id: a\ndata:\n\n');
      else response.end(`id: b\ndata: ${answer}\n\nid: b\ndata: ${answer}\n\n`);
    });
    const session = ['Mcp-Session-Id', 's1'];
    await hangUpAfterEvent(url, call(1, 'read'), ...session);
    const { host } = new URL(url);
    await new Promise<void>((resolve, reject) => {
      const headers = [
        'Host',
        host,
        'Accept',
        'text/event-stream',
        'Last-Event-ID',
        'a',
        ...session,
      ];
      const sent = request(url, { agent: false, headers }, (response) => {
        response.resume().once('end', resolve);
      });
      sent.once('error', reject).end();
    });
    expect(await reports(1)).toEqual([
      { tool: 'read', decision: 'allowed', output: { late: true } },
    ]);
  });
});

test('a call says what it is called in the record, whatever the client says [X.http-attestation]', async () => {
  const { server, url } = await open(json('{"jsonrpc":"2.0","id":1,"result":{}}'));
  await post(url, call(1, 'read'), 'Obsigna-Receipt', 'forged', 'x-estoppl-attestation', 'forged');
  const [frame] = await recorder.received(1);
  const headers = server.seen[0]?.headers ?? [];
  const reference = `${frame?.session_id}/1`;
  expect(valuesOf(headers, 'obsigna-receipt')).toEqual([reference]);
  expect(valuesOf(headers, 'x-estoppl-attestation')).toEqual([reference]);
});

test('a tool that a rule blocks is not shown, in JSON and in events', async () => {
  const rules = `hide_blocked: true\n${RULES}`;
  const list =
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read"},{"name":"delete_all"}]}}';
  const { server, url } = await open(json(list), rules);
  const ask = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const want = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read"}]}}';
  expect((await post(url, ask)).body.toString()).toBe(want);
  server.play((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.end(`id: 4\ndata: ${list}\n\n`);
  });
  expect((await post(url, ask)).body.toString()).toBe(`id: 4\ndata: ${want}\n\n`);
});

/** Posts, and hangs up when the first event is there. */
async function hangUpAfterEvent(url: string, message: object, ...more: string[]): Promise<void> {
  const headers = [...jsonHeaders(new URL(url).host, ...more)];
  await new Promise<void>((resolve) => {
    const sent = request(url, { method: 'POST', agent: false, headers });
    sent.on('error', () => undefined);
    sent.once('close', resolve);
    sent.once('response', (response) => response.once('data', () => sent.destroy()));
    sent.end(JSON.stringify(message));
  });
}

describe('what a server asks its client over HTTP', () => {
  const NO_QUESTIONS = 'rules: [{name: quiet, tool_pattern: "elicitation/*", action: block}]\n';
  const question = '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}';
  const told = '{"jsonrpc":"2.0","id":1,"result":{}}';

  test('is kept from the client by a rule, and the server hears why', async () => {
    let refused: (body: string) => void = () => undefined;
    const refusal = new Promise<string>((resolve) => (refused = resolve));
    const { url } = await open(({ body }, response) => {
      if (body.includes('"error"')) {
        refused(body.toString());
        response.writeHead(202).end();
        return;
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.end(`data: ${question}\n\ndata: ${told}\n\n`);
    }, NO_QUESTIONS);
    const { body } = await post(url, call(1, 'read'), 'Mcp-Session-Id', 's');
    expect(body.toString()).toBe(`data: ${told}\n\n`);
    expect(JSON.parse(await refusal)).toMatchObject({ id: 'q', error: { code: -32001 } });
    expect((await reports(2)).map(({ decision }) => decision).sort()).toEqual([
      'allowed',
      'denied',
    ]);
  });

  test('is refused where HTTP+SSE takes messages', async () => {
    let refused: (url: string) => void = () => undefined;
    const refusal = new Promise<string>((resolve) => (refused = resolve));
    const { url } = await open(({ method, url: path }, response) => {
      if (method === 'POST') {
        refused(path);
        response.writeHead(202).end();
        return;
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(`event: endpoint\ndata: /messages?s=1\n\ndata: ${question}\n\n`);
    }, NO_QUESTIONS);
    const sent = request(url, { agent: false, headers: ['Host', new URL(url).host] });
    sent.on('error', () => undefined);
    sent.end();
    expect(await refusal).toBe('/messages?s=1');
    sent.destroy();
  });
});

describe('a call that ends in another exchange is one call [P1.http]', () => {
  const stateless = ['MCP-Protocol-Version', '2026-07-28'];
  const answer = (id: number, result: object): Script =>
    json(JSON.stringify({ jsonrpc: '2.0', id, result }));

  test('as a task that is asked about', async () => {
    const task = { taskId: 't', status: 'working' };
    const { server, url } = await open(answer(1, { resultType: 'task', ...task }));
    await post(url, call(1, 'read'), ...stateless);
    const result = { content: [] };
    server.play(answer(2, { resultType: 'complete', ...task, status: 'completed', result }));
    const get = { jsonrpc: '2.0', id: 2, method: 'tasks/get', params: { taskId: 't' } };
    await post(url, get, ...stateless);
    expect(await reports(1)).toEqual([{ tool: 'read', decision: 'allowed', output: result }]);
  });

  test('in a second round', async () => {
    const asked = { c: { method: 'elicitation/create', params: {} } };
    const { server, url } = await open(
      answer(1, { resultType: 'input_required', inputRequests: asked, requestState: 's' }),
    );
    await post(url, call(1, 'read'), ...stateless);
    server.play(answer(2, { resultType: 'complete' }));
    const round = { requestState: 's', inputResponses: { c: { action: 'accept' } } };
    await post(url, call(2, 'read', round), ...stateless);
    const [frame] = await recorder.received(1);
    expect(frame).toMatchObject({
      output: { resultType: 'complete' },
      decision_context: { rounds: 2, asked: ['elicitation/create'] },
    });
    const names = server.seen.map(({ headers }) => valuesOf(headers, 'obsigna-receipt')[0]);
    expect(names).toEqual([names[0], names[0]]);
  });
});

test('a call that the daemon does not record does not leave [P1.require-receipt]', async () => {
  const server = await play(json('{}'));
  const gone = ['-socket', `${socket}-gone`, '-require-receipt', '-rules', rulesFile(RULES)];
  const { url } = await startHttpProxy(server.origin, gone);
  const { body } = await post(url, call(1, 'read'));
  expect(body.toString()).toContain('"code":-31001');
  expect(server.seen).toEqual([]);
});
