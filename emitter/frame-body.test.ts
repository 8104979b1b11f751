import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import { canonicalize } from '../shared/json/canonical.ts';
import type { JsonValue } from '../shared/json/value.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import { parseFrame } from '../shared/wire/parse-frame.ts';
import { MAX_FRAME_BYTES } from '../shared/wire/frame.ts';
import { checkIdentity, frameBody, PREFIX_RESERVE } from './frame-body.ts';
import { jsonText, type ActionReport } from './report.ts';

const IDENTITY = { sessionId: 's' };
const REPORT: ActionReport = {
  channel: 'mcp',
  tool: { name: 't', server: 'x' },
  decision: 'allowed',
};
const NOW = new Date('2026-11-20T12:00:00.123Z');
const bodyOf = (report: Partial<ActionReport>) =>
  frameBody(IDENTITY, { ...REPORT, ...report }, 7, NOW);

/** What a daemon makes of the body with the longest prefix that can stand in front of it. */
function readBack(report: Partial<ActionReport>): EventFrame {
  const prefix = '{"redelivered":true,"drop_count":9007199254740991,';
  const body = Buffer.concat([Buffer.from(prefix), bodyOf(report)]);
  expect(body.length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  const frame = parseFrame(body);
  if (frame.kind !== 'event') throw new Error('not an event');
  return frame;
}

test('frameBody() writes a frame of the protocol, payloads as they are', () => {
  const input = Buffer.from('{"b":1.0, "a":[ ]}');
  const frame = readBack({
    input,
    error: 'e',
    idempotencyKey: 'i',
    correlationId: 'c',
    decisionContext: { rule: 'r' },
  });
  expect(frame).toMatchObject({
    sessionId: 's',
    channel: 'mcp',
    toolName: 't',
    toolServer: 'x',
    decision: 'allowed',
    error: 'e',
    idempotencyKey: 'i',
    correlationId: 'c',
    decisionContext: { rule: 'r' },
    ack: 7,
    dropCount: Number.MAX_SAFE_INTEGER,
    redelivered: true,
  });
  expect(Buffer.from(frame.input as Uint8Array).toString()).toBe(input.toString());
  expect(frame.output).toBeUndefined();
});

const big = (bytes: number) => jsonText('x'.repeat(bytes - 2));
const hashOf = (text: Uint8Array) =>
  hashUri(nodeSuite, canonicalize(JSON.parse(Buffer.from(text).toString()) as JsonValue));

test('payloads of every size around the limit are sent whole or by digest, never not at all [P1.oversize]', () => {
  for (let bytes = MAX_FRAME_BYTES - 600; bytes <= MAX_FRAME_BYTES + 10; bytes += 9) {
    const text = big(bytes);
    const { input, inputDigest } = readBack({ input: text });
    expect(input?.length ?? inputDigest?.bytes).toBe(bytes);
  }
  const text = big(MAX_FRAME_BYTES);
  expect(readBack({ input: text }).inputDigest).toEqual({ hash: hashOf(text), bytes: text.length });
});

for (const { name, sizes, whole } of [
  { name: 'a small input beside a huge output', sizes: [100, 5_000_000], whole: ['input'] },
  { name: 'a huge input beside a small output', sizes: [5_000_000, 100], whole: ['output'] },
  { name: 'two that fit alone and not together', sizes: [600_000, 700_000], whole: ['input'] },
  { name: 'two that fit together', sizes: [500_000, 500_000], whole: ['input', 'output'] },
  { name: 'two huge ones', sizes: [2_000_000, 2_000_000], whole: [] },
]) {
  test(`${name}: ${whole.join(' and ') || 'none'} in the frame`, () => {
    const [input = 0, output = 0] = sizes;
    const frame = readBack({ input: big(input), output: big(output) });
    const found = (['input', 'output'] as const).filter((member) => frame[member] !== undefined);
    expect(found).toEqual(whole);
    expect(frame.input?.length ?? frame.inputDigest?.bytes).toBe(input);
    expect(frame.output?.length ?? frame.outputDigest?.bytes).toBe(output);
  });
}

for (const { text, isError } of [
  { text: '{"isError":true,"x":"', isError: true },
  { text: '{"isError":false,"x":"', isError: undefined },
  { text: '{"isError":"true","x":"', isError: undefined },
  { text: '{"isError":true,"isError":false,"x":"', isError: undefined },
  { text: '{"nested":{"isError":true},"x":"', isError: undefined },
  { text: '[{"isError":true},"', isError: undefined },
]) {
  test(`the digest of ${text}…  says ${isError ? 'that it is an error' : 'nothing of an error'}`, () => {
    const end = text.startsWith('[') ? '"]' : '"}';
    const output = Buffer.from(text + 'y'.repeat(MAX_FRAME_BYTES) + end);
    expect(readBack({ output }).outputDigest).toEqual({
      hash: hashOf(output),
      bytes: output.length,
      ...(isError && { isError }),
    });
  });
}

for (const { name, input, code } of [
  { name: 'no JSON', input: 'x', code: 'JSON_INVALID' },
  { name: 'an empty text', input: '', code: 'JSON_INVALID' },
  { name: 'two values', input: '1 2', code: 'JSON_INVALID' },
  {
    name: 'a value that would forge members',
    input: '1,"decision":"denied"',
    code: 'JSON_INVALID',
  },
  { name: 'an unclosed string', input: '"a', code: 'JSON_INVALID' },
  { name: 'a huge text that is no JSON', input: 'x'.repeat(2_000_000), code: 'JSON_INVALID' },
  {
    name: 'a huge text with a number out of range',
    input: `[1e400${',1'.repeat(600_000)}]`,
    code: 'JSON_NUMBER_RANGE',
  },
]) {
  test(`frameBody() refuses ${name}`, () => {
    expect(() => bodyOf({ input: Buffer.from(input) })).toThrow(expect.objectContaining({ code }));
  });
}

for (const { name, report } of [
  { name: 'a tool name', report: { tool: { name: 'n'.repeat(MAX_FRAME_BYTES) } } },
  { name: 'a decision context', report: { decisionContext: { a: 'c'.repeat(MAX_FRAME_BYTES) } } },
  { name: 'a channel', report: { channel: '"'.repeat(MAX_FRAME_BYTES / 2) } },
]) {
  test(`frameBody() refuses ${name} that leaves no room for a frame`, () => {
    expect(() => bodyOf(report)).toThrow(expect.objectContaining({ code: 'FRAME_LENGTH_INVALID' }));
  });
}

test('frameBody() takes everything up to the limit', () => {
  const bare = bodyOf({ tool: { name: '' } }).length;
  const room = MAX_FRAME_BYTES - PREFIX_RESERVE - bare;
  expect(bodyOf({ tool: { name: 'n'.repeat(room) } })).toHaveLength(
    MAX_FRAME_BYTES - PREFIX_RESERVE,
  );
  expect(() => bodyOf({ tool: { name: 'n'.repeat(room + 1) } })).toThrow(/limit 1048576/);
});

test('ids of more than 256 bytes are replaced by their hash, never cut into another id', () => {
  for (const [text, want] of [
    ['é'.repeat(128), 'é'.repeat(128)],
    ['é'.repeat(129), hashUri(nodeSuite, 'é'.repeat(129))],
  ] as const) {
    const frame = readBack({ idempotencyKey: text, correlationId: text });
    expect([frame.idempotencyKey, frame.correlationId]).toEqual([want, want]);
  }
});

test('an error text of megabytes is cut, and says so', () => {
  const { error } = readBack({ error: '\u0001'.repeat(3_000_000), input: big(900_000) });
  expect(error).toMatch(/ \[error truncated, 3000000 bytes in all\]$/);
});

test('frameBody() is read back as it was reported, whatever it was', () => {
  const json = fc.json({ maxDepth: 4 });
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(json, json, text, text, text, (input, output, name, error, id) => {
      const frame = readBack({
        tool: { name: `t${name}` },
        input: Buffer.from(input),
        output: Buffer.from(output),
        error,
        correlationId: id,
      });
      expect(frame.toolName).toBe(`t${name}`.toWellFormed());
      expect(frame.error ?? '').toBe(error.toWellFormed());
      expect(frame.correlationId ?? '').toBe(id.toWellFormed());
      const shown = (payload?: Uint8Array) => Buffer.from(payload ?? 'null').toString();
      expect([shown(frame.input), shown(frame.output)]).toEqual([input, output]);
    }),
  );
});

for (const { name, identity } of [
  { name: 'an empty session', identity: { sessionId: '' } },
  { name: 'an operator name without id', identity: { sessionId: 's', operatorName: 'n' } },
  ...(['issuerName', 'issuerModel', 'operatorId', 'operatorName'] as const).map((member) => ({
    name: `a long ${member}`,
    identity: { sessionId: 's', operatorId: 'o', [member]: 'é'.repeat(129) },
  })),
]) {
  test(`checkIdentity() refuses ${name}`, () => {
    expect(() => checkIdentity(identity)).toThrow(
      expect.objectContaining({ code: 'FRAME_INVALID' }),
    );
  });
}
