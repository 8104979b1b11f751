import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pinFileOf, pinFilePath } from '../pins/pin-file.ts';
import { instructionsVersion, launchVersion, toolVersion } from '../pins/tool-pin.ts';
import { driftCheck } from './drift-check.ts';
import type { ServerReport } from './server-probe.ts';

const AT = '2026-06-15T12:00:00Z';
const LATER = '2026-06-16T12:00:00Z';
const LAUNCH = ['node', 'files.mjs'];
const ECHO = { name: 'echo', description: 'Says it again' };
const report: ServerReport = {
  name: 'files 1',
  protocolVersion: '2025-11-25',
  instructions: undefined,
  tools: [ECHO],
  elapsedMs: 1,
  noise: 0,
  ending: 'by itself',
};

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'obsigna-drift-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const check = (more: Partial<ServerReport> = {}, launch = LAUNCH) =>
  driftCheck({ folder, serverName: 'files', isNamed: true, launch }, { ...report, ...more }, LATER);

function pin(): void {
  pinFileOf(folder, 'files', launchVersion(LAUNCH, AT).digest).update((record) => ({
    ...record,
    isComplete: true,
    launch: { pinned: launchVersion(LAUNCH, AT) },
    instructions: { pinned: instructionsVersion(null, AT) },
    tools: new Map([['echo', { pinned: toolVersion(ECHO, AT) }]]),
  }));
}

test('driftCheck() before the first use knows nothing, and writes nothing', () => {
  expect(check()).toMatchObject({ check: 'drift', status: 'note' });
  expect(readdirSync(folder)).toEqual([]);
  const server = { folder: '', serverName: 'files', isNamed: true, launch: LAUNCH };
  expect(driftCheck(server, report, LATER).status).toBe('note');
});

test('driftCheck() of a server that is as it was [X.doctor-drift]', () => {
  pin();
  expect(check()).toMatchObject({
    status: 'ok',
    reason: '1 tools of files are as they were accepted',
  });
});

for (const { name, more, launch, says } of [
  {
    name: 'another text',
    more: { tools: [{ ...ECHO, description: 'x' }] },
    says: /~ echo: changed/,
  },
  { name: 'another tool', more: { tools: [ECHO, { name: 'rm' }] }, says: /\+ rm: new/ },
  { name: 'a tool that is gone', more: { tools: [] }, says: /- echo: not listed/ },
  { name: 'new instructions', more: { instructions: 'do' }, says: /~ \(instructions\): changed/ },
  { name: 'another command', launch: ['node', 'evil.mjs'], says: /~ \(launch\): changed/ },
] as const) {
  test(`driftCheck() finds ${name} [X.doctor-drift]`, () => {
    pin();
    const found = check(more, launch === undefined ? LAUNCH : [...launch]);
    expect(found).toMatchObject({ status: 'warn', reason: expect.stringMatching(says) as string });
    expect(found.fix).toMatch(/mcp-proxy pins accept files$/);
  });
}

test('driftCheck() says of pins that cannot be read what to do', () => {
  writeFileSync(pinFilePath(folder, 'files', launchVersion(LAUNCH, AT).digest), '{');
  expect(check()).toMatchObject({ status: 'fail', fix: expect.stringMatching(/.+/) as string });
});
