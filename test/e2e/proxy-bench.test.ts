import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { everythingServer, fixtureServer, program, rulesFile } from '../fixtures/mcp-programs.ts';

function bench(flags: readonly string[], server = everythingServer()) {
  const args = [program('mcp-proxy'), 'bench', '-calls', '5', '-rounds', '2', '-socket', ''];
  const run = spawnSync(process.execPath, [...args, ...flags, '--', ...server], {
    encoding: 'utf8',
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

const ECHO = ['-tool', 'echo', '-args', '{"message":"hi"}'];

test("bench measures the user's own server with and without the proxy [X.bench]", () => {
  const { code, out } = bench([...ECHO, '-json']);
  expect(code).toBe(0);
  const { direct, proxied, ...rest } = JSON.parse(out) as {
    readonly direct: readonly number[];
    readonly proxied: readonly number[];
  };
  expect([direct.length, proxied.length]).toEqual([10, 10]);
  expect(rest).toMatchObject({
    request: 'tools/call echo',
    calls: 5,
    rounds: 2,
    receipts: 'off: -socket is empty',
    ratios: { p50: { median: expect.any(Number) }, p99: { high: expect.any(Number) } },
  });
});

test('bench pings where no tool is named, in each revision of the protocol [X.bench]', () => {
  for (const server of [everythingServer(), fixtureServer('mcp-stateless-server.mjs')]) {
    const { code, out } = bench([], server);
    expect({ code, first: out.split('\n')[0] }).toEqual({
      code: 0,
      first: 'ping, one at a time; receipts off: -socket is empty',
    });
    expect(out).toMatch(/^p99 +\d.* ms +\d.* ms +\d/m);
  }
});

for (const { name, flags, rules, code, says } of [
  { name: 'a tool that is not there', flags: ['-tool', 'nope'], code: 1, says: 'tools/call' },
  {
    name: 'a call that the rules forbid',
    flags: ECHO,
    rules: 'rules: [{name: no, tool_pattern: echo, action: block}]',
    code: 1,
    says: 'blocked by policy: no',
  },
  { name: 'arguments that are no object', flags: ['-args', '[]'], code: 2, says: 'not an object' },
  { name: 'no rounds', flags: ['-rounds', '0'], code: 2, says: 'begin at 1' },
]) {
  test(`bench of ${name} says so [X.bench]`, () => {
    const run = bench(rules === undefined ? flags : [...flags, '-rules', rulesFile(rules)]);
    expect(run.code).toBe(code);
    expect(run.err).toContain(says);
  });
}
