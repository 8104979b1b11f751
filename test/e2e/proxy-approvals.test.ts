import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord, verifyRecord } from '../fixtures/daemon-record.ts';
import {
  fixtureServer,
  proxied,
  rulesFile,
  start,
  temporaryFolder,
  type Running,
} from '../fixtures/mcp-programs.ts';
import { ask, startListening, whenAsked } from '../fixtures/paused-proxy.ts';
import { bundleCli, type CliBundle } from '../fixtures/run-cli.ts';
import { findCalls } from '../hostile/lax-reader.ts';

const RULES = 'rules: [{name: ask, tool_pattern: "edit_*", action: pause}]\n';
const SERVER = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');
const call = (id: number, name = 'edit_file', given: object = { n: id }) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: given } })}\n`;

/** What the client got for a call. */
function answerTo(proxy: Running, id: number) {
  const lines = proxy.stdout.toString().split('\n').slice(0, -1);
  const answers = lines.map((line) => JSON.parse(line) as { id: unknown; error?: object });
  return answers.find((answer) => answer.id === id);
}

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

function newHome(): DaemonHome {
  const home = new DaemonHome();
  homes.push(home);
  return home;
}

test('an answer over HTTP lets one call go, and another is denied [X.approvals]', async () => {
  const record = join(temporaryFolder(), 'received');
  const server = fixtureServer('mcp-lax-server.mjs', record);
  const listening = await startListening(server, ['-rules', rulesFile(RULES)]);
  const { proxy } = listening;
  expect(proxy.stderr).toContain(
    `mcp-proxy: approvals at ${listening.url} (token: ${listening.token})\n` +
      `{"event":"approval_endpoint","token":"${listening.token}","url":"${listening.url}"}\n`,
  );
  await proxy.logs(`approver: ${listening.url}\n`);
  proxy.write(call(1) + call(2));
  const [first, second] = await whenAsked(proxy, 2);
  const { body } = await ask(listening, 'GET', '');
  expect(JSON.parse(body)).toMatchObject({ tool_calls: [{ id: first }, { id: second }] });
  for (const headers of [
    { authorization: 'Bearer 0' },
    { origin: 'http://evil.example' },
    { host: 'evil.example' },
  ]) {
    const { status } = await ask(listening, 'POST', `/${first}/approve`, { headers });
    expect(status).toBeGreaterThanOrEqual(401);
  }
  // Without the file no server has begun to write down what it got.
  expect(existsSync(record) ? findCalls(readFileSync(record)) : []).toEqual([]);
  expect(await ask(listening, 'POST', `/${second}/deny`)).toEqual({
    status: 200,
    body: '{"status":"denied"}',
  });
  await proxy.says('"id":2');
  expect(answerTo(proxy, 2)).toMatchObject({
    error: { code: -32002, data: { approval_url: listening.url, status: 'denied' } },
  });
  expect(await ask(listening, 'POST', `/${first}/approve`)).toEqual({
    status: 200,
    body: '{"status":"approved"}',
  });
  await proxy.logs('APPROVED edit_file');
  expect((await ask(listening, 'POST', `/${first}/approve`)).status).toBe(404);
  proxy.end();
  await proxy.exit;
  expect(readFileSync(record, 'utf8')).toBe(call(1));
});

test('a proxy that was started anew knows no question of the one before [X.approval-bound]', async () => {
  const flags = ['-rules', rulesFile(RULES)];
  const before = await startListening(SERVER, flags);
  before.proxy.write(call(1));
  const [id] = await whenAsked(before.proxy, 1);
  before.proxy.child.kill('SIGKILL');
  await before.proxy.exit;
  const after = await startListening(SERVER, flags);
  after.proxy.write(call(1));
  await whenAsked(after.proxy, 1);
  expect((await ask(after, 'POST', `/${id}/approve`)).status).toBe(404);
  const withOldToken = { url: after.url, token: before.token };
  expect((await ask(withOldToken, 'POST', `/${id}/approve`)).status).toBe(401);
  expect(answerTo(after.proxy, 1)).toBeUndefined();
});

test('twenty calls that wait for a person delay no other message [P4.paused-no-wait]', async () => {
  const flags = ['-rules', rulesFile(RULES)];
  const [{ proxy: paused }, { proxy: free }] = await Promise.all([
    startListening(SERVER, flags),
    startListening(SERVER, flags),
  ]);
  paused.write(Array.from({ length: 20 }, (_, i) => call(i)).join(''));
  await whenAsked(paused, 20);
  const blocks = { paused: [] as number[], free: [] as number[] };
  // Blocks take turns, so that a machine that is busy is busy for both.
  for (let block = 0; block < 20; block += 1) {
    blocks.paused.push(await roundTrips(paused, 500));
    blocks.free.push(await roundTrips(free, 500));
  }
  for (let id = 0; id < 20; id += 1) expect(answerTo(paused, id)).toBeUndefined();
  const median = (values: number[]) => values.toSorted((x, y) => x - y)[values.length / 2] ?? 0;
  const ratio = (median(blocks.paused) / median(blocks.free)).toFixed(2);
  process.stderr.write(`20 paused, 10,000 others: ${ratio} of the round trip without pauses\n`);
}, 60_000);

/** Milliseconds for so many calls, each sent when the one before is answered. */
async function roundTrips({ child }: Running, count: number): Promise<number> {
  const startedAt = performance.now();
  for (let id = 1000; id < 1000 + count; id += 1) {
    const answered = once(child.stdout, 'data');
    child.stdin.write(call(id, 'read_file'));
    await answered;
  }
  return performance.now() - startedAt;
}

test('the end of the input withdraws what waits, and the server hears nothing of it', async () => {
  const record = join(temporaryFolder(), 'received');
  const server = fixtureServer('mcp-lax-server.mjs', record);
  const { proxy } = await startListening(server, ['-rules', rulesFile(RULES)]);
  proxy.end(call(1));
  await proxy.says('"id":1');
  expect(answerTo(proxy, 1)).toMatchObject({ error: { data: { code: 'APPROVAL_WITHDRAWN' } } });
  expect((await proxy.exit).code).toBe(0);
  expect(readFileSync(record, 'utf8')).toBe('');
});

let cli: CliBundle;
beforeAll(async () => void (cli = await bundleCli()));
afterAll(() => cli.remove());

/** Runs beside us: the proxy has to be able to answer meanwhile. */
function obsigna(home: DaemonHome, ...args: string[]) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn(process.execPath, [cli.path, ...args, '-socket', home.socket], {
      env: { PATH: process.env['PATH'] },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

async function whenListed(home: DaemonHome, count: number) {
  for (;;) {
    const { out } = await obsigna(home, 'approvals', 'list', '-json');
    const { approvals } = JSON.parse(out) as { approvals: Record<string, unknown>[] };
    if (approvals.length === count) return approvals;
  }
}

test('obsigna approvals answers for all proxies, and receipts say who [X.approvals]', async () => {
  const home = newHome();
  const daemon = await home.start();
  const flags = ['-socket', home.socket, '-rules', rulesFile(RULES)];
  const one = start(proxied(SERVER, ['-name', 'one', ...flags]));
  const two = start(proxied(SERVER, ['-name', 'two', ...flags]));
  one.write(call(1, 'edit_file', { path: '/x\n\u202eevil' }));
  two.write(call(2));
  const listed = await whenListed(home, 2);
  expect(listed.map(({ server }) => server).sort()).toEqual(['one', 'two']);
  expect(listed[0]).toMatchObject({
    asked_by: { pid: expect.any(Number), uid: process.getuid?.() },
  });
  const idOf = (name: string) => listed.find(({ server }) => server === name)?.['id'] as string;

  const table = await obsigna(home, 'approvals', 'list');
  expect(table.out.split('\n').length).toBe(4);
  const shown = await obsigna(home, 'approvals', 'show', idOf('one').slice(0, 8));
  expect(shown.out).toContain('\\u{202e}evil');
  expect(shown.out).toContain('digest     sha256:');

  const wrong = await obsigna(home, 'approvals', 'approve', idOf('one'), '-digest', 'sha256:0');
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('APPROVAL_MISMATCH') });
  const yes = await obsigna(
    home,
    'approvals',
    'approve',
    idOf('one'),
    '-reason',
    'looks right',
    '-grant',
    'session',
  );
  expect(yes).toMatchObject({ code: 0, out: `approved edit_file of one (${idOf('one')})\n` });
  await one.says('"id":1');
  one.write(call(3));
  await one.says('"id":3'); // granted
  expect(await obsigna(home, 'approvals', 'deny', idOf('two'))).toMatchObject({ code: 0 });
  await two.says('"id":2');
  expect(answerTo(two, 2)).toMatchObject({ error: { data: { code: 'APPROVAL_DENIED' } } });
  const again = await obsigna(home, 'approvals', 'approve', idOf('two'));
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining('APPROVAL_UNKNOWN') });
  expect((await obsigna(home, 'approvals', 'list')).out).toBe('nothing waits for an answer\n');

  for (const proxy of [one, two]) proxy.end();
  await Promise.all([one.exit, two.exit]);
  expect((await daemon.stop()).code).toBe(0);
  const record = readRecord(home.db);
  const verdicts = [...verifyRecord(record, home.publicPem()).values()];
  expect(verdicts.map((verdict) => verdict.result)).toEqual(['valid']);
  const approvals = record.flatMap(({ receipt }) => {
    const ours = receipt.issuer.runtime?.['obsigna'] as { decision?: { approval?: object } };
    const approval = ours?.decision?.approval;
    return approval === undefined
      ? []
      : [{ type: receipt.credentialSubject.action.type, approval }];
  });
  const by = { by: expect.stringMatching(/^did:user:/), door: 'terminal' };
  expect(approvals).toEqual([
    { type: 'obsigna.approval_granted', approval: expect.objectContaining(by) },
    {
      type: 'mcp.one.edit_file',
      approval: expect.objectContaining({
        ...by,
        outcome: 'approved',
        reason: 'looks right',
        peer: expect.objectContaining({ uid: process.getuid?.(), pid: expect.any(Number) }),
      }),
    },
    {
      type: 'mcp.one.edit_file',
      approval: expect.objectContaining({ ...by, grant_scope: 'session' }),
    },
    { type: 'mcp.two.edit_file', approval: expect.objectContaining({ ...by, outcome: 'denied' }) },
  ]);
});

const isRoot = process.getuid?.() === 0;
const ANOTHER_USER = 65_534;

test.skipIf(!isRoot)(
  'a user who reaches the socket and does not own it sees and answers nothing [P2.approvals-owner]',
  async () => {
    const home = newHome();
    await home.start();
    home.openToAll();
    const proxy = start(proxied(SERVER, ['-socket', home.socket, '-rules', rulesFile(RULES)]));
    proxy.write(call(1));
    const [waiting] = await whenListed(home, 1);
    const id = String(waiting?.['id']);
    for (const words of [['list'], ['show', id], ['approve', id], ['deny', id], ['watch']]) {
      const options = { env: { AGENTRECEIPTS_SOCKET: home.socket }, uid: ANOTHER_USER };
      expect(cli.run(['approvals', ...words], options)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`uid ${ANOTHER_USER} does not own this daemon's socket`),
      });
    }
    expect(answerTo(proxy, 1)).toBeUndefined();
    expect((await obsigna(home, 'approvals', 'deny', id)).code).toBe(0);
    await proxy.says('"id":1');
  },
);

