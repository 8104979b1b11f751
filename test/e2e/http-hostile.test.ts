import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  answering,
  ask,
  jsonHeaders,
  play,
  post,
  startHttpProxy,
  type PlayedServer,
} from '../fixtures/http-proxy.ts';
import { startSessions, startStateless } from '../fixtures/http-servers.ts';
import { BLOCK_EVERYTHING, rulesFile } from '../fixtures/mcp-programs.ts';
import { CALL, PING } from '../hostile/hostile-line.ts';
import { findCalls } from '../hostile/lax-reader.ts';
import { HOSTILE_LINES } from '../hostile/lines.ts';

const CORPUS_TIMEOUT_MS = 60_000;
const hostileBodies = () => HOSTILE_LINES.map(({ name, bytes }) => ({ name, body: bytes() }));

/** Calls that a forgiving server would see in what reached it. */
const reached = (server: PlayedServer) =>
  server.seen.flatMap(({ body }) => findCalls(Buffer.concat([body, Buffer.from('\n')])));

let server: PlayedServer;
let url: string;
beforeEach(async () => {
  server = await play(answering);
  const rules = rulesFile(BLOCK_EVERYTHING);
  ({ url } = await startHttpProxy(`${server.origin}/mcp`, ['-rules', rules]));
});

test(
  'no hostile line reaches a forgiving server as a body [P3.corpus] [P3.http]',
  async () => {
    const faults: string[] = [];
    for (const { name, body } of hostileBodies()) {
      const before = server.seen.length;
      // A body that is too long is not read to its end.
      const refused = { status: 413, body: Buffer.from('"error"') };
      const sent = ask(url, { body });
      const { status, body: answer } =
        body.length > 64 * 1024 * 1024 ? await sent.catch(() => refused) : await sent;
      const found = reached(server).map((call) => `${name}: reached the server as ${call}`);
      const isAnswered =
        status === 202 || server.seen.length > before || answer.includes('"error"');
      faults.push(...found, ...(isAnswered ? [] : [`${name}: HTTP ${status} says nothing`]));
      server.seen.length = 0;
    }
    expect(faults).toEqual([]);
  },
  CORPUS_TIMEOUT_MS,
);

