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

const PARAMS = '"params":{"name":"echo","arguments":{"message":"hostile"}}';
const withId = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call",${PARAMS}}`;
const withMember = (method: string) => `{"jsonrpc":"2.0","id":1,${method},${PARAMS}}`;
const withMethod = (method: string) => withMember(`"method":${method}`);
const withParams = (params: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const withArguments = (given: string) => withParams(`{"name":"echo","arguments":${given}}`);
const CALL = withId('1');
const PING = '{"jsonrpc":"2.0","id":"p","method":"ping"}';
const NOTE = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0}}';

const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
const escaped = (text: string) =>
  Array.from(text, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
const fullwidth = (text: string) =>
  Array.from(text, (it) => String.fromCharCode(it.charCodeAt(0) + 0xfee0)).join('');

type Row = readonly [name: string, text: string | (() => Buffer), answered?: readonly string[]];

/** A group of lines with one danger; answered with id 1 unless the row says otherwise. */
function group(danger: string, rows: readonly Row[]): readonly HostileLine[] {
  return rows.map(([name, text, answered = ['1']]) => ({
    name,
    danger,
    bytes: typeof text === 'string' ? () => Buffer.from(text) : text,
    answered,
  }));
}

const UNREADABLE = ['null'];
const latin1 = (text: string) => () => Buffer.from(text, 'latin1');
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

export const HOSTILE_LINES: readonly HostileLine[] = [
  ...group('it is a call', [
    ['a plain call', CALL],
    ['a call with CRLF', `${CALL}\r\n`],
    ['a call between blanks', ` \t ${CALL} \t `],
    ['a call by the name a host gives it', withParams('{"name":"mcp__server__echo"}')],
    ['a call of __proto__', withParams('{"name":"__proto__"}')],
    ['a call of constructor', withParams('{"name":"constructor","arguments":{"__proto__":{}}}')],
    ['a call of nothing', withParams('{"name":""}')],
    ['a call with a Kelvin sign', withParams('{"name":"tas\u212a"}')],
    ['a call with a task', withParams('{"name":"echo","task":{"ttl":1}}')],
    ['a call with a tool name of 1 MiB', withParams(`{"name":"${'x'.repeat(2 ** 20)}"}`)],
  ]),
  ...group('a guard that expects one object per line does not look into an array', [
    ['a batch of one', `[${CALL}]`],
    ['a batch of two', `[${withId('1')},${withId('2')}]`, ['1', '2']],
    ['a batch behind blanks', `  \t[ ${CALL} ]`],
    ['a batch in a batch', `[[${CALL}]]`, UNREADABLE],
    ['a batch four deep', `[[[[${CALL}]]]]`, UNREADABLE],
    [
      'a batch of 1000',
      `[${Array.from({ length: 1000 }, (_, id) => withId(String(id))).join(',')}]`,
      ['0', '500', '999'],
    ],
    ['a batch that ends in a comma', `[${CALL},]`, UNREADABLE],
    ['a batch that does not end', `[${CALL}`, UNREADABLE],
    ['a batch of calls without id', `[${CALL.replace('"id":1,', '')}]`, []],
  ]),
  {
    name: 'a batch of a notification, a call and a number',
    danger: 'a guard that looks at the first member only',
    bytes: () => Buffer.from(`[${NOTE}, ${CALL} , 7]`),
    answered: ['1'],
    passes: `[${NOTE},7]\n`,
  },
  {
    name: 'a batch of a call and an empty object',
    danger: 'a guard that gives up on a member it does not know',
    bytes: () => Buffer.from(`[{},${CALL}]`),
    answered: ['1'],
    passes: '[{}]\n',
  },
  ...group('a guard that takes an unusual id for no request', [
    ['no id', CALL.replace('"id":1,', ''), []],
    ['a null id', withId('null'), ['null']],
    ['a boolean id', withId('true'), UNREADABLE],
    ['an object as id', withId('{"a":1}'), UNREADABLE],
    ['an array as id', withId('[1]'), UNREADABLE],
    ['a fraction as id', withId('1.5'), ['1.5']],
    ['an id with an exponent', withId('1e2'), ['1e2']],
    ['minus zero as id', withId('-0'), ['-0']],
    ['an id beyond 2^53', withId('9007199254740993'), ['9007199254740993']],
    ['an id of 400 digits', withId('9'.repeat(400)), ['9'.repeat(400)]],
    ['an id beyond a double', withId('1e400'), ['1e400']],
    ['an empty id', withId('""'), ['""']],
    ['an id of 100 KB', withId(`"${'i'.repeat(100_000)}"`), [`"${'i'.repeat(100_000)}"`]],
    ['an id in escapes', withId('"\\u0061\\n"'), ['"\\u0061\\n"']],
    ['a second call with the same id', `${CALL}\n${CALL}`],
    ['two ids', CALL.replace('"id":1', '"id":1,"id":2'), UNREADABLE],
  ]),
  ...group('a guard whose decoder gives up on the type lets the line go', [
    ['arguments as array', withArguments('["hostile"]')],
    ['arguments as string', withArguments('"{\\"message\\":\\"hostile\\"}"')],
    ['arguments as number', withArguments('7')],
    ['arguments as boolean', withArguments('true')],
    ['arguments null', withArguments('null')],
    ['no arguments', withParams('{"name":"echo"}')],
    ['params as array', withParams('["echo",{"message":"hostile"}]')],
    ['params as string', withParams('"echo"')],
    ['params null', withParams('null')],
    ['no params', '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'],
    ['a tool name that is no string', withParams('{"name":["echo"]}')],
    ['a method in an array', withMethod('["tools/call"]')],
    ['no version', CALL.replace('"jsonrpc":"2.0",', '')],
    ['version 1.0', CALL.replace('"2.0"', '"1.0"')],
    ['the version as a number', CALL.replace('"2.0"', '2.0')],
    ['a call that is an answer as well', CALL.replace('{', '{"result":{},')],
    ['a call that is an error as well', CALL.replace('{', '{"error":{"code":1},')],
  ]),
  ...group('guard and server believe different ones of two members', [
    ['ping, then call', withMember('"method":"ping","method":"tools/call"')],
    ['call, then ping', withMember('"method":"tools/call","method":"ping"')],
    ['the second in escapes', withMember(`"method":"ping","${escaped('method')}":"tools/call"`)],
    ['two params', CALL.replace('"params"', '"params":{"name":"safe"},"params"')],
    ['two names', withParams('{"name":"safe","name":"echo"}')],
    ['two names, one in escapes', withParams('{"name":"safe","n\\u0061me":"echo"}')],
    ['two arguments', withParams('{"name":"echo","arguments":{},"arguments":{"message":"x"}}')],
    ['two members deep in arguments', withArguments('{"message":"a","x":[{"y":1,"\\u0079":2}]}')],
    ['two versions', CALL.replace('{', '{"jsonrpc":"1.0",')],
    ['params from the prototype', CALL.replace('"params"', '"__proto__"')],
    ['everything from the prototype', `{"jsonrpc":"2.0","id":1,"__proto__":${CALL}}`],
    ['arguments from the prototype', withParams('{"name":"echo","__proto__":{"arguments":{}}}')],
  ]),
  ...group('the same name, written in escapes', [
    ['an escaped slash', withMethod('"tools\\/call"')],
    ['one escaped letter', withMethod('"t\\u006fols/call"')],
    ['a method in escapes', withMethod(`"${escaped('tools/call')}"`)],
    ['upper-case hex digits', withMethod('"tools\\u002Fcall"')],
    ['the name of the member in escapes', withMember(`"${escaped('method')}":"tools/call"`)],
    [
      'every name in escapes',
      `{"${escaped('id')}":1,"${escaped('method')}":"${escaped('tools/call')}","${escaped('params')}":{"${escaped('name')}":"echo"}}`,
    ],
  ]),
  ...group('a server that compares names without regard to case, as Go does', [
    ['Method', withMember('"Method":"tools/call"')],
    ['METHOD', withMember('"METHOD":"tools/call"')],
    ['Method beside method', withMember('"method":"ping","Method":"tools/call"')],
    ['TOOLS/CALL', withMethod('"TOOLS/CALL"')],
    ['a long s in tools', withMethod('"tool\u017f/call"')],
    ['a long s in params', CALL.replace('params', 'param\u017f')],
    ['Params', CALL.replace('params', 'Params')],
    ['Name beside name', withParams('{"name":"safe","Name":"echo"}')],
    ['Arguments', withParams('{"name":"echo","Arguments":{"message":"hostile"}}')],
    ['ID beside id', CALL.replace('"id":1', '"id":1,"ID":2')],
  ]),
  ...group('a server that normalises, trims, or drops what it does not know', [
    ['a fullwidth method', withMethod(`"${fullwidth('tools/call')}"`)],
    ['a fullwidth slash', withMethod('"tools\uff0fcall"')],
    ['a fullwidth member', withMember(`"${fullwidth('method')}":"tools/call"`)],
    ['a blank behind the method', withMethod('"tools/call "')],
    ['a line end behind the method', withMethod('"tools/call\\n"')],
    ['a blank before the member', withMember('" method":"tools/call"')],
    ['a zero-width space in the method', withMethod('"tools/\u200bcall"')],
    ['a soft hyphen in the method', withMethod('"tools/ca\u00adll"')],
    ['a byte order mark in the method', withMethod('"\ufefftools/call"')],
    ['a lone surrogate in the method', withMethod('"tools/call\\ud800"')],
    ['a lone surrogate in the member', withMember('"method\\udc00":"tools/call"')],
    ['a method with a MiB of blanks', withMethod(`"tools/call${' '.repeat(2 ** 20)}"`)],
  ]),
  ...group('a server whose strings end at NUL', [
    ['NUL behind the method', withMethod('"tools/call\\u0000"')],
    ['NUL and more behind the method', withMethod('"tools/call\\u0000/list"')],
    ['NUL behind the member', withMember('"method\\u0000":"tools/call"')],
    ['NUL and more behind the member', withMember('"method\\u0000x":"tools/call"')],
    ['NUL in the tool name', withParams('{"name":"echo\\u0000safe"}')],
    ['NUL behind the message', `${CALL}\0`, UNREADABLE],
    ['NUL before the message', `\0${CALL}`, UNREADABLE],
    ['NUL between two messages', `${PING}\0${CALL}`, UNREADABLE],
  ]),
  ...group('a server that decodes what a guard does not', [
    ['a byte order mark', `\ufeff${CALL}`, UNREADABLE],
    ['UTF-16 with its mark', () => Buffer.from(`\ufeff${CALL}`, 'utf16le'), UNREADABLE],
    ['UTF-16', () => Buffer.from(CALL, 'utf16le'), UNREADABLE],
    ['UTF-16, big-endian', () => utf16be(`\ufeff${CALL}`), UNREADABLE],
    ['UTF-16, with its own line end', () => Buffer.from(`${CALL}\n`, 'utf16le'), UNREADABLE],
    ['Latin-1 in the arguments', latin1(withArguments('{"message":"\xe4"}'))],
    ['a cut character in the arguments', latin1(withArguments('{"message":"\xf0\x9f\x98"}'))],
    ['a surrogate in UTF-8', latin1(withArguments('{"message":"\xed\xa0\x80"}'))],
    ['an overlong slash', latin1(withMethod('"tools\xc0\xafcall"'))],
    ['an overlong quote', latin1(CALL.replace('"method', '\xc0\xa2method')), UNREADABLE],
    ['0xFF before the message', latin1(`\xff${CALL}`), UNREADABLE],
  ]),
  ...group('a server that ends its lines elsewhere', [
    ['a lone CR between two messages', `${PING}\r${CALL}`, UNREADABLE],
    ['a lone CR inside the message', CALL.replace(',', ',\r')],
    ['a lone CR before the message', `\r${CALL}`],
    [
      'a call between two CR, inside a ping',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":[\r${CALL}\r]}}`,
    ],
    ['CR CR LF', `${CALL}\r\r\n`],
    ['a form feed between two messages', `${PING}\f${CALL}`, UNREADABLE],
    ['a form feed before the message', `\f${CALL}`, UNREADABLE],
    ['a vertical tab before the message', `\v${CALL}`, UNREADABLE],
    ['U+2028 between two messages', `${PING}\u2028${CALL}`, UNREADABLE],
    ['U+0085 between two messages', `${PING}\u0085${CALL}`, UNREADABLE],
    ['a record separator', `\x1e${CALL}`, UNREADABLE],
    ['two messages on one line', `${PING}${CALL}`, UNREADABLE],
    ['two messages and a blank', `${CALL} ${PING}`, UNREADABLE],
    ['a message over many lines', JSON.stringify(JSON.parse(CALL), null, 1), UNREADABLE],
    ['a prefix as of a stream of events', `data: ${CALL}`, UNREADABLE],
  ]),
  {
    name: 'a header as on HTTP',
    danger: 'a guard that takes the rest of the stream for a body',
    bytes: () => Buffer.from(`Content-Length: ${CALL.length}\r\n\r\n${CALL}`),
    answered: ['null', '1'],
    passes: '\r\n',
  },
  ...group('a server that reads what is nearly JSON', [
    ['garbage behind the message', `${CALL} xyz`, UNREADABLE],
    ['garbage before the message', `xyz ${CALL}`, UNREADABLE],
    ['one bracket too many', `${CALL}}`, UNREADABLE],
    ['one bracket too few', CALL.slice(0, -1), UNREADABLE],
    ['a comment', CALL.replace(',', ',/* ping */'), UNREADABLE],
    ['a comment to the end', `${CALL}// ping`, UNREADABLE],
    ['single quotes', CALL.replaceAll('"', "'"), UNREADABLE],
    ['names without quotes', CALL.replaceAll(/"(\w+)":/g, '$1:'), UNREADABLE],
    ['a comma at the end', CALL.replace(/\}$/, ',}'), UNREADABLE],
    ['NaN', withArguments('{"message":NaN}'), UNREADABLE],
    ['Infinity', withArguments('{"message":-Infinity}'), UNREADABLE],
    ['a hexadecimal number', withId('0x1'), UNREADABLE],
    ['a leading zero', withId('01'), UNREADABLE],
    ['a plus sign', withId('+1'), UNREADABLE],
    ['an unknown escape', withArguments('{"message":"\\x41"}'), UNREADABLE],
    ['a tab inside a string', withArguments('{"message":"\t"}'), UNREADABLE],
    ['a non-breaking blank', CALL.replace(',', ',\u00a0'), UNREADABLE],
    ['an equals sign', CALL.replace('"method":', '"method"='), UNREADABLE],
    ['parentheses', `(${CALL})`, UNREADABLE],
  ]),
  ...group('a guard that overflows, or that skips what is too much for it', [
    ['nesting of 9,990', withArguments(`{"x":${nested(9_990)}}`)],
    ['nesting of 10,001', withArguments(`{"x":${nested(10_001)}}`), UNREADABLE],
    ['nesting of 200,000', withArguments(`{"x":${nested(200_000)}}`), UNREADABLE],
    ['10,001 batches', `${'['.repeat(10_001)}${CALL}${']'.repeat(10_001)}`, UNREADABLE],
    ['a number beyond a double', withArguments('{"x":1e400}')],
    ['a number of 400 digits', withArguments(`{"x":${'9'.repeat(400)}}`)],
    ['100,000 members', withArguments(`{${members(100_000)}}`)],
    ['a line of more than 64 MiB', () => hugeLine(), UNREADABLE],
  ]),
  {
    name: 'nesting of 200,000 without end and without a call',
    danger: 'a parser that recurses',
    bytes: () => Buffer.from('{"x":['.repeat(100_000)),
    answered: UNREADABLE,
    isNoCall: true,
  },
];

function members(count: number): string {
  return Array.from({ length: count }, (_, at) => `"m${at}":0`).join(',');
}

function hugeLine(): Buffer {
  const [head, tail] = withArguments('{"message":"|"}').split('|') as [string, string];
  const filling = Buffer.alloc(64 * 1024 * 1024, 'x');
  return Buffer.concat([Buffer.from(head), filling, Buffer.from(tail)]);
}
