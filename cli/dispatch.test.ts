import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../test/fixtures/run-cli.ts';
import { FixtureStore } from '../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let empty: string;

beforeAll(async () => {
  cli = await bundleCli();
  store = new FixtureStore();
  for (let i = 0; i < 2000; i += 1) store.append('2026-06-15');
  empty = mkdtempSync(join(tmpdir(), 'obsigna-empty-'));
});

afterAll(() => {
  store.remove();
  cli.remove();
  rmSync(empty, { recursive: true });
});

const TOP =
  /^Usage: obsigna <command>[^]*\nReceipt commands:\n[^]*\nAliases:\n {2}verify {2}receipt verify\n/;
const GROUP = /^Usage: obsigna receipt <command>[^]*\n {2}verify {2,}Verify/;

describe('obsigna', () => {
  for (const { args, stdout = /^$/, stderr = /^$/, code = 0 } of [
    { args: ['-h'], stdout: TOP },
    { args: ['--help'], stdout: TOP },
    { args: ['help'], stdout: TOP },
    { args: ['receipt', '-h'], stdout: GROUP },
    { args: ['receipt', 'help'], stdout: GROUP },
    { args: ['help', 'receipt'], stdout: GROUP },
    { args: ['keys', '-h'], stdout: /^Usage: obsigna keys <command>[^]*\n {2}rotate {4}Replace/ },
    { args: ['keys'], stderr: /^Usage: obsigna keys <command>/, code: 2 },
    { args: ['keys', 'rotate', '-h'], stdout: /^Usage: obsigna keys rotate \[options\]\n/ },
    { args: ['receipt', 'list', '-h'], stdout: /^Usage: obsigna receipt list \[options\]\n/ },
    {
      args: ['show', '--help'],
      stdout: /^Usage: obsigna receipt show SEQ\|CHAIN:SEQ\|ID\|SESSION\/CALL \[options\]\n/,
    },
    { args: ['help', 'verify'], stdout: /^Usage: obsigna receipt verify \[options\]\n/ },
    { args: ['--version'], stdout: /^obsigna \d+\.\d+\.\d+\n$/ },
    { args: [], stderr: TOP, code: 2 },
    { args: ['receipt'], stderr: GROUP, code: 2 },
    { args: ['lsit'], stderr: /^obsigna: unknown command "lsit"\n\nUsage: obsigna </, code: 2 },
    { args: ['toString'], stderr: /^obsigna: unknown command "toString"\n/, code: 2 },
    {
      args: ['receipt', 'drop'],
      stderr: /^obsigna receipt: unknown subcommand "drop"\n\nUsage: obsigna receipt </,
      code: 2,
    },
    {
      args: ['verify', '-fast'],
      stderr:
        /^obsigna receipt verify: flag provided but not defined: -fast\n {2}fix: .+\n {2}code: USAGE\n$/,
      code: 2,
    },
    { args: ['receipt', 'list', '-limit'], stderr: /: flag needs an argument: -limit\n/, code: 2 },
    { args: ['receipt', 'list', 'all'], stderr: /: unexpected argument "all"\n/, code: 2 },
  ]) {
    test(`${args.join(' ')} ends with ${code} [P8.usage]`, () => {
      const result = cli.run(args);
      expect(result.stdout).toMatch(stdout);
      expect(result.stderr).toMatch(stderr);
      expect(result.code).toBe(code);
    });
  }

  for (const verb of [['receipt', 'list'], ['show', '1'], ['verify']]) {
    for (const { name, db, code } of [
      { name: 'no store', db: () => join(empty, 'receipts.db'), code: 'STORE_MISSING' },
      { name: 'a directory', db: () => empty, code: 'STORE_INVALID' },
      { name: 'an empty file', db: () => file('empty.db', ''), code: 'STORE_INVALID' },
      { name: 'another file', db: () => file('text.db', 'x'.repeat(200)), code: 'STORE_INVALID' },
      { name: 'a store in memory', db: () => ':memory:', code: 'USAGE' },
    ]) {
      test(`${verb.join(' ')} names the remedy for ${name}`, () => {
        const result = cli.run([...verb, '-db', db()]);
        expect(result).toMatchObject({ code: 2, stdout: '' });
        expect(result.stderr).toMatch(
          new RegExp(`^obsigna receipt \\w+: .+\n  fix: .+\n  code: ${code}\n$`),
        );
      });
    }
  }

  function file(name: string, text: string): string {
    const path = join(empty, name);
    writeFileSync(path, text);
    return path;
  }

  for (const [what, sql] of [
    ['a table that is not there', 'ALTER TABLE receipts RENAME TO other'],
    ['a column that is not there', 'ALTER TABLE receipts RENAME COLUMN status TO state'],
    ['a newer user_version', 'PRAGMA user_version = 7'],
    [
      'a newer schema of ours',
      "CREATE TABLE obsigna_meta (name, value); INSERT INTO obsigna_meta VALUES ('schema', '99')",
    ],
  ] as const) {
    test(`receipt list refuses ${what}`, () => {
      const other = new FixtureStore();
      try {
        other.append('2026-06-15');
        other.db.exec(sql);
        const result = cli.run(['receipt', 'list', '-db', other.path]);
        expect(result).toMatchObject({ code: 2, stdout: '' });
        const code = what.includes('newer') ? 'STORE_NEWER' : 'STORE_INVALID';
        expect(result.stderr).toContain(`\n  code: ${code}\n`);
      } finally {
        other.remove();
      }
    });
  }

  test('looks for the store under XDG_DATA_HOME, or where AGENTRECEIPTS_DB says', () => {
    const missing = cli.run(['receipt', 'list'], { env: { XDG_DATA_HOME: empty } });
    expect(missing.stderr).toContain(`no receipt store at ${empty}/agent-receipts/receipts.db\n`);
    const named = cli.run(['receipt', 'list'], { env: { AGENTRECEIPTS_DB: store.path } });
    expect(named.stdout.split('\n')).toHaveLength(1 + 50 + 1);
  });

  for (const args of ['receipt list -all', 'receipt list -all -json', 'receipt list -all -jsonl']) {
    test(`${args} into a pipe that closes ends with 0`, () => {
      const command = `set -o pipefail; node ${cli.path} ${args} -db ${store.path} | head -n 2`;
      const result = spawnSync('bash', ['-c', command], {
        encoding: 'utf8',
        env: { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') },
      });
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(result.stdout.split('\n')).toHaveLength(3);
    });
  }

  test.skipIf(process.platform !== 'linux')('tells of a full disk', () => {
    const command = `node ${cli.path} receipt list -db ${store.path} > /dev/full`;
    const result = spawnSync('bash', ['-c', command], {
      encoding: 'utf8',
      env: { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') },
    });
    expect(result.status).toBe(2);
    expect(result.stderr).toContain('cannot write output: ENOSPC\n');
  });
});
