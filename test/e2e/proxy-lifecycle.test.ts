import { Buffer } from 'node:buffer';
import { constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import {
  fixtureServer,
  proxied,
  rulesFile,
  start,
  temporaryFolder,
  type Running,
} from '../fixtures/mcp-programs.ts';

const SERVER = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');
const node = (code: string) => [process.execPath, '-e', code];
const call = (id: number | string, given: object = {}, name = 'tool') =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: given } })}\n`;
const answer = (id: number | string, result: object) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`;

const recorders: FrameRecorder[] = [];
afterEach(() => {
  for (const recorder of recorders.splice(0)) recorder.close();
});

async function listen(options?: { replies: boolean }) {
  const socket = join(temporaryFolder(), 's');
  const recorder = await FrameRecorder.listen(socket, options);
  recorders.push(recorder);
  return { socket, recorder };
}

/** What the proxy itself has said, without dates. */
function ownLines(proxy: Running): string[] {
  const lines = proxy.stderr.split('\n');
  const prefix = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d mcp-proxy: /;
  return lines.filter((line) => prefix.test(line)).map((line) => line.replace(prefix, ''));
}

describe('the end of a session [X.lifecycle]', () => {
  test('an end of input reaches the server, which finishes what it does', async () => {
    const proxy = start(proxied(SERVER));
    proxy.end(call(1, { delayMs: 300 }));
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.stdout.toString()).toBe(answer(1, { delayMs: 300 }));
    expect(proxy.stderr).toContain('server: end of input\n');
    expect(proxy.stderr).toContain('server: exit 0\n');
  });

  test.runIf(process.platform === 'linux')(
    'the standard error that the server shares with us waits for its reader, as without us',
    async () => {
      const proxy = start(proxied(['cat']));
      await proxy.logs('session ');
      const info = readFileSync(`/proc/${proxy.child.pid}/fdinfo/2`, 'utf8');
      const flags = Number.parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? '', 8);
      expect(flags & constants.O_NONBLOCK).toBe(0);
      proxy.end();
      await proxy.exit;
    },
  );

  for (const code of [0, 1, 7, 255]) {
    test(`exit code ${code} is passed on`, async () => {
      const proxy = start(proxied(SERVER));
      proxy.write(call(1, { exit: code }));
      expect(await proxy.exit).toEqual({ code, signal: null });
    });
  }

  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGABRT'] as const) {
    test(`a server that dies of ${signal} makes a proxy that dies of ${signal}`, async () => {
      const proxy = start(proxied(SERVER));
      proxy.write(call(1, { signal }));
      expect(await proxy.exit).toEqual({ code: null, signal });
    });
  }

  test('a signal that cannot end Node shows as the exit code that a shell would show', async () => {
    const proxy = start(proxied(['sh', '-c', 'kill -PIPE $$']));
    expect(await proxy.exit).toEqual({ code: 141, signal: null });
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${signal} reaches a server below a shell, though it ignores the end of input`, async () => {
      const code = `process.on('${signal}', () => { console.log('got it'); process.exit(5); }); setInterval(() => {}, 1000); console.log('ready')`;
      const shell = `trap 'wait $server; exit $?' ${signal.slice(3)}; "$0" -e "$1" & server=$!; wait $server`;
      const proxy = start(proxied(['sh', '-c', shell, process.execPath, code]));
      proxy.end();
      await proxy.says('ready\n');
      proxy.child.kill(signal);
      expect(await proxy.exit).toEqual({ code: 5, signal: null });
      expect(proxy.stdout.toString()).toBe('ready\ngot it\n');
    });
  }

  test('a proxy that is killed takes no server with it by force', async () => {
    const proxy = start(proxied(SERVER));
    await proxy.logs('server: started');
    proxy.child.kill('SIGKILL');
    await proxy.exit;
    expect(proxy.stderr).toContain('server: end of input\nserver: exit 0\n');
  });

  test('what a server left running says does not keep the proxy from ending by a signal', async () => {
    // It ends when its output is gone, and not before.
    const chatter =
      'process.on("SIGTERM", () => {}); setInterval(() => console.log("still here"), 50)';
    const proxy = start(proxied(['sh', '-c', '"$0" -e "$1" & exit 3', process.execPath, chatter]));
    await proxy.says('still here\n');
    proxy.child.kill('SIGTERM');
    expect(await proxy.exit).toEqual({ code: 3, signal: null });
  });

  test('a fragment passes although somebody else still holds the output open', async () => {
    const proxy = start(proxied(['sh', '-c', 'printf partial; sleep 3 & exit 4']));
    expect(await proxy.exit).toEqual({ code: 4, signal: null });
    expect(proxy.stdout.toString()).toBe('partial');
  });

  test('nothing is lost for a client that reads later than the server ends', async () => {
    // How much lies in buffers of the kernel when a server ends differs: one of these sizes fits.
    const sizes = [200_000, 400_000, 500_000, 600_000, 700_000, 800_000, 1_000_000];
    const proxies = sizes.map((bytes) =>
      start(proxied(node(`process.stdout.write('x'.repeat(${bytes - 1}) + '\\n')`))),
    );
    for (const { child } of proxies) child.stdout.pause();
    await sleep(3000); // longer than the proxy waits for a silent server that has ended
    for (const { child } of proxies) child.stdout.resume();
    await Promise.all(proxies.map(({ exit }) => exit));
    expect(proxies.map(({ stdout }) => stdout.length)).toEqual(sizes);
  });

  for (const { name, command, reason } of [
    { name: 'does not exist', command: '/no/such/server', reason: 'ENOENT' },
    { name: 'is no program', command: '/dev/null', reason: 'EACCES' },
  ]) {
    test(`a server that ${name} is named, with exit code 1`, async () => {
      const proxy = start(proxied([command]));
      expect(await proxy.exit).toEqual({ code: 1, signal: null });
      expect(proxy.stdout.length).toBe(0);
      expect(proxy.stderr).toContain(`mcp-proxy: cannot start ${command} (${reason})\n  fix: `);
      expect(proxy.stderr).toContain('[SERVER_NOT_STARTED]\n');
    });
  }
});

describe('the outputs [X.lifecycle]', () => {
  test('standard error of the server passes to the byte, beside our lines', async () => {
    const junk = Buffer.from('\u0000\u00ff\u001b[31m\r\nno line end', 'latin1');
    const proxy = start(proxied(SERVER));
    await proxy.logs('server: started\n');
    const before = proxy.stderr;
    expect(before.replace('server: started\n', '').split('\n').slice(0, -1)).toEqual([
      expect.stringMatching(/ mcp-proxy: --socket is empty; receipts will NOT be emitted/),
      expect.stringMatching(/ mcp-proxy: \[INFO\] policy: /),
      expect.stringMatching(/^\{"approver_disabled":true,.*"event":"policy_banner"/),
      expect.stringMatching(/ mcp-proxy: session [0-9a-f-]{36}, server node$/),
    ]);
    proxy.write(call(1, { stderr: junk.toString('base64'), exit: 0 }));
    await proxy.exit;
    expect(proxy.stderr.slice(before.length)).toBe(`${junk.toString()}server: exit 0\n`);
  });

  test('standard output holds nothing but what the server and the refusals say', async () => {
    const rules = rulesFile('rules: [{name: no, tool_pattern: bad, action: block}]\n');
    const proxy = start(proxied(SERVER, ['-rules', rules, '-socket', '/no/such/socket']));
    proxy.write(`${call(1)}${call(2, {}, 'bad')}junk\n`);
    await proxy.says('-32700');
    await proxy.says('"id":1');
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    const ids = proxy.stdout
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: unknown }).id);
    expect(ids.sort()).toEqual([1, 2, null].sort());
  });
});

describe('the daemon', () => {
  test('hears of every call once, stopped and failed ones too [P1.outcome-frame]', async () => {
    const { socket, recorder } = await listen();
    const rules = rulesFile(
      'rules: [{name: no, tool_pattern: bad, action: block}, {name: ask, tool_pattern: edit, action: pause}]\n',
    );
    const proxy = start(
      proxied(SERVER, ['-name', 'srv', '-rules', rules, '-socket', socket, '-approve', 'none']),
    );
    proxy.write(call('a', { x: 1 }) + call('b', {}, 'bad') + call('c', {}, 'edit'));
    proxy.write(`${call('d', { fail: true })}{"method":"tools/call","id":9}\n`);
    await proxy.says('"id":"d"');
    proxy.end();
    await proxy.exit;
    expect(recorder.greetings).toBe(1);
    const told = recorder.frames.map(({ tool, decision, idempotency_key: key, output }) => ({
      name: tool.name,
      decision,
      id: key?.split('/')[1],
      output,
    }));
    expect(told.sort((a, b) => (a.id ?? '').localeCompare(b.id ?? ''))).toEqual([
      { name: '(unreadable)', decision: 'denied', id: undefined, output: undefined },
      { name: 'tool', decision: 'allowed', id: '"a"', output: { x: 1 } },
      { name: 'bad', decision: 'denied', id: '"b"', output: undefined },
      { name: 'edit', decision: 'denied', id: '"c"', output: undefined },
      { name: 'tool', decision: 'allowed', id: '"d"', output: { isError: true, content: [] } },
    ]);
    expect(new Set(recorder.frames.map((frame) => frame.session_id)).size).toBe(1);
    expect(recorder.frames[0]?.tool.server).toBe('srv');
  });

  for (const { name, given, reason } of [
    { name: 'exits', given: { exit: 7 }, reason: 'the server ended (exit code 7)' },
    {
      name: 'is killed',
      given: { signal: 'SIGKILL' },
      reason: 'the server ended (signal SIGKILL)',
    },
  ]) {
    test(`hears of calls that were open when the server ${name} [P1.outcome-frame]`, async () => {
      const { socket, recorder } = await listen();
      const proxy = start(proxied(SERVER, ['-socket', socket]));
      proxy.write(call(1, { silent: true }) + call(2, { silent: true }));
      proxy.write(
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}\n',
      );
      proxy.write(call(3, { partial: '{"jsonrpc":"2.0","id":1,"result":', ...given }));
      await proxy.exit;
      const told = recorder.frames.map(({ decision, error, idempotency_key: key }) => [
        key?.split('/')[1],
        decision,
        error,
      ]);
      const why = `${reason} before an answer was seen`;
      expect(told).toEqual([
        ['1', 'pending', `outcome unknown: ${why}`],
        ['2', 'pending', `outcome unknown: cancelled by the client; ${why}`],
        ['3', 'pending', `outcome unknown: ${why}`],
      ]);
    });
  }

  test('hears of an answer that came behind the cancellation [P1.late-result]', async () => {
    const { socket, recorder } = await listen();
    const proxy = start(proxied(SERVER, ['-socket', socket]));
    proxy.write(
      call(1, { delayMs: 100 }) +
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n',
    );
    await proxy.says('"id":1');
    await recorder.received(1);
    expect(recorder.frames).toMatchObject([
      {
        decision: 'allowed',
        output: { delayMs: 100 },
        decision_context: { note: 'the client had cancelled the call before the answer came' },
      },
    ]);
  });

  test('may be one that never replies: each call is told once all the same', async () => {
    const { socket, recorder } = await listen({ replies: false });
    const proxy = start(proxied(SERVER, ['-socket', socket]));
    proxy.write(call(1) + call(2));
    await proxy.says('"id":2');
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(recorder.frames.map(({ decision }) => decision)).toEqual(['allowed', 'allowed']);
    expect(ownLines(proxy).filter((line) => line.startsWith('emitter: '))).toEqual([]);
  });

  test('may be absent: calls go on, and one line says so [X.daemon-absent]', async () => {
    const socket = join(temporaryFolder(), 'none');
    const proxy = start(proxied(SERVER, ['-socket', socket]));
    let offset = 0;
    for (let id = 1; id <= 20; id += 1) {
      proxy.write(call(id));
      offset = await proxy.says(`"id":${id},`, offset);
    }
    await proxy.logs('[DAEMON_UNREACHABLE]');
    expect(ownLines(proxy).filter((line) => line.startsWith('emitter: '))).toEqual([
      `emitter: daemon at ${socket} not reached (ENOENT); Start the daemon with ` +
        '`obsigna-daemon`, or point -socket at the one that runs. [DAEMON_UNREACHABLE]',
    ]);
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(ownLines(proxy).at(-1)).toBe(
      'emitter: 20 reports did not reach the daemon, lost with this process',
    );
  });

  test('may come later: it gets what it missed', async () => {
    const socket = join(temporaryFolder(), 's');
    const proxy = start(proxied(SERVER, ['-socket', socket]));
    proxy.write(call(1) + call(2));
    await proxy.says('"id":2');
    await proxy.logs('[DAEMON_UNREACHABLE]');
    const recorder = await FrameRecorder.listen(socket);
    recorders.push(recorder);
    expect((await recorder.received(2)).map(({ decision }) => decision)).toEqual([
      'allowed',
      'allowed',
    ]);
    await proxy.logs('daemon is back');
  });

  test('is not looked for with -socket ""', async () => {
    const proxy = start(proxied(SERVER, ['-socket', '']), { AGENTRECEIPTS_SOCKET: '/no/such' });
    proxy.write(call(1));
    await proxy.says('"id":1');
    proxy.end();
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.stderr).not.toContain('emitter');
  });
});
