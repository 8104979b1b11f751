import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { guard } from './guard.ts';
import { CALL, NOTE, PING, withArguments } from './hostile-line.ts';
import { findCalls } from './lax-reader.ts';

/** One careless or hostile edit of a text. `at` is a place, from 0 to 1. */
type Edit = (text: string, at: number, more: number) => string;

const place = (text: string, at: number) => Math.floor(at * text.length);
const pick = <T>(list: readonly T[], at: number) =>
  list[Math.min(list.length - 1, Math.floor(at * list.length))] as T;
const splice = (text: string, start: number, count: number, put: string) =>
  text.slice(0, start) + put + text.slice(start + count);
/** Changes one of the names that matter, wherever it stands. */
const rename = (text: string, at: number, change: (name: string) => string) => {
  const name = pick(['method', 'tools/call', 'params', 'name', 'id', 'jsonrpc', 'arguments'], at);
  return text.replace(name, change);
};

const INVISIBLE = ['\u200b', '\u00ad', '\ufeff', '\u2060', '\u{e0041}', ' ', '\u00a0', '\u0301'];
const SIGNS = ['_', '$', '/', '.', '-', '[]', '%', '\\u0000', '\\t', '\\ud800', '\\u001b[0m'];
const TOKENS = ['{', '}', '[', ']', ',', ':', '"', '\\', '\r', '\n', '\r\n', '\0', '\u2028', '//'];
const VALUES = ['null', 'true', '1', '1e2', '""', '[]', '{}', '"ping"', '"tools/call"', CALL];

const EDITS: readonly Edit[] = [
  (text, at) => splice(text, place(text, at), 1, ''),
  (text, at, more) => splice(text, place(text, at), 0, pick(TOKENS, more)),
  (text, at, more) => splice(text, place(text, at), 0, pick(INVISIBLE, more)),
  (text, at, more) => splice(text, place(text, at), 0, String.fromCharCode(more * 0x2ff)),
  (text, at, more) => splice(text, place(text, at), Math.floor(more * 9), ''),
  (text, at, more) => splice(text, place(text, at), 0, text.slice(place(text, more))),
  (text, at, more) =>
    rename(text, at, (name) => splice(name, place(name, more), 0, pick(SIGNS, more))),
  (text, at, more) =>
    rename(text, at, (name) => splice(name, place(name, more), 0, pick(INVISIBLE, more))),
  (text, at) => rename(text, at, (name) => name.toUpperCase()),
  (text, at, more) =>
    rename(text, at, (name) => {
      const where = place(name, more);
      const code = name.charCodeAt(where).toString(16).padStart(4, '0');
      return splice(name, where, 1, `${more < 0.5 ? '' : '\\'}\\u${code}`);
    }),
  (text, at) => rename(text, at, (name) => `${name}":"ping","${name}`),
  (text, at, more) =>
    text.replace('{', `{"${pick(['method', 'x', '__proto__'], at)}":${pick(VALUES, more)},`),
  (text, at, more) =>
    text.replace(/:("[^"]*"|1)/, (value) =>
      at < 0.5 ? `:[${value.slice(1)}]` : `:${pick(VALUES, more)}`,
    ),
  (text) => `[${text}]`,
  (text, at) => `[${pick([PING, NOTE, '7', '"x"', 'null', '{}', '[]'], at)},${text}]`,
  (text) => JSON.stringify(text),
  (text, at) => pick([PING, NOTE, '{}', 'data: ', '\ufeff', ' '], at) + text,
  (text, at) => text + pick([PING, NOTE, '}', ';', ' ', '\r\n'], at),
];

const ENCODINGS = ['utf8', 'utf8', 'utf8', 'utf8', 'latin1', 'utf16le'] as const;
const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const hostile = fc
  .record({
    start: fc.constantFrom(CALL, CALL, withArguments('{"a":{"method":"tools/call"}}'), PING),
    edits: fc.array(fc.tuple(fc.constantFrom(...EDITS), part, part), { maxLength: 5 }),
    encoding: fc.constantFrom(...ENCODINGS),
  })
  .map(({ start, edits, encoding }) => {
    const text = edits.reduce((so, [edit, at, more]) => edit(so, at, more), start);
    return Buffer.from(text, encoding);
  });

test('what a forgiving reader sees as a call is a call to us, or refused [P3.fuzz]', () => {
  let seen = 0;
  fc.assert(
    fc.property(hostile, (bytes) => {
      if (findCalls(bytes).length === 0) return;
      seen += 1;
      expect(findCalls(guard(bytes).passed)).toEqual([]);
    }),
    { numRuns: 20_000 },
  );
  expect(seen).toBeGreaterThan(10_000); // otherwise the edits destroy more than they hide
});

/** Names of methods there are, and of vendors; none that could be meant as a tool call. */
const METHODS = [
  'ping',
  'tools/list',
  'tools/call_status',
  'notifications/tools/list_changed',
  'tasks/call',
  'tool/call',
  'x-vendor/tools',
  'sampling/createMessage',
];
const answerOrRequest = fc
  .record({
    jsonrpc: fc.constant('2.0'),
    id: fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' })),
    body: fc.oneof(
      fc.record({
        method: fc.constantFrom(...METHODS),
        params: fc.dictionary(fc.string(), fc.jsonValue()),
      }),
      fc.record({ result: fc.jsonValue() }),
      fc.record({ error: fc.record({ code: fc.integer(), message: fc.string() }) }),
    ),
  })
  .map(({ body, ...head }) => ({ ...head, ...body }));

test('what is no call passes as the bytes it came in [P4.other-bytes]', () => {
  const text = fc
    .oneof(answerOrRequest, fc.array(answerOrRequest))
    .chain((message) =>
      fc
        .constantFrom(0, 1)
        .map((indent) =>
          JSON.stringify(message, undefined, ' '.repeat(indent)).replaceAll('\n', '\t'),
        ),
    );
  fc.assert(
    fc.property(text, (message) => {
      const bytes = Buffer.from(`${message}\n`);
      expect(guard(bytes)).toEqual({ passed: bytes, answered: [] });
    }),
    { numRuns: 1000 },
  );
});
