import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../fixtures/certificate.ts';
import { answering, play, type Script } from '../fixtures/http-proxy.ts';
import {
  BLOCK_EVERYTHING,
  program,
  rulesFile,
  start,
  temporaryFolder,
} from '../fixtures/mcp-programs.ts';
import { startRemote } from '../fixtures/remote-proxy.ts';
import { findCalls } from '../hostile/lax-reader.ts';
import { HOSTILE_LINES } from '../hostile/lines.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const call = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"t","arguments":{}}}`;
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: {} },
};

test(
  'no hostile line reaches a forgiving remote server [P3.corpus] [P3.http]',
  { timeout: 60_000 },
  async () => {
    const server = await play(answering);
    const { proxy } = await startRemote(server.origin, ['-rules', rulesFile(BLOCK_EVERYTHING)]);
    for (const [number, { bytes }] of HOSTILE_LINES.entries()) {
      const line = bytes();
      proxy.write(line.at(-1) === 0x0a ? line : Buffer.concat([line, Buffer.from('\n')]));
      proxy.write(`{"jsonrpc":"2.0","id":"ok ${number}","method":"ping"}\n`);
      await proxy.says(`"id":"ok ${number}"`);
    }
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    const bodies = server.seen.flatMap(({ body }) => [body, Buffer.from('\n')]);
    expect(findCalls(Buffer.concat(bodies))).toEqual([]);
    expect(server.seen.length).toBeGreaterThanOrEqual(HOSTILE_LINES.length);
  },
);

test('a certificate counts when it is trusted, or given with -ca [X.remote-faults]', async () => {
  const { certFile, ...options } = makeCertificate(temporaryFolder());
  let requests = 0;
  const server = createServer(options, (_, response) => {
    requests += 1;
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const without = await startRemote(url, [], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  expect(await without.ask(call(1))).toMatchObject({
    error: { data: { code: 'UPSTREAM_UNREACHABLE' } },
  });
  expect((await without.ends(1))[0]).toMatchObject({ decision: 'allowed' });
  expect(requests).toBe(0);
  const given = await startRemote(url, ['-ca', certFile]);
  expect(await given.ask(call(1))).toMatchObject({ result: {} });
});

describe('HTTP+SSE of 2024-11-05 [X.remote-sessions]', () => {
  /** One stream at a time; what is posted to `endpoint` is answered on it, but for calls. */
  function oldServer(endpoint: string): { script: Script; stream: () => ServerResponse } {
    let stream: ServerResponse | undefined;
    const script: Script = ({ method, url, body }, response) => {
      if (method === 'GET') {
        stream = response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        stream.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      } else if (url !== '/messages') {
        response.writeHead(405).end();
      } else {
        response.writeHead(202).end('Accepted');
        const { id, method: asked } = JSON.parse(body.toString()) as Record<string, unknown>;
        if (id === undefined || asked === 'tools/call') return;
        const result = { protocolVersion: '2024-11-05', capabilities: {} };
        stream?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
      }
    };
    return { script, stream: () => stream as ServerResponse };
  }

  test('a stream that ends takes what is open with it, and the client is told', async () => {
    const { script, stream } = oldServer('/messages');
    const server = await play(script);
    const proxy = await startRemote(`${server.origin}/sse`);
    expect(await proxy.ask(INITIALIZE)).toMatchObject({ id: 0, result: {} });
    proxy.send(call(1));
    await expect.poll(() => server.bodies).toContain(call(1));
    stream().end();
    expect(await proxy.message()).toMatchObject({
      id: 1,
      error: { data: { code: 'SERVER_ANSWER_LOST' } },
    });
    expect((await proxy.ends(1))[0]).toMatchObject({ decision: 'pending' });
    expect(await proxy.ask(call(2))).toMatchObject({
      id: 2,
      error: { data: { code: 'SERVER_SESSION_ENDED' } },
    });
    expect(await proxy.ask({ jsonrpc: '2.0', id: 3, method: 'ping' })).toMatchObject({ id: 3 });
    expect(server.bodies.filter((body) => body.includes('tools/call'))).toEqual([call(1)]);
  });

  test('messages go to no other origin', async () => {
    const other = await play(answering);
    const server = await play(oldServer(`${other.origin}/messages`).script);
    const proxy = await startRemote(`${server.origin}/sse`);
    expect(await proxy.ask(INITIALIZE)).toMatchObject({
      error: { data: { code: 'SERVER_REFUSED' } },
    });
    expect(other.seen).toEqual([]);
  });
});

test('doctor asks a remote server as a proxy would, and says what a client does not hand on [X.remote-credentials]', async () => {
  const server = await play((seen, response, request) => {
    const isKnown = seen.headers.includes('Bearer t0ken');
    if (isKnown) answering(seen, response, request);
    else response.writeHead(401).end();
  });
  const flags = ['-url', server.origin, '-header-env', 'Authorization=T', '-socket', ''];
  const doctor = async (...more: string[]) => {
    const command = [process.execPath, program('mcp-proxy'), 'doctor', ...flags, ...more, '-json'];
    const examined = start(command, { T: 'Bearer t0ken' });
    await examined.exit;
    const { checks } = JSON.parse(examined.stdout.toString()) as {
      checks: readonly { check: string; status: string; reason: string }[];
    };
    return checks.find(({ check }) => check === 'server start');
  };
  const poor = await doctor();
  expect(poor).toMatchObject({ status: 'fail', reason: expect.stringContaining('ended with') });
  await doctor('-env', 'T');
  expect(server.bodies[0]).toContain('"initialize"');
  expect(server.seen[0]?.headers).toContain('Bearer t0ken');
});
