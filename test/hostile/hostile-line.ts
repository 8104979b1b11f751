import { Buffer } from 'node:buffer';

/** Bytes that carry a tool call past a guard that reads carelessly. Every one asks for `echo`. */
export interface HostileLine {
  readonly name: string;
  /** Who would see a call here, or what it would break. */
  readonly danger: string;
  /** Without a line end at the end, unless that is the point. */
  readonly bytes: () => Buffer;
  /** Ids, as JSON text, of which each gets an error. `null` stands for an id that nobody can read. */
  readonly answered: readonly string[];
  /** What may reach the server all the same; nothing if absent. */
  readonly passes?: string;
  /** True where even the most forgiving reader sees no call: it must be survived, that is all. */
  readonly isNoCall?: true;
}

export const PARAMS = '"params":{"name":"echo","arguments":{"message":"hostile"}}';
export const withId = (id: string) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call",${PARAMS}}`;
export const withMember = (method: string) => `{"jsonrpc":"2.0","id":1,${method},${PARAMS}}`;
export const withMethod = (method: string) => withMember(`"method":${method}`);
export const withParams = (params: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
export const withArguments = (given: string) => withParams(`{"name":"echo","arguments":${given}}`);
export const CALL = withId('1');
export const PING = '{"jsonrpc":"2.0","id":"p","method":"ping"}';
export const NOTE =
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0}}';

export const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
export const escaped = (text: string) =>
  Array.from(text, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
export const fullwidth = (text: string) =>
  Array.from(text, (it) => String.fromCharCode(it.charCodeAt(0) + 0xfee0)).join('');

export type Row = readonly [
  name: string,
  text: string | (() => Buffer),
  answered?: readonly string[],
];

/** A group of lines with one danger; answered with id 1 unless the row says otherwise. */
export function group(danger: string, rows: readonly Row[]): readonly HostileLine[] {
  return rows.map(([name, text, answered = ['1']]) => ({
    name,
    danger,
    bytes: typeof text === 'string' ? () => Buffer.from(text) : text,
    answered,
  }));
}

export const UNREADABLE = ['null'];
export const latin1 = (text: string) => () => Buffer.from(text, 'latin1');
export const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
