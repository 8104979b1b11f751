import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, EVENT, KEY } from '../test/fixtures/daemon-bench.ts';
import { readLink } from '../shared/chain/links.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import type { PeerCredential } from '../shared/receipt/receipt.ts';
import { Ledger, type LedgerOptions, type Stop } from './ledger.ts';
import { readBoot, startedReceipt } from './life.ts';
import { RootName } from './root-name.ts';

const IDENTITY = { issuerId: 'did:x:1', verificationMethod: 'did:x:1#k1' };
const PEER: PeerCredential = { platform: 'linux', pid: 1, uid: 1, gid: 1 };
const SINK = { reply: () => undefined, flush: () => undefined, flushSoon: () => undefined };
const STOP: Stop = { reason: 'SIGTERM', isQuiet: true, mayGoOn: () => true };

let bench: Bench;
let now: Date;
let log: string[];
beforeEach(() => {
  bench = new Bench(IDENTITY);
  now = new Date('2026-06-15T23:59:58Z');
  log = [];
});
afterEach(() => bench.close());

/** A ledger as the daemon makes it, on the store of the bench. */
function open(chainId = '2026-06-15', isDaily = true, more: Partial<LedgerOptions> = {}): Ledger {
  const { store } = bench;
  const words = log; // a ledger of an earlier test may still have something to say
  const chains = bench.chains();
  const root = chains.resumeRoot(chainId);
  const ledger = new Ledger({
    store,
    chains,
    root,
    rootName: new RootName(chainId, isDaily),
    start: startedReceipt(readBoot(store, root.sequence === 0)),
    signer: KEY,
    identity: IDENTITY,
    log: (text) => void words.push(text),
    now: () => now,
    ...more,
  });
  ledger.begin();
  return ledger;
}

/** Reports one call, and waits until it is in the record. */
async function call(ledger: Ledger, toolName: string, agentId?: string, user = 'alice') {
  const event = { ...EVENT, toolName, ...(agentId !== undefined && { agentId }) };
  ledger.submit({ event, peer: PEER, owner: 'b:1:1', principalId: `did:user:${user}`, sink: SINK });
  await ledger.drained();
}

interface Row {
  readonly chain_id: string;
  readonly tool_name: string;
  readonly receipt_json: string;
}

function rows(): readonly Row[] {
  return bench.db.prepare('SELECT * FROM receipts ORDER BY rowid').all() as Row[];
}

/** `chain tool`, in the order of writing. */
function record(): readonly string[] {
  return rows().map(({ chain_id: chain, tool_name: tool }) => `${chain} ${tool}`);
}

const receiptOf = ({ receipt_json: text }: Row) => parseReceipt(text).receipt;

/** The receipt that the chain of a sub-agent names as its parent. */
function parentOf(chainId: string): string | undefined {
  const child = rows().find((row) => row.chain_id === chainId) as Row;
  const id = receiptOf(child).credentialSubject.delegation?.parent_receipt_id;
  return rows().find((row) => receiptOf(row).id === id)?.tool_name;
}

