import { Buffer } from 'node:buffer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseRules } from '../../policy/load-rules.ts';
import { FakeDoor } from '../../test/fixtures/proxy-door.ts';
import { FakeRecorder } from '../../test/fixtures/proxy-recorder.ts';
import { ClientStream } from '../client-stream.ts';
import { Governor } from '../governor.ts';
import { ClientChannel } from './client-channel.ts';
import { ElicitDoor } from './elicit-door.ts';
import { CHOICES } from './question-text.ts';

const RULES = parseRules('rules: [{name: ask, tool_pattern: "edit_*", action: pause}]\n', 'test');

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly data: Record<string, unknown> };
}

/** A client before a proxy whose server is a list. */
function session({ withHttp = false } = {}) {
  const channel = new ClientChannel();
  const http = new FakeDoor();
  http.isOpen = withHttp;
  const recorder = new FakeRecorder();
  const changeRules = () => governor.adopt({ rules: RULES, digest: 'sha256:two' });
  const governor = new Governor({
    serverName: 'srv',
    rules: RULES,
    policyDigest: 'sha256:one',
    recorder,
    log: () => undefined,
    approvals: {
      doors: [new ElicitDoor(channel), http],
      channel,
      sessionId: 's',
      timeoutMs: 60_000,
    },
  });
  const toServer: string[] = [];
  const toClient: Message[] = [];
  const receive = (line: Buffer) => void toClient.push(JSON.parse(line.toString()) as Message);
  governor.connectClient(receive);
  const stream = new ClientStream({
    governor,
    forward: (bytes) => void toServer.push(bytes.toString()),
    answer: receive,
    settle: () => undefined,
    hold: () => undefined,
    finished: () => undefined,
  });
  const send = async (message: unknown) => {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    stream.push(Buffer.from(`${text}\n`));
    await vi.advanceTimersByTimeAsync(0);
  };
  return { channel, governor, recorder, changeRules, http, toServer, toClient, send };
}

type Session = ReturnType<typeof session>;

