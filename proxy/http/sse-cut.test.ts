import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageEvent, SseCutter, withData, type SseEvent } from './sse-cut.ts';

function cut(chunks: readonly Buffer[], maxBytes = 1000) {
  const cutter = new SseCutter(maxBytes);
  const events: SseEvent[] = [];
  const tooLong: number[] = [];
  const handler = {
    event: (event: SseEvent) => void events.push(event),
    tooLong: (bytes: number) => void tooLong.push(bytes),
  };
  for (const chunk of chunks) cutter.push(chunk, handler);
  return { events, tooLong, isMidEvent: cutter.isMidEvent, rest: cutter.end() };
}

const read = (text: string) =>
  cut([Buffer.from(text)]).events.map(({ type, id, data }) => [type, id, data?.toString()]);

for (const { name, text, want } of [
  { name: 'one event', text: 'data: {}\n\n', want: [['message', undefined, '{}']] },
  { name: 'CRLF', text: 'event: x\r\ndata:1\r\n\r\n', want: [['x', undefined, '1']] },
  { name: 'CR', text: 'id: 7\rdata: 1\r\r', want: [['message', '7', '1']] },
  {
    name: 'several data lines',
    text: 'data: a\ndata:  b\n\n',
    want: [['message', undefined, 'a\n b']],
  },
  { name: 'a priming event', text: 'id: 7\nretry: 5\ndata:\n\n', want: [['message', '7', '']] },
  { name: 'a comment', text: ': ping\n\n', want: [['message', undefined, undefined]] },
  { name: 'fields without a value', text: 'data\nid\n\n', want: [['message', '', '']] },
  { name: 'an id with NUL', text: 'id: a\0\ndata: 1\n\n', want: [['message', undefined, '1']] },
  { name: 'a byte order mark', text: '\ufeffdata: 1\n\n', want: [['message', undefined, '1']] },
  { name: 'an event that does not end', text: 'data: 1\n', want: [] },
]) {
  test(`SseCutter.push() reads ${name}`, () => {
    expect(read(text)).toEqual(want);
  });
}

describe('SseCutter.push()', () => {
  const line = fc.constantFrom(
    'data: {"a":1}',
    'id: 3',
    ': c',
    'event: endpoint',
    'retry: 10',
    'x',
  );
  const end = fc.constantFrom('\n', '\r\n', '\r');
  const stream = fc
    .array(fc.tuple(fc.array(line), end), { maxLength: 6 })
    .map((events) => events.map(([lines, eol]) => `${lines.join(eol)}${eol}${eol}`).join(''));

  test('gives the same events and every byte, however the stream is cut', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 7 }), (text, size) => {
        const bytes = Buffer.from(text);
        const whole = cut([bytes]);
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        const parts = cut(chunks);
        const shown = ({ events }: typeof whole) =>
          events.flatMap(({ type, id, data }) =>
            type === 'message' && id === undefined && data === undefined
              ? []
              : [[type, id, data?.toString()]],
          );
        expect(shown(parts)).toEqual(shown(whole));
        const all = Buffer.concat([...parts.events.map((event) => event.bytes), parts.rest]);
        expect(all.toString()).toBe(text);
      }),
    );
  });

  test('skips an event that is too long, once, and reads the next', () => {
    const chunks = ['data: 0123456789', '0123456789\n', '\ndata: 1\n\n'];
    const { events, tooLong } = cut(
      chunks.map((text) => Buffer.from(text)),
      20,
    );
    expect(tooLong).toHaveLength(1);
    expect(events.map(({ data }) => data?.toString())).toEqual(['1']);
  });

  test('knows when it is inside of an event', () => {
    const inside = (text: string) => cut([Buffer.from(text)]).isMidEvent;
    expect(['', 'data: 1\n\n', 'data: 1\r\n\r\n'].map(inside)).toEqual([false, false, false]);
    expect(['d', 'data: 1\n', 'data: 1\n\nd'].map(inside)).toEqual([true, true, true]);
  });
});

test('withData() changes the data and no other line', () => {
  const [event] = cut([Buffer.from('id: 1\r\ndata: a\r\ndata: b\r\nretry: 9\r\n\r\n')]).events;
  const changed = withData(event as SseEvent, Buffer.from('{}'));
  expect(changed.toString()).toBe('id: 1\r\ndata: {}\r\nretry: 9\r\n\r\n');
});

test('messageEvent() makes an event of a line', () => {
  expect(messageEvent(Buffer.from('{"id":1}\n')).toString()).toBe(
    'event: message\ndata: {"id":1}\n\n',
  );
});
