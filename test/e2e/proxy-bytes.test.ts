import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  everythingServer,
  fixtureServer,
  proxied,
  rulesFile,
  start,
  temporaryFolder,
} from '../fixtures/mcp-programs.ts';

const RULES =
  'rules: [{name: no-env, description: Not the environment, tool_pattern: get-env, action: block}]\n';
const BIG = 5 * 1024 * 1024;

interface Step {
  readonly send: string;
  /** Text that ends what the server says to it; the next step waits for it. */
  readonly until?: string;
  /** Refused by policy: sent to the proxy only. */
  readonly isBlocked?: true;
}

const request = (id: string, method: string, params = '{}'): Step => ({
  send: `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}\n`,
  until: `,"id":${id}}\n`,
});
/** Spelled as no serialiser would, because the server must get it like that. */
const call = (id: string, name: string, given: string): Step =>
  request(id, 'tools/call', `{ "arguments" : ${given},"name":"${name}" }`);

const LIST_CHANGED = '{"method":"notifications/tools/list_changed","jsonrpc":"2.0"}\n';
const SAMPLE =
  '{"jsonrpc":"2.0","result":{"role":"assistant","model":"m","content":{"type":"text","text":"\\u0061 ok"}},"id":0}\n';

const SESSION: readonly Step[] = [
  request(
    '0',
    'initialize',
    '{"protocolVersion":"2025-11-25","capabilities":{"sampling":{}},"clientInfo":{"name":"t","version":"1"}}',
  ),
  {
    send: '{"jsonrpc":"2.0","method":"notifications/initialized"}\r\n',
    until: LIST_CHANGED + LIST_CHANGED, // one for each tool that depends on what the client can
  },
  { send: '\n \t\n' },
  request('1', 'tools/list'),
  call('"two"', 'echo', '{"message":"h\\u00e9 <&> \\ud83d\\ude00"}'),
  call('-3', 'get-sum', '{"a":1.0,"b":2e0}'),
  call('4', 'echo', '{"message":7}'),
  call('5', 'no-such-tool', '{}'),
  { ...call('"blocked"', 'get-env', '{}'), isBlocked: true },
  call('6', 'get-structured-content', '{"location":"Chicago"}'),
  call('7', 'get-tiny-image', '{}'),
  {
    send:
      '{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"trigger-long-running-operation",' +
      '"arguments":{"duration":0.06,"steps":3},"_meta":{"progressToken":"p"}}}\n',
    until: ',"id":8}\n',
  },
  // The server asks back with id 0 of its own before it answers.
  { ...call('9', 'trigger-sampling-request', '{"prompt":"x"}'), until: '"sampling/createMessage"' },
  { send: SAMPLE, until: ',"id":9}\n' },
  call('10', 'echo', `{"message":"${'x'.repeat(BIG)}"}`),
  request('11', 'resources/list'),
  request('12', 'resources/templates/list'),
  request('13', 'resources/read', '{"uri":"demo://resource/static/document/architecture.md"}'),
  request('14', 'resources/subscribe', '{"uri":"demo://resource/static/document/architecture.md"}'),
  request(
    '15',
    'resources/unsubscribe',
    '{"uri":"demo://resource/static/document/architecture.md"}',
  ),
  request('16', 'prompts/list'),
  request('17', 'prompts/get', '{"name":"args-prompt","arguments":{"city":"Bern"}}'),
  request(
    '18',
    'completion/complete',
    '{"ref":{"type":"ref/prompt","name":"completable-prompt"},"argument":{"name":"department","value":"S"}}',
  ),
  request('19', 'logging/setLevel', '{"level":"error"}'),
  { ...request('20', 'no/such/method'), until: '"message":"Method not found"}}\n' },
  { send: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}\n' },
  { send: '{"jsonrpc":"2.0","id":"last","method":"ping"}' },
];

interface Recording {
  readonly toServer: Buffer;
  readonly toClient: Buffer;
}

