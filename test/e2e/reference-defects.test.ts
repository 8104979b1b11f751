import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RawClient } from '../fixtures/daemon-client.ts';
import { readRecord } from '../fixtures/daemon-record.ts';
import { KeysHome } from '../fixtures/keys-home.ts';
import { FixtureStore } from '../fixtures/store.ts';

/**
 * Defects of the reference that a reader or a daemon could share, one scenario each, as a user would
 * run into it. docs/differences.md has the table.
 */

let home: KeysHome;
beforeEach(() => {
  home = new KeysHome();
});
afterEach(() => home.remove());

/** The chains of a store in which every one is valid. */
function soundChains(): string[] {
  const { code, chains } = home.verified();
  expect({ code, chains }).toMatchObject({
    code: 0,
    chains: chains.map(() => expect.stringMatching(/ valid$/) as string),
  });
  return chains.map((it) => it.split(':')[0] ?? '');
}

const named = (chainId: string) => ({ flags: ['-chain-id', chainId] });
const rotate = (...flags: string[]) => expect(home.cli(['keys', 'rotate', ...flags]).code).toBe(0);

function sql(statement: string): void {
  const db = new Database(home.db);
  expect(db.prepare(statement).run().changes).toBeGreaterThan(0);
  db.close();
}

async function withClient<T>(work: (client: RawClient) => Promise<T>, ...flags: string[]) {
  const daemon = await home.start({ flags: ['-chain-id', 'root', ...flags] });
  const client = await RawClient.connect(home.socket);
  const result = await work(client);
  client.socket.destroy();
  await daemon.stop();
  return result;
}

describe('keys and rotation', () => {
  test('[F.rotation-after-stop] a rotation after a clean stop leaves the ended chain alone', async () => {
    await home.session([''], 'SIGTERM');
    rotate('-chain-id', 'root');
    await home.session([''], 'SIGTERM');
    expect(soundChains()).toEqual(['root', 'root-2']);
  });

  test('[F.rotation-older-chains] chains from before a rotation stay valid, and so do those of sub-agents', async () => {
    await home.session(['', 'a'], 'SIGTERM', named('2026-01-01'));
    await home.session([''], 'SIGTERM', named('2026-01-02'));
    rotate();
    await home.session([''], 'SIGTERM', named('2026-01-03'));
    expect(soundChains()).toEqual(
      expect.arrayContaining(['2026-01-01', '2026-01-01/agent/a', '2026-01-02', '2026-01-03']),
    );
  });

  test('[F.rotation-single-receipts] verify-event and doctor find the key of that time, as verify does', async () => {
    await home.session([''], 'SIGTERM', named('old'));
    rotate();
    await home.session([''], 'SIGTERM', named('new'));
    const head = home.cli(['receipt', 'verify-event', '-chain-head', '-chain-id', 'old']);
    expect(head).toMatchObject({ code: 0, stderr: '' });
    const doctor = home.cli(['doctor', '-no-roundtrip', '-json', '-chain-id', 'old']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { check: string; status: string }[] };
    expect(checks.find(({ check }) => check === 'chain head')?.status).toBe('ok');
  });

  test('[F.start-without-key] a start without a key makes no store, and the first key is not in its way', async () => {
    const fresh = new KeysHome({ init: false });
    try {
      expect(fresh.run([]).stderr).toContain('[KEY_MISSING]');
      expect(existsSync(fresh.db)).toBe(false);
      expect(fresh.run(['-init-if-missing']).code).toBe(0);
      await fresh.session([''], 'SIGTERM');
      expect(fresh.verified().code).toBe(0);
    } finally {
      await fresh.remove();
    }
  });
});

describe('chains', () => {
  test('[F.restart-date] a restart on the 20th goes on under the 20th', async () => {
    for (let i = 0; i < 3; i += 1) await home.session([''], 'SIGTERM', named('2026-06-20'));
    expect(soundChains()).toEqual(['2026-06-20', '2026-06-20-2', '2026-06-20-3']);
  });

  test("[F.agent-chain-after-end] a sub-agent's chain gets nothing behind its end when the root stayed empty", async () => {
    for (let i = 0; i < 2; i += 1) await home.session(['a'], 'SIGTERM');
    const agents = soundChains().filter((id) => id.includes('/agent/'));
    expect(agents).toHaveLength(2);
  });

  test('[F.terminator-late] many sub-agents and hardly any time do not cost the root its end', async () => {
    const agents = Array.from({ length: 80 }, (_, i) => `agent-${i}`);
    await withClient(
      async (client) => {
        for (const agent of agents) client.send({ agent_id: agent });
        await client.ask({ ack: 1 });
      },
      '-shutdown-deadline',
      '1ms',
    );
    const ended = readRecord(home.db)
      .filter(({ receipt }) => receipt.credentialSubject.chain.terminal === true)
      .map(({ columns }) => columns.chain_id);
    expect(ended).toContain('root'); // the sub-agents' chains take what time is left
    await home.session(['', 'agent-0'], 'SIGTERM');
    expect(soundChains()).toEqual(
      expect.arrayContaining(['root', 'root-2', 'root-2/agent/agent-0']),
    );
  });

  test('[F.resume-columns] the daemon trusts no column: a tail whose hash column lies is not extended', async () => {
    await home.session(['', ''], 'SIGKILL');
    sql(`UPDATE receipts SET receipt_hash = 'sha256:${'0'.repeat(64)}'
         WHERE sequence = (SELECT max(sequence) FROM receipts)`);
    expect(home.run(['-chain-id', 'root']).stderr).toContain('[CHAIN_TAIL_INVALID]');
  });
});

