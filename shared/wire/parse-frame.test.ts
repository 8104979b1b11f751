import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { foldName } from './event-members.ts';
import type { EventFrame } from './event.ts';
import { parseFrame } from './parse-frame.ts';

const MINIMAL = {
  v: '1',
  ts_emit: '2026-06-15T12:00:00.123Z',
  session_id: 's',
  channel: 'mcp',
  tool: { name: 't' },
  decision: 'allowed',
};
const DIGEST = { hash: `sha256:${'0'.repeat(64)}`, bytes: 5 };

type Members = Record<string, unknown>;
function frame(members: Members): Buffer {
  return Buffer.from(JSON.stringify({ ...MINIMAL, ...members }));
}

/** What `parseFrame` makes of a frame, payload bytes shown as text. */
function read(body: Buffer): Members {
  const shown = Object.entries(parseFrame(body)).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  ]);
  return Object.fromEntries(shown) as Members;
}

function refusalOf(body: Buffer): { message: string; ack: number | undefined } {
  try {
    parseFrame(body);
  } catch (error) {
    expect(error).toMatchObject({ code: 'FRAME_INVALID' });
    return error as { message: string; ack: number | undefined };
  }
  throw new Error('the frame was accepted');
}

const ABSENT: Members = {
  kind: 'event',
  sessionId: 's',
  emittedAt: '2026-06-15T12:00:00.123Z',
  channel: 'mcp',
  toolName: 't',
  decision: 'allowed',
  dropCount: 0,
};

describe('[P5.frames-foreign] parseFrame() reads every member', () => {
  test('and nothing else from the smallest frame', () => {
    expect(read(frame({}))).toEqual(ABSENT);
  });

  for (const { members, want } of [
    {
      members: { tool: { name: 'n', server: 'srv', other: 1 } },
      want: { toolName: 'n', toolServer: 'srv' },
    },
    { members: { action_type: 'a.b' }, want: { actionType: 'a.b' } },
    {
      members: { phase: 'intent', call_id: '7', patient: true },
      want: { phase: 'intent', callId: '7', patient: true },
    },
    { members: { input: { b: 1, a: [2] } }, want: { input: '{"b":1,"a":[2]}' } },
    { members: { input: '' }, want: { input: '""' } },
    { members: { output: false }, want: { output: 'false' } },
    { members: { usage: { tokens: 3 } }, want: { usage: '{"tokens":3}' } },
    { members: { error: 'e' }, want: { error: 'e' } },
    { members: { decision: 'denied' }, want: { decision: 'denied' } },
    { members: { decision: 'pending' }, want: { decision: 'pending' } },
    { members: { drop_count: 7 }, want: { dropCount: 7 } },
    {
      members: { issuer_name: 'n', issuer_model: 'm' },
      want: { issuerName: 'n', issuerModel: 'm' },
    },
    {
      members: { operator_id: 'o', operator_name: 'n' },
      want: { operatorId: 'o', operatorName: 'n' },
    },
    {
      members: { idempotency_key: 'i', correlation_id: 'c' },
      want: { idempotencyKey: 'i', correlationId: 'c' },
    },
    { members: { agent_id: 'a', agent_type: 'x' }, want: { agentId: 'a', agentType: 'x' } },
    {
      members: { model: 'm', capture_method: 'transcript' },
      want: { model: 'm', captureMethod: 'transcript' },
    },
    {
      members: { target_system: 's', target_resource: 'r' },
      want: { targetSystem: 's', targetResource: 'r' },
    },
    { members: { prompt_preview: 'p', later: { version: 1 } }, want: {} },
    { members: { ack: 5 }, want: { ack: 5 } },
    { members: { decision_context: { rule: 'r' } }, want: { decisionContext: { rule: 'r' } } },
    { members: { input_digest: DIGEST, input: null }, want: { inputDigest: DIGEST } },
    { members: { output_digest: DIGEST, input: 1 }, want: { outputDigest: DIGEST, input: '1' } },
  ] satisfies { members: Members; want: Members }[]) {
    test(`from ${JSON.stringify(members)}`, () =>
      expect(read(frame(members))).toEqual({ ...ABSENT, ...want }));
  }

  const OPTIONAL = [
    'action_type',
    'error',
    'issuer_name',
    'issuer_model',
    'operator_id',
    'operator_name',
    'idempotency_key',
    'correlation_id',
    'agent_id',
    'agent_type',
    'model',
    'capture_method',
    'target_system',
    'target_resource',
    'prompt_preview',
  ];
  test.each(OPTIONAL)('%s: null and the empty text are as good as absent', (name) => {
    expect(read(frame({ [name]: null }))).toEqual(ABSENT);
    expect(read(frame({ [name]: '' }))).toEqual(ABSENT);
  });

  test.each(['input', 'output', 'usage', 'drop_count', 'ack', 'decision_context', 'input_digest'])(
    '%s: null is as good as absent',
    (name) => expect(read(frame({ [name]: null }))).toEqual(ABSENT),
  );

  test('a hello is told apart from an event', () => {
    const hello = { emitter: 'x', extensions: ['ack'] };
    expect(parseFrame(Buffer.from(JSON.stringify({ hello, ack: 3 })))).toEqual({
      kind: 'hello',
      hello,
      ack: 3,
    });
    expect(parseFrame(Buffer.from('{"hello":{}}'))).toEqual({ kind: 'hello', hello: {} });
    const again = parseFrame(Buffer.from('{"hello":{"session_id":"s"}}'));
    expect(again).toMatchObject({ kind: 'hello', sessionId: 's' });
  });
});

