import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { inspectClientLine, type Inspection } from './inspect.ts';

/** An inspection with its spans as text, so that tables can be read. */
function shown(inspection: Inspection): unknown {
  switch (inspection.kind) {
    case 'other':
      return 'other';
    case 'cancel':
      return { cancel: String(inspection.requestId) };
    case 'reply': {
      const { id, result, error } = inspection.reply;
      return { reply: String(id), result: result?.toString(), error: error?.toString() };
    }
    case 'survey':
      return { ...inspection.request, id: String(inspection.request.id) };
    case 'own-answer': {
      const { result, ...rest } = inspection.answer;
      return { ...rest, result: result?.toString() };
    }
    case 'task':
      return { ...inspection.request, id: String(inspection.request.id) };
    case 'call': {
      const { name, id, arguments: given, toolUseId, wantsTask } = inspection.call;
      return {
        call: name,
        id: id?.toString(),
        ...(given !== undefined && { arguments: String(given) }),
        ...(toolUseId !== undefined && { toolUseId }),
        ...(wantsTask && { wantsTask }),
      };
    }
    case 'batch':
      return { batch: inspection.elements.map((element) => shown(element.inspection)) };
    case 'refuse': {
      const { reason, rpcCode, id, toolName } = inspection;
      return { refuse: reason, rpcCode, id: id?.toString(), ...(toolName && { toolName }) };
    }
  }
}

const inspect = (line: string | Buffer) => shown(inspectClientLine(Buffer.from(line as string)));

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}';
const A_CALL = { call: 'a', id: '1', arguments: '{}' };
const withMethod = (method: string) =>
  `{"jsonrpc":"2.0","id":1,"method":${method},"params":{"name":"a"}}`;
const withId = (id: string) => `{"id":${id},"method":"tools/call","params":{"name":"a"}}`;
const withParams = (params: string) => `{"id":1,"method":"tools/call","params":${params}}`;

