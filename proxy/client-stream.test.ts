import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { parseRules } from '../policy/load-rules.ts';
import { ClientStream, MAX_CLIENT_LINE_BYTES } from './client-stream.ts';
import { Governor } from './governor.ts';
import { silentRecorder, type CallRecord, type Recorder } from './recorder.ts';

const RULES = parseRules('rules: [{name: no_b, tool_pattern: b, action: block}]', 'test');

function client(recorder: Recorder = silentRecorder) {
  const forwarded: Buffer[] = [];
  const answers: { id: unknown; error: { code: number } }[] = [];
  const governor = new Governor({
    serverName: 's',
    rules: RULES,
    policyDigest: 'sha256:0',
    recorder,
    log: () => undefined,
  });
  const stream = new ClientStream({
    governor,
    forward: (bytes) => void forwarded.push(bytes),
    answer: (line) => void answers.push(JSON.parse(String(line))),
  });
  return { stream, answers, sent: () => Buffer.concat(forwarded).toString() };
}

const call = (id: string, tool: string) =>
  `{"id": ${id},"method":"tools/call","params":{"name":"${tool}"}}`;

for (const { name, line, sent, codes } of [
  { name: 'a call that passes', line: `${call('1', 'a')}\r\n`, sent: 'same', codes: {} },
  { name: 'a call that is blocked', line: `${call('1', 'b')}\n`, sent: '', codes: { 1: -32001 } },
  {
    name: 'a blocked call without id [P3.missing-id]',
    line: '{"method":"tools/call","params":{"name":"b"}}\n',
    sent: '',
    codes: {},
  },
  {
    name: 'a blocked call with a null id [P3.null-id]',
    line: `${call('null', 'b')}\n`,
    sent: '',
    codes: { null: -32001 },
  },
  {
    name: 'a batch that passes',
    line: `[ ${call('1', 'a')} , {"id":2,"method":"ping"} ] \n`,
    sent: 'same',
    codes: {},
  },
  {
    name: 'a batch with one blocked call [P3.batch]',
    line: `[ ${call('1', 'a')} ,\t${call('2', 'b')}, {"id" :3,"method":"ping"} ]\n`,
    sent: `[${call('1', 'a')},{"id" :3,"method":"ping"}]\n`,
    codes: { 2: -32001 },
  },
  {
    name: 'a batch of blocked calls only [P3.batch]',
    line: `[${call('1', 'b')},${call('"x"', 'b')}]\n`,
    sent: '',
    codes: { 1: -32001, x: -32001 },
  },
  {
    name: 'a batch with a member that nobody understands',
    line: `[${call('1', 'a')},[${call('2', 'b')}],{"id":3,"Method":"tools/call"}]\n`,
    sent: `[${call('1', 'a')}]\n`,
    codes: { null: -32600, 3: -32600 },
  },
  { name: 'a line that is no JSON', line: 'junk\n', sent: '', codes: { null: -32700 } },
]) {
  test(`ClientStream handles ${name}`, () => {
    const { stream, answers, sent: got } = client();
    stream.push(Buffer.from(line));
    stream.end();
    expect(got()).toBe(sent === 'same' ? line : sent);
    const codesById = Object.fromEntries(answers.map(({ id, error }) => [String(id), error.code]));
    expect(codesById).toEqual(codes);
  });
}

test('ClientStream rules on a last line without newline and passes it without one', () => {
  const { stream, answers, sent } = client();
  stream.push(Buffer.from(`${call('1', 'b')}\n${call('2', 'a')}`));
  stream.end();
  expect(sent()).toBe(call('2', 'a'));
  expect(answers.map(({ id }) => id)).toEqual([1]);
});

test('ClientStream reports the denial before it answers', () => {
  const order: string[] = [];
  const recorder = { ...silentRecorder, denied: ({ tool }: CallRecord) => void order.push(tool) };
  const { stream, answers } = client(recorder);
  answers.push = () => order.push('answer');
  stream.push(Buffer.from(`${call('1', 'b')}\n`));
  expect(order).toEqual(['b', 'answer']);
});

test('ClientStream refuses a line over the limit once, and goes on behind it', () => {
  const { stream, answers, sent } = client();
  const chunk = Buffer.alloc(16 * 1024 * 1024, ' ');
  for (let bytes = 0; bytes <= MAX_CLIENT_LINE_BYTES; bytes += chunk.length) stream.push(chunk);
  stream.push(Buffer.from(`${call('1', 'a')}\n{"method":"ping"}\n`));
  stream.end();
  expect(sent()).toBe('{"method":"ping"}\n');
  expect(answers).toMatchObject([{ id: null, error: { code: -32600 } }]);
});