test('obsigna approvals watch shows questions as they come, and ends with the daemon', async () => {
  const home = newHome();
  const daemon = await home.start();
  const watch = start([process.execPath, cli.path, 'approvals', 'watch', '-json'], {
    AGENTRECEIPTS_SOCKET: home.socket,
  });
  const proxy = start(proxied(SERVER, ['-socket', home.socket, '-rules', rulesFile(RULES)]));
  await proxy.logs('paused calls can be answered with `obsigna approvals`');
  proxy.write(call(1));
  await watch.says('"tool":"edit_file"');
  await watch.says('\n');
  const [id] = await whenAsked(proxy, 1);
  expect(JSON.parse(watch.stdout.toString())).toMatchObject({ id, arguments: '{"n":1}' });
  await daemon.stop();
  expect(await watch.exit).toMatchObject({ code: 2 });
  expect(watch.stderr).toContain('the daemon hung up');
  expect(watch.stderr).toContain('code: DAEMON_UNREACHABLE');
});

test('a daemon that goes closes the terminal and nothing else', async () => {
  const home = newHome();
  const daemon = await home.start();
  const flags = ['-socket', home.socket, '-rules', rulesFile(RULES)];
  const listening = await startListening(SERVER, flags);
  const only = start(proxied(SERVER, flags));
  listening.proxy.write(call(1));
  only.write(call(2));
  await whenListed(home, 2);
  daemon.kill('SIGKILL');
  await daemon.exit;
  await only.says('"id":2');
  expect(answerTo(only, 2)).toMatchObject({ error: { code: -32003 } });
  const [id] = await whenAsked(listening.proxy, 1);
  expect((await ask(listening, 'POST', `/${id}/approve`)).status).toBe(200);
  await listening.proxy.says('"id":1');
});

test('a daemon that comes back finds the questions again', async () => {
  const home = newHome();
  const daemon = await home.start();
  const proxy = start(proxied(SERVER, ['-socket', home.socket, '-rules', rulesFile(RULES)]));
  proxy.write(call(1));
  const [before] = await whenListed(home, 1);
  await daemon.stop();
  await home.start();
  const [after] = await whenListed(home, 1);
  expect(after).toMatchObject({ id: before?.['id'] });
  expect((await obsigna(home, 'approvals', 'approve', String(after?.['id']))).code).toBe(0);
  await proxy.says('"id":1');
});
