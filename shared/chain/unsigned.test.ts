import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainTexts } from '../../test/vectors/fixture.ts';
import { judge, signed } from '../../test/vectors/judge.ts';
import { parseReceipt } from '../receipt/parse.ts';
import { columnsOf, type ReceiptColumns } from './stored.ts';

const TEXTS = chainTexts([
  {},
  signed('issuer', { name: '<Claude & \u2028 Code>', runtime: { 10: 1, 9: 2 } }),
  {},
]);
const HASHES = TEXTS.map((_, i) => judge(TEXTS.slice(0, i + 1)).verdict.head?.receiptHash ?? '');

function columns(index: number, changes: Partial<ReceiptColumns> = {}): ReceiptColumns {
  const { receipt } = parseReceipt(TEXTS[index] ?? '');
  return { ...columnsOf(receipt, HASHES[index] ?? ''), ...changes };
}

/** The chain with the middle row replaced. */
function judgeMiddle(text: string, changes?: Partial<ReceiptColumns>) {
  const rows = TEXTS.map((it, i) => ({
    text: i === 1 ? text : it,
    columns: columns(i, i === 1 ? changes : {}),
  }));
  return judge(rows).verdict;
}

const MIDDLE = TEXTS[1] ?? '';

describe('[S.tamper] columns', () => {
  test('a row that says what its receipt says is fine', () => {
    expect(judgeMiddle(MIDDLE)).toMatchObject({ result: 'valid', length: 3 });
  });

  for (const [name, wrong, shown] of [
    ['id', 'urn:receipt:other', '"urn:receipt:other"'],
    ['chain_id', 'other', '"other"'],
    ['sequence', 7, '7'],
    ['action_type', 'unknown', '"unknown"'],
    ['tool_name', '', '""'],
    ['risk_level', 'low', '"low"'],
    ['status', 'failure', '"failure"'],
    ['timestamp', '2026-06-15T12:00:01Z', '"2026-06-15T12:00:01Z"'],
    ['issuer_id', 'did:x', '"did:x"'],
    ['principal_id', null, 'nothing'],
    ['receipt_hash', HASHES[0] ?? '', JSON.stringify(HASHES[0])],
    ['previous_receipt_hash', null, 'nothing'],
  ] as const) {
    test(`${name} that differs is told with both values`, () => {
      const verdict = judgeMiddle(MIDDLE, { [name]: wrong });
      const right = JSON.stringify(columns(1)[name]);
      expect(verdict).toMatchObject({ result: 'broken', brokenAt: 1 });
      expect(verdict.error).toBe(
        `column ${name} says ${shown}, the receipt says ${right} at index 1`,
      );
    });
  }

  test('the table above has every column', () => {
    expect(Object.keys(columns(1))).toHaveLength(12);
  });

  test('a receipt without tool_name has an empty column', () => {
    const [text = ''] = chainTexts([
      {
        edit: (body) =>
          delete (body as { credentialSubject: { action: { tool_name?: string } } })
            .credentialSubject.action.tool_name,
      },
    ]);
    expect(columnsOf(parseReceipt(text).receipt, '').tool_name).toBe('');
  });

  test('columnsOf() takes each value from its own member', () => {
    const { receipt } = parseReceipt(
      chainTexts([signed('credentialSubject.action', { timestamp: '2026-06-15T11:59:59Z' })])[0] ??
        '',
    );
    expect(columnsOf(receipt, 'sha256:00')).toEqual({
      id: 'urn:receipt:11111111-1111-4111-8111-000000000001',
      chain_id: 'fixture-chain',
      sequence: 1,
      action_type: 'mcp.github.create_issue',
      tool_name: 'create_issue',
      risk_level: 'medium',
      status: 'success',
      timestamp: '2026-06-15T11:59:59Z', // of the action, not of the issuance
      issuer_id: 'did:agent-receipts-daemon:local',
      principal_id: 'did:user:alice',
      receipt_hash: 'sha256:00',
      previous_receipt_hash: null,
    });
  });
});