// One row per text; the frame of each row also breaks a rule further down, which must stay unsaid.
const LONG = 'x'.repeat(257);
const PRECEDENCE: readonly (readonly [text: string, broken: Members])[] = [
  ['missing v', { v: '' }],
  ['unsupported frame version "2" (this daemon accepts "1")', { v: '2' }],
  ['missing session_id', { session_id: '' }],
  ['missing ts_emit', { ts_emit: '' }],
  ['ts_emit "yesterday" is not RFC3339/RFC3339Nano', { ts_emit: 'yesterday' }],
  ['missing channel', { channel: null }],
  ['missing tool.name', { tool: { server: 's' } }],
  ['missing decision', { decision: '' }],
  ['unknown decision "Allowed" (want allowed|denied|pending)', { decision: 'Allowed' }],
  ['drop_count -1 is negative', { drop_count: -1 }],
  ['issuer_name exceeds 256 bytes (got 257)', { issuer_name: LONG }],
  ['issuer_model exceeds 256 bytes (got 257)', { issuer_model: LONG }],
  ['operator_id exceeds 256 bytes (got 257)', { operator_id: LONG }],
  ['operator_name exceeds 256 bytes (got 257)', { operator_name: LONG }],
  ['operator_name set without operator_id', { operator_name: 'n' }],
  ['idempotency_key exceeds 256 bytes (got 257)', { idempotency_key: LONG }],
  ['correlation_id exceeds 256 bytes (got 257)', { correlation_id: LONG }],
  ['agent_id exceeds 256 bytes (got 257)', { agent_id: LONG }],
  ["agent_id must not contain '/' or null bytes", { agent_id: 'a/b' }],
  ['agent_type exceeds 256 bytes (got 257)', { agent_type: LONG }],
  ['model exceeds 256 bytes (got 257)', { model: LONG }],
  ['capture_method exceeds 256 bytes (got 257)', { capture_method: LONG }],
  ['target_system exceeds 256 bytes (got 257)', { target_system: LONG }],
  ['target_resource exceeds 4096 bytes (got 4097)', { target_resource: 'x'.repeat(4097) }],
  ['target_system and target_resource must both be set or both absent', { target_system: 's' }],
  [
    'input_digest.hash is not sha256: and 64 hex digits',
    { input_digest: { hash: 'sha256:0', bytes: 1 } },
  ],
  ['input_digest.bytes is not a whole number', { input_digest: { ...DIGEST, bytes: 1.5 } }],
  ['input and input_digest exclude each other', { input: 1, input_digest: DIGEST }],
  ['output_digest.bytes is not a whole number', { output_digest: { ...DIGEST, bytes: -1 } }],
];

for (const [text, broken] of [
  ['unknown phase "begin" (want intent|outcome)', { phase: 'begin', call_id: '1' }],
  ['phase set without call_id', { phase: 'intent' }],
  ['call_id exceeds 128 bytes (got 129)', { call_id: 'c'.repeat(129) }],
  ['an intent has neither output nor error', { phase: 'intent', call_id: '1', output: {} }],
  ['an intent has neither output nor error', { phase: 'intent', call_id: '1', error: 'e' }],
] as const) {
  test(`[P8.frame-reason] parseFrame() refuses: ${text} ${Object.keys(broken).join()}`, () => {
    expect(refusalOf(frame(broken)).message).toBe(`invalid emitter frame: ${text}`);
  });
}

