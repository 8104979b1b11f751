import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { FileSigner } from '../shared/crypto/private-key.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import { hashedText, signedText } from '../shared/receipt/hash.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import { verifyProof } from '../shared/receipt/proof.ts';
import type { PeerCredential } from '../shared/receipt/receipt.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import type { Reply } from '../shared/wire/reply.ts';
import { Bench, EVENT, KEY } from '../test/fixtures/daemon-bench.ts';
import { SigningThread } from './keys/signing-thread.ts';
import { Ledger } from './ledger.ts';
import { ReceiptStore } from './store/receipt-store.ts';

const IDENTITY = { issuerId: 'did:x:1', verificationMethod: 'did:x:1#k1' };
const PEER: PeerCredential = { platform: 'linux', pid: 1, uid: 1, gid: 1 };
const FRAMES = 60;
const WAIT = { timeout: 30_000, interval: 5 };

/** Counts what the writer signs. */
class CountingSigner extends FileSigner {
  signed = 0;

  override sign(message: Uint8Array): Uint8Array {
    this.signed += 1;
    return super.sign(message);
  }
}

let bench: Bench;
let thread: SigningThread;
let signer: CountingSigner;
let replies: Reply[];
let ledger: Ledger;
beforeEach(() => {
  bench = new Bench(IDENTITY);
  signer = new CountingSigner(KEY.key);
  thread = new SigningThread(signer, () => undefined);
  replies = [];
  const chains = bench.chains();
  const root = chains.resumeRoot('main');
  const parts = { signer, signingThread: thread, identity: IDENTITY, log: () => undefined };
  ledger = new Ledger({ store: bench.store, chains, root, ...parts });
});
afterEach(() => {
  thread.stop();
  bench.close();
});

/** All of one commit. */
async function submit(events: readonly Partial<EventFrame>[]): Promise<void> {
  const sink = {
    reply: (reply: Reply) => void replies.push(reply),
    flush: () => undefined,
    flushSoon: () => undefined,
  };
  for (const more of events) {
    const event = { ...EVENT, ...more };
    ledger.submit({ event, peer: PEER, owner: 'b:1:1', principalId: 'did:user:alice', sink });
  }
  await ledger.drained();
}

const many = (more: Partial<EventFrame> = {}) =>
  Array.from({ length: FRAMES }, (_, ack) => ({ ack, toolName: `tool-${ack}`, ...more }));

/** The first batches come while the thread starts. */
async function untilThreaded(): Promise<void> {
  await vi.waitFor(async () => {
    signer.signed = 0;
    await submit(many());
    expect(signer.signed).toBeLessThan(FRAMES);
  }, WAIT);
  replies = [];
}

/** Every signature and every link, from the texts. @returns How many receipts there are */
function checkStore(): number {
  const key = nodeSuite.verifyKey(KEY.publicKey);
  const rows = bench.db
    .prepare('SELECT * FROM receipts ORDER BY chain_id, sequence')
    .all() as readonly { readonly chain_id: string; readonly receipt_json: string }[];
  const heads = new Map<string, string | null>();
  for (const { chain_id: chainId, receipt_json: text } of rows) {
    const { receipt, json } = parseReceipt(text);
    expect(verifyProof(key, signedText(json), receipt.proof)).toBe(true);
    const { previous_receipt_hash: previous } = receipt.credentialSubject.chain;
    expect(previous).toBe(heads.get(chainId) ?? null);
    heads.set(chainId, hashUri(nodeSuite, hashedText(json)));
  }
  return rows.length;
}

test('[P7.daemon-thread] a large batch is chained, signed and answered as if it were signed in one place', async () => {
  await untilThreaded();
  const before = checkStore();
  const call = { callId: 'c', phase: 'outcome' as const, toolName: 'twice' };
  await submit([
    ...many(),
    ...many({ agentId: 'helper' }),
    { ack: 100, input: Buffer.from('{"n":1e999}') }, // no canonical form: refused alone
    { ack: 101, ...call },
    { ack: 102, ...call, redelivered: true }, // answered from the batch itself
    { ack: 103, dropCount: 3 },
  ]);
  expect(checkStore() - before).toBe(2 * FRAMES + 1 + 2);
  const [refused, first, again, last] = replies.slice(2 * FRAMES);
  expect(refused).toMatchObject({ ack: 100, ok: false });
  expect(again).toEqual({ ...first, ack: 102 });
  expect(last).toMatchObject({ ack: 103, ok: true, sequence: before + FRAMES + 3 });
});

test('a large batch that cannot be written is refused as a whole, and the next one is not', async () => {
  await untilThreaded();
  const before = checkStore();
  bench.db.exec(`CREATE TRIGGER full BEFORE INSERT ON receipts WHEN NEW.tool_name = 'tool-9'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
  await submit(many());
  expect(replies.filter(({ ok }) => ok)).toEqual([]);
  expect(checkStore()).toBe(before);
  bench.db.exec('DROP TRIGGER full');
  await submit(many());
  expect(replies.filter(({ ok }) => ok)).toHaveLength(FRAMES);
  expect(checkStore()).toBe(before + FRAMES);
});

test('the last receipts of a stop stand behind a large batch', async () => {
  await untilThreaded();
  await submit(many({ agentId: 'helper' }));
  const left = ledger.terminate({ reason: 'SIGTERM', isQuiet: true, mayGoOn: () => true });
  expect(left).toEqual([]);
  checkStore();
  const ends = bench.db
    .prepare("SELECT chain_id FROM receipts WHERE tool_name = 'chain_completed'")
    .pluck();
  expect(ends.all()).toEqual(['main', 'main/agent/helper']);
});

test('a fault where receipts are written refuses the whole batch, also while it is being built', async () => {
  const insert = vi.spyOn(bench.store, 'insert');
  for (const at of [1, 30, FRAMES]) {
    let count = 0;
    insert.mockImplementation((row) => {
      count += 1;
      if (count === at) throw new TypeError('not of the database');
      ReceiptStore.prototype.insert.call(bench.store, row);
    });
    const before = checkStore();
    // Much text: it is written while the batch is still being built.
    await submit(many({ decisionContext: { note: 'x'.repeat(40_000) } }));
    expect(replies.filter(({ ok }) => ok)).toEqual([]);
    expect(checkStore()).toBe(before);
    replies = [];
  }
});
