import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  answering,
  play,
  type PlayedServer,
  type Script,
  type Seen,
} from '../fixtures/http-proxy.ts';
import { temporaryFolder } from '../fixtures/mcp-programs.ts';
import { startRemote } from '../fixtures/remote-proxy.ts';

const VERSION = '2025-11-25';
const MODERN = '2026-07-28';
const call = (id: unknown, name = 'tool') => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
});
const modernCall = (id: unknown, name = 'tool', given: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: given, _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN } },
});
const initialize = (id: unknown = 0) => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 't', version: '1' } },
});
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };

function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function events(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'Content-Type': 'text/event-stream' });
}

const messageOf = ({ body }: Seen) =>
  JSON.parse(body.toString() || '{}') as { id?: unknown; method?: string };
const header = ({ headers }: Seen, name: string) =>
  headers.find((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name);

/** Begins sessions `s1`, `s2`, ...; has nothing to say on its own; the rest is `script`'s. */
function sessions(script: Script): Script {
  let begun = 0;
  return (seen, response, request) => {
    const { id, method } = messageOf(seen);
    if (seen.method === 'GET' && header(seen, 'last-event-id') === undefined) {
      response.writeHead(405).end();
    } else if (seen.method === 'DELETE') {
      response.writeHead(200).end();
    } else if (method === 'initialize') {
      begun += 1;
      const result = { protocolVersion: VERSION, capabilities: {}, serverInfo: {} };
      json(response, { jsonrpc: '2.0', id, result }, { 'Mcp-Session-Id': `s${begun}` });
    } else if (method === 'notifications/initialized') {
      response.writeHead(202).end();
    } else script(seen, response, request);
  };
}

const posts = (server: PlayedServer) =>
  server.seen.filter(({ method }) => method === 'POST').map(messageOf);

describe('bytes [X.remote-bytes]', () => {
  test('a line of the client is the body, and what the server says is a line', async () => {
    const server = await play((_, response) =>
      json(
        response,
        '\ufeff{"jsonrpc": "2.0",\r\n  "id": 1e2,\n  "result": {"a": "x\\n\u2028", "n": 1.0}}\n',
      ),
    );
    const { proxy, line } = bound(await startRemote(`${server.origin}/mcp?key=hidden`));
    const sent =
      '{ "jsonrpc":"2.0", "id":1e2, "method":"tools/call", "params":{"name":"t","arguments":{"n":1.0}}}';
    proxy.send(sent);
    expect(await line()).toBe(
      '{"jsonrpc": "2.0",    "id": 1e2,   "result": {"a": "x\\n\u2028", "n": 1.0}} ',
    );
    expect(server.bodies).toEqual([sent]);
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/mcp?key=hidden' });
    const [end] = await proxy.ends(1);
    expect(end).toMatchObject({ decision: 'allowed', output: { a: 'x\n\u2028', n: 1 } });
    expect(proxy.proxy.stderr).not.toContain('hidden');
  });

  test('events are lines, however they are cut', async () => {
    const server = await play((_, response) => {
      const stream = events(response);
      stream.write(
        ': hello\n\nid: 1\ndata:\n\ndata: {"jsonrpc":"2.0","method":"notifications/message",\n',
      );
      stream.end(
        'data: "params":{}}\n\nevent: other\ndata: {}\n\ndata: {"jsonrpc":"2.0","id":"a","result":{}}\n\n',
      );
    });
    const { proxy, line } = bound(await startRemote(server.origin));
    proxy.send(call('a'));
    expect(await line()).toBe('{"jsonrpc":"2.0","method":"notifications/message", "params":{}}');
    expect(await line()).toBe('{"jsonrpc":"2.0","id":"a","result":{}}');
  });

  test('headers repeat the body for the stateless revision', async () => {
    const server = await play((seen, response) => {
      const { id, method } = messageOf(seen);
      const schema = { properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
      const result =
        method === 'tools/list' ? { tools: [{ name: 'tööl', inputSchema: schema }] } : {};
      json(response, { jsonrpc: '2.0', id, result });
    });
    const proxy = await startRemote(server.origin);
    const list = { ...modernCall(1), method: 'tools/list' };
    await proxy.ask(list);
    await proxy.ask(modernCall(2, 'tööl', { region: 'eu' }));
    const [, second] = server.seen as [Seen, Seen];
    expect(header(second, 'mcp-protocol-version')).toBe(MODERN);
    expect(header(second, 'mcp-method')).toBe('tools/call');
    expect(header(second, 'mcp-name')).toBe('=?base64?dMO2w7Zs?=');
    expect(header(second, 'mcp-param-region')).toBe('eu');
    expect(header(second, 'mcp-session-id')).toBeUndefined();
  });
});

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => void server.close(resolve));
  return port;
}

