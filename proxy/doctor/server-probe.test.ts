import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { probeServer } from './server-probe.ts';

/** A server of a few lines: `reply(method, params)` is its whole mind. */
const scripted = (reply: string, more = '') => [
  process.execPath,
  '-e',
  `const reply = ${reply};
   require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
     const { id, method, params } = JSON.parse(line);
     const answer = id === undefined || method === undefined ? undefined : reply(method, params);
     if (answer !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
   });
   ${more}`,
];
const HELLO = `{ result: { protocolVersion: '2025-11-25', serverInfo: { name: 'tiny', version: '1' } } }`;
const NO_SUCH = `{ error: { code: -32601, message: 'no' } }`;
const AMPLE_MS = 60_000;

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'obsigna-probe-'))));
afterAll(() => rmSync(folder, { recursive: true }));

test('probeServer() lists all pages, by an empty cursor too, and answers a server that asks', async () => {
  const command = scripted(
    `(method, params) => method === 'initialize' ? ${HELLO}
      : { result: params.cursor === undefined ? { tools: [{ name: 'a' }], nextCursor: '' }
          : params.cursor === '' ? { tools: [{ name: 'b' }], nextCursor: 'x' } : { tools: [{ name: 'c' }] } }`,
    `console.log('starting'); console.log('{"jsonrpc":"2.0","id":"q","method":"ping"}');`,
  );
  const probe = await probeServer(command, {}, AMPLE_MS);
  expect(probe).toMatchObject({
    ok: true,
    name: 'tiny 1',
    protocolVersion: '2025-11-25',
    noise: 1,
  });
  expect(probe).toMatchObject({
    tools: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
    ending: 'by itself',
  });
});

test('probeServer() asks a server of the stateless revision in its own way', async () => {
  const meta = `params._meta['io.modelcontextprotocol/protocolVersion'] === '2026-07-28'`;
  const command = scripted(
    `(method, params) => method === 'initialize' ? { error: { code: -32022, message: 'no' } }
      : ${meta} ? { result: method === 'server/discover' ? {} : { tools: [{ name: 'a' }] } } : ${NO_SUCH}`,
  );
  const probe = await probeServer(command, {}, AMPLE_MS);
  expect(probe).toMatchObject({ ok: true, protocolVersion: '2026-07-28', tools: [{ name: 'a' }] });
});

test('probeServer() takes a server without tools for one', async () => {
  const command = scripted(`(method) => method === 'initialize' ? ${HELLO} : ${NO_SUCH}`);
  expect(await probeServer(command, {}, AMPLE_MS)).toMatchObject({ ok: true, tools: [] });
});

for (const { name, command, timeoutMs = AMPLE_MS, reason, lastWords = '' } of [
  {
    name: 'a server that ends at once',
    command: [
      process.execPath,
      '-e',
      `console.error('first\\nNO_KEY is not set'); process.exit(3)`,
    ],
    reason: 'ended with exit code 3 before it had answered',
    lastWords: 'NO_KEY is not set',
  },
  {
    name: 'a server that says nothing',
    command: scripted('() => undefined'),
    timeoutMs: 300,
    reason: 'no answer in 300 ms',
  },
  {
    name: 'a server that refuses',
    command: scripted(`() => ({ error: { code: -32603, message: 'broken' } })`),
    reason: 'initialize: error -32603, "broken"',
  },
  {
    name: 'a list that is none',
    command: scripted(`(method) => method === 'initialize' ? ${HELLO} : { result: {} }`),
    reason: 'tools/list: no list of tools',
  },
  { name: 'no program', command: ['/no/such/program'], reason: 'cannot be started (ENOENT)' },
]) {
  test(`probeServer() says of ${name} what happened [X.doctor-server]`, async () => {
    const probe = await probeServer(command, {}, timeoutMs);
    expect(probe).toEqual({ ok: false, reason, lastWords });
  });
}

test('probeServer() ends a server that goes on, and what it started [X.doctor-server]', async () => {
  const pids = join(folder, 'pids');
  const stay = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);';
  const command = scripted(
    `(method) => method === 'initialize' ? ${HELLO} : { result: { tools: [] } }`,
    `const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stay)}]);
     require('fs').writeFileSync(${JSON.stringify(pids)}, process.pid + ' ' + child.pid);
     ${stay}`,
  );
  const probe = await probeServer(command, {}, AMPLE_MS);
  expect(probe).toMatchObject({ ok: true, ending: 'SIGKILL' });
  for (const pid of readFileSync(pids, 'utf8').split(' ')) {
    // Killed, which takes the kernel a moment; a zombie that nobody has collected runs nothing.
    await vi.waitFor(
      () => {
        const path = `/proc/${pid}/stat`;
        const state = existsSync(path) ? readFileSync(path, 'utf8').split(' ')[2] : 'gone';
        expect(['gone', 'Z']).toContain(state);
      },
      { timeout: AMPLE_MS },
    );
  }
});
