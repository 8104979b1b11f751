import { afterEach, expect, test, vi } from 'vitest';
import { acknowledging, FakeDaemon, plain, type Answer } from '../test/fixtures/daemon-fake.ts';
import { Emitter } from './emitter.ts';
import { jsonText, type ActionReport } from './report.ts';

const LONG_MS = 20_000;
const fakes: FakeDaemon[] = [];
const emitters: Emitter[] = [];
afterEach(async () => {
  for (const emitter of emitters.splice(0)) await emitter.close(0);
  for (const fake of fakes.splice(0)) await fake.remove();
});

interface PairOptions {
  readonly isUp?: boolean;
  readonly helloTimeoutMs?: number;
  /** One report went through before, so that the daemon is known; its call is number 1. */
  readonly isKnown?: boolean;
}

async function pairOf(answer: Answer, options: PairOptions = {}) {
  const { isUp = true, helloTimeoutMs = LONG_MS, isKnown = false } = options;
  const fake = new FakeDaemon(answer);
  fakes.push(fake);
  if (isUp) await fake.start();
  const emitter = new Emitter({ socketPath: fake.path, sessionId: 's', helloTimeoutMs });
  emitters.push(emitter);
  if (isKnown) {
    await emitter.emitConfirmed(REPORT, LONG_MS);
    fake.events.length = 0;
  }
  return { fake, emitter };
}

const REPORT: ActionReport = {
  channel: 'mcp',
  tool: { name: 't' },
  decision: 'allowed',
  input: jsonText({ path: '/a' }),
  idempotencyKey: 's/1',
  decisionContext: { rule: 'r' },
};
const OUTPUT = jsonText({ content: [] });
const joining = () => acknowledging(['ack', 'phase']);

/**
 * The members that tell the halves of a call apart.
 *
 * @param isPlain - Leaves out what such a daemon refuses for its version.
 */
function shown({ fake }: { readonly fake: FakeDaemon }, isPlain = false) {
  const taken = fake.events.filter(({ v }) => !isPlain || v === '1');
  return taken.map(({ phase, call_id: id, input, output, error, redelivered }) => ({
    ...(phase !== undefined && { phase }),
    id,
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    ...(redelivered !== undefined && { redelivered }),
  }));
}
const INTENT = { phase: 'intent', id: '2', input: { path: '/a' } };
const LEAN = { phase: 'outcome', id: '2', output: { content: [] } };
const WHOLE = { id: '1', input: { path: '/a' }, output: { content: [] } };

test('[P1.intent] begin() sends the intent, end() an outcome that leaves out what was said', async () => {
  const pair = await pairOf(joining(), { isKnown: true });
  const open = pair.emitter.begin(REPORT);
  await pair.fake.received(1);
  open.end({ output: OUTPUT });
  await pair.fake.received(2);
  expect(shown(pair)).toEqual([INTENT, LEAN]);
  expect(pair.fake.events[1]).not.toHaveProperty('decision_context');
  expect(await pair.emitter.close(LONG_MS)).toBe(0);
});

test('end() waits a moment for company, unless the outcome is large', async () => {
  const pair = await pairOf(joining(), { isKnown: true });
  const large = jsonText('x'.repeat(20_000));
  vi.useFakeTimers({ toFake: ['setTimeout'] }); // the moment never ends
  try {
    const first = pair.emitter.begin(REPORT);
    await pair.fake.received(1);
    first.end({ output: large });
    await pair.fake.received(2);
    const second = pair.emitter.begin(REPORT);
    await pair.fake.received(3);
    second.end({ output: OUTPUT });
    pair.emitter.begin(REPORT);
    await pair.fake.received(5);
  } finally {
    vi.useRealTimers();
  }
  const told = pair.fake.events.map(({ phase, call_id: id }) => [id, phase]);
  const [intent, outcome] = ['intent', 'outcome'];
  const want = [
    ['2', intent],
    ['2', outcome],
    ['3', intent],
    ['3', outcome],
    ['4', intent],
  ];
  expect(told).toEqual(want);
});

test('begin() and end() before the daemon is reached are one frame', async () => {
  const pair = await pairOf(joining());
  pair.emitter.begin(REPORT).end({ output: OUTPUT });
  await pair.fake.received(1);
  expect(shown(pair)).toEqual([WHOLE]);
});

test('a plain daemon never sees half a call', async () => {
  const pair = await pairOf(plain, { helloTimeoutMs: 50 });
  const early = pair.emitter.begin(REPORT); // before anybody knows what daemon this is
  pair.emitter.begin(REPORT).end({ output: OUTPUT });
  await pair.fake.received(2);
  pair.emitter.emit({ ...REPORT, decision: 'denied' });
  await expect.poll(() => pair.emitter.pendingCount, { timeout: LONG_MS }).toBe(0);
  early.end({ error: 'outcome unknown', decision: 'pending' });
  const late = pair.emitter.begin(REPORT);
  late.end({ output: OUTPUT });
  await pair.fake.received(5);
  expect(shown(pair, true)).toEqual([
    { ...WHOLE, id: '2' },
    { id: '3', input: { path: '/a' } },
    { id: '1', input: { path: '/a' }, error: 'outcome unknown' },
    { ...WHOLE, id: '4' },
  ]);
  expect(pair.emitter.droppedCount).toBe(0);
});

