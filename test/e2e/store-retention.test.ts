import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DAEMON_BUNDLE, DaemonHome } from '../fixtures/daemon-process.ts';
import { FIRST, outline, readRecord } from '../fixtures/daemon-record.ts';

const OBSIGNA = join(dirname(DAEMON_BUNDLE), 'obsigna.cjs');
/** Everything that a test writes ended before this. */
const LATER = '2999-01-01';

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});

function obsigna(home: DaemonHome, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [OBSIGNA, ...args], {
    env: home.env,
    encoding: 'utf8',
    cwd: home.root,
  });
  return { code: status, stdout, stderr };
}

/** A store with chains a and b of several receipts, one of them with a sub-agent's. */
async function makeStore(): Promise<DaemonHome> {
  const home = new DaemonHome();
  homes.push(home);
  await record(home, 'a', [{}, { agent_id: 'helper' }, {}]);
  await record(home, 'b', [{}]);
  return home;
}

async function record(home: DaemonHome, chainId: string, events: readonly object[]): Promise<void> {
  const daemon = await home.start({ flags: ['-chain-id', chainId] });
  const client = await RawClient.connect(home.socket);
  for (const [at, event] of events.entries()) await client.ask({ ack: at + 1, ...event });
  await daemon.stop();
}

function headOf(home: DaemonHome, chainId: string): string {
  const rows = readRecord(home.db).filter(({ columns }) => columns.chain_id === chainId);
  return rows.at(-1)?.columns.receipt_hash ?? '';
}

function retention(home: DaemonHome) {
  return readRecord(home.db).filter(({ columns }) => columns.chain_id.startsWith('retention-'));
}