const initialize = (capabilities: object) => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities },
});
const call = (id: number, given: object = { a: 1 }, rest: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'edit_file', arguments: given, ...rest },
});
const accepted = (decision: string = CHOICES.approve) => ({
  action: 'accept',
  content: { decision },
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function elicited(): Promise<Session & { readonly asked: Message }> {
  const all = session();
  await all.send(initialize({ elicitation: {} }));
  await all.send(call(1));
  const asked = all.toClient.at(-1) as Message;
  expect(asked.method).toBe('elicitation/create');
  all.toServer.length = 0;
  return { ...all, asked };
}

test('an answer to a question of ours lets the call go, and never reaches the server [X.own-ids]', async () => {
  const { send, asked, toServer, recorder } = await elicited();
  await send({ jsonrpc: '2.0', id: asked.id, result: accepted() });
  expect(toServer).toEqual([`${JSON.stringify(call(1))}\n`]);
  expect(recorder.begun[0]?.record.context).toMatchObject({ approval: { door: 'elicit' } });
});

for (const { name, answer } of [
  { name: 'an error', answer: (id: string) => `{"id":"${id}","error":{"code":-32601}}` },
  {
    name: 'a choice that the form does not have',
    answer: (id: string) => JSON.stringify({ id, result: accepted('yes') }),
  },
  {
    name: 'an acceptance of nothing',
    answer: (id: string) => JSON.stringify({ id, result: { action: 'accept' } }),
  },
  {
    name: 'an answer in a batch',
    answer: (id: string) => `[${JSON.stringify({ id, result: { action: 'decline' } })}]`,
  },
  {
    name: 'two results',
    answer: (id: string) =>
      `{"id":"${id}","result":${JSON.stringify(accepted())},"result":{"action":"decline"}}`,
  },
  {
    name: 'two ids',
    answer: (id: string) => `{"id":7,"id":"${id}","result":${JSON.stringify(accepted())}}`,
  },
  {
    name: 'two decisions',
    answer: (id: string) =>
      `{"id":"${id}","result":{"action":"accept","content":{"decision":"deny","decision":"${CHOICES.approve}"}}}`,
  },
  {
    name: 'an escaped id',
    answer: (id: string) => `{"id":"\\u006f${id.slice(1)}","result":{"action":"decline"}}`,
  },
]) {
  test(`${name} is no yes, and never reaches the server [X.own-ids]`, async () => {
    const { send, asked, toServer, recorder } = await elicited();
    await send(answer(String(asked.id)));
    expect(toServer).toEqual([]);
    expect(recorder.reports).toMatchObject([{ ending: 'denied' }]);
    expect(recorder.begun).toEqual([]);
  });
}

test('a second answer of the client is kept from the server and recorded [X.approval-bound]', async () => {
  const { send, asked, toServer, recorder } = await elicited();
  await send({ id: asked.id, result: { action: 'decline' } });
  await send({ id: asked.id, result: accepted() });
  expect(toServer).toEqual([]);
  expect(recorder.statements).toMatchObject([{ context: { refused: 'APPROVAL_USED' } }]);
});

test('an id that only looks like ours belongs to the server [X.own-ids]', async () => {
  const { send, toServer } = await elicited();
  const answer = '{"jsonrpc":"2.0","id":"obsigna:1","result":{"action":"accept"}}';
  await send(answer);
  expect(toServer).toEqual([`${answer}\n`]);
});

test('a question that is settled elsewhere is taken back from the client', async () => {
  const { send, toClient, asked, governor } = await elicited();
  await send({ method: 'notifications/cancelled', params: { requestId: 1 } });
  expect(toClient.at(-1)).toMatchObject({
    method: 'notifications/cancelled',
    params: { requestId: asked.id },
  });
  governor.end('the server ended');
});

for (const capabilities of [{}, { elicitation: { url: {} } }, { elicitation: true }]) {
  test(`a client with ${JSON.stringify(capabilities)} is not asked`, async () => {
    const { send, toClient } = session();
    await send(initialize(capabilities));
    await send(call(1));
    expect(toClient).toMatchObject([{ id: 1, error: { code: -32003 } }]);
  });
}

test('a client that asks for progress hears that its call is alive', async () => {
  const { send, toClient } = session({ withHttp: true });
  await send(call(1, {}, { _meta: { progressToken: 'p' } }));
  await vi.advanceTimersByTimeAsync(31_000);
  const told = toClient.map(({ params }) => params);
  expect(told.length).toBe(3);
  expect(told[2]).toMatchObject({ progressToken: 'p', progress: 3e-6 });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(toClient.filter(({ method }) => method === 'notifications/progress').length).toBe(4);
});

// -- 2026-07-28: the call is answered with the question --

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
};
const modern = (id: number, given?: object, rest: object = {}) =>
  call(id, given, { _meta: META, ...rest });

async function parked(withHttp = false) {
  const all = session({ withHttp });
  await all.send(modern(1));
  const { id, result } = all.toClient[0] as Message;
  expect(id).toBe(1);
  expect(result).toMatchObject({ resultType: 'input_required' });
  const requestState = result?.['requestState'];
  const round = (choice: object = accepted()) => ({
    requestState,
    inputResponses: { 'obsigna/approval': choice },
  });
  return { ...all, requestState, round };
}

test('a repeated call goes on without what was for us [X.approvals]', async () => {
  const { send, round, toServer, recorder } = await parked();
  await send(
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"edit_file", "requestState":' +
      `${JSON.stringify(round().requestState)},"arguments": { "a":1.0 },"inputResponses":` +
      `${JSON.stringify(round().inputResponses)},"_meta":${JSON.stringify(META)}}}`,
  );
  expect(toServer).toEqual([
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"edit_file","arguments":{ "a":1.0 },' +
      `"_meta":${JSON.stringify(META)}}}\n`,
  ]);
  expect(recorder.begun.length).toBe(1);
});

for (const { name, again, code, recorded = code } of [
  {
    name: 'another argument',
    again: ({ send, round }: Awaited<ReturnType<typeof parked>>) =>
      send(modern(2, { a: 2 }, round())),
    code: 'APPROVAL_MISMATCH',
  },
  {
    name: 'another tool',
    again: ({ send, round }: Awaited<ReturnType<typeof parked>>) =>
      send(modern(2, { a: 1 }, { ...round(), name: 'edit_other' })),
    code: 'APPROVAL_MISMATCH',
  },
  {
    name: 'a question of another session',
    again: async ({ send, channel }: Awaited<ReturnType<typeof parked>>) => {
      const other = await parked();
      const id = String(other.requestState).slice(channel.space.length);
      return send(modern(2, { a: 1 }, { ...other.round(), requestState: channel.space + id }));
    },
    code: 'APPROVAL_UNKNOWN',
  },
  {
    name: 'other rules',
    again: async ({ send, round, changeRules }: Awaited<ReturnType<typeof parked>>) => {
      changeRules();
      return send(modern(2, { a: 1 }, round()));
    },
    code: 'APPROVAL_VOID',
  },
  {
    name: 'an answer that comes too late',
    again: async ({ send, round }: Awaited<ReturnType<typeof parked>>) => {
      await vi.advanceTimersByTimeAsync(60_000);
      return send(modern(2, { a: 1 }, round()));
    },
    code: 'APPROVAL_TIMED_OUT',
    recorded: 'APPROVAL_EXPIRED',
  },
]) {
  test(`a repeated call with ${name} does not run, and is recorded [X.approval-bound]`, async () => {
    const all = await parked();
    await again(all);
    expect(all.toServer).toEqual([]);
    expect(all.toClient.at(-1)).toMatchObject({ id: 2, error: { code: -32002, data: { code } } });
    expect(all.recorder.begun).toEqual([]);
    expect(all.recorder.statements).toMatchObject([{ context: { refused: recorded } }]);
  });
}

test('an approval of a repeated call is used once [X.approval-bound]', async () => {
  const { send, round, toServer, toClient } = await parked();
  await send(modern(2, { a: 1 }, round()));
  await send(modern(3, { a: 1 }, round()));
  expect(toServer.length).toBe(1);
  expect(toClient.at(-1)).toMatchObject({ id: 3, error: { data: { code: 'APPROVAL_USED' } } });
});

test('a call that is never repeated ends in one report', async () => {
  const { recorder } = await parked();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(recorder.reports).toMatchObject([
    { ending: 'denied', error: 'the client did not repeat the call (timed_out)' },
  ]);
  const ended = await parked();
  ended.governor.end('the server ended');
  expect(ended.recorder.reports.length).toBe(1);
});

test('another door may answer while the client shows the form', async () => {
  const { send, round, http, toServer, recorder } = await parked(true);
  expect(http.answer()).toBe('taken');
  await send(modern(2, { a: 1 }, round({ action: 'cancel' })));
  expect(toServer.length).toBe(1);
  expect(recorder.begun[0]?.record.context).toMatchObject({ approval: { door: 'http' } });
});

test('a form that is closed leaves the question to the other doors', async () => {
  const { send, round, http, toServer, toClient } = await parked(true);
  await send(modern(2, { a: 1 }, round({ action: 'cancel' })));
  expect(toClient.length).toBe(1);
  http.answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(toServer.length).toBe(1);
});

test('a further round of the server is the same call, once [X.approvals]', async () => {
  const { send, round, governor, toServer, recorder } = await parked();
  await send(modern(2, { a: 1 }, round()));
  const asks = (id: number, requestState: string) =>
    Buffer.from(
      JSON.stringify({
        id,
        result: { resultType: 'input_required', inputRequests: {}, requestState },
      }),
    );
  governor.observe(asks(2, 'state one'));
  const next = (id: number, requestState: string, given: object = { a: 1 }) =>
    modern(id, given, { requestState, inputResponses: { theirs: {} } });
  await send(next(3, 'state one'));
  expect(toServer.at(-1)).toBe(`${JSON.stringify(next(3, 'state one'))}\n`);
  expect(recorder.begun.at(-1)?.record.context).toMatchObject({
    approval: { door: 'elicit' },
  });
  governor.observe(asks(3, 'state two'));
  for (const other of [
    next(4, 'state one'),
    next(5, 'state three'),
    next(6, 'state two', { a: 2 }),
  ]) {
    await send(other); // never parked: what the server gave out must not be lost
    expect(toServer.length).toBe(2);
  }
  await send(next(7, 'state two'));
  expect(toServer.length).toBe(3);
});

for (const { name, given, before, isAsked } of [
  {
    name: 'with its arguments written another way goes on',
    given: { b: 2, a: 1 },
    before: async () => undefined,
    isAsked: false,
  },
  {
    name: 'under other rules is asked about again',
    given: { a: 1, b: 2 },
    before: async ({ changeRules }: Session) => changeRules(),
    isAsked: true,
  },
  {
    name: 'after ten minutes is asked about again',
    given: { a: 1, b: 2 },
    before: async () => void (await vi.advanceTimersByTimeAsync(600_000)),
    isAsked: true,
  },
]) {
  test(`a further round ${name} [X.approval-bound]`, async () => {
    const all = session({ withHttp: true });
    const { send, http, governor, toServer } = all;
    await send(modern(1, { a: 1, b: 2 }));
    http.answer();
    const { requestState } = (all.toClient[0] as Message)['result'] as {
      readonly requestState: string;
    };
    await send(modern(2, { a: 1, b: 2 }, { requestState, inputResponses: {} }));
    expect(toServer).toHaveLength(1);
    const result = { resultType: 'input_required', inputRequests: {}, requestState: 'theirs' };
    governor.observe(Buffer.from(JSON.stringify({ id: 2, result })));
    await before(all);
    const asked = http.asked.length;
    await send(modern(3, given, { requestState: 'theirs', inputResponses: { theirs: {} } }));
    expect(http.asked.length - asked).toBe(isAsked ? 1 : 0);
    expect(toServer).toHaveLength(isAsked ? 1 : 2);
  });
}