describe('[S.tamper] a text in which a name stands twice', () => {
  for (const { name, text, duplicate } of [
    {
      name: 'at the top, before the member that counts',
      text: MIDDLE.replace('{', '{"version":"9.9.9",'),
      duplicate: 'version',
    },
    {
      name: 'deep inside',
      text: MIDDLE.replace('"outcome":{', '"outcome":{"status":"failure",'),
      duplicate: 'status',
    },
    {
      name: 'in the proof',
      text: MIDDLE.replace('"proof":{', '"proof":{"created":"2020-01-01T00:00:00Z",'),
      duplicate: 'created',
    },
    {
      name: 'a whole proof',
      text: MIDDLE.replace('"proof":', '"proof":{},"proof":'),
      duplicate: 'proof',
    },
    {
      name: 'spelled with an escape',
      text: MIDDLE.replace('"issuer":', '"\\u0069ssuer":{},"issuer":'),
      duplicate: 'issuer',
    },
    {
      name: 'with the same value',
      text: MIDDLE.replace('{', '{"version":"0.5.0",'),
      duplicate: 'version',
    },
    {
      name: 'inside issuer.runtime',
      text: MIDDLE.replace('"runtime":{', '"runtime":{"9":3,'),
      duplicate: '9',
    },
  ]) {
    test(`is found ${name}`, () => {
      expect(text).not.toBe(MIDDLE);
      expect(judgeMiddle(text)).toMatchObject({
        result: 'broken',
        brokenAt: 1,
        error: `member "${duplicate}" stands twice in one object at index 1`,
      });
    });
  }

  const escaped = MIDDLE.replace(
    /[<>&\u2028]/g,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  for (const { name, text } of [
    { name: 'compact text', text: MIDDLE },
    { name: 'text with the escapes that Go writes', text: escaped },
    { name: 'pretty-printed text', text: JSON.stringify(JSON.parse(MIDDLE), null, 2) },
    { name: 'a newline behind it', text: `${MIDDLE}\n` },
    {
      name: 'members in another order',
      text: JSON.stringify(
        Object.fromEntries(Object.entries(JSON.parse(MIDDLE) as object).toReversed()),
      ),
    },
    {
      name: 'integer-like names in another order than a decoder shows',
      text: MIDDLE.replace('{"9":2,"10":1}', '{"10":1,"9":2}'),
    },
    { name: 'a name in escapes', text: MIDDLE.replace('"version"', '"\\u0076ersion"') },
  ]) {
    test(`is not ${name}`, () => {
      expect(judgeMiddle(text)).toMatchObject({ result: 'valid', length: 3 });
    });
  }

  test('the texts above are different texts', () => {
    expect(escaped).toContain('\\u003cClaude \\u0026 \\u2028 Code\\u003e');
    expect(MIDDLE).toContain('{"9":2,"10":1}');
  });
});

test('a receipt whose runtime nests as deep as the limit allows is judged, not a fault', () => {
  for (const depth of [9_000, 9_995]) {
    const runtime = `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const text = MIDDLE.replace(/"runtime":\{[^}]*\}/, `"runtime":${runtime}`);
    expect(text.length).toBeGreaterThan(2 * depth);
    expect(judgeMiddle(text)).toMatchObject({ result: 'broken', brokenAt: 1, length: 3 });
  }
});

function decode(text: string): { proof?: { verificationMethod?: unknown } } | undefined {
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

test('[S.any-flip] a flipped bit that changes what a text says breaks the chain at that receipt', () => {
  fc.assert(
    fc.property(fc.nat(TEXTS.length - 1), fc.nat(), fc.nat(7), (index, place, bit) => {
      const original = TEXTS[index] ?? '';
      const bytes = new TextEncoder().encode(original);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const text = new TextDecoder().decode(bytes);
      const [before, after] = [decode(original), decode(text)];
      fc.pre(JSON.stringify(before) !== JSON.stringify(after));
      const { verdict } = judge(TEXTS.map((it, i) => ({ text: i === index ? text : it })));
      // No signature covers the first verificationMethod and nothing says what it should be: the
      // others are held against it, so a change of it shows at the next receipt.
      const method = after?.proof?.verificationMethod;
      const isFirst = index === 0 && typeof method === 'string';
      const isMethod = isFirst && method !== before?.proof?.verificationMethod;
      expect(verdict).toMatchObject({ result: 'broken', brokenAt: isMethod ? 1 : index });
    }),
    { numRuns: 3_000 },
  );
});
