import { describe, expect, test } from 'vitest';
import { at, draftBody, type Draft } from '../../test/vectors/fixture.ts';
import type { JsonObject, JsonValue } from '../json/value.ts';
import { parseJson } from '../json/text.ts';
import { hashedText, signedText } from './hash.ts';

function body(path: string, members: { [name: string]: JsonValue }): JsonObject {
  const draft = draftBody(1, null);
  Object.assign(at(draft, path), members);
  return draft;
}
const PLAIN = draftBody(1, null);

describe('signedText()', () => {
  test('leaves out the proof and nothing else', () => {
    expect(signedText({ ...PLAIN, proof: { type: 'x' } })).toBe(signedText(PLAIN));
    expect(signedText({ ...PLAIN, extra: 1 })).not.toBe(signedText(PLAIN));
    const inner = body('issuer', { proof: 1 });
    expect(signedText(inner)).toContain('"proof":1');
  });

  test('keeps null members: what was signed is what stands there', () => {
    expect(signedText(body('issuer', { name: null }))).toContain('"name":null');
  });

  test('covers a member called __proto__', () => {
    const value = parseJson('{"__proto__":{"a":1},"proof":{}}') as JsonObject;
    expect(signedText(value)).toBe('{"__proto__":{"a":1}}');
    expect(hashedText(parseJson('{"__proto__":{"a":1,"b":null}}') as JsonObject)).toBe(
      '{"__proto__":{"a":1}}',
    );
  });
});

describe('hashedText()', () => {
  for (const { name, path, members } of [
    { name: 'at the top', path: '', members: { extra: null } },
    { name: 'in the issuer', path: 'issuer', members: { name: null } },
    {
      name: 'deep inside',
      path: 'credentialSubject.action',
      members: { target: null, idempotency_key: null },
    },
  ]) {
    test(`drops null members ${name}`, () => {
      expect(hashedText(body(path, members))).toBe(signedText(PLAIN));
    });
  }

  test('keeps previous_receipt_hash, which is null in every first receipt', () => {
    expect(hashedText(PLAIN)).toBe(signedText(PLAIN));
    expect(hashedText(PLAIN)).toContain('"previous_receipt_hash":null');
  });

  test('keeps issuer.runtime as it is, nulls and all', () => {
    const runtime = { usage: { cached: null, deep: { x: null } } };
    const draft = body('issuer', { runtime, name: null });
    expect(hashedText(draft)).toContain('"runtime":{"usage":{"cached":null,"deep":{"x":null}}}');
    expect(hashedText(draft)).not.toContain('"name"');
  });

  test('keeps null elements of arrays and texts that look like a null member', () => {
    const draft = body('credentialSubject', { later: [null, 1], error: 'x":null' });
    expect(hashedText(draft)).toBe(signedText(draft));
  });

  test('takes a text the caller has for what it is', () => {
    const draft: Draft = { b: 1, a: null };
    expect(hashedText(draft, '{"a":null,"b":1}')).toBe('{"b":1}');
    expect(hashedText(draft, '{"known":1}')).toBe('{"known":1}');
  });
});