describe('what is lost, and what is written', () => {
  test('[F.no-acknowledgement] an emitter that asks is told what became of its frame, each time', async () => {
    const replies = await withClient(async (client) => [
      await client.ask({ ack: 1 }),
      await client.ask({ ack: 2, channel: 7 }),
      await client.ask({ ack: 3 }),
    ]);
    expect(replies).toMatchObject([
      { ok: true, chain_id: 'root' },
      { ok: false, code: 'FRAME_INVALID', remedy: expect.any(String) as string },
      { ok: true },
    ]);
    const recorded = readRecord(home.db).map(({ columns }) => columns.receipt_hash);
    expect(recorded).toContain(replies[2]?.receipt_hash);
  });

  test('[F.redaction] a PKCS#8 key and a key with underscores do not reach the record', async () => {
    const body = 'MC4CAQAwBQYDK2VwBCIEIA';
    const token = 'sk-ant-api03-abcdefghij_abcdefghijabcdefghij';
    const error = `read -----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY----- with ${token}`;
    await withClient((client) => client.ask({ ack: 1, error }));
    const texts = readRecord(home.db).map(({ text }) => text);
    expect(texts.join()).toContain('read [REDACTED] with [REDACTED]');
    for (const secret of [body, 'abcdefghijabcdefghij']) expect(texts.join()).not.toContain(secret);
  });
});

describe('reading', () => {
  let store: FixtureStore;
  beforeEach(() => {
    store = new FixtureStore();
  });
  afterEach(() => store.remove());

  const obsigna = (verb: readonly string[], ...args: readonly string[]) => {
    const bundle = join(import.meta.dirname, '../../dist/obsigna.cjs');
    const key = verb.includes('verify') ? ['-public-key', store.publicKeyPath] : [];
    const { status: code, stdout } = spawnSync(
      process.execPath,
      [bundle, ...verb, '-db', store.path, ...key, ...args],
      { env: home.env, encoding: 'utf8' },
    );
    return { code, stdout };
  };
  const verify = (...args: readonly string[]) => obsigna(['verify'], ...args);

  for (const { name, edit } of [
    { name: 'at the top', edit: { later: 1 } },
    { name: 'inside', edit: { issuer: { id: 'did:agent-receipts-daemon:local', later: 1 } } },
  ]) {
    test(`[F.unknown-members] a member added to a stored receipt ${name} is noticed`, () => {
      const id = store.append('a');
      expect(verify().code).toBe(0);
      store.edit(id, (receipt) => {
        const issuer = receipt['issuer'] as object;
        const added = 'issuer' in edit ? { issuer: { ...issuer, later: 1 } } : edit;
        Object.assign(receipt, added);
      });
      expect(verify()).toMatchObject({ code: 1 });
    });
  }

  for (const change of [
    "chain_id = 'b'",
    "action_type = 'mcp.other'",
    "timestamp = '2020-01-01T00:00:00Z'",
    "receipt_hash = 'sha256:00'",
    "risk_level = 'low'",
  ]) {
    test(`[F.columns] a column that says something else than its receipt is noticed: ${change}`, () => {
      store.append('a');
      store.db.exec(`UPDATE receipts SET ${change}`);
      const { code, stdout } = verify();
      expect(code).toBe(1);
      expect(stdout).toContain('BROKEN');
    });
  }

  test('[F.flat-disclosure] parameters that an early version disclosed in plain text verify', () => {
    const disclosed = { path: '/etc/hosts', mode: 'r' };
    store.append('a', { action: { parameters_disclosure: disclosed } });
    expect(verify()).toMatchObject({ code: 0 });
    expect(obsigna(['receipt', 'show'], 'a:1').stdout).toContain('parameters in plain text');
  });

  test('[F.bad-row] one row that does not decode hides no other', () => {
    for (const chain of ['a', 'a', 'b']) store.append(chain);
    store.db.exec("UPDATE receipts SET receipt_json = '{' WHERE chain_id = 'a' AND sequence = 1");
    const listed = obsigna(['receipt', 'list'], '-jsonl');
    expect(listed.code).toBe(0);
    expect(listed.stdout.trimEnd().split('\n')).toHaveLength(2);
    const { code, stdout } = verify();
    expect(code).toBe(1);
    expect(stdout).toContain('Chain b: VALID');
    expect(stdout).toMatch(/\[0\] urn:receipt:.* UNREADABLE/);
    expect(stdout).toMatch(/\[1\] urn:receipt:.* ok\n/);
  });

  test('[F.idempotency-noise] the request numbers of two sessions are no duplicates, those of one are', () => {
    const call = (session: string) => ({
      issuer: { session_id: session },
      action: { idempotency_key: '1' },
    });
    store.append('a', call('s'));
    store.append('a', call('t'));
    expect(verify('-verbose').stdout).not.toContain('duplicate');
    store.append('a', call('s'));
    expect(verify('-verbose').stdout).toContain(
      'duplicate idempotency_key "1" on receipts at indices 0, 2',
    );
  });

  test('[F.truncation] a verdict says that a cut end and a missing chain would not be seen', () => {
    store.append('a');
    store.append('a');
    store.db.exec('DELETE FROM receipts WHERE sequence = 2');
    const { code, stdout } = verify();
    expect(code).toBe(0);
    expect(stdout).toContain(
      'Chain a: VALID (1 receipt) \u2014 no terminal receipt; truncation not excluded',
    );
    expect(stdout).toContain('    - chains removed as a whole');
    expect(verify('-chain-id', 'gone')).toMatchObject({ code: 1 });
  });
});
