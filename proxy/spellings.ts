import type { Member } from '../shared/json/scan.ts';
import { quoted } from '../shared/quoted.ts';

/** As they are written in nearly every message: no other spelling of anything. */
const USUAL_NAMES = new Set([
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  'name',
  'arguments',
  '_meta',
]);

/**
 * A name that is written in another way, as decoders of some languages accept it, or one of `once`
 * that stands twice.
 */
export function ambiguousName(
  members: readonly Member[],
  names: ReadonlySet<string>,
  once: readonly string[],
): string | undefined {
  for (const { name } of members) {
    if (USUAL_NAMES.has(name)) continue;
    // A server that copies members one by one gives the message another prototype with it.
    if (name === '__proto__') return 'member "__proto__" can stand for any other';
    const known = spellings(name)
      .find((spelling) => names.has(spelling))
      ?.toLowerCase();
    if (known !== undefined && name !== known) {
      return `member ${quoted(name)} looks like ${known}`;
    }
  }
  const twice = once.find((name) => members.filter((member) => member.name === name).length > 1);
  return twice === undefined ? undefined : `member ${JSON.stringify(twice)} stands twice`;
}

/**
 * What a name comes to for readers that are not careful: its Latin letters, upper case. Whoever
 * trims, folds, drops accents or marks, routes by path, or decodes once too often reads one of these.
 */
export function spellings(name: string): readonly string[] {
  if (/^[\w$/.-]*$/.test(name)) return [name.toUpperCase().replace(/[^A-Z]/g, '')];
  const shown = name.replace(/\p{Cc}\[[\d;]*[A-Za-z]/gu, ''); // by a terminal
  const unpacked = shown.replace(/(?:%|\\x|\\u00)([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return [name, beforeNul(name), unpacked].map((text) =>
    text
      .normalize('NFKD')
      .toUpperCase()
      .replace(/[^A-Z]/g, ''),
  );
}

/** What is left of a text where strings end at NUL, as they do in C. */
function beforeNul(text: string): string {
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}
