import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLink } from '../../shared/chain/links.ts';
import { VERSION } from '../../shared/version.ts';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DAEMON_BUNDLE, DaemonHome } from '../fixtures/daemon-process.ts';
import { FIRST, outline, readRecord } from '../fixtures/daemon-record.ts';

let home: DaemonHome;
beforeEach(() => {
  home = new DaemonHome();
});
afterEach(() => home.remove());

const start = (chainId = 'root') => home.start({ flags: ['-chain-id', chainId] });
const chains = () => outline(home.db, home.publicPem());

/** A daemon that records one call and ends. */
async function session(chainId: string, end: NodeJS.Signals = 'SIGTERM', events: object[] = [{}]) {
  const daemon = await start(chainId);
  const client = await RawClient.connect(home.socket);
  for (const [at, event] of events.entries()) await client.ask({ ack: at + 1, ...event });
  await daemon.stop(end);
  return daemon;
}

function obsigna(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(DAEMON_BUNDLE, '../obsigna.cjs'), ...args],
    { env: home.env, encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}

function change(sql: string): void {
  const db = new Database(home.db);
  db.exec(sql);
  db.close();
}

/** What start and stop receipts say, oldest first. */
function life() {
  return readRecord(home.db).flatMap(({ receipt, columns }) => {
    const ours = receipt.issuer.runtime?.['obsigna'] as { daemon?: object } | undefined;
    return ours?.daemon === undefined ? [] : [{ tool: columns.tool_name, ...ours.daemon }];
  });
}

test('[D.life] each run says how the one before it ended, and why it ends itself', async () => {
  const first = await session('root');
  const killed = await session('root', 'SIGKILL');
  const third = await session('root', 'SIGINT');
  const stop = readRecord(home.db).find(({ columns }) => columns.tool_name === 'chain_completed');
  const started = (pid: number, more: object) => ({
    tool: 'daemon_started',
    version: VERSION,
    pid,
    ...more,
  });
  const previous = { previous_stop: stop?.columns.timestamp };
  expect(life()).toEqual([
    started(first.pid, { boot: 'first' }),
    { tool: 'daemon_stopped', reason: 'SIGTERM' },
    started(killed.pid, { boot: 'clean', ...previous }),
    started(third.pid, { boot: 'crash' }),
    { tool: 'daemon_stopped', reason: 'SIGINT' },
  ]);
  expect(chains()).toEqual(['root-2: 2 valid complete', 'root: 1 valid complete']);
  const shown = obsigna('receipt', 'show', 'root-2:1').stdout;
  expect(shown).toMatch(/^Daemon: +version \S+, pid \d+, boot clean, previous stop \S+Z$/m);
  expect(shown).toMatch(/^Previous chain: +root:4 sha256:\w+$/m);
  const { code, stdout } = obsigna('verify', '-json');
  const { coverage } = JSON.parse(stdout) as { coverage: { down_time: { causes: object[] } } };
  expect(code).toBe(0);
  expect(coverage.down_time.causes).toMatchObject([
    { cause: 'stopped: SIGTERM', certainty: 'exact', gaps: 1 },
    { cause: 'crash', certainty: 'at_most', gaps: 1 },
  ]);
});

test('[D.chain-links] a new root chain names the last receipt of the one before, one that goes on does not', async () => {
  for (const end of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) await session('root', end);
  const record = readRecord(home.db);
  const end = record.findLast(({ columns }) => columns.chain_id === 'root')?.columns;
  const links = record.map(({ receipt }) => readLink(receipt)).filter((it) => it !== undefined);
  expect(links).toEqual([
    { chainId: 'root', sequence: end?.sequence, receiptHash: end?.receipt_hash },
  ]);
});