async function play(withProxy: boolean): Promise<Recording> {
  const folder = temporaryFolder();
  const [into, outOf] = [join(folder, 'in'), join(folder, 'out')];
  const server = fixtureServer('mcp-tee.mjs', into, outOf, ...everythingServer());
  const client = start(withProxy ? proxied(server, ['-rules', rulesFile(RULES)]) : server);
  let offset = 0;
  for (const { send, until, isBlocked } of SESSION) {
    if (isBlocked && !withProxy) continue;
    client.write(send);
    if (until === undefined) continue;
    const answer = isBlocked ? '"id":"blocked","jsonrpc":"2.0"}\n' : until;
    offset = await client.says(answer, offset);
  }
  client.end('\n');
  expect(await client.exit).toEqual({ code: 0, signal: null });
  return { toServer: readFileSync(into), toClient: client.stdout };
}

const BLOCKED =
  '{"error":{"code":-32001,"message":"blocked by policy: Not the environment"},"id":"blocked","jsonrpc":"2.0"}\n';

test('a session with server-everything is byte-identical with and without the proxy [P4.session-bytes]', async () => {
  const [direct, again] = [await play(false), await play(false)];
  // The measure: two sessions without us do not differ either, so nothing has to be normalised.
  expect(again.toClient.equals(direct.toClient)).toBe(true);
  const mediated = await play(true);
  const sent = SESSION.filter(({ isBlocked }) => !isBlocked).map(({ send }) => send);
  expect(mediated.toServer.toString()).toBe(`${sent.join('')}\n`);
  expect(mediated.toServer.equals(direct.toServer)).toBe(true);
  const said = mediated.toClient.toString();
  expect(said.split(BLOCKED).length).toBe(2);
  expect(said.replace(BLOCKED, '')).toBe(direct.toClient.toString());
  expect(said).toContain('x'.repeat(BIG));
});

describe('an untidy server that gives everything back', () => {
  /** Lines of all kinds that may pass, many times over. */
  const LINES = [
    '{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
    '{"jsonrpc":"2.0","id":"\u00e4\u{1f600}","method":"x","params":["\u2028\u0085"]}\r\n',
    '\n',
    ' \t\r\n',
    '{"id":1e2,"method":"tools/call","params":{"name":"a","arguments":{"n":1.0}}}\n',
    '{"id":1e2,"result":{"a":1,"a":2}}\n',
    '[{"id":3,"method":"tools/call","params":{"name":"b"}} , 7]\n',
    '"scalar"\n',
    '-0.0\n',
    `{"method":"notifications/x","params":{"long":"${'y'.repeat(70_000)}"}}\n`,
  ];
  const input = Buffer.from(Array.from({ length: 20 }, () => LINES.join('')).join(''));

  /** The same cuts on every run: a generator with a seed. */
  function* cuts(seed: number): Generator<number> {
    for (let state = seed; ;) {
      state = (state * 48_271) % 2_147_483_647;
      yield 1 + (state % (state % 3 === 0 ? 7 : 20_000));
    }
  }

  for (const withProxy of [false, true]) {
    test(`${withProxy ? 'with' : 'without'} the proxy: both ways to the byte [P4.session-bytes] [P4.crlf-noise]`, async () => {
      const record = join(temporaryFolder(), 'received');
      const server = fixtureServer('mcp-scripted-server.mjs', record, 'echo');
      const client = start(
        withProxy ? proxied(server, ['-rules', rulesFile('rules: []\n')]) : server,
      );
      const sizes = cuts(7);
      for (let at = 0; at < input.length;) {
        const end = at + (sizes.next().value as number);
        client.write(input.subarray(at, end));
        at = end;
        await turn();
      }
      client.end('{"id":"no line end","method":"ping"}');
      expect(await client.exit).toEqual({ code: 0, signal: null });
      const sent = `${String(input)}{"id":"no line end","method":"ping"}`;
      expect(readFileSync(record).toString() === sent).toBe(true);
      const banner = client.stdout.subarray(0, client.stdout.indexOf('{"jsonrpc":"2.0","id":1,'));
      expect(banner.toString('hex')).toBe(BANNER_HEX);
      const rest = client.stdout.subarray(banner.length).toString();
      expect(rest === `${sent}partial ${'\u00e4'.repeat(100_000)}`).toBe(true);
    });
  }

  const BANNER_HEX = Buffer.concat([
    Buffer.from(
      'Server {ready} on stdio\r\n\r\n[1,\n\n{"jsonrpc":"2.0","method":"notifications/x"}\r\n',
    ),
    Buffer.from('00fffe0d1b5b324ac30ae2800a', 'hex'),
  ]).toString('hex');
});