test('a daemon that acknowledges and does not join gets whole stories', async () => {
  const pair = await pairOf(acknowledging());
  const open = pair.emitter.begin(REPORT);
  await pair.emitter.emitConfirmed(REPORT, LONG_MS);
  open.end({ output: OUTPUT });
  await pair.fake.received(3);
  expect(shown(pair, true)).toEqual([{ id: '2', input: { path: '/a' } }, WHOLE]);
});

test('[P1.intent] after a lost connection intent and outcome come again, in order and marked', async () => {
  const silent: Answer = ({ ack, hello }) =>
    hello === undefined ? undefined : { ack, ok: true, hello: { extensions: ['phase'] } };
  const pair = await pairOf(joining(), { isKnown: true });
  pair.fake.answer = silent;
  const open = pair.emitter.begin(REPORT);
  await pair.fake.received(1);
  open.end({ output: OUTPUT });
  await pair.fake.received(2);
  await pair.fake.stop();
  pair.fake.answer = joining();
  await pair.fake.start();
  await pair.fake.received(4);
  expect(shown(pair).slice(2)).toEqual([
    { ...INTENT, redelivered: true },
    { ...LEAN, redelivered: true },
  ]);
  expect(await pair.emitter.close(LONG_MS)).toBe(0);
});

test('an intent that is refused costs nothing: the outcome tells everything', async () => {
  const answers = joining();
  const refusing: Answer = (received, socket) =>
    received['phase'] === 'intent'
      ? { ack: received.ack, ok: false, code: 'TOO_MANY_OPEN_CALLS', error: 'full', remedy: '' }
      : answers(received, socket);
  const pair = await pairOf(refusing, { isKnown: true });
  const { open, durable } = pair.emitter.beginConfirmed(REPORT, LONG_MS);
  await expect(durable).rejects.toMatchObject({ code: 'TOO_MANY_OPEN_CALLS' });
  open.end({ output: OUTPUT });
  await pair.fake.received(2);
  expect(shown(pair)).toEqual([INTENT, { ...WHOLE, id: '2' }]);
  expect(pair.emitter.droppedCount).toBe(0);
});

test('beginConfirmed() resolves with the acknowledgement and says that somebody waits', async () => {
  const pair = await pairOf(joining(), { isKnown: true });
  const { open, durable } = pair.emitter.beginConfirmed(REPORT, LONG_MS);
  await durable;
  expect(pair.fake.events[0]).toMatchObject({ phase: 'intent' });
  expect(pair.fake.events[0]).not.toHaveProperty('patient');
  open.end({ output: OUTPUT });
  await pair.fake.received(2);
  expect(shown(pair)[1]).toEqual(LEAN);
});

const UNREACHABLE = 'DAEMON_UNREACHABLE';
for (const { name, answer, options, code, frames } of [
  {
    name: 'nobody is there',
    answer: plain,
    options: { isUp: false },
    code: UNREACHABLE,
    frames: 1,
  },
  {
    name: 'the daemon is plain',
    answer: plain,
    options: { helloTimeoutMs: 10 },
    code: UNREACHABLE,
    frames: 2,
  },
  {
    name: 'the daemon does not join',
    answer: acknowledging(),
    options: {},
    code: 'FRAME_INVALID',
    frames: 2,
  },
]) {
  test(`beginConfirmed() rejects when ${name}; the end is told whole all the same`, async () => {
    const pair = await pairOf(answer, options);
    const { open, durable } = pair.emitter.beginConfirmed(REPORT, 200);
    await expect(durable).rejects.toMatchObject({ code });
    open.end({ decision: 'denied', error: 'no receipt' });
    if (options.isUp === false) await pair.fake.start();
    await pair.fake.received(frames);
    expect(shown(pair, true)).toEqual([{ id: '1', input: { path: '/a' }, error: 'no receipt' }]);
  });
}

test('end() a second time tells a late result as one', async () => {
  const pair = await pairOf(joining(), { isKnown: true });
  const open = pair.emitter.begin(REPORT);
  await pair.fake.received(1);
  open.end({ decision: 'pending', error: 'cancelled' });
  open.end({ output: OUTPUT });
  await pair.fake.received(3);
  expect(shown(pair)).toEqual([
    INTENT,
    { phase: 'outcome', id: '2', error: 'cancelled' },
    { ...WHOLE, id: '2', phase: 'outcome' },
  ]);
});

test('[E.spool-bounded] an intent that does not fit is no loss', async () => {
  const fake = new FakeDaemon(joining());
  fakes.push(fake);
  const emitter = new Emitter({ socketPath: fake.path, sessionId: 's', maxSpoolBytes: 1200 });
  emitters.push(emitter);
  const all = [1, 2, 3, 4].map(() => emitter.begin(REPORT));
  expect(emitter.pendingCount).toBeLessThan(4);
  expect(emitter.droppedCount).toBe(0);
  all[3]?.end({ output: OUTPUT });
  await fake.start();
  await fake.received(4);
  const end = expect.objectContaining({ call_id: '4', output: { content: [] } }) as unknown;
  expect(fake.events).toContainEqual(end);
});
