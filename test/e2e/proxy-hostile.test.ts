import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeDaemon } from '../fixtures/daemon-fake.ts';
import {
  BLOCK_EVERYTHING,
  everythingServer,
  fixtureServer,
  proxied,
  rulesFile,
  start,
  temporaryFolder,
  type Running,
} from '../fixtures/mcp-programs.ts';
import { findCalls } from '../hostile/lax-reader.ts';
import type { HostileLine } from '../hostile/hostile-line.ts';
import { HOSTILE_LINES } from '../hostile/lines.ts';

/** Hundreds of programs are started one after the other: long on a machine that does more. */
const SESSION_TIMEOUT_MS = 180_000;

const PASS_ALL = 'rules: []\n';

/** What a client is allowed to send, in all its spellings; each gets an answer to wait for. */
const VALID = [
  (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`,
  (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\r\n`,
  (id: string) => ` { "method" : "ping" , "id":${id},\t"jsonrpc":"2.0" } \n`,
  (id: string) =>
    `\n \t\n{"id":${id},"params":{"x":"\u2028 tools/call"},"method":"p\\u0069ng","jsonrpc":"2.0"}\n`,
  (id: string) =>
    `{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1.0,"a":2}}\n` +
    `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`,
];

type Write = (to: Running, bytes: Buffer) => Promise<void>;

const whole: Write = async (to, bytes) => to.write(bytes);
/** One byte at a time, so that no cut is left out: inside characters, escapes, line ends. */
const inBytes: Write = async (to, bytes) => {
  if (bytes.length > 2000) return whole(to, bytes);
  for (let at = 0; at < bytes.length; at += 1) {
    to.write(bytes.subarray(at, at + 1));
    if (at % 16 === 0) await turn();
  }
};

/** What a line must look like on its way: its own line end only where it has none. */
function asLine({ bytes }: HostileLine): Buffer {
  const line = bytes();
  return line.at(-1) === 0x0a ? line : Buffer.concat([line, Buffer.from('\n')]);
}

/** The answers of the proxy, checked for shape; returns the ids as they were written. */
function refusedIds(said: string): string[] {
  const lines = said.split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const isArray = line.startsWith('[') && line.endsWith(']');
    const answers = isArray ? line.slice(1, -1).split(/,(?=\{"error":)/) : [line];
    return answers.map((answer) => {
      const found =
        /^\{"error":\{"code":-3(?:2001|2600|2602|2700|1001),.*\},"id":(.*),"jsonrpc":"2\.0"\}$/s;
      const id = found.exec(answer)?.[1];
      if (id === undefined) throw new Error(`no answer of the proxy: ${answer.slice(0, 300)}`);
      return id;
    });
  });
}

/** Answers that a line should have had, and those of a line that should have none. */
function shortfall({ name, answered }: HostileLine, ids: readonly string[]): string[] {
  if (answered.length === 0) return ids.map((id) => `${name}: answered with id ${id}`);
  const missing = answered.filter((id) => !ids.includes(id));
  return missing.map((id) => `${name}: no answer with id ${id.slice(0, 50)}`);
}

/**
 * Sends every hostile line between valid ones; returns what the server may have seen.
 *
 * @param isLate - Answers come when the daemon has spoken, and are waited for.
 */
async function attack(proxy: Running, write: Write, isLate = false): Promise<string> {
  let expected = '';
  let offset = proxy.stdout.length;
  for (const [number, hostile] of HOSTILE_LINES.entries()) {
    const valid = (VALID[number % VALID.length] as (id: string) => string)(`"ok ${number}"`);
    await write(proxy, asLine(hostile));
    for (const id of isLate ? hostile.answered : []) {
      await proxy.says(`"id":${id},"jsonrpc"`, offset);
    }
    await write(proxy, Buffer.from(valid));
    expected += (hostile.passes ?? '') + valid;
    const end = await proxy.says(`"id":"ok ${number}"`, offset);
    const said = proxy.stdout.subarray(offset, end).toString();
    const ids = refusedIds(said.slice(0, said.lastIndexOf('\n') + 1));
    expect(shortfall(hostile, ids)).toEqual([]);
    offset = await proxy.says('\n', end);
  }
  return expected;
}

for (const { name, write, ids } of [
  { name: 'in one write each', write: whole, ids: '[P3.corpus] [P3.not-understood]' },
  { name: 'byte by byte', write: inBytes, ids: '[P3.split-utf8]' },
]) {
  test(
    `no hostile line reaches a forgiving server, sent ${name} ${ids}`,
    async () => {
      const record = join(temporaryFolder(), 'received');
      const server = fixtureServer('mcp-lax-server.mjs', record);
      const proxy = start(proxied(server, ['-rules', rulesFile(BLOCK_EVERYTHING)]));
      const expected = await attack(proxy, write);
      proxy.end();
      expect(await proxy.exit).toEqual({ code: 0, signal: null });
      const received = readFileSync(record);
      expect(findCalls(received)).toEqual([]);
      expect(received.toString()).toBe(expected);
    },
    SESSION_TIMEOUT_MS,
  );
}