describe('failures [X.remote-faults]', () => {
  const html = (status: number, headers: Record<string, string> = {}): Script => {
    return (_, response) =>
      response.writeHead(status, { 'Content-Type': 'text/html', ...headers }).end('<p>\n</p>');
  };
  for (const { name, script, code, decision } of [
    { name: '401', script: html(401), code: 'SIGN_IN_NEEDED', decision: 'allowed' },
    {
      name: '403 with a challenge',
      script: html(403, { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }),
      code: 'SIGN_IN_NEEDED',
      decision: 'allowed',
    },
    { name: '403', script: html(403), code: 'SERVER_REFUSED', decision: 'allowed' },
    {
      name: '404 without a session',
      script: html(404),
      code: 'SERVER_REFUSED',
      decision: 'allowed',
    },
    {
      name: 'a redirect to somewhere else',
      script: html(307, { Location: 'https://example.org/?secret=1' }),
      code: 'SERVER_REFUSED',
      decision: 'allowed',
    },
    { name: '408', script: html(408), code: 'SERVER_ANSWER_LOST', decision: 'pending' },
    { name: '500', script: html(500), code: 'SERVER_ANSWER_LOST', decision: 'pending' },
    { name: '502', script: html(502), code: 'SERVER_ANSWER_LOST', decision: 'pending' },
    { name: 'a page', script: html(200), code: 'SERVER_ANSWER_LOST', decision: 'pending' },
    {
      name: 'nothing',
      script: ((_, response) => void response.writeHead(202).end()) as Script,
      code: 'SERVER_ANSWER_LOST',
      decision: 'pending',
    },
    {
      name: 'a connection that breaks',
      script: ((_, response) => void response.destroy()) as Script,
      code: 'SERVER_ANSWER_LOST',
      decision: 'pending',
    },
    {
      name: 'a body that is cut off',
      script: ((_, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 });
        response.write('{"id":1', () => response.destroy());
      }) as Script,
      code: 'SERVER_ANSWER_LOST',
      decision: 'pending',
    },
    {
      name: 'a stream without the answer',
      script: ((_, response) =>
        void events(response).end('data: {"jsonrpc":"2.0","method":"x"}\n\n')) as Script,
      code: 'SERVER_ANSWER_LOST',
      decision: 'pending',
    },
  ]) {
    test(`${name}: the client is told what is known, and so is the record`, async () => {
      const server = await play(script);
      const proxy = await startRemote(server.origin);
      proxy.send(call('7'));
      let said = (await proxy.message()) as { method?: string };
      if (said.method !== undefined) said = (await proxy.message()) as typeof said;
      expect(said).toMatchObject({ id: '7', error: { code: -31002, data: { code } } });
      const [end, ...more] = await proxy.ends(1);
      expect(end).toMatchObject({ decision, error: expect.any(String) });
      expect(more).toEqual([]);
      expect(posts(server)).toHaveLength(1); // nothing is sent twice
      expect(JSON.stringify(said) + proxy.proxy.stderr).not.toContain('secret');
    });
  }

  test('a server that is not there: the call did not run', async () => {
    const proxy = await startRemote(`http://127.0.0.1:${await closedPort()}/`);
    const said = await proxy.ask(call(1));
    expect(said).toMatchObject({ error: { code: -31002, data: { code: 'UPSTREAM_UNREACHABLE' } } });
    expect((await proxy.ends(1))[0]).toMatchObject({
      decision: 'allowed',
      error: expect.anything(),
    });
  });

  test('an error of the server is its own word, whatever its status', async () => {
    const error = '{"code":-32022, "message":"no such version", "data":{"supported":["x"]}}';
    const server = await play((_, response) => {
      response.writeHead(400, { 'Content-Type': 'application/json' });
      response.end(`{"jsonrpc":"2.0","id":null,"error":${error}}`);
    });
    const { proxy, line } = bound(await startRemote(server.origin));
    proxy.send({ ...modernCall(5), method: 'server/discover' });
    expect(await line()).toBe(`{"error":${error},"id":5,"jsonrpc":"2.0"}`);
  });
});

