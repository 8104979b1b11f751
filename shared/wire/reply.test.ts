import { describe, expect, test } from 'vitest';
import { CodedError } from '../errors.ts';
import { parseReply, refusal } from './reply.ts';

describe('refusal()', () => {
  test('tells code, text and remedy of a coded error', () => {
    const error = new CodedError('FRAME_INVALID', 'invalid emitter frame: missing v');
    expect(refusal(7, error)).toEqual({
      ack: 7,
      ok: false,
      code: 'FRAME_INVALID',
      error: 'invalid emitter frame: missing v',
      remedy: error.remedy,
    });
  });

  test('keeps every other error to itself', () => {
    const reply = refusal(7, new Error('SQLITE_FULL at /home/alice/receipts.db'));
    expect(reply).toMatchObject({ ack: 7, ok: false, code: 'INTERNAL' });
    expect(JSON.stringify(reply)).not.toContain('alice');
  });
});

describe('parseReply()', () => {
  for (const text of [
    '{"ack":1,"ok":true,"chain_id":"c","sequence":3,"receipt_hash":"sha256:00"}',
    '{"ack":1,"ok":false,"code":"FRAME_INVALID","error":"e","remedy":"r"}',
    '{"ack":0,"ok":true,"member_of_a_later_version":{}}',
  ]) {
    test(`reads ${text}`, () => expect(parseReply(text)).toEqual(JSON.parse(text)));
  }

  for (const text of [
    'null',
    '[]',
    '1',
    '{}',
    '{"ack":1}',
    '{"ok":true}',
    '{"ack":"1","ok":true}',
    '{"ack":1.5,"ok":true}',
    '{"ack":1,"ok":"true"}',
    '{"ack":null,"ok":false}',
  ]) {
    test(`refuses ${text}`, () => {
      expect(() => parseReply(text)).toThrow(expect.objectContaining({ code: 'FRAME_INVALID' }));
    });
  }
});