describe('[P8.frame-reason] parseFrame() says what is wrong, first things first', () => {
  for (const [i, [text, broken]] of PRECEDENCE.entries()) {
    test(`first: ${text}`, () => {
      expect(refusalOf(frame(broken)).message).toBe(`invalid emitter frame: ${text}`);
      // Everything that is judged later is broken as well, where one frame can hold both.
      const later = PRECEDENCE.slice(i + 1).map(([, members]) => members);
      const everything = later.reduceRight<Members>((all, members) => ({ ...all, ...members }), {});
      const message = refusalOf(frame({ ...everything, ...broken })).message;
      expect(message).toBe(`invalid emitter frame: ${text}`);
    });
  }

  test.each([
    [{ target_resource: 'r' }, 'target_system and target_resource must both be set or both absent'],
    [{ agent_id: 'a\0' }, "agent_id must not contain '/' or null bytes"],
    [{ issuer_name: 'é'.repeat(129) }, 'issuer_name exceeds 256 bytes (got 258)'],
  ])('%j', (members, text) => {
    expect(refusalOf(frame(members)).message).toBe(`invalid emitter frame: ${text}`);
  });

  test('limits count bytes and let exactly their number pass', () => {
    expect(read(frame({ issuer_name: 'é'.repeat(128) }))).toMatchObject({
      issuerName: 'é'.repeat(128),
    });
    const resource = 'x'.repeat(4096);
    expect(read(frame({ target_system: 's', target_resource: resource }))).toMatchObject({
      targetResource: resource,
    });
  });

  test.each(['v', 'decision', 'ts_emit'])('%s: what it quotes is one short line', (name) => {
    const { message } = refusalOf(
      frame({ [name]: `x\n2026/06/15 forged log line${'"'.repeat(500_000)}` }),
    );
    expect(message).not.toMatch(/[\n\r]/);
    expect(message.length).toBeLessThan(400);
  });
});