describe('[D.chain-links] [C.chain-links] verify', () => {
  beforeEach(async () => {
    await session('a', 'SIGTERM', [{}, { agent_id: 'helper' }]);
    await session('b');
    await session('c');
  });

  test('finds nothing wrong with a store as it was written, and says what it cannot exclude', () => {
    const { code, stdout } = obsigna('verify');
    expect(code).toBe(0);
    expect(stdout).toContain('Chain a: VALID (4 receipts) — complete; end named by b:1, key not');
    expect(stdout).toContain(
      'Chain a/agent/helper: VALID (2 receipts) — complete; end named by b:1',
    );
    expect(stdout).toContain('Chain c: VALID (4 receipts) — complete; truncation not excluded');
    expect(stdout).toContain(
      '- receipts removed from the end of chain c, which no other chain names\n',
    );
    expect(stdout).not.toContain('root chains that name none');
  });

  for (const { name, sql, says } of [
    {
      name: 'a chain that was removed as a whole',
      sql: "DELETE FROM receipts WHERE chain_id = 'b'",
      says: /\nChain b: BROKEN — the whole chain is missing, up to receipt 4 \(sha256:\w+\), named by c:1 \(urn:receipt:\S+\)\n/,
    },
    {
      name: 'a first chain that was removed as a whole',
      sql: "DELETE FROM receipts WHERE chain_id LIKE 'a%'",
      says: /\nChain a: BROKEN — the whole chain is missing, up to receipt 4 /,
    },
    {
      name: 'the chain of a sub-agent that was removed',
      sql: "DELETE FROM receipts WHERE chain_id = 'a/agent/helper'",
      says: /^Chain a: BROKEN — the chains of its sub-agents are not as they were: 1 \(sha256:\w+\) then, none now, named by b:1 /,
    },
    {
      name: 'the chain of a sub-agent that was cut',
      sql: "DELETE FROM receipts WHERE chain_id = 'a/agent/helper' AND sequence = 2",
      says: /^Chain a: BROKEN — the chains of its sub-agents are not as they were/,
    },
    {
      name: 'a chain that lost its last receipts',
      sql: "DELETE FROM receipts WHERE chain_id = 'b' AND sequence > 2",
      says: /\nChain b: BROKEN — its end is missing: it stops at 2, before receipt 4 /,
    },
  ]) {
    test(`finds ${name}`, () => {
      change(sql);
      const { code, stdout } = obsigna('verify');
      expect(code).toBe(1);
      expect(stdout).toMatch(says);
      expect(stdout).toMatch(/: \d valid, 1 broken\n/);
      const json = JSON.parse(obsigna('verify', '-json').stdout) as { ok: boolean };
      expect(json.ok).toBe(false);
      // One chain alone: nobody looked, and the coverage says so.
      const alone = obsigna('verify', '-chain-id', 'c');
      expect(alone.code).toBe(0);
      expect(alone.stdout).toContain('- what other chains of the store say, also of the end');
    });
  }

  test('[C.prune] finds nothing wrong where a prune receipt names what is gone, also behind a daemon that ran since', async () => {
    expect(obsigna('store', 'prune', '-before', '2999-01-01').code).toBe(0);
    expect(obsigna('verify').code).toBe(0);
    // [D.rotation] The chain of prune receipts is the one written last, and is no live chain.
    expect(obsigna('keys', 'rotate').stdout).toMatch(/^rotated signing key on chain \d{4}-/);
    const daemon = await session('c');
    expect(daemon.stderr).toContain('loaded chain c, next seq=1');
    expect(life().at(0)).toMatchObject({ boot: 'first' }); // no root chain is left
    expect(obsigna('verify').code).toBe(0);
  });
});

test('[D.chain-links] [D.rotation] a rotation that begins a chain is a link like any other', async () => {
  await session('root');
  expect(obsigna('keys', 'rotate', '-chain-id', 'root').code).toBe(0);
  await session('root');
  const { code, stdout } = obsigna('verify');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Chain root: VALID .+; end named by root-2:1, /);
  // A rotation is no part of a run: the one before it ended in order.
  expect(life().at(2)).toMatchObject({ tool: 'daemon_started', boot: 'clean' });
  change("DELETE FROM receipts WHERE chain_id = 'root'");
  expect(obsigna('verify').stdout).toContain('Chain root: BROKEN — the whole chain is missing');
});

test('[D.roll] SIGUSR2 ends all chains and begins the next in one commit; sub-agents go on below it', async () => {
  const daemon = await start();
  const client = await RawClient.connect(home.socket);
  await client.ask({ ack: 1 });
  await client.ask({ ack: 2, agent_id: 'a' });
  daemon.kill('SIGUSR2');
  await daemon.said('began chain root-2 (request)');
  expect(await client.ask({ ack: 3, agent_id: 'a' })).toMatchObject({
    chain_id: 'root-2/agent/a',
    sequence: 1,
  });
  expect(await client.ask({ ack: 4 })).toMatchObject({ chain_id: 'root-2', sequence: FIRST });
  await daemon.stop('SIGKILL');
  expect(chains()).toEqual([
    'root-2/agent/a: 1 valid unknown',
    'root-2: 1 valid unknown',
    'root/agent/a: 1 valid complete',
    'root: 1 valid complete',
  ]);
  const [rolled] = readRecord(home.db).filter(({ columns }) => columns.chain_id === 'root-2');
  expect(rolled?.receipt.credentialSubject.action.type).toBe('agent_receipts.chain_rolled');
  expect(rolled && readLink(rolled.receipt)).toMatchObject({ chainId: 'root', sequence: 3 });
  // What is wrong with a chain in the middle of a run is seen as well.
  expect(obsigna('verify').code).toBe(0);
  change("DELETE FROM receipts WHERE chain_id = 'root' AND sequence = 3");
  expect(obsigna('verify').stdout).toContain('Chain root: BROKEN — its end is missing');
});
