import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
let child: ChildProcess | undefined;

beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());

beforeEach(() => {
  store = new FixtureStore();
});
afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  store.remove();
});

const tail = (...args: readonly string[]) =>
  cli.run(['receipt', 'tail', '-db', store.path, ...args]);

/** Starts following; `stop` interrupts it and returns how it ended. */
function follow(...args: readonly string[]) {
  const command = [cli.path, 'receipt', 'tail', '-f', '-db', store.path, ...args];
  const env = { ...process.env, NODE_PATH: `${process.cwd()}/node_modules` };
  const started = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  const exited = once(started, 'exit');
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  started.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  return {
    complaint: () => once(started.stderr, 'data'),
    line: async () => String((await lines.next()).value),
    stop: async () => {
      started.kill('SIGINT');
      return { code: (await exited)[0] as number | null, complaint };
    },
  };
}

describe('obsigna receipt tail [C.tail]', () => {
  test('prints the newest receipts in the order of writing, whatever the clock said', () => {
    store.append('a');
    store.append('b', { action: { timestamp: '2030-01-01T00:00:00Z' } });
    store.append('a', { outcome: { status: 'failure' } });
    expect(tail('-n', '2')).toEqual({
      code: 0,
      stderr: '',
      stdout: `SEQ  TIMESTAMP             CHAIN  TOOL / ACTION TYPE
1    2030-01-01T00:00:00Z  b      read_file
2    2026-06-15T12:00:03Z  a      read_file
`,
    });
    expect(tail('-status', 'failure').stdout).toMatch(/^SEQ .*\n2 .*\n$/);
    expect(tail('-chain', 'a', '-n', '1').stdout).toMatch(/^SEQ .*\n2 .*\n$/);
    const lines = tail('-json').stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toHaveLength(3);
  });

  test('says so where there is nothing, and prints ten unless told', () => {
    expect(tail().stdout).toBe('no receipts found\n');
    expect(tail('-json').stdout).toBe('');
    for (let i = 0; i < 12; i += 1) store.append('a');
    expect(tail().stdout.split('\n')).toHaveLength(12); // a head, ten rows, and the end
    expect(tail('-n', '0').stdout).toBe('no receipts found\n');
  });

  test('refuses what makes no sense, and names what it cannot read', () => {
    expect(tail('-n', '-1')).toMatchObject({ code: 2, stderr: expect.stringMatching(/-n is -1/) });
    expect(tail('-risk', 'huge')).toMatchObject({ code: 2 });
    expect(tail('extra')).toMatchObject({ code: 2 });
    store.append('a');
    store.append('a');
    store.db.exec("UPDATE receipts SET receipt_json = '{}' WHERE sequence = 1");
    const { code, stdout, stderr } = tail();
    expect({ code, rows: stdout.split('\n').length }).toEqual({ code: 0, rows: 3 });
    expect(stderr).toMatch(/a:1 .* is not a readable receipt/);
  });

  test('-f goes on with what is written, from every chain that was asked for, until SIGINT', async () => {
    store.append('a');
    const { line, stop } = follow('-chain', 'a');
    expect(await line()).toMatch(/^SEQ /);
    expect(await line()).toMatch(/^1 /);
    store.append('a');
    expect(await line()).toMatch(/^2 /);
    store.append('b');
    store.append('a');
    store.append('a');
    expect(await line()).toMatch(/^3 /);
    expect(await line()).toMatch(/^4 /);
    expect(await stop()).toEqual({ code: 0, complaint: '' });
  });

  test('-f loses nothing when rows get other numbers, and tells when its place is gone', async () => {
    for (let i = 0; i < 3; i += 1) store.append('old');
    store.append('a');
    const { line, complaint, stop } = follow('-json', '-n', '1');
    const next = async () => JSON.parse(await line()) as { id: string };
    await next();
    store.db.exec("DELETE FROM receipts WHERE chain_id = 'old'; VACUUM");
    const second = store.append('a');
    expect((await next()).id).toBe(second);
    store.db.exec('DELETE FROM receipts');
    store.append('b');
    await complaint();
    const third = store.append('c');
    expect((await next()).id).toBe(third);
    expect((await stop()).complaint).toMatch(/others may be missing here/);
  });
});
