import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../fixtures/certificate.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import {
  answering,
  ask,
  jsonHeaders,
  listening,
  play,
  post,
  startHttpProxy,
} from '../fixtures/http-proxy.ts';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import { program, rulesFile, start, temporaryFolder } from '../fixtures/mcp-programs.ts';
import { approvalIds, ask as answer, whenAsked } from '../fixtures/paused-proxy.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
const call = (id: number, name: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
});

test('a receipt is found by what the server was told [X.http-attestation]', async () => {
  const home = new DaemonHome();
  closing.push(() => home.remove());
  await home.start();
  const server = await play(answering);
  const { url, proxy } = await startHttpProxy(server.origin, ['-socket', home.socket]);
  await post(url, call(1, 'read'));
  const { headers } = server.seen[0] ?? { headers: [] as readonly string[] };
  const reference = headers[headers.indexOf('Obsigna-Receipt') + 1] ?? '';
  proxy.child.kill('SIGTERM');
  expect(await proxy.exit).toEqual({ code: 0, signal: null });
  const cli = program('mcp-proxy').replace('mcp-proxy.cjs', 'obsigna.cjs');
  const args = [cli, 'receipt', 'show', reference, '-db', home.db, '-json'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    issuer: { runtime: { obsigna: { call: { id: '1' } } } },
    credentialSubject: { outcome: { status: 'success' } },
  });
});

test('several servers in one process, each with its rules and its path', async () => {
  const [one, two] = [await play(answering), await play(answering)];
  const folder = temporaryFolder();
  const config = join(folder, 'http.yaml');
  writeFileSync(join(folder, 'two.yaml'), 'rules: [{name: none, action: block}]\n');
  writeFileSync(
    config,
    `listen: "127.0.0.1:0"
upstreams:
  - {name: one, url: "${one.origin}/mcp"}
  - {name: two, url: "${two.origin}/", rules: two.yaml}
`,
  );
  const flags = ['-config', config, '-socket', '', '-pins', ''];
  const proxy = start([process.execPath, program('mcp-proxy'), 'serve-http', ...flags]);
  await proxy.logs('"name":"two"');
  const [first, second] = (await listening(proxy)).map(({ url }) => url);
  expect(first).toMatch(/\/one\/mcp$/);
  expect(second).toMatch(/\/two$/);
  expect((await post(first ?? '', call(1, 'read'))).body.toString()).toContain('"result"');
  expect((await post(second ?? '', call(1, 'read'))).body.toString()).toContain('-32001');
  expect([one.seen.map(({ url }) => url), two.seen]).toEqual([['/mcp'], []]);
});

test('a file with a mistake starts nothing [P8.http-config]', async () => {
  const config = rulesFile('upstreamz: []\n');
  const proxy = start([process.execPath, program('mcp-proxy'), 'serve-http', '-config', config]);
  expect(await proxy.exit).toEqual({ code: 1, signal: null });
  expect(proxy.stderr).toContain(`${config}:1:1: unknown key "upstreamz"`);
  expect(proxy.stderr).toContain('[HTTP_CONFIG_INVALID]');
});

test('a server behind TLS is believed only with its certificate [X.http-tls]', async () => {
  const { certFile, ...options } = makeCertificate(temporaryFolder());
  const server = createServer(options, (_, response) => void response.end('{}'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const upstream = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const without = await startHttpProxy(upstream);
  expect((await post(without.url, PING)).status).toBe(502);
  const withCa = await startHttpProxy(upstream, ['-ca', certFile]);
  expect((await post(withCa.url, PING)).status).toBe(200);
});

test('a token is asked for, and goes no further [X.http-visitors]', async () => {
  const server = await play(answering);
  const token = 'a-token-of-many-letters';
  const file = rulesFile(`${token}\n`);
  const { url } = await startHttpProxy(server.origin, ['-token-file', file]);
  expect((await post(url, PING)).status).toBe(401);
  const bearer = ['Authorization', `Bearer ${token}`];
  expect((await post(url, PING, ...bearer)).status).toBe(200);
  const both = ['Authorization', 'Bearer theirs', 'Proxy-Authorization', `Bearer ${token}`];
  expect((await post(url, PING, ...both)).status).toBe(200);
  const sent = server.seen.map(({ headers }) => headers.filter((it) => it.startsWith('Bearer')));
  expect(sent).toEqual([[], ['Bearer theirs']]);
});

test('sign-in leads through us [X.http-sign-in]', async () => {
  const server = await play(({ url }, response) => {
    const { origin } = server;
    if (url === '/.well-known/oauth-protected-resource/mcp') {
      const resource = `${origin}/mcp`;
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ resource, authorization_servers: ['https://as.example'] }));
      return;
    }
    const where = `${origin}/.well-known/oauth-protected-resource/mcp`;
    response.writeHead(401, { 'WWW-Authenticate': `Bearer resource_metadata="${where}"` }).end();
  });
  const { url, proxy } = await startHttpProxy(`${server.origin}/mcp`);
  const { status, headers } = await post(url, PING, 'Authorization', 'Bearer secret-of-the-user');
  expect(status).toBe(401);
  const challenge = headers[headers.indexOf('WWW-Authenticate') + 1] ?? '';
  const metadata = /resource_metadata="(.*)"/.exec(challenge)?.[1] ?? '';
  const document = await ask(metadata, { method: 'GET', headers: ['Host', new URL(url).host] });
  expect(JSON.parse(document.body.toString())).toEqual({
    resource: url,
    authorization_servers: ['https://as.example'],
  });
  expect(proxy.stderr).not.toContain('secret-of-the-user');
});

