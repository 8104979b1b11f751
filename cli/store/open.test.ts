import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let room: string;

beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'obsigna-open-'));
  chmodSync(room, 0o755);
  mkdirSync(join(room, 'data'));
  mkdirSync(join(room, 'tmp'));
  chmodSync(join(room, 'tmp'), 0o777);
  store = new FixtureStore();
  store.append('a');
  store.append('a');
});
afterEach(() => {
  store.remove();
  chmodSync(join(room, 'data'), 0o755);
  rmSync(room, { recursive: true });
});

/** Copies the files as they stand now: what a killed process or a snapshot leaves. */
function copyFiles(...names: readonly string[]): string {
  for (const name of names) copyFileSync(join(store.folder, name), join(room, 'data', name));
  return join(room, 'data');
}

/** Every file with its content; shared memory is SQLite's to change. */
function contents(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => {
    const bytes = readFileSync(join(folder, name));
    const isShared = name.endsWith('-shm');
    return `${name} ${isShared ? '' : createHash('sha256').update(bytes).digest('hex')}`;
  });
}

function count(folder: string, uid?: number): number {
  const env = { TMPDIR: join(room, 'tmp') };
  const args = ['receipt', 'list', '-jsonl', '-db', join(folder, 'receipts.db')];
  const { code, stdout, stderr } = cli.run(args, { env, ...(uid !== undefined && { uid }) });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').length - 1;
}

const STORE = 'receipts.db';
const isRoot = process.getuid?.() === 0;
/** Somebody who may read the store and write nowhere near it. */
const NOBODY = isRoot ? 65_534 : undefined;

describe('openDatabase() [C.read-only]', () => {
  for (const { name, arrange, uid, want = 2 } of [
    {
      name: 'while the daemon has it open',
      arrange: () => store.folder,
      want: 3,
    },
    {
      name: 'after the daemon stopped',
      arrange: () => {
        store.close();
        return store.folder;
      },
    },
    {
      name: 'after the daemon was killed',
      arrange: () => copyFiles(STORE, `${STORE}-wal`, `${STORE}-shm`),
    },
    {
      name: 'restored without its shared memory',
      arrange: () => copyFiles(STORE, `${STORE}-wal`),
    },
    {
      name: 'with a rollback journal instead of a log',
      arrange: () => {
        store.db.pragma('journal_mode = DELETE');
        return copyFiles(STORE);
      },
    },
    {
      name: 'by a user who may only read, after the daemon stopped',
      arrange: () => {
        store.close();
        return readOnly(copyFiles(STORE));
      },
      uid: NOBODY,
    },
    {
      name: 'by a user who may only read, after the daemon was killed',
      arrange: () => readOnly(copyFiles(STORE, `${STORE}-wal`, `${STORE}-shm`)),
      uid: NOBODY,
    },
    {
      name: 'by a user who may only read, restored without its shared memory',
      arrange: () => readOnly(copyFiles(STORE, `${STORE}-wal`)),
      uid: NOBODY,
    },
    {
      name: 'by a user who may only read the file in a directory that all may write',
      arrange: () => {
        store.close();
        const folder = readOnly(copyFiles(STORE));
        chmodSync(folder, 0o777);
        return folder;
      },
      uid: NOBODY,
    },
    {
      name: 'by a user who may only read, while the daemon has it open',
      arrange: () => {
        chmodSync(store.folder, 0o555);
        for (const file of readdirSync(store.folder)) chmodSync(join(store.folder, file), 0o644);
        return store.folder;
      },
      uid: NOBODY,
      want: 3,
    },
  ]) {
    test(`reads a store ${name} and leaves nothing behind`, () => {
      const folder = arrange();
      if (want === 3) store.append('a'); // seen by readers, though only in the log
      const before = contents(folder);
      expect(count(folder, uid)).toBe(want);
      expect(contents(folder)).toEqual(before);
      expect(readdirSync(join(room, 'tmp'))).toEqual([]);
    });
  }

  function readOnly(folder: string): string {
    for (const file of readdirSync(folder)) chmodSync(join(folder, file), 0o444);
    chmodSync(folder, 0o555);
    return folder;
  }

  test('a store that may not be read is told apart from one that is not there', () => {
    store.close();
    const folder = copyFiles(STORE);
    chmodSync(join(folder, STORE), 0);
    const result = cli.run(['receipt', 'list', '-db', join(folder, STORE)], {
      ...(NOBODY !== undefined && { uid: NOBODY }),
    });
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/cannot read .+: EACCES\n.+\n {2}code: STORE_UNAVAILABLE\n$/);
  });

  test('a damaged page is an error and not an answer', () => {
    for (let i = 0; i < 50; i += 1) store.append('a');
    store.close();
    const folder = copyFiles(STORE);
    const path = join(folder, STORE);
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096 * 3);
    writeFileSync(path, bytes);
    const result = cli.run(['verify', '-db', path, '-public-key', store.publicKeyPath]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('  code: STORE_INVALID\n');
  });
});