for (const { name, line, want } of [
  { name: 'an empty line', line: '\n', want: 'other' },
  { name: 'white space', line: ' \t\r\n', want: 'other' },
  { name: 'a request', line: '{"jsonrpc":"2.0","id":1,"method":"prompts/list"}\n', want: 'other' },
  {
    name: 'a request for the tools',
    line: '{"id":"a","method":"tools\\/list","params":{"cursor":""}}\n',
    want: { method: 'tools/list', id: '"a"', cursor: '' },
  },
  {
    name: 'a request for what the server is',
    line: '{"id":1,"method":"server/discover"}',
    want: { method: 'server/discover', id: '1', cursor: undefined },
  },
  { name: 'no request without an id', line: '{"method":"tools/list"}', want: 'other' },
  {
    name: 'an answer',
    line: '{"jsonrpc":"2.0","id":1,"result":{}}\r\n',
    want: { reply: '1', result: '{}', error: undefined },
  },
  {
    name: 'an answer that quotes a call',
    line: `{"id":1,"result":${CALL}}`,
    want: { reply: '1', result: CALL, error: undefined },
  },
  { name: 'a scalar', line: '"tools/call"\n', want: 'other' },
  { name: 'no members', line: '{}', want: 'other' },
  { name: 'a batch without calls', line: '[{"method":"ping"},1,"x"]', want: 'other' },
  { name: 'an empty batch', line: '[]', want: 'other' },
  { name: 'U+2028 in a string', line: '{"method":"ping","x":"\u2028"}', want: 'other' },
  { name: 'a duplicate in what is no call', line: '{"method":"p","a":1,"a":2}', want: 'other' },
  {
    name: 'a cancellation',
    line: '{"method":"notifications/cancelled","params":{"requestId":"x"}}',
    want: { cancel: '"x"' },
  },
  {
    name: 'a request about a task',
    line: '{"id":7,"method":"tasks\\/result","params":{"taskId":"\\u0074"}}',
    want: { method: 'tasks/result', id: '7', taskId: 't' },
  },
  ...[
    '{"id":7,"method":"tasks/list","params":{"taskId":"t"}}',
    '{"id":7,"method":"tasks/get","params":{"taskId":1}}',
    '{"method":"tasks/get","params":{"taskId":"t"}}',
    '{"id":7,"method":"tasks/get"}',
  ].map((text) => ({ name: `nothing about a task: ${text}`, line: text, want: 'other' })),
  {
    name: 'a call that wants a task',
    line: withParams('{"name":"a","task":{"ttl":1}}'),
    want: { call: 'a', id: '1', wantsTask: true },
  },
  {
    name: 'what the client says of itself',
    line: '{"id":0,"m\\u0065thod":"initialize","params":{"capabilities":{}}}',
    want: { method: 'initialize', id: '0', cursor: undefined },
  },
  {
    name: 'an answer in our space [X.own-ids]',
    line: '{"id":"\\u006fbsigna:x:1","result":{"a":1}}',
    want: { ids: ['obsigna:x:1'], result: '{"a":1}', isAmbiguous: false },
  },
  {
    name: 'an answer in our space, and in another',
    line: '{"id":1,"id":"obsigna:x:1","result":{}}',
    want: { ids: ['obsigna:x:1'], result: '{}', isAmbiguous: true },
  },
  {
    name: 'an answer to the server',
    line: '{"id":" obsigna:1","result":{}}',
    want: { reply: '" obsigna:1"', result: '{}', error: undefined },
  },
  { name: 'no answer without an id', line: '{"result":"obsigna:1"}', want: 'other' },
  {
    name: 'a cancellation of nothing',
    line: '{"method":"notifications/cancelled","params":[]}',
    want: 'other',
  },
  { name: 'a call', line: CALL, want: A_CALL },
  { name: 'a call with CRLF', line: `${CALL}\r\n`, want: A_CALL },
  { name: 'a call after white space', line: `\t ${CALL} \n`, want: A_CALL },
  {
    name: 'a call inside an answer',
    line: `{"result":{},${CALL.slice(1)}`,
    want: A_CALL,
  },
  { name: 'a call of no version', line: withId('1'), want: { call: 'a', id: '1' } },
  {
    name: 'a call without id [P3.missing-id]',
    line: '{"method":"tools/call","params":{"name":"a"}}',
    want: { call: 'a', id: undefined },
  },
  {
    name: 'a call with a null id [P3.null-id]',
    line: withId('null'),
    want: { call: 'a', id: 'null' },
  },
  { name: 'an id as it was written', line: withId('1e2'), want: { call: 'a', id: '1e2' } },
  { name: 'a negative id', line: withId('-7'), want: { call: 'a', id: '-7' } },
  {
    name: 'null arguments',
    line: withParams('{"name":"a","arguments":null}'),
    want: { call: 'a', id: '1' },
  },
  {
    name: 'escaped names [P3.escaped-names]',
    line: '{"\\u0069d":1,"m\\u0065thod":"tools\\/c\\u0061ll","p\\u0061rams":{"n\\u0061me":"\\u0061"}}',
    want: { call: 'a', id: '1' },
  },
  {
    name: "a host's id of the tool use",
    line: withParams('{"name":"a","_meta":{"claudecode/toolUseId":"toolu_1"}}'),
    want: { call: 'a', id: '1', toolUseId: 'toolu_1' },
  },
  {
    name: "a host's id that is no string",
    line: withParams('{"name":"a","_meta":{"claudecode/toolUseId":1}}'),
    want: { call: 'a', id: '1' },
  },
  {
    name: 'member names of the prototype',
    line: withParams('{"name":"__proto__","arguments":{"__proto__":{"constructor":1}}}'),
    want: { call: '__proto__', id: '1', arguments: '{"__proto__":{"constructor":1}}' },
  },
  {
    name: 'a batch, member by member [P3.batch]',
    line: `[{"method":"ping"},${CALL},[${CALL}],7,{"method":"TOOLS/CALL"}]\n`,
    want: {
      batch: [
        'other',
        A_CALL,
        { refuse: 'an array inside a batch', rpcCode: -32600, id: undefined },
        'other',
        { refuse: 'method is spelled "TOOLS/CALL"', rpcCode: -32600, id: undefined },
      ],
    },
  },
]) {
  test(`inspectClientLine() reads ${name}`, () => {
    expect(inspect(line)).toEqual(want);
  });
}

