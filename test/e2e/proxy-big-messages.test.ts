import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord, verifyRecord } from '../fixtures/daemon-record.ts';
import { fixtureServer, proxied, start } from '../fixtures/mcp-programs.ts';

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

test('5 MB of arguments and result pass unchanged and get receipts with their hashes [P4.big-message]', async () => {
  const home = new DaemonHome();
  homes.push(home);
  const daemon = await home.start();
  const server = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');
  const proxy = start(proxied(server, ['-name', 'srv', '-socket', home.socket]));

  // Canonical form by hand: members in order, no blanks, shortest number, no needless escapes.
  const text = '\u00e4x'.repeat(2_500_000);
  const canonical = `{"a":1,"text":"${text}"}`;
  const given = `{ "text" : "${text.replace('x', '\\u0078')}", "a":1.0 }`;
  const result = `{"text":"${text}","a":1}`; // as the server's JSON.stringify orders it
  const line = `{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"echo","arguments":${given}}}\n`;
  proxy.write(line);
  await proxy.says('"id":"big"');
  proxy.end();
  expect(await proxy.exit).toEqual({ code: 0, signal: null });
  const said = proxy.stdout.toString();
  expect(said === `{"jsonrpc":"2.0","id":"big","result":${result}}\n`).toBe(true);
  expect(proxy.stderr).not.toContain('emitter: ');

  expect((await daemon.stop()).code).toBe(0);
  const record = readRecord(home.db);
  const verdicts = [...verifyRecord(record, home.publicPem()).values()];
  expect(verdicts.map((verdict) => verdict.result)).toEqual(['valid']);
  const echoed = record.find(({ columns }) => columns.tool_name === 'echo');
  const receipt: unknown = JSON.parse(echoed?.text ?? '{}');
  const hash = `sha256:${createHash('sha256').update(canonical).digest('hex')}`;
  expect(receipt).toMatchObject({
    credentialSubject: {
      action: { type: 'mcp.srv.echo', parameters_hash: hash },
      outcome: { status: 'success', response_hash: hash },
    },
    issuer: {
      runtime: {
        obsigna: {
          input: { bytes: Buffer.byteLength(given), hashed_by: 'emitter' },
          output: { bytes: Buffer.byteLength(result), hashed_by: 'emitter' },
        },
      },
    },
  });
});