test('[C.prune] prune removes whole chains and leaves a signed receipt that names each of them', async () => {
  const home = await makeStore();
  const heads = ['a', 'a/agent/helper', 'b'].map((id) => headOf(home, id));
  const before = outline(home.db, home.publicPem());
  const dry = obsigna(home, 'store', 'prune', '-before', LATER, '-dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toContain(`would remove a: 5 receipts, head ${heads[0]}\n`);
  expect(outline(home.db, home.publicPem())).toEqual(before);

  const { code, stdout } = obsigna(home, 'store', 'prune', '-before', LATER);
  const [row] = retention(home);
  expect(code).toBe(0);
  expect(stdout).toBe(
    `removed a: 5 receipts, head ${heads[0]}\n` +
      `removed a/agent/helper: 2 receipts, head ${heads[1]}\n` +
      `removed b: 4 receipts, head ${heads[2]}\n` +
      `3 chains, 11 receipts that ended before ${LATER}T00:00:00Z\n` +
      `named by ${row?.receipt.id}\n`,
  );
  expect(outline(home.db, home.publicPem())).toEqual([`${row?.columns.chain_id}: 0 valid unknown`]);
  expect(existsSync(home.lock)).toBe(false);

  // What a verifier says of a chain that is gone, and of the store as a whole.
  const one = obsigna(home, 'verify', '-chain-id', 'a');
  expect(one.code).toBe(1);
  expect(one.stdout).toContain(
    `Chain a: NO RECEIPTS FOUND (0 receipts)\n  pruned: receipts 1 to 5, head ${heads[0]}, removed on `,
  );
  const all = obsigna(home, 'verify', '-json');
  expect(all.code).toBe(0);
  expect((JSON.parse(all.stdout) as { unchecked: object[] }).unchecked).toContainEqual({
    code: 'PRUNED',
    text: expect.stringMatching(
      /^3 chains with 11 receipts were pruned, last on .* by receipt urn/,
    ),
  });

  // The next one continues the chain of prune receipts, which is never pruned itself.
  await record(home, 'c', [{}]);
  expect(obsigna(home, 'store', 'prune', '-before', LATER).stdout).toMatch(
    /^removed c: 4 receipts.*\nkept retention-[0-9a-f]{16}: it holds .* a prune receipt/,
  );
  expect(retention(home).map(({ columns }) => columns.sequence)).toEqual([1, 2]);
  expect(obsigna(home, 'verify').code).toBe(0);
});

test('[C.prune] a forged prune receipt excuses nothing', async () => {
  const home = await makeStore();
  obsigna(home, 'store', 'prune', '-before', LATER);
  const db = new Database(home.db);
  db.exec(
    `UPDATE receipts SET receipt_json = replace(receipt_json, '"chain_id":"a"', '"chain_id":"z"')`,
  );
  db.close();
  const { code, stdout } = obsigna(home, 'verify', '-chain-id', 'z');
  expect(code).toBe(1);
  expect(stdout).not.toContain('pruned:');
});

test('[C.prune] what does not verify stays, and the exit code says so', async () => {
  const home = await makeStore();
  const db = new Database(home.db);
  db.exec(`UPDATE receipts SET receipt_json = replace(receipt_json, 'create_issue', 'create_issuE')
           WHERE chain_id = 'a/agent/helper' AND sequence = 1`);
  db.close();
  const { code, stdout } = obsigna(home, 'store', 'prune', '-before', LATER);
  expect(code).toBe(1);
  expect(stdout).toMatch(/removed b: .*\nkept a\/agent\/helper: it does not verify: /);
  const chains = new Set(readRecord(home.db).map(({ columns }) => columns.chain_id));
  expect([...chains].filter((id) => !id.startsWith('retention-'))).toEqual(['a', 'a/agent/helper']);
});

test('[C.prune] the name in force, young chains and everything beside a running daemon stay', async () => {
  const home = await makeStore();
  writeFileSync(join(home.data, 'daemon.toml'), 'chain_id = "b"\n');
  await record(home, 'b', [{}]); // continues as b-2
  expect(obsigna(home, 'store', 'prune', '-before', '1d').stdout).toMatch(/^0 chains, 0 receipts/);
  const daemon = await home.start();
  const refused = obsigna(home, 'store', 'prune', '-before', LATER);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('[DAEMON_RUNNING]');
  await daemon.stop();
  const { stdout } = obsigna(home, 'store', 'prune', '-before', LATER);
  expect(
    stdout.match(/^kept b(-\d)?: it has the name of the chain that is being written$/gm),
  ).toHaveLength(3);
  expect(readRecord(home.db).some(({ columns }) => columns.chain_id === 'b')).toBe(true);
});

test('[C.prune] a restored copy of a pruned chain is recognised by its head', async () => {
  const home = await makeStore();
  const copy = join(home.root, 'copy.db');
  obsigna(home, 'store', 'backup', copy);
  const json = obsigna(home, 'store', 'prune', '-before', LATER, '-json').stdout;
  const { pruned } = JSON.parse(json) as { pruned: { chain_id: string; head_hash: string }[] };
  const verdict = obsigna(home, 'verify', '-json', '-db', copy).stdout;
  const { chains } = JSON.parse(verdict) as {
    chains: { chain_id: string; head: { receipt_hash: string } }[];
  };
  expect(chains.map(({ chain_id: id, head }) => `${id} ${head.receipt_hash}`).sort()).toEqual(
    pruned.map(({ chain_id: id, head_hash: hash }) => `${id} ${hash}`).sort(),
  );
});

test('[C.backup] a backup taken under load is one moment of the store, and verifies', async () => {
  const home = await makeStore();
  const daemon = await home.start({ flags: ['-chain-id', 'c'] });
  const client = await RawClient.connect(home.socket);
  let sent = 0;
  const enough = new AbortController();
  const load = (async () => {
    while (!enough.signal.aborted) await client.ask({ ack: (sent += 1) });
  })();
  const copies: number[] = [];
  for (const name of ['one', 'two', 'three']) {
    const path = join(home.root, `${name}.db`);
    // Not spawnSync: the load runs in this process.
    const child = spawn(process.execPath, [OBSIGNA, 'store', 'backup', path], { env: home.env });
    expect(await once(child, 'close')).toEqual([0, null]);
    const states = outline(path, home.publicPem());
    expect(states).toHaveLength(4);
    for (const state of states) expect(state).toContain(' valid ');
    copies.push(readRecord(path).length);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
  }
  enough.abort();
  await load;
  await daemon.stop();
  expect(copies[0]).toBeLessThan(copies[2] as number);
  expect(readdirSync(home.root).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

test('[C.backup] a backup becomes the store that a daemon goes on with', async () => {
  const home = await makeStore();
  const copy = join(home.root, 'copy.db');
  expect(obsigna(home, 'store', 'backup', copy).stdout).toMatch(
    /copy\.db: 11 receipts, \d+ bytes\n$/,
  );
  expect(obsigna(home, 'store', 'backup', copy)).toMatchObject({ code: 2 });
  expect(obsigna(home, 'store', 'backup', join(home.root, 'no/where.db')).code).toBe(2);
  rmSync(home.db);
  const daemon = await home.start({ flags: ['-db', copy, '-chain-id', 'b'] });
  const reply = await (await RawClient.connect(home.socket)).ask({ ack: 1 });
  expect(reply).toMatchObject({ ok: true, chain_id: 'b-2', sequence: FIRST });
  await daemon.stop();
});

for (const { name, sql, says } of [
  {
    name: 'a column',
    sql: "UPDATE receipts SET risk_level = 'low' WHERE chain_id = 'b'",
    says: 'b:2: column risk_level is not what',
  },
  {
    name: 'a text',
    sql: "UPDATE receipts SET receipt_json = '{' WHERE chain_id = 'b'",
    says: 'b:1: ',
  },
  {
    name: 'the unique index',
    sql: 'DROP INDEX idx_receipts_chain',
    says: 'schema: nothing keeps a sequence',
  },
  {
    name: 'an index that holds something else',
    sql: "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '(risk_level)', '(status)') WHERE name = 'idx_receipts_risk'",
    says: 'integrity: ',
  },
]) {
  test(`[C.check] check finds a fault in ${name}`, async () => {
    const home = await makeStore();
    expect(obsigna(home, 'store', 'check')).toEqual({
      code: 0,
      stdout: 'sound: 11 receipts, schema 2\n',
      stderr: '',
    });
    const db = new Database(home.db);
    db.unsafeMode();
    db.exec(sql);
    db.close();
    const { code, stdout } = obsigna(home, 'store', 'check');
    expect(code).toBe(1);
    expect(stdout).toContain(`fault: ${says}`);
    const json = JSON.parse(obsigna(home, 'store', 'check', '-json').stdout) as { ok: boolean };
    expect(json.ok).toBe(false);
  });
}
