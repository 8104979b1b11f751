import { Buffer } from 'node:buffer';
import {
  CALL,
  group,
  latin1,
  PING,
  UNREADABLE,
  withArguments,
  withMethod,
  type HostileLine,
} from './hostile-line.ts';

const utf32 = (text: string, endian: 'LE' | 'BE') => {
  const bytes = Buffer.alloc(text.length * 4);
  Array.from(text).forEach((it, at) => {
    const code = it.codePointAt(0) as number;
    if (endian === 'LE') bytes.writeUInt32LE(code, at * 4);
    else bytes.writeUInt32BE(code, at * 4);
  });
  return bytes;
};
const unquoted = CALL.replaceAll(/"(\w+)":/g, '$1:');

/** Text that is nearly JSON, nearly UTF-8, or nearly one line. */
export const TEXT_LINES: readonly HostileLine[] = [
  ...group('a server that reads JSON5, JavaScript or worse', [
    ['a comment as in a shell', `${CALL}# ping`, UNREADABLE],
    ['a comment as in HTML', `${CALL}<!-- ping -->`, UNREADABLE],
    ['a comment before the message', `/**/${CALL}`, UNREADABLE],
    ['a line comment before the message', `//${CALL}`, UNREADABLE],
    ['a comment inside the method', CALL.replace('"tools', '/*"*/"tools'), UNREADABLE],
    ['back quotes', CALL.replaceAll('"', '`'), UNREADABLE],
    ['typographic quotes', CALL.replaceAll('"', '\u201d'), UNREADABLE],
    ['names and values without quotes', unquoted.replace('"tools/call"', 'tools/call'), UNREADABLE],
    ['a tuple', `(${CALL},)`, UNREADABLE],
    ['words of Python', withArguments('{"message":None,"x":True}'), UNREADABLE],
    ['undefined', withArguments('{"message":undefined}'), UNREADABLE],
    ['a number with a blank', withArguments('{"x":1 000}'), UNREADABLE],
    ['a number with an underscore', withArguments('{"x":1_000}'), UNREADABLE],
    ['a number without a leading digit', withArguments('{"x":.5}'), UNREADABLE],
    ['a number without digits behind the point', withArguments('{"x":5.}'), UNREADABLE],
    ['a number with an empty exponent', withArguments('{"x":1e}'), UNREADABLE],
    ['a big integer', withArguments('{"x":1n}'), UNREADABLE],
    ['an octal number', withArguments('{"x":0o7}'), UNREADABLE],
    ['a binary number', withArguments('{"x":0b1}'), UNREADABLE],
    ['a minus alone', withArguments('{"x":-}'), UNREADABLE],
    ['an escaped single quote', withArguments('{"message":"\\\'"}'), UNREADABLE],
    ['an escaped NUL of C', withArguments('{"message":"\\0"}'), UNREADABLE],
    ['an escape in braces', withArguments('{"message":"\\u{41}"}'), UNREADABLE],
    ['an escape cut short', withArguments('{"message":"\\u00"}'), UNREADABLE],
    ['an escape of no hex digits', withArguments('{"message":"\\u00zz"}'), UNREADABLE],
    ['a NUL inside a string', withArguments('{"message":"a\0b"}'), UNREADABLE],
    ['a string that does not end', withArguments('{"message":"x}'), UNREADABLE],
    ['two commas', CALL.replace(',', ',,'), UNREADABLE],
    ['a comma at the beginning', CALL.replace('{', '{,'), UNREADABLE],
    ['no comma', CALL.replace(',', ' '), UNREADABLE],
    ['no colon', CALL.replace('"method":', '"method"'), UNREADABLE],
    ['two colons', CALL.replace('"method":', '"method"::'), UNREADABLE],
    ['an arrow for a colon', CALL.replace('"method":', '"method"=>'), UNREADABLE],
    ['a semicolon for a comma', CALL.replace(',', ';'), UNREADABLE],
    ['a semicolon at the end', `${CALL};`, UNREADABLE],
    ['strings joined by a plus', withMethod('"tools/"+"call"'), UNREADABLE],
    ['strings side by side', withMethod('"tools/" "call"'), UNREADABLE],
    ['a member without a value', CALL.replace('{', '{"x":,'), UNREADABLE],
    ['a member without a name', CALL.replace('{', '{:1,'), UNREADABLE],
    ['a number as a name', CALL.replace('{', '{1:1,'), UNREADABLE],
    ['a comma behind the last argument', withArguments('{"message":"x",}'), UNREADABLE],
    ['a bracket of the wrong kind', CALL.replace(/\}$/, ']'), UNREADABLE],
    ['a spread', withArguments('{...x}'), UNREADABLE],
  ]),
  ...group('a server that reads on behind one value, or looks for where JSON begins', [
    ['an empty object before the message', `{}${CALL}`, UNREADABLE],
    ['null before the message', `null${CALL}`, UNREADABLE],
    ['a number before the message', `1${CALL}`, UNREADABLE],
    ['a string before the message', `"x"${CALL}`, UNREADABLE],
    ['a comma between two messages', `${PING},${CALL}`, UNREADABLE],
    ['a closing bracket before the message', `}${CALL}`, UNREADABLE],
    ['a guard against scripts before the message', `)]}',${CALL}`, UNREADABLE],
    ['a loop before the message', `while(1);${CALL}`, UNREADABLE],
    ['a callback around the message', `f(${CALL})`, UNREADABLE],
    ['an assignment', `x=${CALL}`, UNREADABLE],
    ['a time before the message', `2026-06-15 12:00:00 ${CALL}`, UNREADABLE],
    ['an escape sequence before the message', `\x1b[0m${CALL}`, UNREADABLE],
    ['a backspace before the message', `\b${CALL}`, UNREADABLE],
    ['a line end written out', `${PING}\\n${CALL}`, UNREADABLE],
    ['a fence as in Markdown', `\`\`\`json ${CALL} \`\`\``, UNREADABLE],
    ['a message in a tag', `<json>${CALL}</json>`, UNREADABLE],
  ]),
  ...group('a server that decodes what a guard does not', [
    ['UTF-32', () => utf32(CALL, 'LE'), UNREADABLE],
    ['UTF-32, big-endian', () => utf32(CALL, 'BE'), UNREADABLE],
    ['UTF-32 with its mark', () => utf32(`\ufeff${CALL}`, 'LE'), UNREADABLE],
    ['two byte order marks', `\ufeff\ufeff${CALL}`, UNREADABLE],
    ['a byte order mark at the end', `${CALL}\ufeff`, UNREADABLE],
    ['a byte order mark between tokens', CALL.replace(',', ',\ufeff'), UNREADABLE],
    ['a byte order mark before a batch', `\ufeff[${CALL}]`, UNREADABLE],
    ['half a byte order mark', latin1(`\xef\xbb${CALL}`), UNREADABLE],
    ['an overlong slash of three bytes', latin1(withMethod('"tools\xe0\x80\xafcall"'))],
    ['an overlong slash of four bytes', latin1(withMethod('"tools\xf0\x80\x80\xafcall"'))],
    ['an overlong NUL', latin1(withMethod('"tools/call\xc0\x80"'))],
    ['a code point beyond Unicode', latin1(withArguments('{"message":"\xf4\x90\x80\x80"}'))],
    ['a form of five bytes', latin1(withArguments('{"message":"\xf8\x88\x80\x80\x80"}'))],
    ['a stray byte of a character', latin1(withArguments('{"message":"\x80"}'))],
    ['a byte of Windows in the method', latin1(withMethod('"tools/call\x85"'))],
    ['a surrogate pair in UTF-8', latin1(withArguments('{"message":"\xed\xa0\xbd\xed\xb8\x80"}'))],
    ['an umlaut of Latin-1 in a name', latin1(CALL.replace('{', '{"\xe4":1,'))],
    ['a stray byte behind the message', latin1(`${CALL}\xff`), UNREADABLE],
  ]),
  ...group('a server that ends its lines, or strips them, in its own way', [
    ['LF, then CRLF', `${CALL}\n\r\n`],
    ['two CR before the message', `\r\r${CALL}`],
    ['a CR behind every token', CALL.replaceAll(',', ',\r')],
    ['a CR in a string', withArguments('{"message":"\r"}'), UNREADABLE],
    ['U+2029 between two messages', `${PING}\u2029${CALL}`, UNREADABLE],
    ['a file separator between two messages', `${PING}\x1c${CALL}`, UNREADABLE],
    ['a group separator between two messages', `${PING}\x1d${CALL}`, UNREADABLE],
    ['a unit separator before the message', `\x1f${CALL}`, UNREADABLE],
    ['a vertical tab between two messages', `${PING}\v${CALL}`, UNREADABLE],
    ['an ideographic blank before the message', `\u3000${CALL}`, UNREADABLE],
    ['a blank of EBCDIC before the message', latin1(`\x85${CALL}`), UNREADABLE],
    ['a zero-width space before the message', `\u200b${CALL}`, UNREADABLE],
    ['an end of transmission before the message', `\x04${CALL}`, UNREADABLE],
    ['an end of file of DOS before the message', `\x1a${CALL}`, UNREADABLE],
    ['empty lines before the message', `\n\n \t\n${CALL}`],
  ]).map((line) => {
    const passes = { 'LF, then CRLF': '\r\n', 'empty lines before the message': '\n\n \t\n' };
    return Object.hasOwn(passes, line.name)
      ? { ...line, passes: passes[line.name as keyof typeof passes] }
      : line;
  }),
];