describe('what HTTP adds [P3.http]', () => {
  const HOST = () => new URL(url).host;
  const modern = (body: string) =>
    body.replace(
      '"params":{',
      '"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
        '"io.modelcontextprotocol/clientCapabilities":{}},',
    );
  const VERSION = ['MCP-Protocol-Version', '2026-07-28'];

  for (const { name, headers = [], body = CALL, status, type, method = 'POST', path = '' } of [
    { name: 'a harmless Mcp-Method', headers: [...VERSION, 'Mcp-Method', 'ping'], status: 400 },
    { name: 'a harmless Mcp-Name', headers: [...VERSION, 'Mcp-Name', 'harmless'], status: 400 },
    {
      name: 'a harmless body under the headers of a call',
      headers: [...VERSION, 'Mcp-Method', 'tools/call', 'Mcp-Name', 'echo'],
      body: PING,
      status: 400,
    },
    {
      name: 'a harmless name twice',
      headers: [...VERSION, 'Mcp-Name', 'echo', 'Mcp-Name', 'x'],
      status: 400,
    },
    {
      name: 'another version in the body',
      headers: ['MCP-Protocol-Version', '2025-11-25'],
      body: modern(CALL),
      status: 400,
    },
    {
      name: 'headers that agree',
      headers: [...VERSION, 'Mcp-Method', 'tools/call', 'Mcp-Name', 'echo'],
      body: modern(CALL),
      status: 200,
    },
    {
      name: 'headers over a batch',
      headers: [...VERSION, 'Mcp-Method', 'ping'],
      body: `[${CALL}]`,
      status: 400,
    },
    { name: 'a session of somebody else', headers: ['Mcp-Session-Id', 'theirs'], status: 200 },
    { name: 'two sessions', headers: ['Mcp-Session-Id', 'a', 'Mcp-Session-Id', 'b'], status: 400 },
    {
      name: 'a packed body',
      headers: ['Content-Encoding', 'gzip'],
      body: gzipSync(CALL),
      status: 415,
    },
    { name: 'a body that says it is text', type: 'text/plain', status: 415 },
    {
      name: 'a body in UTF-16',
      type: 'application/json; charset=utf-16',
      body: Buffer.from(CALL, 'utf16le'),
      status: 415,
    },
    { name: 'two types', headers: ['content-type', 'text/plain'], status: 415 },
    { name: 'another method by a header', headers: ['X-HTTP-Method-Override', 'GET'], status: 200 },
    { name: 'GET with a body', method: 'GET', status: 400 },
    { name: 'DELETE with a body', method: 'DELETE', status: 400 },
    {
      name: 'a document asked for with a body',
      method: 'GET',
      path: '/.well-known/oauth-protected-resource',
      status: 400,
    },
    { name: 'PUT', method: 'PUT', status: 405 },
    { name: 'PATCH', method: 'PATCH', status: 405 },
    { name: 'a method nobody knows', method: 'QUERY', status: 405 },
    { name: 'a slash behind', path: '/mcp/', status: 404 },
    { name: 'a slash in front', path: '//mcp', status: 404 },
    { name: 'capitals', path: '/MCP', status: 404 },
    { name: 'a way round', path: '/x/../mcp', status: 404 },
    { name: 'escapes', path: '/%6dcp', status: 404 },
    { name: 'a parameter of the path', path: '/mcp;x', status: 404 },
    { name: 'the root', path: '/', status: 404 },
    { name: 'the name of an attacker', headers: ['Host', 'evil.example'], status: 400 },
    { name: 'a page of an attacker', headers: ['Origin', 'https://evil.example'], status: 403 },
    { name: 'two messages', body: `${PING}\n${CALL}`, status: 200 },
    { name: 'two messages, CR between', body: `${PING}\r${CALL}`, status: 200 },
    { name: 'a call over several lines', body: CALL.replaceAll(',', ',\r\n '), status: 200 },
  ] as {
    name: string;
    headers?: string[];
    body?: string | Buffer;
    status: number;
    type?: string;
    method?: string;
    path?: string;
  }[]) {
    test(`${name}: HTTP ${status}, and no call reaches the server`, async () => {
      const given = [
        'Host',
        HOST(),
        'Content-Type',
        type ?? 'application/json',
        'Accept',
        'application/json, text/event-stream',
        ...headers,
      ];
      const raw = await rawRequest(url, method, path || '/mcp', given, body);
      expect(raw).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(server.seen.filter(({ body: sent }) => sent.includes('tools/call'))).toEqual([]);
      if (status === 200) expect(raw).toContain('"error"');
    });
  }

  for (const { name, head, body } of [
    {
      name: 'two lengths',
      head: ['Content-Length: 2', `Content-Length: ${CALL.length}`],
      body: CALL,
    },
    {
      name: 'a length and chunks',
      head: ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      body: `0\r\n\r\nPOST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`,
    },
    { name: 'chunks by another name', head: ['Transfer-Encoding: xchunked'], body: CALL },
    { name: 'a header folded', head: ['X-A: b', ' Transfer-Encoding: chunked'], body: CALL },
    {
      name: 'two requests in one go',
      head: [
        'Content-Length: 0',
        '',
        `POST /mcp HTTP/1.1`,
        'Host: 127.0.0.1',
        'Content-Type: application/json',
        `Content-Length: ${CALL.length}`,
        'Connection: close',
      ],
      body: CALL,
    },
  ]) {
    test(`${name}: no call reaches the server`, async () => {
      const lines = [
        'POST /mcp HTTP/1.1',
        `Host: ${HOST()}`,
        'Content-Type: application/json',
        ...head,
      ];
      const said = await overSocket(url, Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`));
      expect(said).toMatch(/^HTTP\/1.1 (?:400|202|200)/);
      expect(server.seen.filter(({ body: sent }) => sent.includes('tools/call'))).toEqual([]);
    });
  }

  test('a body in the smallest pieces is one body [P3.split-utf8]', async () => {
    const text = Buffer.from(CALL.replace('hostile', 'größe'));
    const chunks = [...text].map((byte) =>
      Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
    );
    const head = `POST /mcp HTTP/1.1\r\nHost: ${HOST()}\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const said = await overSocket(
      url,
      Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]),
    );
    expect(said).toContain('"code":-32001');
    expect(server.seen).toEqual([]);
  });

  test('a body that is too long is refused by its length, before it comes', async () => {
    const head = `POST /mcp HTTP/1.1\r\nHost: ${HOST()}\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n`;
    expect(await overSocket(url, Buffer.from(head))).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe('in front of the servers of the SDKs [P3.http]', () => {
  test(
    'no hostile body makes a tool run',
    async () => {
      const sessions = await startSessions({ json: true });
      const rules = ['-rules', rulesFile(BLOCK_EVERYTHING)];
      const { url: first } = await startHttpProxy(sessions, rules);
      const { url: second } = await startHttpProxy(await startStateless(), rules);
      const { headers } = await post(first, {
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: {
          protocolVersion: '2025-03-26',
          capabilities: {},
          clientInfo: { name: 't', version: '1' },
        },
      });
      const at = headers.findIndex((name) => name.toLowerCase() === 'mcp-session-id');
      const session = ['Mcp-Session-Id', headers[at + 1] ?? ''];
      const faults: string[] = [];
      for (const { name, body } of hostileBodies()) {
        if (body.length > 10_000) continue;
        for (const [to, more] of [
          [first, session],
          [second, []],
        ] as const) {
          const given = jsonHeaders(new URL(to).host, ...more);
          const { body: answer } = await ask(to, { headers: given, body });
          if (answer.includes('"content"')) faults.push(`${name}: a tool ran`);
        }
      }
      expect(faults).toEqual([]);
      expect(at).toBeGreaterThan(-1);
    },
    CORPUS_TIMEOUT_MS,
  );
});

/** A request whose path and headers nobody puts in order; the whole response as text. */
function rawRequest(
  to: string,
  method: string,
  path: string,
  headers: readonly string[],
  body: string | Buffer,
): Promise<string> {
  const lines = [`${method} ${path} HTTP/1.1`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close');
  return overSocket(
    to,
    Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]),
  );
}

/** Bytes to a listener, and what it says until it hangs up, or has answered and says no more. */
function overSocket(to: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(to);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => void socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => void chunks.push(chunk));
    socket.once('error', (error) => (chunks.length > 0 ? undefined : reject(error)));
    socket.once('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}