describe('streams and sessions [X.remote-sessions]', () => {
  test('a stream that breaks goes on where it was', async () => {
    const server = await play(
      sessions((seen, response) => {
        const stream = events(response);
        if (seen.method === 'POST') {
          stream.write('id: e1\nretry: 1\ndata: {"jsonrpc":"2.0","method":"one"}\n\n', () =>
            response.destroy(),
          );
        } else stream.end('id: e2\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
      }),
    );
    const proxy = await startRemote(server.origin);
    await proxy.ask(initialize());
    proxy.send(initialized);
    expect(await proxy.ask(call(1))).toMatchObject({ method: 'one' });
    expect(await proxy.message()).toMatchObject({ id: 1, result: {} });
    const resumed = server.seen.find((seen) => header(seen, 'last-event-id') !== undefined);
    expect(header(resumed as Seen, 'last-event-id')).toBe('e1');
    expect(header(resumed as Seen, 'mcp-session-id')).toBe('s1');
    expect((await proxy.ends(1)).map(({ decision }) => decision)).toEqual(['allowed']);
  });

  test('a stream that listens is opened again where it was, also behind a fault', async () => {
    const listening: (string | undefined)[] = [];
    const script = sessions(answering);
    const server = await play((seen, response, request) => {
      if (seen.method !== 'GET') {
        script(seen, response, request);
        return;
      }
      listening.push(header(seen, 'last-event-id'));
      if (listening.length === 2) response.writeHead(503).end();
      else {
        const message = `{"jsonrpc":"2.0","id":"s${listening.length}","method":"roots/list"}`;
        events(response).end(`id: é${listening.length}\nretry: 1\ndata: ${message}\n\n`);
        if (listening.length === 3) server.play((it, to) => void (it.method === 'GET' || to.end()));
      }
    });
    const proxy = await startRemote(server.origin);
    await proxy.ask(initialize());
    proxy.send(initialized);
    expect(await proxy.message()).toMatchObject({ id: 's1', method: 'roots/list' });
    proxy.send('{"jsonrpc":"2.0","id":"s1","result":{"roots":[]}}');
    expect(await proxy.message()).toMatchObject({ id: 's3' });
    const utf8 = Buffer.from('é1').toString('latin1');
    expect(listening).toEqual([undefined, utf8, utf8]);
    expect(server.bodies).toContain('{"jsonrpc":"2.0","id":"s1","result":{"roots":[]}}');
  });

  test('a session that the server has ended is begun anew, and the client is told', async () => {
    const server = await play(
      sessions((seen, response, request) => {
        if (header(seen, 'mcp-session-id') === 's1') response.writeHead(404).end();
        else answering(seen, response, request);
      }),
    );
    const proxy = await startRemote(server.origin);
    await proxy.ask(initialize());
    proxy.send(initialized);
    expect(await proxy.ask(call(1))).toMatchObject({
      id: 1,
      error: { data: { code: 'SERVER_SESSION_ENDED' } },
    });
    expect(await proxy.ask(call(2))).toMatchObject({ id: 2, result: {} });
    const last = server.seen.filter(({ method }) => method === 'POST').at(-1) as Seen;
    expect(header(last, 'mcp-session-id')).toBe('s2');
    expect(header(last, 'mcp-protocol-version')).toBe(VERSION);
    expect(posts(server).map(({ method }) => method)).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/call',
      'initialize',
      'notifications/initialized',
      'tools/call',
    ]);
  });

  test('a cancellation hangs up, or is told behind the request', async () => {
    let hungUp: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (hungUp = resolve));
    const server = await play(
      sessions((seen, response) => {
        const { method } = messageOf(seen);
        if (method === 'notifications/cancelled') response.writeHead(202).end();
        else events(response).flushHeaders();
        response.once('close', hungUp);
      }),
    );
    const cancelled = (requestId: unknown) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId },
    });
    const modern = await startRemote(server.origin);
    modern.send(modernCall(1));
    await expect.poll(() => posts(server)).toHaveLength(1);
    modern.send(cancelled(1));
    await gone;
    expect((await modern.ends(1))[0]).toMatchObject({
      decision: 'pending',
      error: expect.stringContaining('cancelled by the client'),
    });
    expect(posts(server)).toHaveLength(1);

    const legacy = await startRemote(server.origin);
    await legacy.ask(initialize());
    legacy.send(call(2));
    legacy.send(cancelled(2));
    await expect.poll(() => posts(server).at(-1)?.method).toBe('notifications/cancelled');
    expect(posts(server).at(-2)).toMatchObject({ id: 2 });
  });

  test('an end of input waits for answers and ends the session; a signal does not wait', async () => {
    const server = await play(
      sessions((seen, response, request) => {
        setImmediate(() => answering(seen, response, request));
      }),
    );
    const first = await startRemote(server.origin);
    await first.ask(initialize());
    first.send(call(1));
    first.proxy.end();
    expect(await first.message()).toMatchObject({ id: 1, result: {} });
    expect(await first.proxy.exit).toEqual({ code: 0, signal: null });
    expect(server.seen.at(-1)).toMatchObject({ method: 'DELETE' });

    const waiting = await play(sessions(() => undefined));
    const second = await startRemote(waiting.origin);
    await second.ask(initialize());
    second.send(call(1));
    await expect.poll(() => posts(waiting).length).toBe(2);
    second.proxy.child.kill('SIGTERM');
    expect(await second.proxy.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect((await second.ends(1))[0]).toMatchObject({
      decision: 'pending',
      error: expect.stringContaining('signal SIGTERM'),
    });
    expect(waiting.seen.at(-1)).toMatchObject({ method: 'DELETE' });
  });
});

