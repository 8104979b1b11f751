import { Buffer } from 'node:buffer';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  ask,
  jsonHeaders,
  play,
  startHttpProxy,
  type Script,
  type Seen,
  type Told,
} from '../fixtures/http-proxy.ts';

/** Fields that belong to one connection, or that are ours to say. */
const OWN = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'accept-encoding']);

function endToEnd(headers: readonly string[]): readonly string[] {
  return headers.flatMap((name, at) =>
    at % 2 === 1 || OWN.has(name.toLowerCase()) ? [] : [`${name}: ${headers[at + 1]}`],
  );
}

const shown = ({ status, reason, headers, body }: Told) => ({
  status,
  reason,
  headers: endToEnd(headers),
  body: body.toString('latin1'),
});
const seenAs = ({ method, url, headers, body }: Seen) => ({
  method,
  url,
  headers: endToEnd(headers),
  body: body.toString('latin1'),
});

const ODD = [
  'X-Odd',
  'one',
  'x-odd',
  'two',
  'sEt-cOOkie',
  'a=1',
  'Set-Cookie',
  'b=2',
  'Date',
  'Sat, 21 Nov 2026 00:00:00 GMT',
];
const head =
  (status: number, headers: readonly string[], ...parts: readonly string[]): Script =>
  (_, response) => {
    response.sendDate = false;
    response.writeHead(status, 'Odd Reason', [...headers]);
    for (const part of parts) response.write(part);
    response.end();
  };

const EVENTS = ['Content-Type', 'text/event-stream', 'X-Accel-Buffering', 'no', ...ODD];
const JSON_TYPE = ['content-type', 'application/json', ...ODD];
const PING = '{"jsonrpc":"2.0" , "id":1e2,\r\n "method":"p\\u0069ng"}\n';

for (const { name, method, headers = [], body, script } of [
  {
    name: 'an answer as JSON',
    body: PING,
    script: head(200, JSON_TYPE, ' {"id":100,"result":{ "a":1.0 }}\n'),
  },
  {
    name: 'an answer with a length',
    body: PING,
    script: head(200, [...JSON_TYPE, 'Content-Length', '2'], '{}'),
  },
  {
    name: 'a stream of events, cut anywhere',
    body: PING,
    script: head(
      200,
      EVENTS,
      ': hi\n',
      '\nid: 7\nretry: 50\ndata:\n\nda',
      'ta: {"a"\r\ndata: :1}\r\n\r\n',
      'rest',
    ),
  },
  { name: 'a notification', body: '{"method":"notifications/x"}', script: head(202, ODD) },
  {
    name: 'a call, and headers of the next revision',
    headers: ['MCP-Protocol-Version', '2026-07-28', 'mcp-METHOD', 'tools/call', 'Mcp-Param-X', 'ü'],
    body: '{"id":"a","method":"tools/call","params":{"name":"ok", "arguments":{"n":1.0}}}',
    script: head(200, JSON_TYPE, '{"id":"a","result":{}}'),
  },
  { name: 'a fault', body: PING, script: head(500, ['Content-Type', 'text/html'], '<p>no</p>') },
  {
    name: 'a session that is gone',
    body: PING,
    headers: ['Mcp-Session-Id', 's'],
    script: head(404, JSON_TYPE, '{}'),
  },
  {
    name: 'a stream to listen on',
    method: 'GET',
    headers: ['Last-Event-ID', '7'],
    script: head(200, EVENTS, 'data: 1\n\n'),
  },
  { name: 'no such stream', method: 'GET', script: head(405, ['Allow', 'POST'], 'no') },
  {
    name: 'the end of a session',
    method: 'DELETE',
    headers: ['Mcp-Session-Id', 's'],
    script: head(204, ODD),
  },
] as { name: string; method?: string; headers?: string[]; body?: string; script: Script }[]) {
  test(`${name} passes as it is, in both directions [P4.http]`, async () => {
    const server = await play(script);
    const { url } = await startHttpProxy(`${server.origin}/mcp`);
    const results = [];
    for (const address of [`${server.origin}/mcp?a=1`, `${url}?a=1`]) {
      const given = jsonHeaders(new URL(address).host, 'Authorization', 'Bearer t', ...headers);
      results.push(await ask(address, { method: method ?? 'POST', headers: given, body }));
    }
    expect(shown(results[1] as Told)).toEqual(shown(results[0] as Told));
    const [direct, through] = server.seen.map(seenAs);
    const attested = (through?.headers ?? []).filter((it) => !/^obsigna-|^x-estoppl/i.test(it));
    expect({ ...through, headers: attested }).toEqual(direct);
  });
}

test('what a server packs all the same is unpacked, so that it can be recorded [P4.http]', async () => {
  const packed = gzipSync('{"id":1,"result":{}}');
  const server = await play((_, response) => {
    response.writeHead(200, ['Content-Type', 'application/json', 'Content-Encoding', 'gzip']);
    response.end(packed);
  });
  const { url } = await startHttpProxy(server.origin);
  const { headers, body } = await ask(url, { body: PING });
  expect(body.toString()).toBe('{"id":1,"result":{}}');
  expect(headers).not.toContain('Content-Encoding');
  expect(server.seen[0]?.headers.map((it) => it.toLowerCase())).not.toContain('accept-encoding');
});

describe('hanging up [P4.http-hang-up]', () => {
  test('a client that hangs up is a client that hangs up for the server', async () => {
    let gone: () => void = () => undefined;
    const hungUp = new Promise<void>((resolve) => (gone = resolve));
    const server = await play((_, response) => {
      response.once('close', gone);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': on\n\n');
    });
    const { url } = await startHttpProxy(server.origin);
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: [...jsonHeaders(new URL(url).host)],
    });
    sent.on('error', () => undefined);
    sent.once('response', (response) => response.once('data', () => sent.destroy()));
    sent.end(PING);
    await expect(hungUp).resolves.toBeUndefined();
  });

  test('a server that breaks off does not look like one that has finished', async () => {
    const server = await play((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n', () => response.destroy());
    });
    const { url } = await startHttpProxy(server.origin);
    await expect(ask(url, { body: PING })).rejects.toThrow('aborted');
  });

  test('a server that is not there is a clear error', async () => {
    const server = await play(() => undefined);
    const { origin } = server;
    server.close();
    const { url } = await startHttpProxy(origin);
    const { status, body } = await ask(url, { body: '{"id":"7","method":"ping"}' });
    expect(status).toBe(502);
    expect(JSON.parse(body.toString())).toMatchObject({
      id: '7',
      error: { data: { code: 'UPSTREAM_UNREACHABLE' } },
    });
  });
});

test('a server is read no faster than its client reads [P4.http]', async () => {
  let written = 0;
  const server = await play((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const event = Buffer.from(`data: ${'x'.repeat(100_000)}\n\n`);
    const more = () => {
      while (!response.destroyed && written < 200_000_000) {
        written += event.length;
        if (!response.write(event)) break;
      }
    };
    response.on('drain', more);
    more();
  });
  const { url } = await startHttpProxy(server.origin);
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: [...jsonHeaders(new URL(url).host)],
  });
  sent.on('error', () => undefined);
  const response = await new Promise<import('node:http').IncomingMessage>((resolve) => {
    sent.once('response', resolve);
    sent.end(PING);
  });
  response.pause();
  // Until nothing moves any more: what fits into the buffers on the way has been written.
  for (let before = -1; before !== written;) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(written).toBeLessThan(100_000_000);
  sent.destroy();
});
