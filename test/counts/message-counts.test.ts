import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { rulesText } from '../../bench/rules-text.ts';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import { parseRules } from '../../policy/load-rules.ts';
import type { RuleSet } from '../../policy/rule.ts';
import { ClientStream } from '../../proxy/client-stream.ts';
import { Governor } from '../../proxy/governor.ts';
import { ServerStream } from '../../proxy/server-stream.ts';
import { FakeRecorder } from '../fixtures/proxy-recorder.ts';
import { excess } from './excess.ts';
import { LIMITS } from './limits.ts';

const scanned = vi.hoisted(() => ({ bytes: 0 }));

vi.mock(import('../../shared/json/scan.ts'), async (load) => {
  const scan = await load();
  const counted =
    <Rest extends unknown[], Result>(work: (bytes: Uint8Array, ...rest: Rest) => Result) =>
    (bytes: Uint8Array, ...rest: Rest): Result => {
      scanned.bytes += bytes.length;
      return work(bytes, ...rest);
    };
  return {
    ...scan,
    scanMembers: counted(scan.scanMembers),
    scanElements: counted(scan.scanElements),
  };
});

const line = (message: object) =>
  Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

const CALL = line({
  id: 7,
  method: 'tools/call',
  params: { name: 'read_1024', arguments: { path: '/srv/notes.txt', content: 'x'.repeat(1000) } },
});
const ANSWER = line({
  id: 7,
  result: { content: [{ type: 'text', text: 'y'.repeat(1000) }], isError: false },
});
const NOTIFICATION = line({
  method: 'notifications/message',
  params: { level: 'info', data: 'z'.repeat(1000) },
});

function proxy(rules: RuleSet) {
  const recorder = new FakeRecorder();
  const governor = new Governor({
    serverName: 'files',
    rules,
    policyDigest: 'sha256:0',
    recorder,
    log: () => undefined,
  });
  let toServer = 0;
  let toClient = 0;
  const client = new ClientStream({
    governor,
    forward: (bytes) => void (toServer += bytes.length),
    answer: () => expect.unreachable('nothing is refused here'),
    settle: () => undefined,
    hold: () => undefined,
    finished: () => undefined,
  });
  const server = new ServerStream(governor, (bytes) => void (toClient += bytes.length));
  return {
    client,
    server,
    passed: () => ({ toServer, toClient, reports: recorder.reports.length }),
  };
}

/** How often, and how much of `bytes`, is parsed and scanned while `work` goes on. */
async function count(bytes: Buffer, work: () => void) {
  const parse = vi.spyOn(JSON, 'parse');
  scanned.bytes = 0;
  work();
  // What the proxy leaves for later turns belongs to the message as well.
  for (let i = 0; i < 20; i += 1) await turn();
  const parsed = parse.mock.calls.map(([text]) => text.length);
  parse.mockRestore();
  const parsedBytes = parsed.reduce((sum, length) => sum + length, 0);
  return {
    parses: parsed.length,
    parsed: parsedBytes / bytes.length,
    scanned: scanned.bytes / bytes.length,
  };
}

for (const [name, rules] of [
  ['the default rules', DEFAULT_RULES],
  ['200 rules with conditions', parseRules(rulesText(200), 'test')],
] as const) {
  test(`with ${name} a message is looked at as often as it has to be [P7.counts]`, async () => {
    const { client, server, passed } = proxy(rules);
    const call = await count(CALL, () => client.push(CALL));
    const notification = await count(NOTIFICATION, () => server.push(NOTIFICATION));
    const answer = await count(ANSWER, () => server.push(ANSWER));
    expect(
      excess(LIMITS.message, {
        parsesOfCall: call.parses,
        parsedOfCall: call.parsed,
        scannedOfCall: call.scanned,
        parsesOfAnswer: answer.parses,
        scannedOfAnswer: answer.scanned,
        parsesOfNotification: notification.parses,
        scannedOfNotification: notification.scanned,
      }),
    ).toEqual([]);
    const toClient = ANSWER.length + NOTIFICATION.length;
    expect(passed()).toEqual({ toServer: CALL.length, toClient, reports: 1 });
  });
}
