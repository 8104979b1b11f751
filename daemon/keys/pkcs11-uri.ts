import { Buffer } from 'node:buffer';
import { isAbsolute } from 'node:path';
import { CodedError } from '../../shared/errors.ts';

export const PKCS11 = 'pkcs11:';

/** Which key of which token, as a `pkcs11:` URI says it. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly serial?: string;
  readonly object?: string;
  readonly id?: Uint8Array;
  readonly modulePath: string;
  /** A file that holds the PIN; undefined when the environment does. */
  readonly pinPath: string | undefined;
}

const PATH_NAMES = ['token', 'serial', 'object', 'id', 'type'];
const QUERY_NAMES = ['module-path', 'pin-source'];

/**
 * Reads the part of RFC 7512 that names one private key. What it leaves out is refused, not ignored:
 * an attribute that narrows the choice must not be dropped, and a PIN in the text (`pin-value`) would
 * stand in the list of processes.
 *
 * @throws CodedError `USAGE`
 */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  const [path = '', query = '', ...rest] = uri.slice(PKCS11.length).split('?');
  if (rest.length > 0) throw invalid('two question marks');
  const names = attributesOf(path, ';', PATH_NAMES);
  const settings = attributesOf(query, '&', QUERY_NAMES);
  const type = textOf(names, 'type');
  if (type !== undefined && type !== 'private') throw invalid(`type=${type}, expected private`);
  const [token, serial, object] = ['token', 'serial', 'object'].map((it) => textOf(names, it));
  const id = names.get('id');
  if (object === undefined && id === undefined) throw invalid('neither object nor id names a key');
  const modulePath = textOf(settings, 'module-path') ?? '';
  if (!isAbsolute(modulePath)) throw invalid('module-path must be an absolute path');
  return {
    ...(token !== undefined && { token }),
    ...(serial !== undefined && { serial }),
    ...(object !== undefined && { object }),
    ...(id !== undefined && { id }),
    modulePath,
    pinPath: pinPathOf(textOf(settings, 'pin-source')),
  };
}

function attributesOf(
  text: string,
  separator: string,
  known: readonly string[],
): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const part of text.split(separator).filter((it) => it !== '')) {
    const [name = '', ...value] = part.split('=');
    if (name === 'pin-value') throw invalid('pin-value is seen by everybody here: use pin-source');
    if (!known.includes(name) || value.length === 0) throw invalid(`unknown attribute "${name}"`);
    if (found.has(name)) throw invalid(`"${name}" stands twice`);
    found.set(name, unescaped(value.join('=')));
  }
  return found;
}

/** Bytes, because an id need not be text. */
function unescaped(text: string): Buffer {
  if (/%(?![\da-f]{2})/i.test(text)) throw invalid('a percent sign without two hex digits');
  const parts = text.split(/(%[\da-f]{2})/i);
  return Buffer.concat(
    parts.map((it) => (it.startsWith('%') ? Buffer.from(it.slice(1), 'hex') : Buffer.from(it))),
  );
}

function textOf(attributes: ReadonlyMap<string, Buffer>, name: string): string | undefined {
  return attributes.get(name)?.toString('utf8');
}

function pinPathOf(source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  const path = source.replace(/^file:(?:\/\/(?=\/))?/, '');
  if (!isAbsolute(path)) throw invalid('pin-source must name a file by its absolute path');
  return path;
}

function invalid(what: string): CodedError {
  return new CodedError('USAGE', `-key pkcs11: ${what}`);
}
