import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VERSION } from '../shared/version.ts';
import { listFiles, ROOT, scanSource, scanTree } from './imports.ts';
import { findBreaches, walls } from './walls.ts';

const manifest: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const { version, dependencies } = manifest as {
  version: string;
  dependencies: Record<string, string>;
};
const WALLS = walls(new Set(Object.keys(dependencies)));

test('the walls between the rooms stand [P2.walls]', async () => {
  const files = await scanTree();
  expect(files.length).toBeGreaterThan(20); // an empty walk would find nothing and prove nothing
  expect(findBreaches(files, WALLS)).toEqual([]);
});

const FABRICATED: readonly {
  name: string;
  files: Record<string, string>;
  breach: RegExp | null;
}[] = [
  {
    name: 'policy that asks the emitter',
    files: { 'policy/decide.ts': "import { send } from '../emitter/index.ts'; send();" },
    breach: /^policy\/decide\.ts uses emitter\/index\.ts, but imports point left/,
  },
  {
    name: 'a type borrowed from a program',
    files: { 'proxy/a.ts': "import type { Session } from '../daemon/session.ts'; let s: Session;" },
    breach: /^proxy\/a\.ts uses daemon\/session\.ts, but a program is started/,
  },
  {
    name: 'a program that loads a test helper late',
    files: { 'cli/a.ts': "export const help = () => import('../test/helper.ts');" },
    breach: /^cli\/a\.ts uses test\/helper\.ts, but nothing that ships/,
  },
  {
    name: 'a verifier that reaches node: through another file',
    files: {
      'shared/chain/a.ts': "import { hash } from '../crypto/node.ts'; hash();",
      'shared/crypto/node.ts':
        "import { createHash } from 'node:crypto'; export const hash = createHash;",
    },
    breach: /^shared\/chain\/a\.ts uses shared\/crypto\/node\.ts -> node:crypto, but the verifier/,
  },
  {
    name: 'a verifier that borrows only a type from such a file',
    files: {
      'shared/chain/a.ts': "import type { Hash } from '../crypto/node.ts'; export let h: Hash;",
      'shared/crypto/node.ts':
        "import { createHash } from 'node:crypto'; export type Hash = typeof createHash;",
    },
    breach: null,
  },
  {
    name: 'Buffer in the verifier half',
    files: { 'shared/receipt/a.ts': 'export const b = Buffer.alloc(1);' },
    breach: /^shared\/receipt\/a\.ts uses Buffer, but the verifier half/,
  },
  {
    name: 'Buffer in words and as another name only',
    files: { 'shared/receipt/a.ts': "// Buffer\nexport const b = ['Buffer', new ArrayBuffer(1)];" },
    breach: null,
  },
  {
    name: 'a clock in policy',
    files: { 'policy/a.ts': "export { performance } from 'node:perf_hooks';" },
    breach: /^policy\/a\.ts uses node:perf_hooks, but policy\/ is pure/,
  },
  {
    name: 'a second writer of the database',
    files: { 'daemon/session.ts': "import Database from 'better-sqlite3'; new Database('x');" },
    breach: /^daemon\/session\.ts uses better-sqlite3, but one module writes/,
  },
  {
    name: 'foreign functions in the proxy',
    files: { 'proxy/a.ts': "import koffi from 'koffi'; koffi.load('libc');" },
    breach: /^proxy\/a\.ts uses koffi, but foreign functions/,
  },
  {
    name: 'an SDK in the proxy',
    files: {
      'proxy/a.ts': "import { Server } from '@modelcontextprotocol/sdk/server/index.js'; Server;",
    },
    breach: /but no SDK in the hot path/,
  },
  {
    name: 'the key reader behind a re-export',
    files: { 'shared/crypto/index.ts': "export * from './private-key.ts';" },
    breach: /^shared\/crypto\/index\.ts uses shared\/crypto\/private-key\.ts, but only the daemon/,
  },
  {
    name: 'a devDependency in a program',
    files: { 'cli/a.ts': "import ajv from 'ajv'; ajv();" },
    breach: /^cli\/a\.ts uses ajv, but an installed package/,
  },
  {
    name: 'what each room may do',
    files: {
      'proxy/a.ts': "import '../policy/a.ts'; import '../emitter/a.ts'; import 'node:net';",
      'daemon/store/a.ts':
        "import Database from 'better-sqlite3'; import '../../shared/crypto/private-key.ts'; Database;",
      'cli/store/a.ts':
        "import Database from 'better-sqlite3'; import '../../emitter/a.ts'; Database;",
      'cli/a.test.ts': "import '../test/helper.ts'; import 'fast-check';",
      'test/a.test.ts': "import '../daemon/store/a.ts'; import '../bench/a.ts';",
    },
    breach: null,
  },
];
for (const { name, files, breach } of FABRICATED) {
  test(`the walls ${breach === null ? 'let pass' : 'stop'}: ${name}`, async () => {
    const scans = Object.entries(files).map(([path, text]) => scanSource(path, text));
    const found = findBreaches(await Promise.all(scans), WALLS);
    if (breach === null) expect(found).toEqual([]);
    else expect(found).toContainEqual(expect.stringMatching(breach));
  });
}

test('VERSION is the version of package.json [B.version]', () => {
  expect(VERSION).toBe(version);
});

test('every runtime dependency was decided in an ADR [B.pins]', () => {
  const decisions = listFiles('docs/adr', ['.md'])
    .map((path) => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n');
  const undecided = Object.keys(dependencies).filter((name) => !decisions.includes(`\`${name}\``));
  expect(undecided).toEqual([]);
});

test('dependencies are pinned to exact versions [B.pins]', () => {
  const loose = Object.entries(dependencies).filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range));
  expect(loose).toEqual([]);
});