const MAX_REASON = 200;
const NUMBER = `1${'0'.repeat(400)}`;
for (const { name, line, reason, rpcCode, id } of [
  // -32700: nobody can say what it is
  { name: 'no JSON', line: 'tools/call', reason: /^not JSON/, rpcCode: -32700 },
  { name: 'half a message', line: '{"id":1,', reason: /^not JSON/, rpcCode: -32700 },
  { name: 'two messages', line: `{}${CALL}`, reason: /^not JSON/, rpcCode: -32700 },
  { name: 'a byte order mark', line: `\ufeff${CALL}`, reason: /^not JSON/, rpcCode: -32700 },
  { name: 'a form feed', line: `\f${CALL}`, reason: /^not JSON/, rpcCode: -32700 },
  { name: 'a batch that does not end', line: `[${CALL}`, reason: /^not JSON/, rpcCode: -32700 },
  {
    name: 'a lone CR',
    line: `{"id":"7",\r"method":"ping"}`,
    reason: /carriage return/,
    rpcCode: -32700,
    id: '"7"',
  },
  { name: 'two CR', line: `${CALL}\r\r\n`, reason: /carriage return/, rpcCode: -32700, id: '1' },
  {
    name: 'bytes that are not UTF-8',
    line: Buffer.from(CALL.replace('"a"', '"\xff"'), 'latin1'),
    reason: /not UTF-8/,
    rpcCode: -32700,
    id: '1',
  },
  {
    name: 'an id that is not UTF-8',
    line: Buffer.from(withId('"\xff"'), 'latin1'),
    reason: /not UTF-8/,
    rpcCode: -32700,
  },
  {
    name: 'huge nesting [P3.nesting]',
    line: withParams(`{"name":"a","arguments":{"x":${'['.repeat(10_001)}${']'.repeat(10_001)}}}`),
    reason: /deeper than 10000/,
    rpcCode: -32700,
  },
  // -32600: JSON, but not one request
  {
    name: 'two methods [P3.duplicate-keys]',
    line: '{"id":1,"method":"ping","m\\u0065thod":"tools/call"}',
    reason: /^member "method" stands twice$/,
    rpcCode: -32600,
    id: '1',
  },
  ...['Method', 'METHOD', 'method\\u0000', 'method\\u200b', ' method', '\uff4dethod'].map(
    (spelled) => ({
      name: `a member ${spelled}`,
      line: `{"id":1,"${spelled}":"tools/call","params":{"name":"a"}}`,
      reason: /^member .* looks like method$/,
      rpcCode: -32600,
      id: '1',
    }),
  ),
  {
    name: 'a member that sets the prototype',
    line: '{"id":1,"__proto__":{"method":"tools/call","params":{"name":"a"}}}',
    reason: /^member "__proto__" can stand for any other$/,
    rpcCode: -32600,
    id: '1',
  },
  {
    name: 'params with another prototype',
    line: withParams('{"name":"a","__proto__":{"arguments":{"x":1}}}'),
    reason: /^member "__proto__" can stand for any other$/,
    rpcCode: -32602,
    id: '1',
  },
  {
    name: 'a member with a long s',
    line: '{"id":1,"method":"tools/call","param\u017f":{}}',
    reason: /looks like params$/,
    rpcCode: -32600,
    id: '1',
  },
  ...['1', 'null', '["tools/call"]', '{}'].map((method) => ({
    name: `a method ${method}`,
    line: withMethod(method),
    reason: /^method is not a string$/,
    rpcCode: -32600,
    id: '1',
  })),
  ...[
    '"Tools/Call"',
    '"tools/call "',
    '"tools/call\\u0000"',
    '"tools/call\\u0000/list"',
    '"\\u0000tools/call"',
    '"tools/ca\\u200bll"',
    '"tools/call\\ud800"',
    '"tool\u017f/call"',
    '"\uff54\uff4f\uff4f\uff4c\uff53\uff0f\uff43\uff41\uff4c\uff4c"',
  ].map((method) => ({
    name: `a method ${method}`,
    line: withMethod(method),
    reason: /^method is spelled "/,
    rpcCode: -32600,
    id: '1',
  })),
  ...['true', '{}', '[1]'].map((written) => ({
    name: `an id ${written}`,
    line: withId(written),
    reason: /^the id is not/,
    rpcCode: -32600,
  })),
  {
    name: 'two ids',
    line: '{"id":1,"id":2,"method":"tools/call","params":{"name":"a"}}',
    reason: /^member "id" stands twice$/,
    rpcCode: -32600,
  },
  ...[
    '{"name":"safe","n\\u0061me":"evil"}',
    '{"name":"a","arguments":{},"arguments":{"x":1}}',
    '{"name":"a","arguments":{"x":[{"y":1,"y":2}]}}',
    '{"name":"a","_meta":{"t":1,"t":2}}',
  ].map((params) => ({
    name: `${params} [P3.duplicate-keys]`,
    line: withParams(params),
    reason: /stands twice$/,
    rpcCode: -32600,
    id: '1',
  })),
  // -32602: a call without one meaning
  ...['[]', '"a"', 'null', '1'].map((params) => ({
    name: `params ${params}`,
    line: withParams(params),
    reason: /^params is not an object$/,
    rpcCode: -32602,
    id: '1',
  })),
  {
    name: 'no params',
    line: '{"id":1,"method":"tools/call"}',
    reason: /^params is not an object$/,
    rpcCode: -32602,
    id: '1',
  },
  ...['{}', '{"name":1}', '{"name":null}', '{"name":["a"]}'].map((params) => ({
    name: `a call of ${params}`,
    line: withParams(params),
    reason: /^params.name is not a string$/,
    rpcCode: -32602,
    id: '1',
  })),
  {
    name: 'a tool name that ends early in C',
    line: withParams('{"name":"delete_all\\u0000harmless"}'),
    reason: /^params.name contains NUL$/,
    rpcCode: -32602,
    id: '1',
  },
  ...['Name', 'ARGUMENTS', 'name\\u0000'].map((spelled) => ({
    name: `a member ${spelled} of params`,
    line: withParams(`{"name":"a","${spelled}":"b"}`),
    reason: /looks like (name|arguments)$/,
    rpcCode: -32602,
    id: '1',
  })),
  ...['[]', '"{}"', '1', 'true'].map((given) => ({
    name: `arguments ${given} [P3.non-object-arguments]`,
    line: withParams(`{"name":"a","arguments":${given}}`),
    reason: /^params.arguments is not an object$/,
    rpcCode: -32602,
    id: '1',
  })),
  ...['1e400', '-1e400', NUMBER].map((number) => ({
    name: `a number ${number.slice(0, 8)}`,
    line: withParams(`{"name":"a","arguments":{"x":${number}}}`),
    reason: /^number .* is out of range$/,
    rpcCode: -32602,
    id: '1',
  })),
]) {
  test(`inspectClientLine() refuses ${name}`, () => {
    const inspection = inspectClientLine(Buffer.from(line as string));
    expect(shown(inspection)).toMatchObject({ refuse: expect.stringMatching(reason), rpcCode, id });
    expect(JSON.stringify(shown(inspection)).length).toBeLessThan(MAX_REASON);
  });
}

test('inspectClientLine() keeps a reason short for a name of a megabyte', () => {
  const method = 'TOOLS/CALL'.padEnd(1_000_000, ' ');
  const inspection = inspectClientLine(Buffer.from(withMethod(JSON.stringify(method))));
  expect(inspection).toMatchObject({ kind: 'refuse', rpcCode: -32600 });
  expect((inspection as { reason: string }).reason.length).toBeLessThan(MAX_REASON);
});

test('inspectClientLine() names the tool of a refused call where it can', () => {
  const line = withParams('{"name":"delete_all","arguments":[]}');
  expect(inspect(line)).toMatchObject({ toolName: 'delete_all', id: '1' });
});

test('inspectClientLine() looks into a call at the deepest level that is allowed', () => {
  const deep = (levels: number) =>
    withParams(`{"name":"a","arguments":{"x":${'['.repeat(levels)}${']'.repeat(levels)}}}`);
  expect(inspectClientLine(Buffer.from(deep(9_997))).kind).toBe('call');
  expect(inspectClientLine(Buffer.from(deep(9_998))).kind).toBe('refuse');
});
