import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../../shared/version.ts';
import { MAX_FRAME_BYTES } from '../../shared/wire/frame.ts';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome, type DaemonProcess } from '../fixtures/daemon-process.ts';
import { readRecord, verifyRecord, type RecordedReceipt } from '../fixtures/daemon-record.ts';

// One daemon for the file: what a test did before must not matter to the next one.
const home = new DaemonHome();
let daemon: DaemonProcess;
beforeAll(async () => {
  daemon = await home.start();
});
afterAll(() => home.remove());

const dial = () => RawClient.connect(home.socket);

/** Receipts of one session, in the order of the record. */
function receiptsOf(sessionId: string): RecordedReceipt[] {
  return readRecord(home.db).filter(({ receipt }) => receipt.issuer.session_id === sessionId);
}

/** What the daemon says that it could not record. */
function lostReports(): number {
  const own = readRecord(home.db).filter(({ receipt }) => receipt.issuer.session_id === undefined);
  const counts = own.map(
    ({ receipt }) => receipt.credentialSubject.action.emitter_metadata?.drop_count ?? 0,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const namesOf = (sessionId: string) =>
  receiptsOf(sessionId).map(({ columns }) => columns.tool_name);

test('[D.ack] a frame that asks is answered once, with the place of its durable receipt', async () => {
  const client = await dial();
  const reply = await client.ask({ session_id: 'ack', ack: 7 });
  const [stored] = receiptsOf('ack');
  expect(reply).toEqual({
    ack: 7,
    ok: true,
    chain_id: stored?.columns.chain_id,
    sequence: stored?.columns.sequence,
    receipt_hash: stored?.columns.receipt_hash,
  });
  await client.end();
  expect(client.replies).toHaveLength(1);
});

test('[D.ack] a frame that does not ask is never answered', async () => {
  const client = await dial();
  for (let i = 0; i < 10; i += 1) client.send({ session_id: 'quiet' });
  client.write(frame('not json'));
  client.write(frame(eventMembers({ decision: 'maybe' })));
  client.write(frame({ v: '1', hello: { client: 'x' } }));
  await client.end();
  expect(client.replies).toEqual([]);
  expect(receiptsOf('quiet')).toHaveLength(10);
});

test('[D.ack] hello is answered with name, version and extensions', async () => {
  const client = await dial();
  client.write(frame({ v: '1', hello: { client: 'test' }, ack: 0 }));
  expect(await client.reply(0)).toEqual({
    ack: 0,
    ok: true,
    hello: {
      server: 'obsigna-daemon',
      version: VERSION,
      extensions: ['ack', 'decision_context', 'payload_digest', 'phase', 'approvals', 'held_by'],
    },
  });
  await client.end();
});

for (const { name, members, code, error } of [
  {
    name: 'a missing member',
    members: { channel: null },
    code: 'FRAME_INVALID',
    error: 'invalid emitter frame: missing channel',
  },
  {
    name: 'a wrong type in front of ack',
    members: { v: 1 },
    code: 'FRAME_INVALID',
    error: 'decode emitter frame: v is not a string',
  },
  {
    name: 'a digest beside its payload',
    members: { input: {}, input_digest: { hash: `sha256:${'0'.repeat(64)}`, bytes: 2 } },
    code: 'FRAME_INVALID',
    error: 'invalid emitter frame: input and input_digest exclude each other',
  },
]) {
  test(`[D.ack-refused] [P8.frame-reason] ${name} gets ok:false with code and remedy`, async () => {
    const client = await dial();
    const reply = await client.ask({ ...members, ack: 3 });
    expect(reply).toMatchObject({ ack: 3, ok: false, code, error });
    expect(reply.remedy).toMatch(/docs\/protocol\.md/);
    await client.end();
  });
}

test('[D.ack-refused] a payload without canonical form costs its own frame, not its neighbours', async () => {
  const client = await dial();
  const session = { session_id: 'canonical' };
  const text = (ack: number, input: string) =>
    frame(
      JSON.stringify({ ...eventMembers(session), ack, input: 0 }).replace(
        '"input":0',
        `"input":${input}`,
      ),
    );
  const deep = `${'['.repeat(9000)}${']'.repeat(9000)}`;
  const deepUsage = JSON.stringify({ ...eventMembers(session), ack: 5, usage: 0 });
  client.write(
    Buffer.concat([
      text(1, '1'),
      text(2, '1e400'),
      text(3, '"fine"'),
      text(4, deep),
      frame(deepUsage.replace('"usage":0', `"usage":${deep}`)),
      text(6, '2'),
    ]),
  );
  await client.reply(6);
  expect(client.replies.map(({ ack, ok, code }) => [ack, ok, code]).sort()).toEqual([
    [1, true, undefined],
    [2, false, 'JSON_NUMBER_RANGE'],
    [3, true, undefined],
    [4, true, undefined],
    [5, false, 'JSON_TOO_DEEP'],
    [6, true, undefined],
  ]);
  expect(receiptsOf('canonical')).toHaveLength(4);
  await client.end();
});

test('[P1.drop-count] a refused frame leaves its drop count to the next one', async () => {
  const client = await dial();
  const session = { session_id: 'refused-drops', drop_count: 3 };
  const members = JSON.stringify({ ...eventMembers(session), ack: 1, input: 0, usage: 0 });
  const deep = `${'['.repeat(9000)}${']'.repeat(9000)}`;
  client.write(frame(members.replace('"input":0', '"input":1e400')));
  client.write(
    frame(members.replace('"ack":1', '"ack":2').replace('"usage":0', `"usage":${deep}`)),
  );
  client.send({ ...session, ack: 3 });
  await client.reply(3);
  expect(
    client.replies
      .filter(({ ok }) => !ok)
      .map(({ ack }) => ack)
      .sort(),
  ).toEqual([1, 2]);
  expect(namesOf('refused-drops')).toEqual(['events_dropped', 'create_issue']);
  await client.end();
});

test('[D.bad-frame-survives] an invalid frame in the middle costs itself, not the connection, and is counted', async () => {
  const client = await dial();
  await client.ask({ ack: 1 });
  const counted = lostReports();
  client.send({ session_id: 'middle', tool: { name: 'before' } });
  client.write(frame('{"v":"1",'));
  client.write(frame('[]'));
  client.write(frame(eventMembers({ session_id: 'middle', decision: 'perhaps', drop_count: 7 })));
  client.write(frame(Buffer.from([0xff, 0xfe]).toString('latin1')));
  await client.ask({ session_id: 'middle', tool: { name: 'behind' }, ack: 2 });
  await client.ask({ session_id: 'middle', tool: { name: 'last' }, ack: 3 });
  expect(namesOf('middle')).toEqual(['before', 'behind', 'last']);
  expect(lostReports() - counted).toBe(4 + 7); // four frames, and what one of them had to tell
  await daemon.said('handler error: decode emitter frame:');
  await daemon.said('unknown decision "perhaps" (want allowed|denied|pending)');
  await client.end();
});

for (const { name, length, log } of [
  { name: 'zero', length: 0, log: 'read frame: zero-length frame' },
  {
    name: 'one too long',
    length: MAX_FRAME_BYTES + 1,
    log: 'read frame: frame too large: 1048577 bytes (max 1048576)',
  },
  { name: 'the longest', length: 0xffffffff, log: 'frame too large: 4294967295 bytes' },
]) {
  test(`a frame length of ${name} closes the connection, and the frames before it count`, async () => {
    const client = await dial();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    const session = `length ${name}`;
    client.write(Buffer.concat([frame(eventMembers({ session_id: session })), header]));
    await client.closed();
    await (await dial()).ask({ ack: 1 });
    expect(namesOf(session)).toEqual(['create_issue']);
    await daemon.said(log);
  });
}

test('a frame of exactly 1 MiB is taken', async () => {
  const client = await dial();
  const bare = JSON.stringify(eventMembers({ session_id: 'max', ack: 1, input: '' }));
  const input = 'x'.repeat(MAX_FRAME_BYTES - bare.length);
  const body = JSON.stringify(eventMembers({ session_id: 'max', ack: 1, input }));
  expect(body).toHaveLength(MAX_FRAME_BYTES);
  client.write(frame(body));
  expect((await client.reply(1)).ok).toBe(true);
  await client.end();
});

test('a connection that ends inside a frame is logged and stores nothing', async () => {
  const client = await dial();
  client.write(frame(eventMembers({ session_id: 'cut' })).subarray(0, 40));
  await client.end();
  await daemon.said('read frame: unexpected end inside a frame');
  expect(receiptsOf('cut')).toEqual([]);
});

test('header and body may arrive apart, and byte by byte', async () => {
  const client = await dial();
  client.socket.setNoDelay(true);
  const bytes = frame(eventMembers({ session_id: 'apart', ack: 1 }));
  for (const part of [bytes.subarray(0, 4), bytes.subarray(4)]) {
    await new Promise<void>((resolve) => client.socket.write(part, () => setImmediate(resolve)));
  }
  await client.reply(1);
  const second = frame(eventMembers({ session_id: 'apart', ack: 2 }));
  for (const byte of second) {
    await new Promise<void>((resolve) => client.socket.write(Buffer.of(byte), () => resolve()));
  }
  await client.reply(2);
  expect(receiptsOf('apart')).toHaveLength(2);
  await client.end();
});

test('100 frames on one connection become receipts in their order', async () => {
  const client = await dial();
  const names = Array.from({ length: 100 }, (_, i) => `tool-${i}`);
  client.write(
    Buffer.concat(
      names.map((name) => frame(eventMembers({ session_id: 'hundred', tool: { name } }))),
    ),
  );
  await client.end();
  expect(namesOf('hundred')).toEqual(names);
});

for (const connections of [8, 64]) {
  test(`${connections} parallel connections: each in order, every receipt there, chain unbroken`, async () => {
    const clients = await Promise.all(Array.from({ length: connections }, dial));
    const each = 20;
    for (let i = 0; i < each; i += 1) {
      for (const [c, client] of clients.entries()) {
        client.send({ session_id: `p${connections}-${c}`, tool: { name: `t${i}` } });
      }
    }
    await Promise.all(clients.map((client) => client.end()));
    const want = Array.from({ length: each }, (_, i) => `t${i}`);
    const record = readRecord(home.db);
    for (const c of clients.keys()) {
      const session = `p${connections}-${c}`;
      const got = record.filter(({ receipt }) => receipt.issuer.session_id === session);
      expect(got.map(({ columns }) => columns.tool_name)).toEqual(want);
    }
    const verdicts = [...verifyRecord(record, home.publicPem()).values()];
    expect(verdicts.map(({ result }) => result)).toEqual(['valid']);
  });
}

test('[P1.drop-count] drop_count 3 becomes a receipt of its own, next to the live one', async () => {
  // Others write at the same time, so that "next to" is more than an accident.
  const other = await dial();
  const client = await dial();
  for (let i = 0; i < 20; i += 1) {
    other.send({ session_id: 'noise' });
    client.send({ session_id: 'drops', drop_count: i === 10 ? 3 : 0, tool: { name: `t${i}` } });
  }
  await Promise.all([client.end(), other.end()]);
  const record = readRecord(home.db);
  const at = record.findIndex(
    ({ receipt }) =>
      receipt.issuer.session_id === 'drops' &&
      receipt.credentialSubject.action.emitter_metadata !== undefined,
  );
  const dropped = record[at]?.receipt;
  const live = record[at + 1]?.receipt;
  expect(dropped?.credentialSubject.action).toMatchObject({
    type: 'agent_receipts.events_dropped',
    tool_name: 'events_dropped',
    risk_level: 'low',
    emitter_metadata: { drop_count: 3 },
  });
  expect(dropped?.issuer).toEqual({
    id: 'did:agent-receipts-daemon:local',
    type: 'AgentReceiptsDaemon',
    session_id: 'drops',
  });
  expect(live?.credentialSubject.action.tool_name).toBe('t10');
  expect(live?.credentialSubject.chain.sequence).toBe(
    (dropped?.credentialSubject.chain.sequence ?? 0) + 1,
  );
  expect(dropped?.credentialSubject.principal).toEqual(live?.credentialSubject.principal);
  expect(dropped?.credentialSubject.action.peer_credential).toEqual(
    live?.credentialSubject.action.peer_credential,
  );
});

for (const { name, body, want } of [
  {
    name: 'names without regard to case',
    body: { SESSION_ID: 'fold', session_id: undefined },
    want: 'fold',
  },
  {
    name: 'null as "not given"',
    body: { session_id: 'null', error: null, drop_count: null },
    want: 'null',
  },
  { name: 'unknown members', body: { session_id: 'unknown', future: { a: [1] } }, want: 'unknown' },
]) {
  test(`[P5.frames-foreign] JSON is read as Go reads it: ${name}`, async () => {
    const client = await dial();
    expect((await client.ask({ ...body, ack: 1 })).ok).toBe(true);
    expect(receiptsOf(want)).toHaveLength(1);
    await client.end();
  });
}

test('[P5.frames-foreign] the last of duplicate members wins, and bad UTF-8 becomes U+FFFD', async () => {
  const client = await dial();
  const text = JSON.stringify(eventMembers({ session_id: 'first', ack: 1 }));
  const bytes = frame(`${text.slice(0, -1)},"session_id":"l@st"}`);
  bytes[bytes.indexOf('@')] = 0x80;
  client.write(bytes);
  await client.reply(1);
  expect(receiptsOf('l\ufffdst')).toHaveLength(1);
  await client.end();
});

test('a peer that never reads its replies is held back, and everybody else goes on', async () => {
  const silent = connect(home.socket);
  await once(silent, 'connect');
  silent.pause();
  // Each frame asks for a reply of its own; the kernel's buffers fill, then ours, then we stop.
  const hello = frame({ v: '1', hello: { client: 'silent' }, ack: 1 });
  const block = Buffer.concat(Array.from({ length: 2000 }, () => hello));
  let blocks = 0;
  let stuck = false;
  while (!stuck && blocks < 400) {
    blocks += 1;
    if (silent.write(block)) continue;
    const drained = once(silent, 'drain').then(() => false);
    // Another client's whole round trip is the measure of time here.
    const others = (async () => {
      for (let i = 0; i < 20; i += 1) {
        const client = await dial();
        await client.ask({ session_id: 'others', ack: 1 });
        await client.end();
      }
      return true;
    })();
    stuck = await Promise.race([drained, others]);
  }
  expect(stuck).toBe(true);
  const client = await dial();
  expect((await client.ask({ session_id: 'others', ack: 1 })).ok).toBe(true);
  await client.end();
  silent.destroy();
});

test('an error text made to stall pattern matching does not stall the daemon', async () => {
  const client = await dial();
  const started = await client.ask({ session_id: 'hostile', error: 'eyJ'.repeat(300_000), ack: 1 });
  expect(started.ok).toBe(true);
  await client.end();
});
