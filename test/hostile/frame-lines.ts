import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  CALL,
  group,
  PARAMS,
  UNREADABLE,
  withArguments,
  withParams,
  type HostileLine,
} from './hostile-line.ts';

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const length = (size: 'LE' | 'BE') => {
  const prefix = Buffer.alloc(4);
  if (size === 'LE') prefix.writeUInt32LE(CALL.length);
  else prefix.writeUInt32BE(CALL.length);
  return [...prefix];
};
const filler = (count: number) =>
  Array.from({ length: count }, (_, at) => `"x${at}":${at}`).join(',');

/** Calls in frames of other transports and formats, and calls behind more than a guard can hold. */
export const FRAME_LINES: readonly HostileLine[] = [
  ...group('a server that speaks another transport, or guesses which one it is', [
    ['a length before the message', () => bytes(length('BE'), CALL), UNREADABLE],
    ['a length before the message, little-endian', () => bytes(length('LE'), CALL), UNREADABLE],
    ['a netstring', `${CALL.length}:${CALL},`, UNREADABLE],
    ['a length in text', `${CALL.length} ${CALL}`, UNREADABLE],
    ['a frame of a WebSocket', () => bytes([0x81, 0x7e, 0, CALL.length], CALL), UNREADABLE],
    ['an event of a stream with a name', `event: message\rdata: ${CALL}`, UNREADABLE],
    ['a field of a stream without a blank', `data:${CALL}`, UNREADABLE],
    ['a prefix as of a log', `INFO ${CALL}`, UNREADABLE],
    ['a prefix of Socket.IO', `42["message",${CALL}]`, UNREADABLE],
    ['a chunk of HTTP', `${CALL.length.toString(16)} ${CALL}`, UNREADABLE],
  ]),
  ...group('a server that reads other formats from the same stream', [
    ['YAML', 'jsonrpc: "2.0", id: 1, method: "tools/call"', UNREADABLE],
    [
      'YAML in braces',
      '{jsonrpc: "2.0", id: 1, method: tools/call, params: {name: echo}}',
      UNREADABLE,
    ],
    ['a document mark of YAML', `--- ${CALL}`, UNREADABLE],
    ['an anchor of YAML', `&a ${CALL}`, UNREADABLE],
    ['a query string', 'id=1&method=tools/call&params[name]=echo', UNREADABLE],
    ['XML', '<request id="1" method="tools/call"><name>echo</name></request>', UNREADABLE],
    ['an S-expression', '(request (id 1) (method "tools/call"))', UNREADABLE],
    ['TOML', 'id = 1, method = "tools/call"', UNREADABLE],
    [
      'MessagePack',
      () => bytes([0x82, 0xa2], 'id', [0x01, 0xa6], 'method', [0xaa], 'tools/call'),
      UNREADABLE,
    ],
    [
      'CBOR',
      () => bytes([0xa2, 0x62], 'id', [0x01, 0x66], 'method', [0x6a], 'tools/call'),
      UNREADABLE,
    ],
    [
      'BSON',
      () => bytes([0x22, 0, 0, 0, 0x02], 'method', [0, 0x0b, 0, 0, 0], 'tools/call', [0, 0]),
      UNREADABLE,
    ],
    ['a call packed with gzip', () => oneLine(gzipSync(CALL)), UNREADABLE],
    ['a call packed with zlib', () => oneLine(deflateSync(CALL)), UNREADABLE],
  ]).map((line) => (line.name.includes('packed') ? { ...line, isNoCall: true as const } : line)),
  ...group('a guard that gives up before it has come to the call', [
    ['a method behind 10,000 members', `{${filler(10_000)},${CALL.slice(1)}`],
    ['a method behind 1 MiB of blanks', `{${' '.repeat(2 ** 20)}${CALL.slice(1)}`],
    ['a method behind a string of 1 MiB', CALL.replace('{', `{"x":"${'x'.repeat(2 ** 20)}",`)],
    [
      'a method behind a deep member',
      CALL.replace('{', `{"x":${'['.repeat(5000)}${']'.repeat(5000)},`),
    ],
    ['a member of 1 MiB', CALL.replace('{', `{"${'m'.repeat(2 ** 20)}":1,`)],
    ['a method behind 1 MiB of blanks before the line', `${' '.repeat(2 ** 20)}${CALL}`],
    ['params behind 10,000 members', CALL.replace('"params"', `${filler(10_000)},"params"`)],
    ['a name behind 10,000 members', withParams(`{${filler(10_000)},"name":"echo"}`)],
    ['10,000 escapes in the arguments', withArguments(`{"message":"${'\\u0041'.repeat(10_000)}"}`)],
    ['objects 5,000 deep', withArguments(`${'{"x":'.repeat(5000)}1${'}'.repeat(5000)}`)],
    ['a number of 100,000 digits', withArguments(`{"x":0.${'1'.repeat(100_000)}}`)],
    ['an exponent of 100 digits', withArguments(`{"x":1e${'9'.repeat(100)}}`)],
    ['an exponent of 100 digits below zero', withArguments(`{"x":1e-${'9'.repeat(100)}}`)],
    ['minus a number beyond a double', withArguments('{"x":-1e400}')],
    ['a batch of 10,000 numbers and a call', `[${'1,'.repeat(10_000)}${CALL}]`],
    [
      '10,001 objects deep in the envelope',
      `{"x":${'{"x":'.repeat(10_001)}1${'}'.repeat(10_001)},${PARAMS},"id":1,"method":"tools/call"}`,
      UNREADABLE,
    ],
  ]).map((line) =>
    line.name === 'a batch of 10,000 numbers and a call'
      ? { ...line, passes: `[${'1,'.repeat(9999)}1]\n` }
      : line,
  ),
];

/** Packed bytes may hold a line end, which would make two lines of them. */
function oneLine(packed: Buffer): Buffer {
  return Buffer.from(packed.filter((byte) => byte !== 0x0a && byte !== 0x0d));
}
