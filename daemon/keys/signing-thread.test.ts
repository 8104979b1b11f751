import { Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { FileSigner } from '../../shared/crypto/private-key.ts';
import { KEY } from '../../test/fixtures/daemon-bench.ts';
import { SigningThread } from './signing-thread.ts';

/** Counts what is signed in this thread. */
class CountingSigner extends FileSigner {
  signed = 0;

  override sign(message: Uint8Array): Uint8Array {
    this.signed += 1;
    return super.sign(message);
  }
}

const LARGE = 64;
const WAIT = { timeout: 30_000, interval: 5 };
const MESSAGES = Array.from({ length: LARGE }, (_, i) =>
  Buffer.from(`receipt ${i} `.repeat(i + 1)),
);
const SIGNATURES = MESSAGES.map((it) => hex(KEY.sign(it)));

let thread: SigningThread | undefined;
afterEach(() => thread?.stop());

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A thread, who signs in its stead, and what it says. */
function make(parts: ConstructorParameters<typeof SigningThread>[2] = {}) {
  const signer = new CountingSigner(KEY.key);
  const log: string[] = [];
  thread = new SigningThread(signer, (text) => void log.push(text), parts);
  return { thread, signer, log };
}

/** One batch, fetched when all of it was handed over. */
function batch(signing: SigningThread, size = LARGE): readonly string[] {
  signing.begin(size);
  const signatures = MESSAGES.slice(0, size).map((it) => signing.sign(it));
  return signatures.map((fetch) => hex(fetch()));
}

/** Until the thread has started, and signs its part of a batch. */
async function untilItHelps(signing: SigningThread, signer: CountingSigner): Promise<void> {
  await vi.waitFor(() => {
    signer.signed = 0;
    expect(batch(signing)).toEqual(SIGNATURES);
    expect(signer.signed).toBeLessThan(LARGE);
  }, WAIT);
}

test('[P7.daemon-thread] SigningThread signs a large batch in two threads, a small one here', async () => {
  const { thread: signing, signer, log } = make();
  await untilItHelps(signing, signer);
  signer.signed = 0;
  expect(batch(signing, 1)).toEqual(SIGNATURES.slice(0, 1));
  expect(signer.signed).toBe(1);
  expect(log).toEqual([]);
});

test('SigningThread does not mix up a batch with one that nobody fetched', async () => {
  const { thread: signing, signer } = make();
  await untilItHelps(signing, signer);
  for (let i = 0; i < 200; i += 1) {
    signing.begin(LARGE);
    MESSAGES.toReversed().forEach((it) => signing.sign(it)); // a commit that failed behind this
    expect(batch(signing)).toEqual(SIGNATURES);
  }
  await untilItHelps(signing, signer);
});

test('SigningThread signs by itself what is too much for the memory of both', async () => {
  const { thread: signing, signer } = make();
  await untilItHelps(signing, signer);
  signing.begin(LARGE);
  const [small, huge] = [Buffer.from('small'), Buffer.alloc(1024 * 1024)];
  const fetches = [small, huge, ...Array.from({ length: 600 }, () => small)];
  const signatures = fetches.map((it) => signing.sign(it)).map((fetch) => hex(fetch()));
  expect(signatures[1]).toBe(hex(KEY.sign(huge)));
  expect(new Set(signatures.toSpliced(1, 1))).toEqual(new Set([hex(KEY.sign(small))]));
});

/** Begins with the first message, and never comes to its end. */
const SILENT = `const control = new Int32Array(require('node:worker_threads').workerData);
  while (Atomics.compareExchange(control, 1, 1, 2) !== 1);
  Atomics.wait(control, 2000, 0);`;
for (const { name, code, words } of [
  { name: 'falls silent', code: SILENT, words: 'no answer' },
  { name: 'ends', code: '', words: 'it ended' },
  { name: 'throws', code: "throw new Error('no memory');", words: 'no memory' },
]) {
  test(`SigningThread goes on without a thread that ${name}, and says so once`, async () => {
    const start = async (_: unknown, workerData: SharedArrayBuffer) =>
      new Worker(code, { eval: true, workerData });
    const { thread: signing, log } = make({ start, patienceMs: 20 });
    await vi.waitFor(() => {
      expect(batch(signing)).toEqual(SIGNATURES);
      expect(log).toEqual([expect.stringContaining(words)]);
    }, WAIT);
    expect(batch(signing)).toEqual(SIGNATURES);
    expect(log).toHaveLength(1);
  });
}

test('SigningThread goes on without a thread that cannot be made', async () => {
  const start = async () => {
    throw new Error('EAGAIN');
  };
  const { thread: signing, log } = make({ start });
  expect(batch(signing)).toEqual(SIGNATURES);
  await vi.waitFor(() => expect(log).toEqual([expect.stringContaining('EAGAIN')]), WAIT);
  expect(batch(signing)).toEqual(SIGNATURES);
});