test('what stands in front of us with TLS gives us its name [X.http-sign-in]', async () => {
  const server = await play((_, response) => {
    const where = `${server.origin}/.well-known/oauth-protected-resource`;
    response.writeHead(401, { 'WWW-Authenticate': `Bearer resource_metadata="${where}"` }).end();
  });
  const flags = ['-public', 'https://proxy.example'];
  const { url, proxy } = await startHttpProxy(`${server.origin}/mcp`, flags);
  expect(url).toBe('https://proxy.example/mcp');
  const at = /listening on (\S+)/.exec(proxy.stderr)?.[1] ?? '';
  const host = ['Host', 'proxy.example', 'Origin', 'https://proxy.example'];
  const { headers } = await ask(`${at}/mcp`, {
    headers: [...host, 'Content-Type', 'application/json'],
    body: JSON.stringify(PING),
  });
  expect(headers[headers.indexOf('WWW-Authenticate') + 1]).toBe(
    'Bearer resource_metadata="https://proxy.example/.well-known/oauth-protected-resource"',
  );
});

describe('calls that a person is asked about', () => {
  const RULES = 'rules: [{name: ask, tool_pattern: "edit_*", action: pause}]\n';
  const paused = async (...flags: string[]) => {
    const server = await play(answering);
    const rules = ['-rules', rulesFile(RULES), '-http', '127.0.0.1:0'];
    const { url, proxy } = await startHttpProxy(server.origin, [...rules, ...flags]);
    const line = proxy.stderr.split('\n').find((it) => it.includes('"approval_endpoint"'));
    const door = JSON.parse(line ?? '{}') as { url: string; token: string };
    return { server, url, proxy, door };
  };

  test('are held, and nothing else waits for them [P4.paused-no-wait]', async () => {
    const { server, url, proxy, door } = await paused();
    const held = post(url, call(1, 'edit_note'));
    await whenAsked(proxy, 1);
    expect((await post(url, PING)).status).toBe(200);
    expect(server.seen).toHaveLength(1);
    expect((await answer(door, 'POST', `/${approvalIds(proxy)[0]}/approve`)).status).toBe(200);
    expect((await held).body.toString()).toContain('"result"');
    expect(server.seen).toHaveLength(2);
  });

  test('are not sent when the client has hung up, and told once [P4.http-hang-up]', async () => {
    const socket = join(temporaryFolder(), 's');
    const recorder = await FrameRecorder.listen(socket);
    closing.push(() => recorder.close());
    const { server, url, proxy, door } = await paused('-socket', socket, '-approve', 'http');
    const headers = [...jsonHeaders(new URL(url).host)];
    const sent = request(url, { method: 'POST', agent: false, headers });
    sent.on('error', () => undefined);
    sent.end(JSON.stringify(call(1, 'edit_note')));
    await whenAsked(proxy, 1);
    sent.destroy();
    const [frame] = await recorder.received(1);
    expect(frame).toMatchObject({ decision: 'denied', error: 'not sent: the client hung up' });
    expect((await answer(door, 'POST', `/${approvalIds(proxy)[0]}/approve`)).status).toBe(404);
    expect(server.seen).toEqual([]);
  });
});