describe('[P5.frames-foreign] parseFrame() decodes as Go does', () => {
  const base = JSON.stringify(MINIMAL).slice(1, -1);
  const raw = (text: string) => Buffer.from(text);

  for (const { name, text, want } of [
    {
      name: 'names in any case',
      text: base
        .toUpperCase()
        .replace('"T"', '"t"')
        .replace('"S"', '"s"')
        .replace('"MCP"', '"mcp"')
        .replace('"ALLOWED"', '"allowed"'),
      want: {},
    },
    {
      name: 'a long s for an s',
      text: `${base},"i\u017fsuer_name":"n"`,
      want: { issuerName: 'n' },
    },
    {
      name: 'a Kelvin sign for a k',
      text: `${base},"idempotency_\u212aey":"k"`,
      want: { idempotencyKey: 'k' },
    },
    { name: 'but no dotless i for an i', text: `${base},"\u0131ssuer_name":"n"`, want: {} },
    { name: 'an escaped name', text: `${base},"\\u0065rror":"e"`, want: { error: 'e' } },
    { name: 'the last duplicate', text: `${base},"channel":"sdk"`, want: { channel: 'sdk' } },
    {
      name: 'the last duplicate, whatever its case',
      text: `"CHANNEL":"a",${base},"Channel":"sdk"`,
      want: { channel: 'sdk' },
    },
    { name: 'a null after a text as nothing said', text: `${base},"channel":null`, want: {} },
    { name: 'a null after an input as no input', text: `${base},"input":1,"INPUT":null`, want: {} },
    {
      name: 'the parts of two tools as one',
      text: `${base},"tool":{"server":"srv"}`,
      want: { toolServer: 'srv' },
    },
    {
      name: 'names inside tool in any case',
      text: `${base},"tool":{"NAME":"n","\u017ferver":"srv"}`,
      want: { toolName: 'n', toolServer: 'srv' },
    },
    {
      name: 'the last name inside tool, in the order of the text',
      text: `${base},"tool":{"name":"a","Name":"b","name":"c"}`,
      want: { toolName: 'c' },
    },
    {
      name: 'null inside tool as nothing said',
      text: `${base},"tool":{"name":null,"server":null}`,
      want: {},
    },
    {
      name: 'a lone surrogate as U+FFFD',
      text: `${base},"error":"\\ud800"`,
      want: { error: '\ufffd' },
    },
    { name: 'minus zero', text: `${base},"drop_count":-0`, want: { dropCount: -0 } },
    {
      name: 'input as the bytes that came',
      text: `${base},"input": {"a": 1.50, "a":"\\u0041"} `,
      want: { input: '{"a": 1.50, "a":"\\u0041"}' },
    },
    { name: 'white space around', text: ` ${base} `, want: {} },
  ] satisfies { name: string; text: string; want: Members }[]) {
    test(`reads ${name}`, () => expect(read(raw(`{${text}}`))).toEqual({ ...ABSENT, ...want }));
  }

  test('reads invalid UTF-8 as one U+FFFD per byte', () => {
    const body = Buffer.concat([raw(`{${base},"error":"`), Buffer.from([0xe2, 0x82]), raw('"}')]);
    expect(read(body)).toEqual({ ...ABSENT, error: '\ufffd\ufffd' });
  });

  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '1',
    `{${base}}x`,
    `{${base}} {}`,
    `{${base},}`,
    `\ufeff{${base}}`,
  ]) {
    test(`refuses ${JSON.stringify(text.replace(base, '...'))}`, () => {
      expect(refusalOf(raw(text)).message).toMatch(/^decode emitter frame: /);
    });
  }

  for (const [member, text] of [
    ['"v":1', 'v is not a string'],
    ['"V":1', 'v is not a string'],
    ['"error":{}', 'error is not a string'],
    ['"prompt_preview":false', 'prompt_preview is not a string'],
    ['"tool":[]', 'tool is not an object'],
    ['"tool":"t"', 'tool is not an object'],
    ['"tool":{"name":1}', 'tool.name is not a string'],
    ['"tool":{"server":{}}', 'tool.server is not a string'],
    ['"tool":{"name":1,"name":"t"}', 'tool.name is not a string'],
    ['"drop_count":"1"', 'drop_count is not a whole number'],
    ['"drop_count":1.5', 'drop_count is not a whole number'],
    ['"drop_count":1.0', 'drop_count is not a whole number'],
    ['"drop_count":1e2', 'drop_count is not a whole number'],
    ['"drop_count":true', 'drop_count is not a whole number'],
    ['"ack":"1"', 'ack is not a whole number'],
    ['"hello":1', 'hello is not an object'],
    ['"decision_context":[]', 'decision_context is not an object'],
    ['"error":1,"error":"e"', 'error is not a string'],
  ] as const) {
    test(`refuses ${member}: a wrong type is wrong even if a right one follows`, () => {
      expect(refusalOf(raw(`{${base},${member}}`)).message).toBe(`decode emitter frame: ${text}`);
    });
  }

  test('refuses 10,001 levels and accepts 10,000', () => {
    const nested = (depth: number) =>
      raw(`{${base},"input":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    expect((parseFrame(nested(10_000)) as EventFrame).input?.length).toBe(2 * 9_999);
    expect(() => parseFrame(nested(10_001))).toThrow(
      expect.objectContaining({ code: 'JSON_TOO_DEEP' }),
    );
  });

  test('foldName() tells apart what Go tells apart', () => {
    expect(foldName('ts_Emit')).toBe(foldName('TS_EMIT'));
    expect(foldName('t\u017f_emit')).toBe(foldName('ts_emit'));
    expect(foldName('v\u0000')).not.toBe(foldName('v'));
    expect(foldName('\u00e9')).not.toBe(foldName('\u00c9')); // no known name has it; kept as it is
  });
});

describe('the number of a frame that asks survives', () => {
  const base = JSON.stringify(MINIMAL).slice(1, -1);
  for (const { name, text, ack } of [
    { name: 'a member that breaks a rule', text: `{${base},"v":"2","ack":9}`, ack: 9 },
    { name: 'a wrong type before it', text: `{${base},"v":1,"ack":9}`, ack: 9 },
    { name: 'a wrong type behind it', text: `{${base},"ack":9,"v":1}`, ack: 9 },
    { name: 'nothing asked', text: `{${base},"v":1}`, ack: undefined },
    { name: 'an ack that is itself wrong', text: `{${base},"ack":1.5}`, ack: undefined },
    { name: 'what is no JSON at all', text: `{"ack":9,`, ack: undefined },
  ]) {
    test(`with ${name}`, () => expect(refusalOf(Buffer.from(text)).ack).toBe(ack));
  }
});