describe('credentials [X.remote-credentials]', () => {
  const ENV = { MCP_TOKEN: 'Bearer t0ken' };

  test('come from a variable or a file, go to one origin, and are told to nobody', async () => {
    const file = join(temporaryFolder(), 'headers');
    writeFileSync(file, '# ours\n\nX-Api-Key: k3y\n', { mode: 0o600 });
    const server = await play((seen, response, request) => {
      if (seen.url !== '/moved/') response.writeHead(307, { Location: '/moved/' }).end();
      else answering(seen, response, request);
    });
    const flags = ['-header-env', 'Authorization=MCP_TOKEN', '-header-file', file];
    const proxy = await startRemote(`${server.origin}/mcp`, flags, ENV);
    expect(await proxy.ask(call(1))).toMatchObject({ result: {} });
    await proxy.ask(call(2));
    expect(server.seen.map(({ url }) => url)).toEqual(['/mcp', '/moved/', '/moved/']);
    for (const seen of server.seen) {
      expect(header(seen, 'authorization')).toBe('Bearer t0ken');
      expect(header(seen, 'x-api-key')).toBe('k3y');
    }
    const ends = JSON.stringify(await proxy.ends(2));
    expect(`${ends}${proxy.proxy.stderr}`).not.toMatch(/t0ken|k3y/);
  });

  for (const { name, flags, mode = 0o600, text = '', says } of [
    {
      name: 'a variable that is not set',
      flags: ['-header-env', 'A=NO_SUCH'],
      says: 'NO_SUCH is not set',
    },
    {
      name: 'a file that others may read',
      mode: 0o644,
      text: 'A: s3cret',
      says: 'others may read',
    },
    {
      name: 'a header of the protocol',
      text: 'Mcp-Session-Id: s3cret',
      says: 'is not yours to set',
    },
    { name: 'a line that is none', text: 's3cret', says: ':1 is not "Name: value"' },
  ]) {
    test(`${name}: nothing starts, and no value is shown`, async () => {
      const file = join(temporaryFolder(), 'headers');
      writeFileSync(file, text, { mode });
      const { proxy } = await startRemote('http://127.0.0.1:1/', flags ?? ['-header-file', file]);
      expect(await proxy.exit).toEqual({ code: 1, signal: null });
      expect(proxy.stderr).toContain(says);
      expect(proxy.stderr).toContain('[CREDENTIALS_INVALID]');
      expect(proxy.stderr).not.toContain('s3cret');
    });
  }
});

/** For tests that look at lines as they are. */
function bound(proxy: Awaited<ReturnType<typeof startRemote>>) {
  return { proxy, line: () => proxy.line() };
}
