import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_RULES } from '../../policy/default-rules.ts';
import { parseRules } from '../../policy/load-rules.ts';
import type { HealthCheck } from '../../shared/health/check.ts';
import { approverCheck, doorsCheck, probeApprover } from './approver-checks.ts';
import { commandCheck, programCheck, receiptsCheck } from './program-checks.ts';
import { rulesChecks } from './rules-checks.ts';
import { serverChecks } from './server-checks.ts';
import type { ServerReport } from './server-probe.ts';

let folder: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-doctor-'));
  for (const name of ['own.cjs', 'other', 'rules.yaml', 'open.yaml', 'bad.yaml']) {
    writeFileSync(inFolder(name), name === 'bad.yaml' ? BAD : 'rules: []\n', { mode: 0o755 });
  }
  chmodSync(inFolder('rules.yaml'), 0o644);
  chmodSync(inFolder('open.yaml'), 0o666);
  for (const [place, target] of [
    ['none', undefined],
    ['ours', 'own.cjs'],
    ['theirs', 'other'],
  ] as const) {
    const path = mkdtempSync(join(folder, place));
    paths[place] = path;
    if (target !== undefined) symlinkSync(inFolder(target), join(path, 'mcp-proxy'));
  }
  symlinkSync(inFolder('own.cjs'), join(paths.theirs, 'obsigna-mcp'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const paths = { none: '', ours: '', theirs: '' };
const BAD = 'rules:\n  - {name: a, action: deny}\n  - {name: b, action: blok}\n';
const report: ServerReport = {
  name: 'files 1',
  protocolVersion: '2025-11-25',
  instructions: undefined,
  tools: [{ name: 'echo' }],
  elapsedMs: 5,
  noise: 0,
  ending: 'by itself',
};
const served = (more: Partial<ServerReport>, check: string) =>
  serverChecks({ ok: true, ...report, ...more }).find((it) => it.check === check);
const nobody = { doors: [], isMeant: false, isEmpty: false };

interface Case {
  readonly name: string;
  readonly run: () => HealthCheck | undefined | Promise<HealthCheck | undefined>;
  readonly status: HealthCheck['status'];
  readonly reason: RegExp;
  readonly fix?: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'program: the one on the PATH',
    run: () => programCheck(inFolder('own.cjs'), paths.ours),
    status: 'ok',
    reason: /own\.cjs, version .+, Node v.+; on the PATH as .+\/mcp-proxy$/,
  },
  {
    name: 'program: none on the PATH',
    run: () => programCheck(inFolder('own.cjs'), paths.none),
    status: 'note',
    reason: /no mcp-proxy on the PATH/,
    fix: /own\.cjs$/,
  },
  {
    name: 'program: another one on the PATH',
    run: () => programCheck(inFolder('own.cjs'), paths.theirs),
    status: 'warn',
    reason: /another program: .+\/mcp-proxy$/,
    fix: /as obsigna-mcp$/,
  },
  {
    name: 'server command: a name that is nowhere',
    run: () => commandCheck('no-such-server', paths.ours),
    status: 'fail',
    reason: /^no-such-server is not on the PATH$/,
    fix: /install it/,
  },
  {
    name: 'server command: a file that is no program',
    run: () => commandCheck(inFolder('rules.yaml'), ''),
    status: 'fail',
    reason: /is no program/,
    fix: /whole path/,
  },
  {
    name: 'server command: a link',
    run: () => commandCheck('mcp-proxy', paths.ours),
    status: 'ok',
    reason: /\/mcp-proxy, which leads to .+own\.cjs$/,
  },
  {
    name: 'rules: the built-in ones',
    run: async () => (await rulesChecks(undefined)).checks[0],
    status: 'ok',
    reason: /^built-in rules, 6 of 6 enabled: 1 block, 1 pause, 4 flag$/,
  },
  {
    name: 'rules: a file that is not there',
    run: async () => (await rulesChecks(inFolder('nowhere.yaml'))).checks[0],
    status: 'fail',
    reason: /cannot read .+nowhere\.yaml \(ENOENT\)/,
    fix: /Check the path/,
  },
  {
    name: 'rules permissions: a file that others may write',
    run: async () => (await rulesChecks(inFolder('open.yaml'))).checks[1],
    status: 'warn',
    reason: /mode 0666: others may change it/,
    fix: /^chmod go-w .+open\.yaml$/,
  },
  {
    name: 'approvals: a pause rule, and nobody to ask',
    run: () => doorsCheck(DEFAULT_RULES, nobody),
    status: 'note',
    reason: /calls that pause_high_risk would pause are refused/,
    fix: /-http none/,
  },
  {
    name: 'approvals: the same with an empty -http',
    run: () => doorsCheck(DEFAULT_RULES, { ...nobody, isEmpty: true }),
    status: 'warn',
    reason: /and -http is empty/,
    fix: /-http none/,
  },
  {
    name: 'approvals: the same as it was meant',
    run: () => doorsCheck(DEFAULT_RULES, { ...nobody, isMeant: true }),
    status: 'ok',
    reason: /as the flags say/,
  },
  {
    name: 'approvals: no rule that pauses',
    run: () => doorsCheck(parseRules('rules: []', 'x'), nobody),
    status: 'ok',
    reason: /no rule pauses/,
  },
  {
    name: 'approvals: somebody to ask',
    run: () => doorsCheck(DEFAULT_RULES, { ...nobody, doors: ['http', 'elicit'] }),
    status: 'ok',
    reason: /through the listener of -http; the client, where it can ask$/,
  },
  {
    name: 'approver: nobody there',
    run: async () => approverCheck('http://127.0.0.1:1', await probeApprover('http://127.0.0.1:1')),
    status: 'fail',
    reason: /nobody answers at http:\/\/127\.0\.0\.1:1 \(.+\)/,
    fix: /start the proxy that listens there/,
  },
  {
    name: 'required receipts: a daemon that does not acknowledge',
    run: () => receiptsCheck({ state: 'plain' }),
    status: 'fail',
    reason: /every call would be refused/,
    fix: /leave out -require-receipt/,
  },
  {
    name: 'server start: a server that fails',
    run: () =>
      serverChecks({ ok: false, reason: 'ended with exit code 1', lastWords: 'no key' })[0],
    status: 'fail',
    reason: /^the server ended with exit code 1; its last words: no key$/,
    fix: /-env here$/,
  },
  {
    name: 'server start: a server that works',
    run: () => served({}, 'server start'),
    status: 'ok',
    reason: /^files 1 lists 1 tool after 5 ms, MCP 2025-11-25$/,
  },
  {
    name: 'tool names: one twice',
    run: () => served({ tools: [{ name: 'a' }, { name: 'b' }, { name: 'a' }] }, 'tool names'),
    status: 'warn',
    reason: /more than once: a$/,
    fix: /cannot tell them apart/,
  },
  {
    name: 'tool names: one that some clients refuse',
    run: () => served({ tools: [{ name: 'a b' }] }, 'tool names'),
    status: 'note',
    reason: /not every client accepts: a b$/,
  },
  {
    name: 'server output: noise',
    run: () => served({ noise: 2 }, 'server output'),
    status: 'note',
    reason: /^2 lines are no message/,
  },
  {
    name: 'server end: a signal',
    run: () => served({ ending: 'SIGKILL' }, 'server end'),
    status: 'note',
    reason: /needed SIGKILL/,
  },
];

describe('one check [X.doctor]', () => {
  for (const { name, run, status, reason, fix } of CASES) {
    test(`doctor on ${name}`, async () => {
      const check = await run();
      expect(check).toMatchObject({ status, reason: expect.stringMatching(reason) as string });
      expect(check?.check).toBe(name.slice(0, name.indexOf(':')));
      if (fix === undefined) expect(check?.fix).toBeUndefined();
      else expect(check?.fix).toMatch(fix);
    });
  }
});

test('rules with several mistakes show all of them, each with its place', async () => {
  const { rules, checks } = await rulesChecks(inFolder('bad.yaml'));
  expect(rules).toBeUndefined();
  const at = checks.map(({ status, reason, fix }) => [
    status,
    /:\d+:\d+/.exec(reason)?.[0],
    fix !== '',
  ]);
  expect(at.slice(0, 2)).toEqual([
    ['fail', ':2:23', true],
    ['fail', ':3:23', true],
  ]);
});

test('an approver that answers in any way is reachable, also one that knows no HEAD', async () => {
  for (const [status, methods] of [
    [404, ['HEAD']],
    [405, ['HEAD', 'GET']],
  ] as const) {
    const seen: (string | undefined)[] = [];
    const server = createServer(({ method }, response) => {
      seen.push(method);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const found = await probeApprover(`http://127.0.0.1:${port}/`);
    expect(found).toEqual({ state: 'reachable', detail: `HTTP ${status}` });
    expect(seen).toEqual(methods);
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  }
  expect(await probeApprover('')).toEqual({ state: 'not_configured' });
});
