import { renameSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fixtureServer, program, proxied, rulesFile, start } from '../fixtures/mcp-programs.ts';

const SERVER = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');

/** Each file blocks what the other lets through, under a message of its own. */
const fileOf = (mark: string, tool: string) =>
  `rules: [{name: ${mark}, tool_pattern: ${tool}, message: ${mark}, action: block}]\n`;
const A = fileOf('file-a', 'read');
const B = fileOf('file-b', 'write');

/** By rename: there is no moment at which half of a file could be read. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

test('rules change under load, as a whole, without a restart [R.reload]', async () => {
  const path = rulesFile(A);
  const proxy = start(proxied(SERVER, ['-rules', path]));
  let id = 0;
  const pair = () => {
    for (const name of ['read', 'write']) {
      id += 1;
      const params = { name, arguments: {} };
      proxy.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`);
    }
  };
  // Calls go on all the time, also while a file is read.
  const load = setInterval(pair, 1);
  try {
    await proxy.says('blocked by policy: file-a');
    replace(path, B);
    await proxy.says('blocked by policy: file-b');
    replace(path, 'rules: [{nam: x}]\n');
    await proxy.logs('rules stay as they were: ');
    const offset = proxy.stdout.length;
    await proxy.says('blocked by policy: file-b', offset);
    replace(path, A);
    await proxy.says('blocked by policy: file-a', offset);
  } finally {
    clearInterval(load);
  }
  proxy.end();
  await proxy.exit;
  const answers = proxy.stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
  const blocked = new Map(answers.map((it) => [it.id, it.error?.message.split(' ').at(-1)]));
  expect(blocked.size).toBe(id);
  // Odd numbers read, even ones write: no call was blocked by the file that is not about it, and of a
  // mixture of both files there would be a pair of which both or neither was.
  for (let read = 1; read < id; read += 2) {
    expect(['file-a', undefined]).toContain(blocked.get(read));
    expect(['file-b', undefined]).toContain(blocked.get(read + 1));
  }
  const states = Array.from(
    { length: id / 2 },
    (_, n) => blocked.get(2 * n + 1) ?? blocked.get(2 * n + 2),
  );
  const changes = states.filter((state, n) => n > 0 && state !== states[n - 1]);
  expect(changes.filter((state) => state !== undefined)).toEqual(['file-b', 'file-a']);
  expect(proxy.stderr.match(/rules stay as they were/g)).toHaveLength(1);
});

interface Answer {
  readonly id: number;
  readonly error?: { readonly message: string };
}

test('mcp-proxy rules is obsigna rules [R.commands]', async () => {
  const check = start([process.execPath, program('mcp-proxy'), 'rules', 'check', rulesFile(A)]);
  expect(await check.exit).toMatchObject({ code: 0 });
  expect(check.stdout.toString()).toContain('is in order: 1 rules enabled, sha256:');
  const bad = start([
    process.execPath,
    program('mcp-proxy'),
    'rules',
    'check',
    rulesFile('rules: 1'),
  ]);
  expect(await bad.exit).toMatchObject({ code: 1 });
});