describe('with -require-receipt, and a daemon that records nothing', () => {
  const daemon = new FakeDaemon(({ ack, hello }) =>
    hello === undefined
      ? { ack, ok: false, code: 'FRAME_INVALID', error: 'no', remedy: '-' }
      : { ack, ok: true, hello: { extensions: ['ack', 'phase'] } },
  );
  beforeAll(() => daemon.start());
  afterAll(() => daemon.remove());

  for (const { name, write } of [
    { name: 'in one write each', write: whole },
    { name: 'byte by byte', write: inBytes },
  ]) {
    test(
      `no hostile line reaches a forgiving server, sent ${name} [P3.corpus] [P1.require-receipt]`,
      async () => {
        const record = join(temporaryFolder(), 'received');
        const flags = ['-socket', daemon.path, '-require-receipt', '-rules', rulesFile(PASS_ALL)];
        const proxy = start(proxied(fixtureServer('mcp-lax-server.mjs', record), flags));
        const expected = await attack(proxy, write, true);
        proxy.end();
        expect(await proxy.exit).toEqual({ code: 0, signal: null });
        const received = readFileSync(record);
        expect(findCalls(received)).toEqual([]);
        expect(received.toString()).toBe(expected);
      },
      SESSION_TIMEOUT_MS,
    );
  }
});

describe('as the last bytes before the end of the input, without a line end', () => {
  const PING = '{"jsonrpc":"2.0","id":"ok","method":"ping"}\n';

  /** What went wrong with one line, in words; a failure has to name the line. */
  async function attackAtEnd(hostile: HostileLine, rules: string): Promise<string[]> {
    const record = join(temporaryFolder(), 'received');
    const server = fixtureServer('mcp-lax-server.mjs', record);
    const proxy = start(proxied(server, ['-rules', rules]));
    proxy.write(PING);
    const offset = await proxy.says('"result":{}}\n');
    proxy.end(hostile.bytes());
    const { code, signal } = await proxy.exit;
    const received = readFileSync(record);
    const isAsExpected = received.toString() === PING + (hostile.passes ?? '');
    return [
      ...(code === 0 ? [] : [`${hostile.name}: ended with ${code ?? signal}`]),
      ...findCalls(received).map((call) => `${hostile.name}: reached the server as ${call}`),
      ...(isAsExpected ? [] : [`${hostile.name}: the server got something else`]),
      ...shortfall(hostile, refusedIds(proxy.stdout.subarray(offset).toString())),
    ];
  }

  test(
    'no hostile line reaches a forgiving server [P3.corpus]',
    async () => {
      const rules = rulesFile(BLOCK_EVERYTHING);
      // Two programs are started for each: what one of three shows holds for the others.
      const left = HOSTILE_LINES.filter((_, number) => number % 3 === 0);
      const faults: string[] = [];
      const worker = async () => {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          faults.push(...(await attackAtEnd(next, rules)));
        }
      };
      await Promise.all(Array.from({ length: 4 }, worker));
      expect(faults).toEqual([]);
    },
    SESSION_TIMEOUT_MS,
  );
});

const ENVELOPE =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientCapabilities":{}}';

for (const { name, command, opening, dress } of [
  {
    name: "the first SDK's server",
    command: everythingServer(),
    opening:
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",' +
      '"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n' +
      '{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
    dress: (line: Buffer) => line,
  },
  {
    name: "the second SDK's server, stateless revision",
    command: fixtureServer('mcp-stateless-server.mjs'),
    opening: `{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{${ENVELOPE}}}\n`,
    // There a call without this envelope is a mistake, and proves nothing.
    dress: (line: Buffer) => {
      const text = line.toString('latin1');
      return Buffer.from(text.replaceAll('{"name":"', `{${ENVELOPE},"name":"`), 'latin1');
    },
  },
]) {
  describe(`in front of ${name}`, () => {
    test('the lines do make tools run without the proxy', async () => {
      const server = start(command);
      server.write(opening);
      await server.says('"id":0');
      const short = HOSTILE_LINES.map(asLine).filter((line) => line.length < 10_000);
      for (const line of short) server.write(dress(line));
      server.end();
      await server.exit;
      const echoes = server.stdout.toString().match(/Echo: hostile/g) ?? [];
      expect(echoes.length).toBeGreaterThan(40);
    });

    test(
      'none of them makes a tool run with it [P3.corpus]',
      async () => {
        const folder = temporaryFolder();
        const [into, outOf] = [join(folder, 'in'), join(folder, 'out')];
        const server = fixtureServer('mcp-tee.mjs', into, outOf, ...command);
        const proxy = start(proxied(server, ['-rules', rulesFile(BLOCK_EVERYTHING)]));
        proxy.write(opening);
        await proxy.says('\n', await proxy.says('"id":0'));
        const expected = await attack(proxy, (to, bytes) => whole(to, dress(bytes)));
        proxy.end();
        expect(await proxy.exit).toEqual({ code: 0, signal: null });
        const received = readFileSync(into);
        expect(findCalls(received)).toEqual([]);
        expect(received.toString()).toBe(opening + expected);
        // A tool that ran would answer with content.
        expect(readFileSync(outOf, 'utf8')).not.toMatch(/"content"|Echo/);
      },
      SESSION_TIMEOUT_MS,
    );
  });
}