/** A disk on which nothing fits. */
function fillDisk(): () => void {
  bench.db.exec(`CREATE TRIGGER full BEFORE INSERT ON receipts
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
  return () => bench.db.exec('DROP TRIGGER full');
}

describe('[D.roll] a daily chain', () => {
  test('ends with the day: the first receipt behind midnight begins the next chain', async () => {
    const ledger = open();
    await call(ledger, 'one');
    await call(ledger, 'two', 'bob');
    now = new Date('2026-06-16T00:00:00Z');
    await call(ledger, 'three', 'bob');
    expect(record()).toEqual([
      '2026-06-15 daemon_started',
      '2026-06-15 one',
      '2026-06-15/agent/bob two',
      '2026-06-15 chain_completed',
      '2026-06-15/agent/bob chain_completed',
      '2026-06-16 chain_rolled',
      '2026-06-16/agent/bob three',
    ]);
    const [, , , end, , rolled] = rows() as [Row, Row, Row, Row, Row, Row];
    expect(readLink(receiptOf(rolled))).toMatchObject({ chainId: '2026-06-15', sequence: 3 });
    expect(receiptOf(end).credentialSubject.chain).toMatchObject({
      terminal: true,
      status: 'complete',
    });
    expect(parentOf('2026-06-16/agent/bob')).toBe('chain_rolled');
    expect(log).toEqual(['began chain 2026-06-16 (midnight)']);
  });

  test('ends with the day also when nobody reports anything', () => {
    const ledger = open();
    ledger.rollWhenDue();
    now = new Date('2026-06-18T09:00:00Z'); // a machine that slept
    ledger.rollWhenDue();
    ledger.rollWhenDue();
    expect(record().slice(1)).toEqual(['2026-06-15 chain_completed', '2026-06-18 chain_rolled']);
  });

  test('is not left when the clock steps back over midnight, and is when it was far ahead', async () => {
    now = new Date('2026-06-16T00:00:01Z');
    const ledger = open('2026-06-16');
    now = new Date('2026-06-15T23:59:59Z');
    await call(ledger, 'one');
    now = new Date('2026-06-01T10:00:00Z');
    await call(ledger, 'two');
    expect(record()).toEqual([
      '2026-06-16 daemon_started',
      '2026-06-16 one',
      '2026-06-16 chain_completed',
      '2026-06-01 chain_rolled',
      '2026-06-01 two',
    ]);
  });

  test('on request goes on as -2 of the same day', () => {
    open().roll('request');
    expect(record().slice(-1)).toEqual(['2026-06-15-2 chain_rolled']);
  });

  test('goes on as it is while there is no room for the next one', async () => {
    const ledger = open();
    now = new Date('2026-06-16T00:00:00Z');
    const free = fillDisk();
    await call(ledger, 'refused');
    expect(record()).toEqual(['2026-06-15 daemon_started']);
    expect(log[0]).toMatch(/^no new chain \(midnight\): database or disk is full$/);
    free();
    now = new Date('2026-06-16T00:00:10Z');
    await call(ledger, 'one');
    expect(record().slice(1)).toEqual([
      '2026-06-15 events_dropped', // the refused frame, which nobody was told of
      '2026-06-15 chain_completed',
      '2026-06-16 chain_rolled',
      '2026-06-16 one',
    ]);
  });
});

test('[D.roll] a chain with a name of its own rolls on request only', async () => {
  const ledger = open('main', false);
  now = new Date('2026-07-01T00:00:00Z');
  await call(ledger, 'one');
  ledger.roll('request');
  await call(ledger, 'two');
  expect(record()).toEqual([
    'main daemon_started',
    'main one',
    'main chain_completed',
    'main-2 chain_rolled',
    'main-2 two',
  ]);
});

test('[D.life] a start that could not be written stands before the first receipt that can be', async () => {
  const free = fillDisk();
  const ledger = open('main', false);
  expect(log).toEqual([expect.stringMatching(/^the start is not recorded yet: /)]);
  free();
  await call(ledger, 'one', 'bob');
  expect(record()).toEqual(['main daemon_started', 'main/agent/bob one']);
  expect(parentOf('main/agent/bob')).toBe('daemon_started');
});

describe('[D.chain-complete] the last receipt of a stop', () => {
  for (const { name, stop, want } of [
    { name: 'in order', stop: {}, want: 'chain_completed' },
    { name: 'with emitters that go on', stop: { isQuiet: false }, want: 'chain_interrupted' },
  ]) {
    test(`${name} is ${want}`, () => {
      open('main', false).terminate({ ...STOP, ...stop });
      expect(record()).toEqual(['main daemon_started', 'main daemon_stopped', `main ${want}`]);
    });
  }

  test('is chain_interrupted where a call is open, which is told before it', async () => {
    const ledger = open('main', false);
    const event = { ...EVENT, phase: 'intent' as const, callId: '1' };
    ledger.submit({ event, peer: PEER, owner: 'b:1:1', principalId: 'did:user:alice', sink: SINK });
    await ledger.drained();
    ledger.terminate(STOP);
    expect(record().slice(1)).toEqual([
      'main tool',
      'main daemon_stopped',
      'main chain_interrupted',
    ]);
  });

  test('is there for the root also behind the deadline, and not for sub-agents', async () => {
    const ledger = open('main', false);
    await call(ledger, 'one', 'bob');
    expect(ledger.terminate({ ...STOP, mayGoOn: () => false })).toEqual(['main/agent/bob']);
    expect(record().slice(-1)).toEqual(['main chain_completed']);
  });

  test('is chain_interrupted where something was lost, which is told before it', async () => {
    const ledger = open('main', false);
    const free = fillDisk();
    await call(ledger, 'lost');
    free();
    ledger.terminate(STOP);
    expect(record().slice(1)).toEqual([
      'main events_dropped',
      'main daemon_stopped',
      'main chain_interrupted',
    ]);
  });
});

describe("[D.delegation-principal] a sub-agent's chain hangs on", () => {
  test('the newest receipt of its own principal in the root, or on what the daemon says', async () => {
    const ledger = open('main', false);
    await call(ledger, 'alice 1');
    await call(ledger, 'bob 1', undefined, 'bob');
    await call(ledger, 'x', 'of-alice', 'alice');
    await call(ledger, 'x', 'of-bob', 'bob');
    await call(ledger, 'x', 'of-carol', 'carol');
    const parents = ['alice', 'bob', 'carol'].map((user) => parentOf(`main/agent/of-${user}`));
    expect(parents).toEqual(['alice 1', 'bob 1', 'daemon_started']);
  });

  test('one that a run before this one wrote', async () => {
    await call(open('main', false), 'alice 1');
    const ledger = open('main', false); // as after a crash
    await call(ledger, 'bob 1', undefined, 'bob');
    await call(ledger, 'x', 'of-alice', 'alice');
    await call(ledger, 'x', 'of-carol', 'carol');
    expect(parentOf('main/agent/of-alice')).toBe('alice 1');
    expect(parentOf('main/agent/of-carol')).toBe('daemon_started');
  });
});
